// Servers of one address each, from the JSON on the first line of standard input:
// [{ address, port, key?, certificate?, status?, ahead? }]; TLS where there is a certificate, HTTP otherwise, which
// answers with `status` and a Date that is `ahead` seconds off. Ends when its standard input closes, or after five minutes.
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { createServer as createTlsServer } from 'node:tls';

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const list = JSON.parse((await lines.next()).value);
await Promise.all(
  list.map(({ address, port, key, certificate, status = 200, ahead = 0 }) => {
    const server =
      certificate === undefined
        ? createServer((_request, response) => {
            response.sendDate = false;
            response.setHeader('Date', new Date(Date.now() + ahead * 1000).toUTCString());
            response.writeHead(status).end('origin\n');
          })
        : createTlsServer({ key, cert: certificate }, (socket) => {
            socket.on('error', () => {});
            socket.end();
          });
    server.on('tlsClientError', () => {});
    return new Promise((resolve, reject) => {
      server.on('error', reject);
      server.listen({ port, host: address }, resolve);
    });
  }),
);
process.stdout.write('listening\n');
setTimeout(() => process.exit(1), 300_000);
await lines.next();
process.exit(0);
