// Asks each { host, port } of the JSON on standard input over plain HTTP and prints the statuses as JSON;
// -1 means that no answer came.
import { get } from 'node:http';

let text = '';
for await (const chunk of process.stdin) text += chunk;

const ask = ({ host, port }) =>
  new Promise((resolve) => {
    const request = get({ host, port, path: '/', agent: false, timeout: 10_000 }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(-1));
  });

const statuses = [];
for (const request of JSON.parse(text)) statuses.push(await ask(request));
process.stdout.write(JSON.stringify(statuses));
