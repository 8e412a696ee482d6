// Drives a headless Chromium with a PAC file and reports which way each URL went. To be run where every
// address is local. The job is JSON on standard input:
// { pac, urls, key, certificate, ports: { http, https }, proxyPort, pacPort, profile, pacUrl }
// With `pacUrl` Chromium takes the file from there, and `pac` is not served.
// Prints { ways: ['direct' | 'proxy' | 'neither' | 'both'], fetches, mediaType, scriptErrors }.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

let text = '';
for await (const chunk of process.stdin) text += chunk;
const job = JSON.parse(text);
setTimeout(() => process.exit(1), 150_000).unref();

// Chromium has requests of its own: only those to the authority that was asked for count.
let awaited = '';
let seen = new Set();
const note = (way, authority) => {
  if (authority === awaited) seen.add(way);
};
const servers = [];
const listen = (server, port, host) => {
  servers.push(server);
  return new Promise((resolve) => server.listen({ port, host }, resolve));
};
const authorityOf = (url) => {
  const { protocol, hostname, port } = new URL(url);
  return `${hostname}:${port || (protocol === 'https:' ? 443 : 80)}`;
};
const answer = (way, scheme) => (request, response) => {
  note(way, authorityOf(request.url.startsWith('/') ? `${scheme}://${request.headers.host}/` : request.url));
  response.setHeader('Content-Type', 'text/html');
  response.end('<!doctype html><link rel="icon" href="data:,">');
};

for (const port of job.ports.http) await listen(createServer(answer('direct', 'http')), port, '::');
for (const port of job.ports.https)
  await listen(
    createTlsServer({ key: job.key, cert: job.certificate }, answer('direct', 'https')),
    port,
    '::',
  );
const proxy = createServer(answer('proxy', 'http'));
proxy.on('connect', (request, socket) => {
  note('proxy', authorityOf(`https://${request.url}/`));
  socket.on('error', () => {});
  socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
});
await listen(proxy, job.proxyPort, '127.0.0.1');
let fetches = 0;
const mediaType = 'application/x-ns-proxy-autoconfig';
await listen(
  createServer((_, response) => {
    fetches++;
    response.setHeader('Content-Type', mediaType);
    response.end(job.pac);
  }),
  job.pacPort,
  '127.0.0.1',
);

const log = join(job.profile, 'net-log.json');
const context = await chromium.launchPersistentContext(join(job.profile, 'profile'), {
  executablePath: '/usr/bin/chromium',
  ignoreHTTPSErrors: true,
  args: [
    ...['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
    ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
    '--disable-features=HttpsUpgrades,HttpsFirstBalancedMode,HttpsFirstBalancedModeAutoEnable',
    '--host-resolver-rules=MAP * 127.0.0.9, EXCLUDE 127.0.0.1',
    `--proxy-pac-url=${job.pacUrl ?? `http://127.0.0.1:${job.pacPort}/wpad.dat`}`,
    `--log-net-log=${log}`,
  ],
});
const page = await context.newPage();
const ways = [];
for (const url of job.urls) {
  awaited = authorityOf(url);
  seen = new Set();
  // The page of the error before may still be on its way and interrupt: then the URL is asked for again.
  for (let tries = 0; tries < 5 && seen.size === 0; tries++)
    await page.goto(url, { timeout: 8000, waitUntil: 'commit' }).catch(() => {});
  process.stderr.write(`${url} ${[...seen]}\n`);
  ways.push(seen.size === 2 ? 'both' : ([...seen][0] ?? 'neither'));
}
await context.close();
for (const server of servers) server.close();

const { constants, events } = JSON.parse(readFileSync(log, 'utf8'));
const scriptErrors = events.filter(
  ({ type }) => type === constants.logEventTypes.PAC_JAVASCRIPT_ERROR,
).length;
process.stdout.write(JSON.stringify({ ways, fetches, mediaType, scriptErrors }));
process.exit(0);
