// Reads [[address, port], …] as JSON, sends each a datagram with its number, three times at most, and prints a list of
// booleans: which came back.
import { createSocket } from 'node:dgram';
import { text } from 'node:stream/consumers';
import { setTimeout as wait } from 'node:timers/promises';

const attempts = JSON.parse(await text(process.stdin));
const results = attempts.map(() => false);
const sockets = { udp4: createSocket('udp4'), udp6: createSocket('udp6') };
for (const socket of Object.values(sockets)) {
  socket.on('error', () => {});
  socket.on('message', (message) => {
    results[Number(message)] = true;
  });
}
for (let round = 0; round < 3; round++) {
  for (const [index, [address, port]] of attempts.entries()) {
    if (results[index]) continue;
    sockets[address.includes(':') ? 'udp6' : 'udp4'].send(`${index}`, port, address, () => {});
    if (index % 50 === 49) await wait(20);
  }
  await wait(400);
}
process.stdout.write(JSON.stringify(results));
process.exit(0);
