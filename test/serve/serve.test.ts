import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { baselineOf } from '../../src/committed/baseline.ts';
import { fileDigest, filesReader, readOutputTree } from '../../src/committed/output-tree.ts';
import { loadConfig } from '../../src/config/load.ts';
import { typedPrefixes } from '../../src/config/typed-prefix.ts';
import { loadFeed } from '../../src/feed/load.ts';
import { loadTargets } from '../../src/job.ts';
import { planRun } from '../../src/pipeline.ts';
import { loadTables } from '../../src/products.ts';
import { publishTree } from '../../src/publish/tree.ts';
import { type RunningServer, type ServeOptions, serveTree } from '../../src/serve/server.ts';
import { selfSigned } from '../support/certificate.ts';
import { times } from '../support/long.ts';
import { lacks } from '../support/programs.ts';

const SAMPLE = new URL('../../data/sample/', import.meta.url).pathname;
/** The trees of the two sample weeks, by path. */
const weeks: ReadonlyMap<string, string>[] = [];

beforeAll(async () => {
  const config = await loadConfig(join(SAMPLE, 'allowlist.yaml'));
  const [tables, targets] = [(await loadTables(config)).tables, await loadTargets(config)];
  let baseline = await baselineOf(undefined);
  for (const date of ['20260105', '20260112']) {
    const feed = await loadFeed({
      cloud: 'public',
      source: { kind: 'file', path: join(SAMPLE, `ServiceTags_Public_${date}.json`) },
      http: {},
      offline: false,
      environment: {},
      today: '2026-01-13',
      report: () => {},
    });
    const { files } = planRun({
      ...{ config, feed, tables, targets, baseline },
      accept: [],
      today: '2026-01-13',
    });
    weeks.push(files);
    baseline = await baselineOf(await readOutputTree(filesReader('memory', files)));
  }
}, 60_000);

/** A published tree, and a server for it. */
async function serving(options: Partial<ServeOptions> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'serve-'));
  const directory = join(folder, 'allowlists');
  await publishTree(directory, weeks[0]!, []);
  const lines: string[] = [];
  const reports: string[] = [];
  const server: RunningServer = await serveTree({
    directory,
    host: '127.0.0.1',
    port: 0,
    access: { clients: undefined, credentials: undefined },
    tls: undefined,
    log: (line) => lines.push(line),
    report: (line) => reports.push(line),
    ...options,
  });
  onTestFinished(async () => {
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const get = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
    fetch(`${server.origin}${path}`, { headers, method });
  return { directory, server, lines, reports, get };
}

/** A request written byte by byte: what a client library would never send. */
function raw(origin: string, text: string): Promise<string> {
  const { hostname, port } = new URL(origin);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.end(text));
    let answer = '';
    socket.setEncoding('latin1').on('data', (part) => {
      answer += part;
    });
    socket.on('error', reject).on('close', () => resolve(answer));
    socket.setTimeout(5000, () => socket.destroy(new Error('no answer')));
  });
}

const SQUID = '/squid/azure-allow.conf';
const digestOf = (week: number, path: string) => fileDigest(weeks[week]!.get(path.slice(1))!);

describe('a served tree', () => {
  it('has every file that the lock lists, byte for byte, and the lock', async () => {
    const { get } = await serving();
    for (const [path, text] of weeks[0]!) {
      const response = await get(`/${path}`);
      expect(response.status, path).toBe(200);
      expect(await response.text(), path).toBe(text);
    }
  });

  it('names types, strong validators and ages', async () => {
    const { get } = await serving();
    for (const path of ['/pac/wpad.dat', '/wpad.dat']) {
      const response = await get(path);
      expect(response.headers.get('content-type')).toBe('application/x-ns-proxy-autoconfig');
      expect(await response.text()).toContain('FindProxyForURL');
    }
    const plain = await get(SQUID, { 'accept-encoding': 'identity' });
    expect(plain.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(plain.headers.get('etag')).toBe(`"${digestOf(0, SQUID)}"`);
    expect(plain.headers.get('content-encoding')).toBeNull();
    expect(plain.headers.get('x-content-type-options')).toBe('nosniff');
    const modified = plain.headers.get('last-modified')!;
    expect(Math.abs(Date.now() - Date.parse(modified))).toBeLessThan(60_000);
    const zipped = await get(SQUID, { 'accept-encoding': 'gzip' });
    expect(zipped.headers.get('content-encoding')).toBe('gzip');
    expect(zipped.headers.get('etag')).toBe(`"${digestOf(0, SQUID)}-gzip"`);
    expect(zipped.headers.get('vary')).toBe('accept-encoding');
    expect(await zipped.text()).toBe(weeks[0]!.get(SQUID.slice(1)));
    for (const headers of [
      { 'if-none-match': `"${digestOf(0, SQUID)}"`, 'accept-encoding': 'identity' },
      { 'if-modified-since': modified, 'accept-encoding': 'identity' },
    ]) {
      const known = await get(SQUID, headers);
      expect(known.status).toBe(304);
      expect(await known.text()).toBe('');
    }
    const head = await get(SQUID, { 'accept-encoding': 'identity' }, 'HEAD');
    expect(head.headers.get('content-length')).toBe(`${Buffer.byteLength(weeks[0]!.get(SQUID.slice(1))!)}`);
    expect(await head.text()).toBe('');
  });

  it.each([
    ['bytes=0-9', 206, 0, 10],
    ['bytes=-20', 206, -20, undefined],
    ['bytes=100-', 206, 100, undefined],
    ['bytes=999999999-', 416, 0, 0],
    ['bytes=0-1,5-6', 200, 0, undefined],
    ['lines=1-2', 200, 0, undefined],
    ['bytes=nonsense', 200, 0, undefined],
  ])('answers a range %s with %i', async (range, status, start, end) => {
    const { get } = await serving();
    const response = await get(SQUID, { range });
    expect(response.status).toBe(status);
    const whole = Buffer.from(weeks[0]!.get(SQUID.slice(1))!);
    expect(await response.text()).toBe(status === 416 ? '' : whole.subarray(start, end).toString());
    if (status === 206)
      expect((await get(SQUID, { range, 'if-range': '"of another week"' })).status).toBe(200);
  });

  it('takes nothing but GET and HEAD', async () => {
    const { get } = await serving();
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])
      expect([404, 405], method).toContain((await get(SQUID, {}, method)).status);
  });

  it('writes a line a pull, and says which client has taken which tree', async () => {
    const { get, lines, directory } = await serving();
    const { etag } = Object.fromEntries((await get(SQUID, { 'accept-encoding': 'identity' })).headers);
    await get(SQUID, { 'if-none-match': etag!, 'accept-encoding': 'identity' });
    await get('/nothing');
    const status = await (await get('/status')).json();
    expect(status).toMatchObject({
      tree: { fileDate: '2026-01-05', files: weeks[0]!.size },
      pulls: [{ client: '127.0.0.1', path: SQUID.slice(1), status: 304, current: true }],
    });
    const logged = lines.map((line) => JSON.parse(line));
    expect(logged.map(({ path, status: code }) => [path, code])).toEqual([
      [SQUID, 200],
      [SQUID, 304],
      ['/nothing', 404],
      ['/status', 200],
    ]);
    expect(logged[0]).toMatchObject({ client: '127.0.0.1', method: 'GET', etag });
    // The week has arrived where the client's tree is the one that is served.
    await publishTree(directory, weeks[1]!, [...weeks[0]!.keys()]);
    await new Promise((resolve) => setTimeout(resolve, 600));
    const later = await (await get('/status')).json();
    expect(later).toMatchObject({ tree: { fileDate: '2026-01-12' }, pulls: [{ current: false }] });
  });

  it('serves what it served before where a file was edited, and says so once', async () => {
    const { get, directory, reports } = await serving();
    const path = join(directory, SQUID);
    const before = readFileSync(path, 'utf8');
    await publishTree(directory, weeks[1]!, [...weeks[0]!.keys()]);
    writeFileSync(path, `${before}http_access allow all\n`);
    await new Promise((resolve) => setTimeout(resolve, 600));
    for (let turn = 0; turn < 3; turn++) {
      expect(await (await get(SQUID)).text()).toBe(before);
      await new Promise((resolve) => setTimeout(resolve, 550));
    }
    expect(reports.filter((line) => line.includes('serving what was served before'))).toHaveLength(1);
    expect(await (await get('/status')).json()).toMatchObject({
      problem: expect.stringContaining('is not as its lock says'),
    });
    await expect(serving({ directory })).rejects.toThrow('is not as its lock says');
  });

  it('gives whole old or whole new files while the tree is exchanged again and again', async () => {
    const { get, directory } = await serving();
    const known = new Map<string, string>();
    for (const week of weeks)
      for (const [path, text] of week) known.set(`${path} "${fileDigest(text)}"`, text);
    const paths = [
      'squid/azure-allow.conf',
      'iptables/iptables.rules',
      'allowlist.lock.json',
      'pac/wpad.dat',
    ];
    let exchanging = true;
    let answers = 0;
    const wrong: string[] = [];
    const seen = new Set<string>();
    const clients = Array.from({ length: 4 }, async (_, client) => {
      while (exchanging) {
        const path = paths[answers++ % paths.length]!;
        const zip = client % 2 === 0;
        const response = await get(`/${path}`, { 'accept-encoding': zip ? 'gzip' : 'identity' });
        const etag = response.headers.get('etag')?.replace('-gzip', '');
        const text = await response.text();
        seen.add(`${etag}`);
        if (known.get(`${path} ${etag}`) !== text) wrong.push(`${path} ${response.status} ${etag}`);
      }
    });
    for (let turn = 1; turn <= times(40, 100); turn++)
      await publishTree(directory, weeks[turn % 2]!, [...weeks[(turn + 1) % 2]!.keys()]);
    await new Promise((resolve) => setTimeout(resolve, 700));
    await publishTree(directory, weeks[1]!, [...weeks[0]!.keys()]);
    await new Promise((resolve) => setTimeout(resolve, 700));
    exchanging = false;
    await Promise.all(clients);
    expect(wrong).toEqual([]);
    expect(answers).toBeGreaterThan(100);
    // Both weeks were served.
    expect(seen.size).toBeGreaterThan(paths.length);
  }, 120_000);
});

describe('who may not', () => {
  const ATTACKS = [
    '/../package.json',
    '/squid/../../secret',
    '/%2e%2e/secret',
    '/..%2fsecret',
    '/%2e%2e%2fsecret',
    '/%252e%252e%252fsecret',
    '/squid/..%5c..%5csecret',
    '/squid\\..\\..\\secret',
    '/....//secret',
    '//etc/passwd',
    '///etc/passwd',
    '/etc/passwd',
    '/./squid/azure-allow.conf',
    '/squid//azure-allow.conf',
    '/squid/./azure-allow.conf',
    '/squid/azure-allow.conf/',
    '/squid/azure-allow.conf/..',
    '/squid/',
    '/squid',
    '/',
    '/.git/config',
    '/.gitattributes',
    '/.env',
    '/squid/.htpasswd',
    '/secret',
    '/squid/secret',
    '/SQUID/azure-allow.conf',
    '/squid/azure-allow.conf%00',
    '/squid/azure-allow.conf%00.txt',
    '/squid/azure%2dallow.conf\0',
    '/%c0%ae%c0%ae/secret',
    '/%',
    '/%zz',
    `/${'a'.repeat(10_000)}`,
    '/status/../secret',
    '/constructor',
    '/__proto__',
    'http://evil.example/squid/secret',
  ];

  it.each(ATTACKS.map((path) => [path.slice(0, 40), path] as const))(
    'gets nothing by %j',
    async (_, path) => {
      const { server, directory } = await serving();
      writeFileSync(join(directory, '../secret'), 'the secret');
      writeFileSync(join(directory, 'squid/secret'), 'the secret');
      writeFileSync(join(directory, '.env'), 'the secret');
      const answer = await raw(server.origin, `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
      expect(answer).toMatch(/^HTTP\/1\.1 4\d\d /);
      expect(answer).not.toContain('the secret');
      expect(answer).not.toContain('root:');
    },
  );

  it.each([
    ['two lengths', 'GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na'],
    [
      'length and chunks',
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['a header without end', `GET / HTTP/1.1\r\nHost: x\r\nX: ${'a'.repeat(40_000)}\r\n\r\n`],
    ['a line feed in a header', 'GET / HTTP/1.1\r\nHost: x\r\nX: a\nInjected: b\rc\r\n\r\n'],
    [
      'a body that is too long',
      `PUT /squid/azure-allow.conf HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n${'a'.repeat(100_000)}`,
    ],
    ['no HTTP', 'SSH-2.0-x\r\n\r\n'],
  ])('is turned away with %s', async (_, text) => {
    const { server, get } = await serving();
    const answer = await raw(server.origin, text).catch(() => '');
    expect(answer).not.toMatch(/^HTTP\/1\.1 2/);
    expect((await get(SQUID)).status).toBe(200);
  });

  it('has no user and password', async () => {
    const { get, lines } = await serving({
      access: { clients: undefined, credentials: { user: 'panos', password: 's3cret:with:colons' } },
    });
    const header = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` });
    expect((await get(SQUID, header('panos:s3cret:with:colons'))).status).toBe(200);
    const unknown: Record<string, string>[] = [
      {},
      header('panos:'),
      header('panos:s3cret'),
      header('other:s3cret:with:colons'),
      { authorization: 'Bearer s3cret' },
      { authorization: 'Basic ???' },
    ];
    for (const headers of unknown) {
      const response = await get(SQUID, headers);
      expect(response.status).toBe(401);
      expect(response.headers.get('www-authenticate')).toContain('Basic');
      expect(await response.text()).toBe('');
    }
    expect((await get('/status')).status).toBe(401);
    expect(lines.join('\n')).not.toContain('s3cret');
  });

  it('comes from another address', async () => {
    const only = (...cidrs: string[]) => ({
      access: { clients: typedPrefixes(cidrs, '--client'), credentials: undefined },
    });
    const { get } = await serving(only('192.0.2.0/24', '2001:db8::/32'));
    expect((await get(SQUID)).status).toBe(403);
    const own = await serving(only('127.0.0.0/8'));
    expect((await own.get(SQUID)).status).toBe(200);
    // An IPv4 client of a socket for both families is an IPv4 client.
    const both = await serving({ ...only('127.0.0.0/8'), host: '::' });
    const { port } = new URL(both.server.origin);
    expect((await fetch(`http://127.0.0.1:${port}${SQUID}`)).status).toBe(200);
  });

  it.skipIf(lacks('openssl'))('shows no certificate of the authority', async () => {
    const authority = selfSigned('authority.example.test');
    const own = selfSigned('lists.example.test');
    const other = selfSigned('other.example.test');
    const { server } = await serving({
      tls: { certificate: own.certificate, key: own.key, clientAuthority: authority.certificate },
    });
    const ask = (client: object) =>
      new Promise<number | string>((resolve) => {
        httpsRequest(
          `${server.origin}${SQUID}`,
          { rejectUnauthorized: false, agent: false, ...client },
          (response) => {
            response.resume();
            resolve(response.statusCode ?? 0);
          },
        )
          .on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
          .end();
      });
    expect(await ask({ cert: authority.certificate, key: authority.key })).toBe(200);
    expect(await ask({})).not.toBe(200);
    expect(await ask({ cert: other.certificate, key: other.key })).not.toBe(200);
  });
});
