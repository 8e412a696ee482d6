import { type ChildProcessWithoutNullStreams, execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ProbeFinding } from '../../src/probe/finding.ts';
import { Authority } from '../support/authority.ts';
import { buildProduct } from '../support/built-product.ts';
import { firstLine, type Namespace } from '../support/gateway.ts';
import { lacks, lacksNamespaces } from '../support/programs.ts';
import { everyAddressLocal, RunningSquid, squidDirectory, writeSquid } from '../support/squid.ts';

const absent =
  lacks('squid', 'dnsmasq', 'iptables', 'ip6tables', 'openssl', 'ip', 'nsenter') || lacksNamespaces();

/** Every host of the table: its address, in both families, and what stands there. */
const HOSTS = {
  'good.example.com': { last: 10 },
  'tenant.bus.example.net': { last: 11 },
  'expired.example.com': { last: 12 },
  'later.example.com': { last: 13 },
  'wrong-name.example.com': { last: 14 },
  'forged.example.com': { last: 15 },
  'dropped.example.com': { last: 20 },
  'reset.example.com': { last: 21 },
  'rejected.example.com': { last: 22 },
  'silent.example.com': { last: 23 },
  'half.example.com': { last: 24 },
  'crl.example.com': { last: 30 },
  'forbidden.example.com': { last: 31 },
} as const;

const address = (host: keyof typeof HOSTS, family: 4 | 6) =>
  family === 4 ? `203.0.113.${HOSTS[host].last}` : `2001:db8::${HOSTS[host].last}`;

const ISSUER = 'Example Services Authority';

const row = (hosts: readonly string[], port: number) =>
  `  - { hosts: ${JSON.stringify(hosts)}, ports: [${port}], purpose: a test, sources: [us], notCovered: a test }`;

const table = (id: string, rows: readonly string[]) => `id: ${id}
title: Made up
cloud: public
confidence: high
sources: [{ id: us, title: Made up, url: "https://example.com/", date: 2026-01-01 }]
rows:
${rows.join('\n')}
`;

interface Report {
  readonly counts: Readonly<Record<ProbeFinding['level'], number>>;
  readonly findings: readonly (ProbeFinding & {
    readonly advice?: { readonly responsible: string; readonly sentence: string };
  })[];
}

describe.skipIf(absent)('probe, against real servers', () => {
  let namespace: Namespace;
  let directory: string;
  let installation: string;
  let removeInstallation: () => void;
  let squid: RunningSquid;
  let services: Authority;
  const children: ChildProcessWithoutNullStreams[] = [];

  const run = async (config: string, ...args: readonly string[]) => {
    const { status, stdout, stderr } = await namespace.run([
      process.execPath,
      join(installation, 'dist/program/main.js'),
      ...['probe', '-c', join(directory, config), '--resolver', '127.0.0.53'],
      ...['--ca', join(directory, 'root.pem'), '--issuer', ISSUER, '--timeout', '2'],
      ...args,
    ]);
    return { status, stdout, stderr };
  };
  const report = async (config: string, ...args: readonly string[]) => {
    const { status, stdout, stderr } = await run(config, '--json', ...args);
    if (stdout === '') throw new Error(stderr);
    return { status, ...(JSON.parse(stdout) as Report) };
  };
  /** `kind level` of the findings about one host, by address or way. */
  const about = ({ findings }: Report, host: string) =>
    findings
      .filter((found) => found.host === host)
      .map(({ kind, level, address: at, route }) => `${at ?? route} ${kind} ${level}`);
  const both = (host: keyof typeof HOSTS, text: string) =>
    ([4, 6] as const).map((family) => `${address(host, family)} ${text}`);

  beforeAll(async () => {
    ({ folder: installation, remove: removeInstallation } = await buildProduct());
    namespace = await everyAddressLocal();
    // A server can listen on an IPv6 address only if it is one of an interface.
    await namespace.script(
      Object.keys(HOSTS)
        .map((host) => `ip address add ${address(host as keyof typeof HOSTS, 6)}/128 dev lo nodad`)
        .join('\n'),
    );
    directory = await squidDirectory();
    services = new Authority(ISSUER);
    const forger = new Authority(ISSUER);
    const inspector = new Authority('Corporate Inspection');
    await writeFile(join(directory, 'root.pem'), services.root.certificate);

    const tls = (host: keyof typeof HOSTS, pair: { readonly key: string; readonly certificate: string }) =>
      ([4, 6] as const).map((family) => ({ address: address(host, family), port: 443, ...pair }));
    const http = (host: keyof typeof HOSTS, status: number) =>
      ([4, 6] as const).map((family) => ({ address: address(host, family), port: 80, status }));
    const right = services.issue(['good.example.com', 'half.example.com', '*.bus.example.net']);
    const origin = namespace.start(
      process.execPath,
      fileURLToPath(new URL('../support/probe-origin.mjs', import.meta.url)),
    );
    children.push(origin);
    origin.stdin.write(
      `${JSON.stringify([
        ...tls('good.example.com', right),
        ...tls('tenant.bus.example.net', right),
        ...tls('half.example.com', right),
        ...tls(
          'expired.example.com',
          services.issue(['expired.example.com'], { from: '20240101000000Z', to: '20240201000000Z' }),
        ),
        ...tls(
          'later.example.com',
          services.issue(['later.example.com'], { from: '20480101000000Z', to: '20490101000000Z' }),
        ),
        ...tls('wrong-name.example.com', services.issue(['other.example.org'])),
        ...tls('forged.example.com', forger.issue(['forged.example.com'])),
        ...http('crl.example.com', 200),
        ...http('forbidden.example.com', 403),
        { address: '203.0.113.40', port: 80, ahead: 7200 },
      ])}\n`,
    );
    await firstLine(origin, 'listening');
    // Takes connections and says nothing.
    const silent = namespace.start(
      process.execPath,
      '-e',
      `require('net').createServer((s) => s.on('error', () => {})).listen(443, '203.0.113.23', () => console.log('listening'))`,
    );
    children.push(silent);
    await firstLine(silent, 'listening');
    forger.remove();

    await namespace.script(`
      for table in iptables ip6tables; do
        case $table in
          iptables) net=203.0.113. unreachable=icmp-host-unreachable;;
          *) net=2001:db8:: unreachable=icmp6-addr-unreachable;;
        esac
        $table -A INPUT -d "$net"${HOSTS['dropped.example.com'].last} -p tcp --syn -j DROP
        $table -A INPUT -d "$net"${HOSTS['reset.example.com'].last} -p tcp --syn -j REJECT --reject-with tcp-reset
        $table -A INPUT -d "$net"${HOSTS['rejected.example.com'].last} -p tcp --syn -j REJECT --reject-with $unreachable
      done
      ip6tables -A INPUT -d ${address('half.example.com', 6)} -p tcp --syn -j DROP
    `);

    await writeFile(
      join(directory, 'dnsmasq.conf'),
      `listen-address=127.0.0.53
bind-interfaces
no-resolv
no-hosts
user=root
pid-file=
${Object.keys(HOSTS)
  .flatMap((host) => [
    `host-record=${host},${address(host as keyof typeof HOSTS, 4)},${address(host as keyof typeof HOSTS, 6)}`,
  ])
  .join('\n')}
host-record=skewed.example.com,203.0.113.40
host-record=edge.cdn.example.org,${address('good.example.com', 4)}
cname=middle.example.com,edge.cdn.example.org
cname=alias.example.com,middle.example.com
host-record=inside.example.com,${address('good.example.com', 4)}
cname=kept.example.com,inside.example.com
local=/com/net/org/
`,
    );
    const dnsmasq = namespace.start('dnsmasq', '--keep-in-foreground', '-C', join(directory, 'dnsmasq.conf'));
    children.push(dnsmasq);
    dnsmasq.stderr.resume();

    const root = inspector.root;
    await writeFile(join(directory, 'inspector.pem'), `${root.certificate}${root.key}`, { mode: 0o644 });
    inspector.remove();
    await writeFile(join(directory, 'passwd'), '');
    execFileSync(
      'sh',
      [
        '-ec',
        '/usr/lib/squid/security_file_certgen -c -s "$1/ssl_db" -M 4MB; chown -R proxy "$1/ssl_db"',
        'sh',
        directory,
      ],
      { stdio: 'pipe' },
    );
    const configuration = await writeSquid(
      directory,
      [],
      Object.keys(HOSTS),
      `auth_param basic program /usr/lib/squid/basic_ncsa_auth ${directory}/passwd
acl authed proxy_auth REQUIRED
acl wants_authentication myport 3129
acl refuses myport 3130
acl inspects myport 3131
sslcrtd_program /usr/lib/squid/security_file_certgen -s ${directory}/ssl_db -M 4MB
sslcrtd_children 1 startup=1 idle=1
sslproxy_cert_error allow all
http_access deny wants_authentication !authed
http_access deny refuses
http_access allow all
acl beginning at_step SslBump1
ssl_bump peek beginning
ssl_bump bump all`,
      `http_port 127.0.0.1:3128
http_port 127.0.0.1:3129
http_port 127.0.0.1:3130
http_port 127.0.0.1:3131 ssl-bump tls-cert=${directory}/inspector.pem generate-host-certificates=on dynamic_cert_mem_cache_size=4MB`,
    );
    // The names of the proxy are served by a file: each resolves to where the servers are.
    await writeFile(
      join(directory, 'hosts'),
      Object.keys(HOSTS)
        .map((host) => `${address(host as keyof typeof HOSTS, 4)} ${host}\n`)
        .join(''),
    );
    squid = await RunningSquid.start(namespace, directory, configuration, []);

    const config = async (name: string, rows: readonly string[]) => {
      await writeFile(join(directory, `${name}-table.yaml`), table(name, rows));
      await writeFile(
        join(directory, `${name}.yaml`),
        `version: 1\nrules: [{ name: connector, endpoints: [{ file: ${name}-table.yaml }] }]\ntargets: { squid: {} }\n`,
      );
    };
    await config('everything', [
      row(
        Object.keys(HOSTS).filter(
          (host) => HOSTS[host as keyof typeof HOSTS].last < 30 && host !== 'tenant.bus.example.net',
        ),
        443,
      ),
      row(['*.bus.example.net', '*.nameless.example.net'], 443),
      row(['crl.example.com', 'forbidden.example.com'], 80),
      row(['gone.example.com', 'alias.example.com', 'kept.example.com'], 443),
    ]);
    await config('good', [
      row(['good.example.com'], 443),
      row(['*.bus.example.net'], 443),
      row(['crl.example.com'], 80),
    ]);
    await config('skewed', [row(['skewed.example.com'], 80)]);
  }, 180_000);

  afterAll(async () => {
    for (const child of children) child.kill('SIGKILL');
    await squid?.stop();
    services?.remove();
    namespace?.close();
    removeInstallation?.();
  });

  it('finds what is wrong on the direct way, and with whom', async () => {
    const found = await report('everything.yaml', '--example', 'tenant.bus.example.net');
    expect(found.status).toBe(2);
    const expected: readonly [host: string, ...findings: string[]][] = [
      ['good.example.com', ...both('good.example.com', 'works good')],
      ['tenant.bus.example.net', ...both('tenant.bus.example.net', 'works good')],
      ['crl.example.com', ...both('crl.example.com', 'works good')],
      // A server that says 403 to "/" is reached all the same.
      ['forbidden.example.com', ...both('forbidden.example.com', 'works good')],
      ['expired.example.com', ...both('expired.example.com', 'certificate-expired blocked')],
      ['later.example.com', ...both('later.example.com', 'certificate-not-yet blocked')],
      ['wrong-name.example.com', ...both('wrong-name.example.com', 'certificate-name blocked')],
      ['forged.example.com', ...both('forged.example.com', 'certificate-untrusted blocked')],
      ['dropped.example.com', ...both('dropped.example.com', 'unanswered blocked')],
      ['reset.example.com', ...both('reset.example.com', 'reset blocked')],
      ['rejected.example.com', ...both('rejected.example.com', 'unreachable blocked')],
      [
        'silent.example.com',
        `${address('silent.example.com', 4)} tls-failed blocked`,
        `${address('silent.example.com', 6)} reset blocked`,
      ],
      [
        'half.example.com',
        `${address('half.example.com', 4)} works good`,
        `${address('half.example.com', 6)} unanswered blocked`,
      ],
      ['gone.example.com', 'direct name-unknown blocked'],
      ['*.nameless.example.net', 'none not-probed unjudged'],
    ];
    for (const [host, ...findings] of expected)
      expect([host, ...about(found, host)]).toEqual([host, ...findings]);
    expect(about(found, 'alias.example.com')[0]).toBe('direct name-outside note');
    expect(found.findings.find(({ kind }) => kind === 'name-outside')!.seen).toBe(
      'an alias of middle.example.com → edge.cdn.example.org, which no row names',
    );
    const cure = (host: string) => found.findings.findLast((one) => one.host === host)!.advice!;
    expect(cure('dropped.example.com')).toMatchObject({
      responsible: 'firewall',
      sentence: expect.stringContaining('The firewall drops the SYN'),
    });
    expect(cure('gone.example.com')).toMatchObject({
      responsible: 'name servers',
      sentence: expect.stringContaining('must resolve gone.example.com'),
    });
    expect(cure('expired.example.com').sentence).toContain('check the clock of this machine');
    expect(found.counts.blocked).toBe(found.findings.filter(({ level }) => level === 'blocked').length);
  });

  it.each([
    ['allows', 3128, 'works good', undefined],
    ['wants authentication', 3129, 'proxy-authentication blocked', 'without authentication'],
    ['refuses', 3130, 'proxy-refuses blocked', 'must allow'],
  ])('a proxy that %s', async (_what, port, expected, cure) => {
    const found = await report(
      'good.yaml',
      '--example',
      'tenant.bus.example.net',
      '--proxy',
      `http://127.0.0.1:${port}`,
    );
    expect(found.status).toBe(cure === undefined ? 0 : 2);
    for (const host of ['good.example.com', 'tenant.bus.example.net', 'crl.example.com'])
      expect([host, ...about(found, host)]).toEqual([host, `proxy ${expected}`]);
    if (cure !== undefined)
      for (const { advice } of found.findings)
        expect(advice).toMatchObject({ responsible: 'proxy', sentence: expect.stringContaining(cure) });
  });

  it('a proxy that intercepts TLS, and one whose own way out is closed', async () => {
    const found = await report(
      'good.yaml',
      '--example',
      'tenant.bus.example.net',
      '--proxy',
      'http://127.0.0.1:3131',
    );
    expect(about(found, 'good.example.com')).toEqual(['proxy tls-intercepted blocked']);
    expect(about(found, 'crl.example.com')).toEqual(['proxy works good']);
    expect(found.findings[0]).toMatchObject({
      seen: 'the certificate was issued by Corporate Inspection',
      advice: { responsible: 'proxy', sentence: expect.stringContaining('exempt it') },
    });
    const through = await report('everything.yaml', '--proxy', 'http://127.0.0.1:3128');
    expect(about(through, 'reset.example.com')).toEqual(['proxy proxy-refuses blocked']);
    expect(through.findings.find(({ host }) => host === 'reset.example.com')!.seen).toMatch(/^50[234] /);
    // The proxy resolves, so that what this machine's name servers say is nobody's business.
    expect(about(through, 'expired.example.com')).toEqual(['proxy certificate-expired blocked']);
  });

  it('a proxy that is not there, or dropped by a firewall', async () => {
    const found = await report('good.yaml', '--proxy', 'http://127.0.0.1:9');
    expect(about(found, 'crl.example.com')).toEqual(['proxy proxy-reset blocked']);
    const dropped = await report('good.yaml', '--proxy', `http://${address('dropped.example.com', 4)}:3128`);
    expect(about(dropped, 'crl.example.com')).toEqual(['proxy proxy-unanswered blocked']);
    expect(dropped.findings[0]!.advice!.responsible).toBe('firewall');
  });

  it('tells a clock that is off, and beside a proxy what fails directly as a note', async () => {
    const found = await report('skewed.yaml', '--family', '4');
    expect(about(found, 'this machine')).toEqual(['none clock-skew blocked']);
    expect(found.findings.at(-1)!.seen).toBe('its clock is 120 minutes behind what the servers say');
    const beside = await report('everything.yaml', '--proxy', 'http://127.0.0.1:3128', '--direct');
    expect(about(beside, 'dropped.example.com').slice(1)).toEqual(
      both('dropped.example.com', 'unanswered note'),
    );
  });

  it('tells the name servers apart from the names', async () => {
    const { stdout } = await namespace.run([
      process.execPath,
      join(installation, 'dist/program/main.js'),
      ...[
        'probe',
        '-c',
        join(directory, 'good.yaml'),
        '--resolver',
        '127.0.0.54',
        '--timeout',
        '1',
        '--json',
      ],
    ]);
    expect(about(JSON.parse(stdout) as Report, 'crl.example.com')).toEqual(['direct name-server blocked']);
  });

  it('prints a table, a sentence a finding, and the counts', async () => {
    const { status, stdout } = await run('good.yaml', '--proxy', 'http://127.0.0.1:3129');
    expect(status).toBe(2);
    expect(stdout).toMatch(/^good\.example\.com +443 +proxy +BLOCKED: proxy-authentication +407 /m);
    expect(stdout.replace(/\s+/g, ' ')).toContain(
      'proxy: The proxy must let this machine reach good.example.com:443 without authentication',
    );
    expect(stdout).toMatch(/3 findings: 0 good, 2 blocked, 0 to note, 1 not judged\.\n$/);
  });

  it('gives no false alarm in a thousand good probes', async () => {
    const rows = Array.from({ length: 500 }, (_, index) => `n${index}.bus.example.net`);
    await writeFile(join(directory, 'many-table.yaml'), table('many', [row(rows, 443)]));
    await writeFile(
      join(directory, 'many.yaml'),
      `version: 1\nrules: [{ name: connector, endpoints: [{ file: many-table.yaml }] }]\ntargets: { squid: {} }\n`,
    );
    const zone = rows
      .map(
        (host) =>
          `host-record=${host},${address('tenant.bus.example.net', 4)},${address('tenant.bus.example.net', 6)}`,
      )
      .join('\n');
    await writeFile(
      join(directory, 'many.conf'),
      `listen-address=127.0.0.55\nbind-interfaces\nno-resolv\nno-hosts\nuser=root\npid-file=\n${zone}\nlocal=/net/\n`,
    );
    const dnsmasq = namespace.start('dnsmasq', '--keep-in-foreground', '-C', join(directory, 'many.conf'));
    children.push(dnsmasq);
    dnsmasq.stderr.resume();
    const { status, stdout } = await namespace.run([
      process.execPath,
      join(installation, 'dist/program/main.js'),
      ...['probe', '-c', join(directory, 'many.yaml'), '--resolver', '127.0.0.55', '--json'],
      ...['--ca', join(directory, 'root.pem'), '--issuer', ISSUER],
    ]);
    const { counts } = JSON.parse(stdout) as Report;
    expect({ status, counts }).toEqual({
      status: 0,
      counts: { good: 1000, blocked: 0, note: 0, unjudged: 0 },
    });
  });
});
