// Reads [[address, port], …] as JSON, dials them, 250 at a time, and prints a list of booleans:
// whether the listener at that very address greeted. Two arguments are the addresses that it dials from, IPv4 and IPv6.
import { connect, SocketAddress } from 'node:net';
import { text } from 'node:stream/consumers';

const LIMIT_MS = 1500;
const [, , own4, own6] = process.argv;
const attempts = JSON.parse(await text(process.stdin));
const canonical = (address) => {
  const plain = address.replace(/^::ffff:(?=\d+\.)/, '');
  return new SocketAddress({ address: plain, family: plain.includes(':') ? 'ipv6' : 'ipv4' }).address;
};

const dial = ([host, port]) =>
  new Promise((resolve) => {
    const socket = connect({ host, port, timeout: LIMIT_MS, localAddress: host.includes(':') ? own6 : own4 });
    const end = (result) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(result);
    };
    const timer = setTimeout(() => end(false), LIMIT_MS);
    socket.on('error', () => end(false));
    socket.on('data', (data) => end(canonical(data.toString().trim()) === canonical(host)));
  });

const results = [];
for (let start = 0; start < attempts.length; start += 250)
  results.push(...(await Promise.all(attempts.slice(start, start + 250).map(dial))));
process.stdout.write(JSON.stringify(results));
