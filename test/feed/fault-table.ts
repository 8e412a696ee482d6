import { gzipSync } from 'node:zlib';
import type { FeedSourceConfig, HttpConfig } from '../../src/feed/source-config.ts';
import { byPath, type Handler, type LoopbackServer } from './loopback-server.ts';
import { weeklyFile } from './weekly-file.ts';

/** The good file. */
export const TEXT = JSON.stringify(weeklyFile(), null, 2);
const NAME = 'ServiceTags_Public_20250714.json';
/** Where the good file stands on the server. */
export const PATH = `/download/7/1/D/${NAME}`;
const DETAILS = '/en-us/download/details.aspx?id=56519';
const CONFIRMATION = '/en-us/download/confirmation.aspx?id=56519';

/** What is served, and what must come of it: success, or exit status 4 with this in the one message. */
export interface Fault {
  readonly fault: string;
  readonly source: 'url' | 'page';
  readonly serve: (server: LoopbackServer) => Handler;
  readonly outcome: 'success' | RegExp;
  /** Bounds on time where the fault is one of time. */
  readonly http?: HttpConfig;
  /** How many requests the server must have seen. */
  readonly requests?: number;
}

const IMPATIENT: HttpConfig = { responseSeconds: 0.5, totalSeconds: 1.5, retries: 1 };

export const ok: Handler = (_, response) => response.end(TEXT);
const body =
  (content: string | Uint8Array, headers: Record<string, string> = {}, status = 200): (() => Handler) =>
  () =>
  (_, response) =>
    response.writeHead(status, headers).end(content);
const redirect = (location: (server: LoopbackServer) => string, status = 302) => {
  return (server: LoopbackServer): Handler =>
    (request, response) =>
      request.url?.includes('there')
        ? response.end(TEXT)
        : response.writeHead(status, { location: location(server) }).end();
};
/** The first requests go to `first`, the others to `then`. */
const times = (count: number, first: Handler, then: Handler = ok): (() => Handler) => {
  return () => {
    let seen = 0;
    return (request, response) => (seen++ < count ? first : then)(request, response);
  };
};
const cutMiddle: Handler = (_, response) => {
  response.writeHead(200, { 'content-length': String(TEXT.length) });
  response.write(TEXT.slice(0, 200), () => response.socket?.destroy());
};
const status =
  (code: number, headers: Record<string, string> = {}): Handler =>
  (_, response) =>
    response.writeHead(code, headers).end('no');
const raw =
  (bytes: string): (() => Handler) =>
  () =>
  (_, response) =>
    response.socket?.end(bytes);
const link = (server: LoopbackServer, name = NAME) => `${server.origin}/download/7/1/D/${name}`;
const page =
  (html: (server: LoopbackServer) => string, at = DETAILS) =>
  (server: LoopbackServer) =>
    byPath({ [at]: html(server), [PATH]: TEXT });

/** What a real HTTP server on loopback does, one after the other. */
export const FAULTS: readonly Fault[] = [
  {
    fault: '403 without a browser-compatible User-Agent',
    source: 'url',
    serve: () => (request, response) =>
      /^Mozilla\/5\.0 \(.*azure-allowlist.*\)$/.test(request.headers['user-agent'] ?? '')
        ? response.end(TEXT)
        : response.writeHead(403).end(),
    outcome: 'success',
    requests: 1,
  },
  {
    fault: '403 always',
    source: 'url',
    serve: () => status(403),
    outcome: /HTTP 403 — .*refuses/,
    requests: 1,
  },
  { fault: '401', source: 'url', serve: () => status(401), outcome: /HTTP 401/, requests: 1 },
  { fault: '404', source: 'url', serve: () => status(404), outcome: /HTTP 404/, requests: 1 },
  { fault: '204', source: 'url', serve: () => status(204), outcome: /HTTP 204/, requests: 1 },
  { fault: '304 that was not asked for', source: 'url', serve: () => status(304), outcome: /HTTP 304/ },
  {
    fault: '429 with Retry-After: 1, then success',
    source: 'url',
    serve: times(1, status(429, { 'retry-after': '1' })),
    outcome: 'success',
    requests: 2,
  },
  {
    fault: '429 with a Retry-After date in the past, then success',
    source: 'url',
    serve: times(1, status(429, { 'retry-after': 'Mon, 14 Jul 2025 00:00:00 GMT' })),
    outcome: 'success',
    requests: 2,
  },
  {
    fault: '429 with Retry-After: 3600',
    source: 'url',
    serve: () => status(429, { 'retry-after': '3600' }),
    outcome: /HTTP 429, which asks to wait 3600 s — run less often/,
    requests: 1,
  },
  {
    fault: '503 twice, then success',
    source: 'url',
    serve: times(2, status(503)),
    outcome: 'success',
    requests: 3,
  },
  {
    fault: '503 always',
    source: 'url',
    serve: () => status(503),
    outcome: /HTTP 503 after 3 attempts/,
    requests: 3,
  },
  {
    fault: 'cut before the answer, then success',
    source: 'url',
    serve: times(1, (_, response) => response.socket?.destroy()),
    outcome: 'success',
    requests: 2,
  },
  {
    fault: 'cut in the middle, then success',
    source: 'url',
    serve: times(1, cutMiddle),
    outcome: 'success',
    requests: 2,
  },
  {
    fault: 'cut in the middle always',
    source: 'url',
    serve: () => cutMiddle,
    outcome: /the connection was cut|were announced|shorter than/,
    requests: 3,
  },
  {
    fault: 'a body shorter than Content-Length, closed in order',
    source: 'url',
    serve: raw(`HTTP/1.1 200 OK\r\ncontent-length: ${TEXT.length}\r\n\r\n${TEXT.slice(0, 300)}`),
    outcome: /the connection was cut|were announced|shorter than/,
    requests: 3,
  },
  {
    fault: 'a body shorter than Content-Length, left open',
    source: 'url',
    serve: () => (_, response) => {
      response.writeHead(200, { 'content-length': String(TEXT.length) });
      response.write(TEXT.slice(0, 300));
    },
    http: IMPATIENT,
    outcome: /no data within 0\.5 s/,
  },
  {
    fault: 'a body without Content-Length, cut',
    source: 'url',
    serve: raw(`HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n${TEXT.slice(0, 300)}`),
    outcome: /not JSON, or only a part of it/,
  },
  {
    fault: 'broken chunks',
    source: 'url',
    serve: raw('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n'),
    outcome: /the request failed \(HPE_/,
  },
  {
    fault: 'an answer that is not HTTP',
    source: 'url',
    serve: raw('220 smtp ready\r\n'),
    outcome: /the request failed \(HPE_/,
  },
  {
    fault: 'a header without end',
    source: 'url',
    serve: raw(`HTTP/1.1 200 OK\r\nx: ${'a'.repeat(100_000)}`),
    outcome: /the request failed \(HPE_HEADER_OVERFLOW\)/,
  },
  {
    fault: 'an endless body',
    source: 'url',
    serve: () => (_, response) => {
      const piece = Buffer.alloc(65_536, 0x20);
      const more = () => {
        while (!response.destroyed && response.write(piece));
      };
      response.on('drain', more);
      more();
    },
    outcome: /larger than 1,048,576 bytes — .*maximumMegabytes/,
    requests: 1,
  },
  {
    fault: 'a Content-Length over the cap',
    source: 'url',
    serve: () => (_, response) => {
      response.writeHead(200, { 'content-length': '99999999999' });
      response.write('{');
    },
    outcome: /larger than 1,048,576 bytes/,
    requests: 1,
  },
  {
    fault: 'a slow drip',
    source: 'url',
    serve: () => (_, response) => {
      const timer = setInterval(() => response.write(' '), 50);
      response.on('close', () => clearInterval(timer));
    },
    http: IMPATIENT,
    outcome: /not complete within 1\.5 s/,
    requests: 1,
  },
  {
    fault: 'no answer at all',
    source: 'url',
    serve: () => () => {},
    http: IMPATIENT,
    outcome: /no (answer|data) within 0\.5 s/,
  },
  {
    fault: 'gzip garbage',
    source: 'url',
    serve: body('this is not gzip', { 'content-encoding': 'gzip' }),
    outcome: /damaged gzip data/,
  },
  {
    fault: 'gzip cut short',
    source: 'url',
    serve: body(gzipSync(TEXT).subarray(0, -20), { 'content-encoding': 'gzip' }),
    outcome: /damaged gzip data/,
  },
  {
    fault: 'a gzip bomb as Content-Encoding',
    source: 'url',
    serve: body(gzipSync(Buffer.alloc(4 << 20)), { 'content-encoding': 'gzip' }),
    outcome: /larger than 1,048,576 bytes/,
  },
  {
    fault: 'a gzip bomb as a file',
    source: 'url',
    serve: body(gzipSync(Buffer.alloc(4 << 20))),
    outcome: /larger than 1,048,576 bytes when uncompressed/,
  },
  {
    fault: 'an encoding that was not asked for',
    source: 'url',
    serve: body('x', { 'content-encoding': 'br' }),
    outcome: /encoded as "br"/,
  },
  {
    fault: 'gzip as Content-Encoding',
    source: 'url',
    serve: body(gzipSync(TEXT), { 'content-encoding': 'gzip' }),
    outcome: 'success',
  },
  { fault: 'gzip as a file', source: 'url', serve: body(gzipSync(TEXT)), outcome: 'success' },
  {
    fault: 'gzip in gzip',
    source: 'url',
    serve: body(gzipSync(gzipSync(TEXT)), { 'content-encoding': 'gzip' }),
    outcome: 'success',
  },
  {
    fault: 'a wrong Content-Type',
    source: 'url',
    serve: body(TEXT, { 'content-type': 'application/octet-stream' }),
    outcome: 'success',
  },
  {
    fault: 'a BOM and CRLF',
    source: 'url',
    serve: body(`\ufeff${TEXT.replaceAll('\n', '\r\n')}`),
    outcome: 'success',
  },
  {
    fault: 'HTML in place of JSON',
    source: 'url',
    serve: body('<!DOCTYPE html><html><body>Please log in</body></html>', { 'content-type': 'text/html' }),
    outcome: /an HTML or XML page came in place of JSON/,
  },
  {
    fault: 'an XML error with a BOM',
    source: 'url',
    serve: body('\ufeff<?xml version="1.0" encoding="utf-8"?><Error><Code>BlobNotFound</Code></Error>'),
    outcome: /an HTML or XML page came in place of JSON/,
  },
  { fault: 'an empty 200', source: 'url', serve: body(''), outcome: /the content is empty/ },
  {
    fault: 'UTF-16 with a byte order mark',
    source: 'url',
    serve: body(Buffer.from(`\ufeff${TEXT}`, 'utf16le')),
    outcome: 'success',
  },
  {
    fault: 'the file of another cloud',
    source: 'url',
    serve: body(TEXT.replace('"Public"', '"AzureGovernment"')),
    outcome: /"AzureGovernment" is the cloud usgov, but public/,
  },
  {
    fault: 'one prefix with host bits',
    source: 'url',
    serve: body(TEXT.replace('203.0.113.7/32', '203.0.113.7/24')),
    outcome: /\$\.values\[3\]\.properties\.addressPrefixes\[0\]: "203\.0\.113\.7\/24".*host bits/,
  },
  {
    fault: 'a redirect within the host',
    source: 'url',
    serve: redirect(() => '/there'),
    outcome: 'success',
    requests: 2,
  },
  {
    fault: 'a redirect to an allowed host',
    source: 'url',
    serve: redirect((server) => `http://localhost:${server.port}/there`, 308),
    outcome: 'success',
    requests: 2,
  },
  {
    fault: 'a redirect to itself',
    source: 'url',
    serve: redirect(() => PATH),
    outcome: /round in a circle/,
    requests: 1,
  },
  {
    fault: 'redirects without end',
    source: 'url',
    serve: () => (request, response) => response.writeHead(302, { location: `${request.url}1` }).end(),
    outcome: /more than 8 redirects/,
    requests: 9,
  },
  {
    fault: 'a redirect to another host',
    source: 'url',
    serve: redirect((server) => `http://127.0.0.2:${server.port}/there`),
    outcome: /a redirect is not followed: the host 127\.0\.0\.2 is not allowed — .*allowedHosts/,
    requests: 1,
  },
  {
    fault: 'a redirect to a local file',
    source: 'url',
    serve: redirect(() => 'file:///etc/passwd'),
    outcome: /"file:" is neither https nor http/,
    requests: 1,
  },
  {
    fault: 'a redirect without Location',
    source: 'url',
    serve: () => status(302),
    outcome: /HTTP 302/,
    requests: 1,
  },
  {
    fault: 'a page with the data object',
    source: 'page',
    serve: page(
      (server) =>
        `<script>window.__DLCDetails__={"dlcDetailsView":{"downloadFile":[{"name":"${NAME}","url":"${link(server)}"}]}}</script>`,
    ),
    outcome: 'success',
    requests: 2,
  },
  {
    fault: 'a page with a link for retrying',
    source: 'page',
    serve: page((server) => `<a data-bi-id="downloadretry" href='${link(server)}'>click here</a>`),
    outcome: 'success',
    requests: 2,
  },
  {
    fault: 'a confirmation page with a failover link',
    source: 'page',
    serve: page((server) => `<a class="mscom-link failoverLink" href="${link(server)}">`, CONFIRMATION),
    outcome: 'success',
    requests: 3,
  },
  {
    fault: 'a confirmation page with a refresh',
    source: 'page',
    serve: page((server) => `<meta http-equiv="refresh" content="0;url=${link(server)}" />`, CONFIRMATION),
    outcome: 'success',
    requests: 3,
  },
  {
    fault: 'a page with two links, the older one first',
    source: 'page',
    serve: page(
      (server) => `<a href="${link(server, 'ServiceTags_Public_20250707.json')}"><a href="${link(server)}">`,
    ),
    outcome: 'success',
    requests: 2,
  },
  {
    fault: "a page with another cloud's link",
    source: 'page',
    serve: page((server) => `<a href="${link(server, 'ServiceTags_China_20250721.json')}">`),
    outcome: 'success',
  },
  {
    fault: 'a page without any link, and nothing else',
    source: 'page',
    serve: () => byPath({ [DETAILS]: '<html>gone</html>' }),
    outcome:
      /no strategy found a usable file\n.*page data: .*no window\.__DLCDetails__\n.*page links: .*no link/,
  },
  {
    fault: 'a page that is down, while the files are there',
    source: 'page',
    serve: () => (request, response) =>
      request.url?.includes('.aspx')
        ? response.writeHead(503).end()
        : byPath({ [PATH]: TEXT })(request, response),
    outcome: 'success',
  },
  {
    fault: 'a page of a million opening links',
    source: 'page',
    serve: page(() => 'http://'.repeat(140_000)),
    outcome: 'success',
  },
];

/** Bounds on time and size that suit the table. */
export const FAULT_HTTP: HttpConfig = {
  allowedHosts: ['localhost'],
  connectSeconds: 20,
  responseSeconds: 20,
  totalSeconds: 40,
  retries: 2,
  firstWaitSeconds: 0.01,
  longestWaitSeconds: 2,
  maximumMegabytes: 1,
};

/** The configured source of a fault. */
export function sourceOf(fault: Fault, server: LoopbackServer): FeedSourceConfig {
  return fault.source === 'url'
    ? { kind: 'url', url: server.origin + PATH }
    : {
        kind: 'download',
        page: `${server.origin}/en-us/download/details.aspx`,
        directory: `${server.origin}/download/7/1/D/`,
      };
}
