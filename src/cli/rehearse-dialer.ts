import { connect, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';

/**
 * A program of its own, for a network namespace: opens a TCP connection to each `ADDRESS PORT` line of standard input, and
 * gives it up once the first packet is on its way.
 */

/** How many connections are open at once: what the queue of a link holds. */
const AT_ONCE = 200;

let text = '';
for await (const chunk of process.stdin) text += String(chunk);
const lines = text.split('\n').filter((line) => line !== '');
for (let start = 0; start < lines.length; start += AT_ONCE) {
  const sockets = lines.slice(start, start + AT_ONCE).map((line): Socket => {
    const [host = '', port = ''] = line.split(' ');
    // Refused, unreachable: what counts is what arrives at the other end.
    return connect({ host, port: Number(port) }).on('error', () => undefined);
  });
  await turn();
  await turn();
  for (const socket of sockets) socket.destroy();
}
