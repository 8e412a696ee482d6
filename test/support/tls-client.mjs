// Opens TLS through a proxy to each { host, port, sni } (the host's own name by default) of the JSON on standard input and prints, as JSON, the
// SHA-256 fingerprint of the certificate that it was shown; null where there was none.
import { connect, isIP } from 'node:net';
import { connect as connectTls } from 'node:tls';

const [, , proxyHost, proxyPort] = process.argv;
let text = '';
for await (const chunk of process.stdin) text += chunk;

const ask = ({ host, port, sni }) =>
  new Promise((resolve) => {
    const socket = connect(Number(proxyPort), proxyHost);
    const end = (answer) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(20_000, () => end(null));
    socket.on('error', () => end(null));
    socket.on('close', () => end(null));
    socket.write(`CONNECT ${host}:${port} HTTP/1.1\r\nHost: ${host}:${port}\r\n\r\n`);
    socket.once('data', (data) => {
      if (!/^HTTP\/1\.\d 200/.test(data.toString('latin1'))) return end(null);
      const name = sni ?? (isIP(host) === 0 ? host : undefined);
      const servername = name === undefined ? {} : { servername: name };
      const tls = connectTls({ socket, rejectUnauthorized: false, ...servername }, () =>
        end(tls.getPeerCertificate().fingerprint256),
      );
      tls.on('error', () => end(null));
    });
  });

const fingerprints = [];
for (const request of JSON.parse(text)) fingerprints.push(await ask(request));
process.stdout.write(JSON.stringify(fingerprints));
