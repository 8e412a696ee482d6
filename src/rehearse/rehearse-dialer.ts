import { createSocket } from 'node:dgram';
import { connect, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';

/**
 * A program of its own, for a network namespace: opens a TCP connection, or sends a datagram, to each
 * `ADDRESS PORT tcp|udp` line of standard input, and gives a connection up once the first packet is on its way.
 */

/** How many connections are open at once: what the queue of a link holds. */
const AT_ONCE = 200;

const datagrams = { udp4: createSocket('udp4'), udp6: createSocket('udp6') };
for (const socket of Object.values(datagrams)) socket.on('error', () => undefined);

let text = '';
for await (const chunk of process.stdin) text += String(chunk);
const lines = text.split('\n').filter((line) => line !== '');
for (let start = 0; start < lines.length; start += AT_ONCE) {
  const sockets: Socket[] = [];
  const sent: Promise<void>[] = [];
  for (const line of lines.slice(start, start + AT_ONCE)) {
    const [host = '', port = '', protocol] = line.split(' ');
    // Refused, unreachable: what counts is what arrives at the other end.
    if (protocol === 'udp')
      sent.push(
        new Promise((done) =>
          datagrams[host.includes(':') ? 'udp6' : 'udp4'].send('?', Number(port), host, () => done()),
        ),
      );
    else sockets.push(connect({ host, port: Number(port) }).on('error', () => undefined));
  }
  await turn();
  await turn();
  for (const socket of sockets) socket.destroy();
  await Promise.all(sent);
}
for (const socket of Object.values(datagrams)) socket.close();
