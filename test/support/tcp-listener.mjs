// Listens on the ports given, both families, and greets each caller with the address it called.
// What the caller sends comes back. Ends when its standard input closes, or after five minutes.
import { createServer } from 'node:net';

const servers = process.argv.slice(2).map((port) => {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.write(`${socket.localAddress}\n`);
    socket.pipe(socket);
  });
  return new Promise((resolve) => server.listen({ port: Number(port), host: '::' }, resolve));
});
await Promise.all(servers);
process.stdout.write('listening\n');
process.stdin.resume().on('end', () => process.exit(0));
setTimeout(() => process.exit(1), 300_000);
