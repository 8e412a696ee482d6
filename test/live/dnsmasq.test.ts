import { type ChildProcessWithoutNullStreams, spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { firstLine, Gateway } from '../support/gateway.ts';
import { makePolicy, samplePolicy } from '../support/policy.ts';
import { lacks, lacksNamespaces } from '../support/programs.ts';
import { writeRuleFiles } from '../support/successive-weeks.ts';

const absent = lacks('dnsmasq', 'nft', 'ipset', 'iptables-nft', 'ip', 'nsenter') || lacksNamespaces();
const PORTS = [80, 443, 8085];
/** From these, datagrams come back. */
const UDP_PORTS = [443, 3477, 3478, 3481, 3482];

/** The sample, and names that are asked for over UDP. */
function withDatagrams() {
  const sample = samplePolicy();
  const media = makePolicy(
    { name: 'media', names: { '3478-3481/udp': ['*.turn.example.test'] } },
    { name: 'quic', names: { '443,443/udp': ['quic.example.test'] } },
  );
  return { ...sample, rules: [...sample.rules, ...media.rules] };
}

/** Names that clients look up, each with addresses of its own; nothing else is behind these addresses. */
const HOSTS = [
  ['tenant.example.com', [443]],
  ['a.b.example.com', [443]],
  ['example.com', [443]], // the apex: declared
  ['notexample.com', []],
  ['example.com.evil.test', []],
  ['login.example.net', [443]],
  ['x.login.example.net', [443]], // a subdomain: declared
  ['other.example.net', []],
  ['crl.example.net', [80]],
  ['example.org', [80, 443]],
  ['www.example.org', [80, 443]],
  ['ns.bus.example.net', [443, 8085]],
  ['a.turn.example.test', []],
  ['quic.example.test', [443]],
] as const;

/** The ports on which datagrams to the addresses of a name pass. */
const DATAGRAMS = [
  ['a.turn.example.test', [3478, 3481]],
  ['quic.example.test', [443]],
  ['tenant.example.com', []],
  ['other.example.net', []],
] as const;

const zone = Object.fromEntries([
  ...HOSTS.map(([name], index) => [
    name,
    { a: `203.0.113.${100 + index}`, aaaa: `2001:db8:f::${100 + index}` },
  ]),
  ['alias.example.com', { cname: 'edge.cdn.test' }],
  ['edge.cdn.test', { a: '203.0.113.200', aaaa: '2001:db8:f::200' }],
]) as Record<string, { a: string; aaaa: string }>;

function program(name: string): string {
  return fileURLToPath(new URL(`../support/${name}.mjs`, import.meta.url));
}

describe.skipIf(absent).each(['nftables', 'ipset'])('dnsmasq that fills sets of %s, on a gateway', (sets) => {
  let row: Gateway;
  let directory: string;
  const children: ChildProcessWithoutNullStreams[] = [];

  const lookUp = async (...names: readonly string[]) =>
    JSON.parse(
      await row.client.must([process.execPath, program('dns-client'), '10.99.1.1', ...names]),
    ) as Record<string, string[]>;
  const load = () =>
    row.gateway.must(['env', 'XTABLES=nft', 'RESTART_DNSMASQ=:', 'sh', `${directory}/load.sh`]);
  /** The ports of a name's addresses, of both families alike, that a connection or a datagram gets through to. */
  const open = async (name: string, by: 'dial' | 'send' = 'dial') => {
    const { a, aaaa } = zone[name]!;
    const ports = by === 'dial' ? PORTS : UDP_PORTS;
    const attempts = [a, aaaa].flatMap((address) => ports.map((port) => [address, port] as const));
    const found = await row[by](attempts);
    const [ipv4, ipv6] = [found.slice(0, ports.length), found.slice(ports.length)].map((part) =>
      ports.filter((_port, index) => part[index]),
    );
    expect(ipv6).toEqual(ipv4);
    return ipv4;
  };

  beforeAll(async () => {
    row = await Gateway.open(PORTS, UDP_PORTS);
    // Without a firewall every datagram comes back, once IPv6 has found its neighbours: what is missing later, the
    // rules have taken.
    const { a, aaaa } = zone['a.turn.example.test']!;
    const attempts = [a, aaaa].flatMap((address) => UDP_PORTS.map((port) => [address, port] as const));
    await vi.waitFor(async () => expect(await row.send(attempts)).toEqual(attempts.map(() => true)), 20_000);
    directory = await writeRuleFiles('dnsmasq', withDatagrams(), { sets });
    await load();
    // Datagrams come back from another address than they went to: all that comes from there may pass.
    if (sets === 'nftables')
      await row.gateway.must(
        ['nft', '-f', '-'],
        `table inet filter {
           chain forward {
             type filter hook forward priority filter; policy drop;
             iifname "outside" accept
             meta mark & 0x00001000 == 0x00001000 accept
           }
         }`,
      );
    else
      for (const command of ['iptables-nft', 'ip6tables-nft'])
        await row.gateway.script(`
          ${command} -P FORWARD DROP
          ${command} -A FORWARD -i outside -j ACCEPT
          ${command} -A FORWARD -j AZURE-NAMES
        `);
    const upstream = row.server.start(
      process.execPath,
      program('dns-upstream'),
      '5300',
      JSON.stringify(zone),
    );
    children.push(upstream);
    await firstLine(upstream, 'listening');
    await writeFile(
      `${directory}/dnsmasq.conf`,
      `listen-address=10.99.1.1
bind-interfaces
no-resolv
no-hosts
user=root
pid-file=
server=10.99.2.2#5300
conf-file=${directory}/azure-names.conf
`,
    );
    await row.gateway.must(['dnsmasq', '--test', '-C', `${directory}/dnsmasq.conf`]);
    const dnsmasq = row.gateway.start('dnsmasq', '--keep-in-foreground', '-C', `${directory}/dnsmasq.conf`);
    children.push(dnsmasq);
    dnsmasq.stderr.resume();
  });
  afterAll(() => {
    for (const child of children) child.kill('SIGKILL');
    row?.close();
  });

  it('opens nothing before a name was looked up', async () => {
    expect(
      await Promise.all(['tenant.example.com', 'login.example.net', 'example.org'].map((name) => open(name))),
    ).toEqual([[], [], []]);
    expect(await Promise.all(DATAGRAMS.map(([name]) => open(name, 'send')))).toEqual(DATAGRAMS.map(() => []));
  });

  it('opens the addresses and ports of the names of the policy, and of no look-alike', async () => {
    const names = HOSTS.map(([name]) => name);
    const found = await lookUp(...names);
    expect(found).toEqual(Object.fromEntries(names.map((name) => [name, Object.values(zone[name]!)])));
    const opened = await Promise.all(names.map(async (name) => [name, await open(name)]));
    expect(opened).toEqual(HOSTS.map(([name, ports]) => [name, ports]));
  });

  it('opens them to datagrams where the policy asks for UDP, and on no other port', async () => {
    const opened = await Promise.all(DATAGRAMS.map(async ([name]) => [name, await open(name, 'send')]));
    expect(opened).toEqual(DATAGRAMS);
  });

  it('follows an alias to wherever it leads', async () => {
    expect(await open('edge.cdn.test')).toEqual([]);
    await lookUp('alias.example.com');
    expect(await open('edge.cdn.test')).toEqual([443]);
  });

  it('keeps what is open when the files are loaded again', async () => {
    await load();
    expect(await open('tenant.example.com')).toEqual([443]);
  });

  it('lets an address go in time', async () => {
    const list =
      sets === 'nftables'
        ? ['nft', 'list', 'set', 'inet', 'azure_names', 'connector_443_ipv4_24h']
        : ['ipset', 'list', 'connector_443_4'];
    expect(await row.gateway.must(list)).toMatch(
      sets === 'nftables'
        ? /203\.0\.113\.100 (timeout \S+ )?expires 23h59m/
        : /203\.0\.113\.100 timeout 86[34]\d\d/,
    );
  });
});

describe.skipIf(lacks('dnsmasq'))('dnsmasq', () => {
  it('says whether it can fill sets of nftables, as the README tells to look', () => {
    const { stdout } = spawnSync('dnsmasq', ['--version'], { encoding: 'utf8' });
    expect(stdout).toMatch(/Compile time options:.* nftset\b/);
  });
});
