// Asks a proxy for each of the requests in the JSON on standard input and prints the statuses as JSON.
// A fourth argument is the address that they come from.
// A request: { method: 'CONNECT' | 'GET', host, port, credentials? }; -1 means that no answer came.
import { connect } from 'node:net';

const [, , proxyHost, proxyPort, localAddress] = process.argv;
let text = '';
for await (const chunk of process.stdin) text += chunk;

const ask = ({ method, host, port, credentials }) =>
  new Promise((resolve) => {
    const authority = `${host.includes(':') ? `[${host}]` : host}:${port}`;
    const socket = connect({ host: proxyHost, port: Number(proxyPort), localAddress });
    const end = (status) => {
      socket.destroy();
      resolve(status);
    };
    socket.setTimeout(20_000, () => end(-1));
    socket.on('error', () => end(-1));
    socket.on('close', () => end(-1));
    let answer = '';
    socket.on('data', (data) => {
      answer += data.toString('latin1');
      const status = /^HTTP\/1\.\d (\d{3})/.exec(answer);
      if (status !== null) end(Number(status[1]));
    });
    const lines = [
      `${method} ${method === 'CONNECT' ? authority : `http://${authority}/`} HTTP/1.1`,
      `Host: ${authority}`,
      'Connection: close',
    ];
    if (credentials !== undefined)
      lines.push(`Proxy-Authorization: Basic ${Buffer.from(credentials).toString('base64')}`);
    socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  });

const statuses = [];
for (const request of JSON.parse(text)) statuses.push(await ask(request));
process.stdout.write(JSON.stringify(statuses));
