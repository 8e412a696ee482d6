// Answers HTTP on the ports given, both families, with the Host header it was asked for.
// Ends when its standard input closes, or after five minutes.
import { createServer } from 'node:http';

const servers = process.argv.slice(2).map((port) => {
  const server = createServer((request, response) => response.end(`origin ${request.headers.host}\n`));
  return new Promise((resolve) => server.listen({ port: Number(port), host: '::' }, resolve));
});
await Promise.all(servers);
process.stdout.write('listening\n');
process.stdin.resume().on('end', () => process.exit(0));
setTimeout(() => process.exit(1), 300_000);
