import type { Io } from '../../src/cli/io.ts';

/** What a command said, each text with a line break, and the exit status that it set. */
export interface Said {
  out: string;
  err: string;
  status: number;
}

/** An output that keeps what is said, in an environment of its own. */
export function recordingIo(environment: Readonly<Record<string, string>> = {}): { io: Io; said: Said } {
  const line = (text: string) => (text.endsWith('\n') ? text : `${text}\n`);
  const said: Said = { out: '', err: '', status: 0 };
  const io: Io = {
    out: (text) => {
      said.out += line(text);
    },
    err: (text) => {
      said.err += line(text);
    },
    environment,
    today: () => '2026-01-13',
    columns: undefined,
    colours: false,
    setStatus: (status) => {
      said.status = status;
    },
  };
  return { io, said };
}
