import { once } from 'node:events';
import { withPublicUrls } from '../feed/redact.ts';
import { visible } from './visible.ts';

/** What commands may touch of the process: nothing else in the product does. */
export interface Io {
  /** Writes a result to standard output. */
  readonly out: (text: string) => void;
  /** Waits until standard output takes more, between many writes; false once nobody reads it any longer. */
  readonly flushed?: () => Promise<boolean>;
  /** Writes a message to standard error. */
  readonly err: (text: string) => void;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** YYYY-MM-DD, UTC. */
  readonly today: () => string;
  /** Columns of the terminal, or of `COLUMNS` where there is none; else undefined. */
  readonly columns: number | undefined;
  /** Whether standard output takes colours. */
  readonly colours: boolean;
  readonly setStatus: (status: number) => void;
}

export function processIo(): Io {
  const { stdout, stderr, env } = process;
  const forced = env.FORCE_COLOR !== undefined && env.FORCE_COLOR !== '0';
  const colours = (env.NO_COLOR ?? '') === '' && (forced || stdout.isTTY === true);
  let read = true;
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    // `… | head` closes the pipe when it has enough: no failure of the command's.
    if (error.code !== 'EPIPE') throw error;
    read = false;
  });
  return {
    out: (text) => stdout.write(`${visible(withPublicUrls(text), colours).replace(/\n$/, '')}\n`),
    flushed: async () => {
      if (read && stdout.writableNeedDrain) await once(stdout, 'drain').catch(() => undefined);
      return read;
    },
    err: (text) => stderr.write(`${visible(withPublicUrls(text), false).replace(/\n$/, '')}\n`),
    environment: env,
    today: () => new Date().toISOString().slice(0, 10),
    columns: stdout.isTTY ? stdout.columns : columnsOf(env.COLUMNS),
    colours,
    setStatus: (status) => {
      process.exitCode = status;
    },
  };
}

/** Columns that a line of text may take: those of the terminal, 100 where there is none or it tells none. */
export function widthOf({ columns }: Pick<Io, 'columns'>): number {
  return columns === undefined || columns < NARROWEST ? 100 : columns;
}

/** Fewer than this many hold nothing that can be read. */
const NARROWEST = 20;

function columnsOf(text: string | undefined): number | undefined {
  const columns = /^\d{1,4}$/.test(text ?? '') ? Number(text) : 0;
  return columns >= NARROWEST ? columns : undefined;
}
