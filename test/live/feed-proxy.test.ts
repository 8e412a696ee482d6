import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, connect as dial, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { loadFeed } from '../../src/feed/load.ts';
import type { HttpConfig } from '../../src/feed/source-config.ts';
import { type LoopbackServer, startServer } from '../feed/loopback-server.ts';
import { startTlsOrigin, type TlsOrigin } from '../feed/tls-origin.ts';
import { weeklyFile } from '../feed/weekly-file.ts';
import { findProgram, lacks } from '../support/programs.ts';

const NCSA = '/usr/lib/squid/basic_ncsa_auth';
const USER = 'feed.reader';
const PASSWORD = 'p@ss:w/rd%7';
const TEXT = JSON.stringify(weeklyFile());

/** A Squid on loopback that forwards to loopback. */
class ForwardProxy {
  readonly port: number;
  readonly #directory: string;
  readonly #squid: ChildProcess;

  private constructor(port: number, directory: string, squid: ChildProcess) {
    this.port = port;
    this.#directory = directory;
    this.#squid = squid;
  }

  static async start(access: string): Promise<ForwardProxy> {
    const directory = mkdtempSync(join(tmpdir(), 'feed-proxy-'));
    chmodSync(directory, 0o777);
    const port = await freePort();
    const hash = execFileSync(findProgram('openssl')!, ['passwd', '-apr1', '-stdin'], { input: PASSWORD });
    writeFileSync(join(directory, 'users'), `${USER}:${hash.toString().trim()}\n`);
    const configuration = join(directory, 'squid.conf');
    writeFileSync(
      configuration,
      `http_port 127.0.0.1:${port}
visible_hostname proxy.example.test
pid_filename ${directory}/squid.pid
cache_log ${directory}/cache.log
access_log stdio:${directory}/access.log
coredump_dir ${directory}
dns_nameservers 127.0.0.1
cache deny all
cache_mem 8 MB
max_filedescriptors 1024
pinger_enable off
shutdown_lifetime 0 seconds
${access.replaceAll('USERS', join(directory, 'users'))}
`,
    );
    const squid = spawn(findProgram('squid')!, ['-N', '-f', configuration, '-n', `feed${port}`], {
      stdio: 'ignore',
    });
    const proxy = new ForwardProxy(port, directory, squid);
    for (let attempt = 0; attempt < 100 && squid.exitCode === null; attempt++) {
      if (await isOpen(port)) return proxy;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const log = join(directory, 'cache.log');
    const text = existsSync(log) ? readFileSync(log, 'utf8') : 'no log';
    await proxy.stop();
    throw new Error(`squid did not start:\n${text}`);
  }

  /** `METHOD target status` of each request so far. */
  get log(): string[] {
    const path = join(this.#directory, 'access.log');
    if (!existsSync(path)) return [];
    return readFileSync(path, 'utf8')
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => fields.length > 6 && !fields[3]!.startsWith('NONE'))
      .map((fields) => `${fields[5]} ${fields[6]} ${fields[3]!.split('/')[1]}`);
  }

  async stop(): Promise<void> {
    if (this.#squid.exitCode === null && this.#squid.pid !== undefined) {
      this.#squid.kill('SIGTERM');
      const timer = setTimeout(() => this.#squid.kill('SIGKILL'), 5000);
      await once(this.#squid, 'exit');
      clearTimeout(timer);
    }
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function isOpen(port: number): Promise<boolean> {
  const socket = dial(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

describe.skipIf(lacks('squid', 'openssl'))('a feed through a real forward proxy', () => {
  let open: ForwardProxy;
  let closed: ForwardProxy;
  let denying: ForwardProxy;
  let plain: LoopbackServer;
  let tls: TlsOrigin;
  const lines: string[] = [];
  let vias: (string | undefined)[];

  beforeAll(async () => {
    [open, closed, denying, plain, tls] = await Promise.all([
      ForwardProxy.start('http_access allow all'),
      ForwardProxy.start(
        `auth_param basic program ${NCSA} USERS\nauth_param basic realm feed\nacl known proxy_auth REQUIRED\nhttp_access allow known\nhttp_access deny all`,
      ),
      ForwardProxy.start('http_access deny all'),
      startServer(() => {}),
      startTlsOrigin(),
    ]);
  });
  afterAll(async () => {
    await Promise.allSettled([open, closed, denying].map((proxy) => proxy?.stop()));
    await Promise.allSettled([plain?.close(), tls?.close()]);
  });
  beforeEach(() => {
    lines.length = 0;
    vias = [];
    for (const server of [plain, tls])
      server.handle((request, response) => {
        vias.push(request.headers.via);
        response.end(TEXT);
      });
  });

  const load = (url: string, environment: Record<string, string>, http: HttpConfig = {}) =>
    loadFeed({
      cloud: 'public',
      override: `${url}/ServiceTags_Public_20250714.json`,
      http: { retries: 0, certificateAuthority: tls.authority, ...http },
      environment,
      today: '2025-07-18',
      report: (line) => lines.push(line),
    });
  const through = (proxy: ForwardProxy, credentials = '') => {
    const url = `http://${credentials}127.0.0.1:${proxy.port}`;
    return { HTTP_PROXY: url, HTTPS_PROXY: url };
  };
  const right = `${USER}:${encodeURIComponent(PASSWORD)}@`;
  const wrong = `${USER}:guess7@`;
  const messageOf = async (promise: Promise<unknown>) =>
    await promise.then(
      () => 'success',
      (error: Error & { exitStatus?: number }) => `exit ${error.exitStatus} ${error.message}`,
    );

  it('comes over http as a forwarded request', async () => {
    expect((await load(plain.origin, through(open))).snapshot.tags.size).toBe(5);
    expect(vias[0]).toContain('proxy.example.test');
    expect(open.log.at(-1)).toBe(`GET ${plain.origin}/ServiceTags_Public_20250714.json 200`);
  });

  it('comes over https through a tunnel', async () => {
    expect((await load(tls.origin, through(open))).snapshot.tags.size).toBe(5);
    expect(vias).toEqual([undefined]);
    await expect.poll(() => open.log.at(-1)).toBe(`CONNECT 127.0.0.1:${tls.port} 200`);
  });

  it('comes past the proxy where NO_PROXY says so', async () => {
    const before = open.log.length;
    const environment = { ...through(open), NO_PROXY: 'localhost,127.0.0.1' };
    expect((await load(plain.origin, environment)).snapshot.tags.size).toBe(5);
    expect((await load(tls.origin, environment)).snapshot.tags.size).toBe(5);
    expect(vias).toEqual([undefined, undefined]);
    expect(open.log.length).toBe(before);
  });

  it('comes with user and password', async () => {
    expect((await load(plain.origin, through(closed, right))).snapshot.tags.size).toBe(5);
    expect((await load(tls.origin, through(closed, right))).snapshot.tags.size).toBe(5);
  });

  it.each([
    ['without', ''],
    ['with a wrong', wrong],
  ])('is refused %s password, which is never told', async (_, credentials) => {
    const overHttp = await messageOf(load(plain.origin, through(closed, credentials)));
    const overHttps = await messageOf(load(tls.origin, through(closed, credentials)));
    expect(overHttp).toMatch(/^exit 4 .*\n.*HTTP 407 — put user and password into the proxy URL/);
    expect(overHttps).toMatch(
      /^exit 4 .*\n.*the proxy wants authentication \(HTTP 407\) — put user and password/,
    );
    expect(overHttp + overHttps + lines.join()).not.toMatch(/guess7/);
    expect(vias).toEqual([]);
  });

  it('is refused by a proxy that denies', async () => {
    expect(await messageOf(load(plain.origin, through(denying)))).toMatch(/HTTP 403 — the server or a proxy/);
    expect(await messageOf(load(tls.origin, through(denying)))).toContain(
      'the proxy refuses the connection (HTTP 403)',
    );
  });

  it('is not had through a proxy that is down, and its password is not told', async () => {
    const url = `http://${wrong}127.0.0.1:${await freePort()}`;
    for (const origin of [plain.origin, tls.origin]) {
      const message = await messageOf(load(origin, { HTTP_PROXY: url, HTTPS_PROXY: url }));
      expect(message).toMatch(/exit 4 .*\n.*the connection is refused \(ECONNREFUSED\)/);
      expect(message).not.toContain('guess7');
    }
  });

  it('is given up when the proxy never answers', async () => {
    const sockets: Socket[] = [];
    const silent = createServer((socket) => {
      sockets.push(socket.resume());
      socket.on('error', () => {});
    }).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const address = silent.address();
    const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
    const http = { connectSeconds: 0.5, responseSeconds: 0.5, totalSeconds: 3 };
    for (const origin of [plain.origin, tls.origin])
      expect(await messageOf(load(origin, { HTTP_PROXY: url, HTTPS_PROXY: url }, http))).toMatch(
        /the proxy did not answer in time|no (data|answer|connection) within/,
      );
    await expect.poll(() => sockets.every((socket) => socket.destroyed)).toBe(true);
    silent.close();
  });

  it('has a proxy variable that is no URL told as wrong configuration', async () => {
    expect(await messageOf(load(tls.origin, { HTTPS_PROXY: `socks5://${right}127.0.0.1` }))).toMatch(
      /^exit 5 the proxy cannot be used\n {2}HTTPS_PROXY: is not/,
    );
  });
});
