// Answers TLS on the ports given, both families, with the certificate in the JSON on the first line of
// standard input: { key, certificate }. Ends when its standard input closes, or after five minutes.
import { createInterface } from 'node:readline';
import { createServer } from 'node:tls';

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const { key, certificate } = JSON.parse((await lines.next()).value);
const servers = process.argv.slice(2).map((port) => {
  const server = createServer({ key, cert: certificate }, (socket) => {
    socket.on('error', () => {});
    socket.end('HTTP/1.0 200 OK\r\n\r\norigin\n');
  });
  return new Promise((resolve) => server.listen({ port: Number(port), host: '::' }, resolve));
});
await Promise.all(servers);
process.stdout.write('listening\n');
setTimeout(() => process.exit(1), 300_000);
await lines.next();
process.exit(0);
