import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadEndpointTable } from '../../src/endpoints/load.ts';
import { formatAddress } from '../../src/net/address.ts';
import { formatHostPattern } from '../../src/net/host-pattern.ts';
import { type Method, portsOf } from '../../src/net/method.ts';
import { lastAddress, parsePrefix } from '../../src/net/prefix.ts';
import type { Policy } from '../../src/policy/policy.ts';
import type { RuleFile } from '../../src/targets/render.ts';
import { type Attempt, addressAttempts, nameAttempts } from '../support/attempts.ts';
import { selfSigned } from '../support/certificate.ts';
import { feedsAvailable } from '../support/feeds.ts';
import { firstLine, type Namespace } from '../support/gateway.ts';
import { makePolicy, samplePolicy } from '../support/policy.ts';
import { lacks, lacksNamespaces } from '../support/programs.ts';
import { seededRandom } from '../support/random.ts';
import { buildBundled } from '../support/rule-files.ts';
import { sampleAddresses } from '../support/samples.ts';
import {
  everyAddressLocal,
  listDirectory,
  PROXY_PORT,
  type ProxyRequest,
  parseComplaints,
  RunningSquid,
  squidDirectory,
  writeSquid,
} from '../support/squid.ts';
import { readWeek, tagPrefixes } from '../support/weeks.ts';

const unable = lacks('squid', 'openssl') || lacksNamespaces();

/** The connector's names, and its addresses as a rule of their own, on every port that tells them apart. */
async function connectorPolicy(): Promise<Policy> {
  const table = await loadEndpointTable('private-network-connector');
  const rows = table.rows.filter(({ path }) => path === undefined);
  const names = Object.fromEntries(
    rows.map(({ ports }) => [
      `${ports}`,
      rows.filter((row) => row.ports.equals(ports)).map(({ host }) => formatHostPattern(host)),
    ]),
  );
  const methods = Object.fromEntries(
    rows.flatMap((row) => (row.methods === undefined ? [] : [[formatHostPattern(row.host), row.methods]])),
  );
  const week = readWeek('20250714');
  return makePolicy(
    { name: 'connector', names, methods },
    {
      name: 'azure',
      prefixes: tagPrefixes(week, 'AzureCloud', 'AzureActiveDirectory', 'AzureFrontDoor.FirstParty'),
      ports: '80,443',
    },
    { name: 'storage-weu', prefixes: tagPrefixes(week, 'Storage.WestEurope') },
    { name: 'sql', prefixes: tagPrefixes(week, 'Sql'), ports: '1433,11000-11999' },
  );
}

/** By CONNECT, and on the ports of the web by a plain request as well: a name by what is asked for, an address by both. */
function requests(
  { rules }: Policy,
  attempts: readonly Attempt[],
): { request: ProxyRequest; allowed: boolean }[] {
  const isAllowed = (method: Method, { host, port, allowed }: Attempt) =>
    allowed &&
    (!/[a-z]$/.test(host.toLowerCase()) ||
      host.includes(':') ||
      rules.some(({ names }) =>
        names.some((grant) => grant.hosts.has(host.toLowerCase()) && portsOf(grant, method).has(port)),
      ));
  return attempts.flatMap((attempt) => {
    const { host, port } = attempt;
    return [
      { request: { method: 'CONNECT' as const, host, port }, allowed: isAllowed('tunnel', attempt) },
      ...(port === 80 || port === 443
        ? [{ request: { method: 'GET' as const, host, port }, allowed: isAllowed('plain', attempt) }]
        : []),
    ];
  });
}

async function judge(squid: RunningSquid, policy: Policy, attempts: readonly Attempt[]) {
  const asked = requests(policy, attempts);
  const statuses = await squid.ask(asked.map(({ request }) => request));
  const wrong = asked
    .map(({ request, allowed }, index) => ({ ...request, allowed, status: statuses[index]! }))
    .filter(({ allowed, status }) => (allowed ? status !== 200 && status !== 503 : status !== 403));
  return {
    wrong,
    allowed: asked.filter((each) => each.allowed).length,
    denied: asked.filter((each) => !each.allowed).length,
  };
}

describe.skipIf(unable)('a running Squid', () => {
  let namespace: Namespace;
  beforeAll(async () => {
    namespace = await everyAddressLocal();
  });
  afterAll(() => namespace.close());

  it.each([
    ['the sample', async () => samplePolicy(), 8081],
    ...(feedsAvailable ? [['the connector and a real week', connectorPolicy, 8081] as const] : []),
  ] as const)('allows just what %s allows', async (_, makePolicyOf, wrongPort) => {
    const policy = await makePolicyOf();
    const directory = await squidDirectory();
    const { files } = await buildBundled('squid', policy, { directory: listDirectory(directory) });
    const random = seededRandom(20250714);
    const ports = [80, 443, 1433, 5671, 8080, wrongPort];
    const attempts = [...nameAttempts(policy, ports, random), ...addressAttempts(policy, ports, 400, random)];
    const configuration = await writeSquid(
      directory,
      files,
      attempts.map(({ host }) => host).filter((host) => /[a-z]$/.test(host) && !host.includes(':')),
      `include ${listDirectory(directory)}/azure-allow.conf\nhttp_access deny all`,
    );
    expect(await parseComplaints(namespace, configuration)).toEqual([]);
    const squid = await RunningSquid.start(namespace, directory, configuration, [80, 443, 1433]);
    try {
      const { wrong, allowed, denied } = await judge(squid, policy, attempts);
      expect(wrong).toEqual([]);
      expect(allowed).toBeGreaterThan(50);
      expect(denied).toBeGreaterThan(50);
    } finally {
      await squid.stop();
    }
  });

  it('lets the allowlist pass before proxy authentication, and nothing else', async () => {
    const directory = await squidDirectory();
    const { files } = await buildBundled('squid', samplePolicy(), { directory: listDirectory(directory) });
    const hash = execFileSync('openssl', ['passwd', '-apr1', 'secret'], { encoding: 'utf8' }).trim();
    await writeFile(join(directory, 'passwd'), `user:${hash}\n`, { mode: 0o644 });
    const allowed: ProxyRequest[] = [
      { method: 'CONNECT', host: 'x.example.com', port: 443 },
      { method: 'CONNECT', host: 'login.example.net', port: 443 },
      { method: 'CONNECT', host: '192.0.2.1', port: 443 },
      { method: 'GET', host: 'crl.example.net', port: 80 },
      { method: 'GET', host: 'sub.example.org', port: 80 },
    ];
    const others: ProxyRequest[] = [
      { method: 'CONNECT', host: 'example.com', port: 443 },
      { method: 'CONNECT', host: 'notlogin.example.net', port: 443 },
      { method: 'CONNECT', host: '192.0.2.16', port: 443 },
      { method: 'GET', host: 'crl2.example.net', port: 80 },
      { method: 'GET', host: 'crl.example.net', port: 443 },
    ];
    const hosts = [...allowed, ...others].map(({ host }) => host).filter((host) => /[a-z]$/.test(host));
    const authentication = `auth_param basic program /usr/lib/squid/basic_ncsa_auth ${directory}/passwd
acl authed proxy_auth REQUIRED`;
    const include = `include ${listDirectory(directory)}/azure-allow.conf`;
    const inOrder = async (...lines: readonly string[]) => {
      const configuration = await writeSquid(directory, files, hosts, [authentication, ...lines].join('\n'));
      expect(await parseComplaints(namespace, configuration)).toEqual([]);
      return RunningSquid.start(namespace, directory, configuration, [80, 443]);
    };

    const squid = await inOrder(include, 'http_access deny !authed', 'http_access allow all');
    try {
      expect(await squid.ask(allowed)).toEqual(allowed.map(() => 200));
      expect(await squid.ask(others)).toEqual(others.map(() => 407));
      const known = others.map((request) => ({ ...request, credentials: 'user:secret' }));
      expect(await squid.ask(known)).not.toContain(407);
      const wrong = others.map((request) => ({ ...request, credentials: 'user:guess' }));
      expect(await squid.ask(wrong)).toEqual(others.map(() => 407));
    } finally {
      await squid.stop(false);
    }
    // What the header of the file warns of.
    const late = await inOrder('http_access deny !authed', include, 'http_access allow all');
    try {
      expect(await late.ask(allowed)).toEqual(allowed.map(() => 407));
    } finally {
      await late.stop();
    }
  });

  it('lets only the clients of a rule through, and others meet what comes after', async () => {
    const directory = await squidDirectory();
    // Every address is the namespace's own: the proxy listens on both families, and is asked from any address.
    const policy = makePolicy(
      {
        name: 'own',
        names: { '80,443': ['*.example.com'] },
        clients: ['192.0.2.10', '192.0.2.64/26', '2001:db8::/64'],
      },
      { name: 'open', names: { '443': ['open.example.net'] } },
    );
    const { files } = await buildBundled('squid', policy, { directory: listDirectory(directory) });
    const hash = execFileSync('openssl', ['passwd', '-apr1', 'secret'], { encoding: 'utf8' }).trim();
    await writeFile(join(directory, 'passwd'), `user:${hash}\n`, { mode: 0o644 });
    const lines = `auth_param basic program /usr/lib/squid/basic_ncsa_auth ${directory}/passwd
acl authed proxy_auth REQUIRED
include ${listDirectory(directory)}/azure-allow.conf
http_access deny !authed
http_access allow all`;
    const hosts = ['x.example.com', 'open.example.net'];
    const configuration = await writeSquid(directory, files, hosts, lines, `http_port ${PROXY_PORT}`);
    expect(await parseComplaints(namespace, configuration)).toEqual([]);
    const squid = await RunningSquid.start(namespace, directory, configuration, [80, 443]);
    const own = [80, 443].map((port): ProxyRequest => ({ method: 'CONNECT', host: 'x.example.com', port }));
    const open: ProxyRequest = { method: 'CONNECT', host: 'open.example.net', port: 443 };
    try {
      for (const client of ['192.0.2.10', '192.0.2.127', '2001:db8::7'])
        expect(await squid.ask([...own, open], client), client).toEqual([200, 200, 200]);
      for (const client of ['192.0.2.11', '192.0.2.128', '2001:db8:0:1::7'])
        expect(await squid.ask([...own, open], client), client).toEqual([407, 407, 200]);
    } finally {
      await squid.stop();
    }
  });

  it("needs azure-ports.conf only behind Squid's own deny of ports beyond 443", async () => {
    const directory = await squidDirectory();
    const { files } = await buildBundled('squid', samplePolicy(), { directory: listDirectory(directory) });
    const include = (name: string) => `include ${listDirectory(directory)}/${name}`;
    const site = ['acl SSL_ports port 443', 'http_access deny CONNECT !SSL_ports'];
    const asked: ProxyRequest[] = [
      { method: 'CONNECT', host: '198.18.0.1', port: 1433 },
      { method: 'CONNECT', host: '192.0.2.1', port: 443 },
      { method: 'CONNECT', host: '192.0.2.1', port: 1433 },
    ];
    const ask = async (lines: readonly string[], last: boolean) => {
      const configuration = await writeSquid(directory, files, [], lines.join('\n'));
      expect(await parseComplaints(namespace, configuration)).toEqual([]);
      const squid = await RunningSquid.start(namespace, directory, configuration, [443, 1433]);
      try {
        return await squid.ask(asked);
      } finally {
        await squid.stop(last);
      }
    };
    const deny = 'http_access deny all';
    expect(await ask([include('azure-allow.conf'), ...site, deny], false)).toEqual([200, 200, 403]);
    expect(await ask([...site, include('azure-allow.conf'), deny], false)).toEqual([403, 200, 403]);
    expect(
      await ask([...site, include('azure-allow.conf'), include('azure-ports.conf'), deny], true),
    ).toEqual([200, 200, 403]);
  });

  it('splices the names of the policy and bumps everything else', async () => {
    const directory = await squidDirectory();
    const { files } = await buildBundled('squid', samplePolicy(), { directory: listDirectory(directory) });
    const proxyCa = selfSigned('proxy.example.test');
    await writeFile(join(directory, 'ca.pem'), `${proxyCa.certificate}${proxyCa.key}`, { mode: 0o644 });
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
    const spliced = [
      { host: 'x.example.com', port: 443 },
      { host: 'A.B.Example.COM', port: 443 },
      { host: 'login.example.net', port: 443 },
      { host: 'example.org', port: 443 },
      { host: 'sub.example.org', port: 443 },
      { host: 'q.bus.example.net', port: 8080 },
    ];
    const bumped = [
      { host: 'example.com', port: 443 },
      { host: 'notlogin.example.net', port: 443 },
      { host: 'sub.login.example.net', port: 443 },
      { host: 'login.example.net', port: 8443 },
      { host: 'crl.example.net', port: 443 },
      // Allowed by address, but an address says nothing of who is behind it.
      { host: '192.0.2.1', port: 443 },
      // An allowed name in the handshake opens no tunnel to somewhere else, and none is hidden behind an allowed host.
      { host: 'evil.example', port: 443, sni: 'x.example.com' },
      { host: '127.0.0.1', port: 443, sni: 'login.example.net' },
      { host: '192.0.2.1', port: 443, sni: 'login.example.net' },
      { host: 'x.example.com', port: 443, sni: 'evil.example' },
      { host: 'x.example.com', port: 443, sni: 'login.example.net' },
    ];
    const all = [...spliced, ...bumped];
    const hosts = all.map(({ host }) => host.toLowerCase()).filter((host) => /[a-z]$/.test(host));
    const include = `include ${listDirectory(directory)}/azure-splice.conf`;
    const origin = namespace.start(process.execPath, program('tls-origin'), '443', '8080', '8443');
    const own = selfSigned('origin.example.test');
    const { fingerprint256 } = new X509Certificate(own.certificate);
    origin.stdin.write(`${JSON.stringify(own)}\n`);
    await firstLine(origin, 'listening');
    const whose = async (lines: readonly string[], last: boolean) => {
      const configuration = await writeSquid(
        directory,
        files,
        hosts,
        [
          `sslcrtd_program /usr/lib/squid/security_file_certgen -s ${directory}/ssl_db -M 4MB`,
          'sslcrtd_children 2 startup=1 idle=1',
          'sslproxy_cert_error allow all',
          'http_access allow all',
          ...lines,
        ].join('\n'),
        `http_port 127.0.0.1:${PROXY_PORT} ssl-bump tls-cert=${directory}/ca.pem generate-host-certificates=on dynamic_cert_mem_cache_size=4MB`,
      );
      expect(await parseComplaints(namespace, configuration)).toEqual([]);
      const squid = await RunningSquid.start(namespace, directory, configuration, []);
      try {
        const fingerprints = JSON.parse(
          await namespace.must(
            [process.execPath, program('tls-client'), '127.0.0.1', String(PROXY_PORT)],
            JSON.stringify(all),
          ),
        ) as (string | null)[];
        return fingerprints.map((shown) =>
          shown === null ? 'none' : shown === fingerprint256 ? "the origin's" : "the proxy's",
        );
      } finally {
        await squid.stop(last);
      }
    };
    try {
      expect(await whose([include, 'ssl_bump bump all'], false)).toEqual([
        ...spliced.map(() => "the origin's"),
        ...bumped.map(() => "the proxy's"),
      ]);
      // What the header of the file warns of.
      expect(await whose(['ssl_bump bump all', include], true)).toEqual(all.map(() => "the proxy's"));
    } finally {
      origin.kill('SIGKILL');
    }
  });

  it.each([
    [
      'made-up networks',
      (): string[] => ['198.51.100.0/26', '203.0.113.16/28', '198.51.100.0/24', '203.0.113.0/24'],
    ],
    ...(feedsAvailable
      ? [['a real week', (): string[] => tagPrefixes(readWeek('20250714'), 'Sql', 'AzureCloud')] as const]
      : []),
  ] as const)('loses no address of %s, as lists in published order do', async (_, prefixesOf) => {
    const prefixes = prefixesOf();
    const policy = makePolicy({ name: 'r', prefixes });
    const set = policy.rules[0]!.addresses.ipv4;
    const addresses = [
      ...sampleAddresses(set, 600, seededRandom(3)),
      ...prefixes
        .filter((prefix) => !prefix.includes(':'))
        .filter((_, index, all) => index % Math.ceil(all.length / 400) === 0)
        .map((prefix) => lastAddress(parsePrefix(prefix))),
    ].filter((address) => set.contains(address));
    const asked = addresses.map(
      (address): ProxyRequest => ({ method: 'CONNECT', host: formatAddress(4, address), port: 443 }),
    );

    const lost = async (files: readonly RuleFile[], directory: string, lines: string) => {
      const configuration = await writeSquid(directory, files, [], `${lines}\nhttp_access deny all`);
      const complaints = await parseComplaints(namespace, configuration);
      // Squid 6 does not even start with more than a thousand warnings of this kind.
      const squid = await RunningSquid.start(namespace, directory, configuration, [443]).catch(
        () => undefined,
      );
      if (squid === undefined) return { complaints, lost: asked.length };
      try {
        const statuses = await squid.ask(asked);
        return { complaints, lost: statuses.filter((status) => status !== 200).length };
      } finally {
        await squid.stop();
      }
    };

    const naiveDirectory = await squidDirectory();
    const naive = await lost(
      [{ path: 'naive.txt', text: prefixes.map((prefix) => `${prefix}\n`).join('') }],
      naiveDirectory,
      `acl naive dst -n "${listDirectory(naiveDirectory)}/naive.txt"\nhttp_access allow naive`,
    );
    expect(naive.complaints.join('\n')).toMatch(/is ignored to keep splay tree searching predictable/);
    expect(naive.lost).toBeGreaterThan(0);

    const directory = await squidDirectory();
    const { files } = await buildBundled('squid', policy, { directory: listDirectory(directory) });
    const ours = await lost(files, directory, `include ${listDirectory(directory)}/azure-allow.conf`);
    expect(ours).toEqual({ complaints: [], lost: 0 });
  });
});

function program(name: string): string {
  return fileURLToPath(new URL(`../support/${name}.mjs`, import.meta.url));
}
