import { connect } from 'node:net';
import { ConfigurationError } from '../problem.ts';

/** A place that must be reachable: `host:port`, or `[address]:port`. */
export interface ProbedPlace {
  readonly host: string;
  readonly port: number;
}

/** @throws ConfigurationError for anything that is not `host:port` */
export function parseProbedPlace(text: string): ProbedPlace {
  const [, address, host, port] = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]]+)):(\d{1,5})$/.exec(text) ?? [];
  const number = Number(port);
  if (port === undefined || number < 1 || number > 65_535)
    throw new ConfigurationError(`--probe ${JSON.stringify(text)} is not HOST:PORT`);
  return { host: address ?? host ?? '', port: number };
}

/** Opens a TCP connection and closes it; what went wrong, or undefined. `seconds`: how long it may take. */
export async function probe({ host, port }: ProbedPlace, seconds: number): Promise<string | undefined> {
  return new Promise((done) => {
    const socket = connect({ host, port });
    const end = (problem: string | undefined) => {
      socket.destroy();
      done(problem);
    };
    socket.setTimeout(seconds * 1000, () => end(`no connection to ${host}:${port} within ${seconds} s`));
    socket.once('connect', () => end(undefined));
    socket.once('error', (error) => end(`no connection to ${host}:${port}: ${error.message}`));
  });
}
