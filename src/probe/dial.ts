import { connect, type Socket } from 'node:net';
import type { FindingKind } from './finding.ts';

/** An attempt that failed in a way that is understood. */
export class AttemptFailure extends Error {
  override readonly name = 'AttemptFailure';
  readonly kind: FindingKind;

  constructor(kind: FindingKind, seen: string, options?: ErrorOptions) {
    super(seen, options);
    this.kind = kind;
  }
}

/**
 * Opens a TCP connection.
 * @param milliseconds how long the SYN may stay unanswered
 * @throws AttemptFailure `unanswered`, `reset` or `unreachable`
 */
export function dial(host: string, port: number, milliseconds: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    const fail = (failure: AttemptFailure) => {
      clearTimeout(timer);
      socket.destroy();
      reject(failure);
    };
    const timer = setTimeout(
      () => fail(new AttemptFailure('unanswered', `no answer to the SYN in ${milliseconds / 1000} s`)),
      milliseconds,
    );
    socket.once('error', (error: NodeJS.ErrnoException) => fail(failureOf(error)));
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.removeAllListeners('error');
      // Whoever uses the socket next listens for itself; between the two, an error must not end the process.
      socket.on('error', () => {});
      resolve(socket);
    });
  });
}

function failureOf(error: NodeJS.ErrnoException): AttemptFailure {
  const { code = error.message } = error;
  if (code === 'ETIMEDOUT') return new AttemptFailure('unanswered', code, { cause: error });
  if (code === 'ECONNREFUSED' || code === 'ECONNRESET')
    return new AttemptFailure('reset', code, { cause: error });
  return new AttemptFailure('unreachable', code, { cause: error });
}
