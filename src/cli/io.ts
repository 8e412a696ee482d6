import { once } from 'node:events';

/** What commands may touch of the process: nothing else in the product does. */
export interface Io {
  /** Writes a result to standard output. */
  readonly out: (text: string) => void;
  /** Resolves when standard output takes more; to be awaited between many writes. */
  readonly flushed?: () => Promise<void>;
  /** Writes a message to standard error. */
  readonly err: (text: string) => void;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** YYYY-MM-DD, UTC. */
  readonly today: () => string;
  /** Columns of the terminal; undefined where there is none. */
  readonly columns: number | undefined;
  /** Whether standard output takes colours. */
  readonly colours: boolean;
  readonly setStatus: (status: number) => void;
}

export function processIo(): Io {
  const { stdout, stderr, env } = process;
  const forced = env.FORCE_COLOR !== undefined && env.FORCE_COLOR !== '0';
  return {
    out: (text) => stdout.write(text.endsWith('\n') ? text : `${text}\n`),
    flushed: async () => {
      if (stdout.writableNeedDrain) await once(stdout, 'drain');
    },
    err: (text) => stderr.write(text.endsWith('\n') ? text : `${text}\n`),
    environment: env,
    today: () => new Date().toISOString().slice(0, 10),
    columns: stdout.isTTY ? stdout.columns : undefined,
    colours: (env.NO_COLOR ?? '') === '' && (forced || stdout.isTTY === true),
    setStatus: (status) => {
      process.exitCode = status;
    },
  };
}
