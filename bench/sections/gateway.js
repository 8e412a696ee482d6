import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { formatIpv4 } from '../../dist/net/address.js';
import { DualStackSet } from '../../dist/net/dual-stack-set.js';
import { PortSet } from '../../dist/net/ports.js';
import { parsePrefix } from '../../dist/net/prefix.js';
import { buildTarget } from '../../dist/targets/build.js';
import { loadTarget } from '../../dist/targets/catalog.js';
import { resolveOptions } from '../../dist/targets/options.js';
import { median } from '../contest.js';
import { randomWords, readTags, syntheticIpv4, weeklyFiles } from '../inputs.js';

const PROGRAMS = ['ip', 'nsenter', 'nft', 'ipset', 'iptables-legacy', 'iptables-nft', 'python3'];
const SECONDS = '0.7';
const ROUNDS = 5;

/** Packets a second that a gateway forwards: our sets, no rules at all, one rule a prefix. */
export async function run() {
  const missing = PROGRAMS.filter((name) => spawnSync('which', [name]).status !== 0);
  if (missing.length > 0 || spawnSync('unshare', ['-n', 'true']).status !== 0) {
    process.stderr.write(
      `Gateway: left out, ${missing.join(', ') || 'the right to make namespaces'} is missing\n`,
    );
    return [];
  }
  process.stderr.write('Gateway\n');
  const file = weeklyFiles('20250818').at(0);
  const published = (file ? readTags(file).get('AzureCloud') : syntheticIpv4(8000)).filter(
    (text) => !text.includes(':'),
  );
  const set = DualStackSet.fromPrefixes(published.map(parsePrefix));
  const cover = set.ipv4.cover();
  const [nftables, iptables] = [await written('nftables', set), await written('iptables', set)];
  const contestants = [
    { name: 'no rules', rules: 0, script: 'true' },
    {
      name: 'nftables, as generated',
      rules: cover.length,
      script: `sh ${nftables}/load.sh\n${ownTable}`,
    },
    ...['nft', 'legacy'].flatMap((backend) => [
      {
        name: `ipset and iptables (${backend}), as generated`,
        rules: cover.length,
        script: `cd ${iptables}; ipset restore -file azure.ipset
          iptables-${backend}-restore --noflush iptables.rules
          iptables-${backend} -P FORWARD DROP; iptables-${backend} -A FORWARD -j AZURE-ALLOW`,
      },
      {
        name: `iptables (${backend}), one rule a published prefix`,
        rules: published.length,
        script: `iptables-${backend}-restore ${naive(published)}`,
      },
    ]),
  ];
  const targets = sampled(set.ipv4);
  const row = await gateway();
  try {
    const rates = contestants.map(() => []);
    for (let round = 0; round < ROUNDS; round++)
      for (const [index, { name, script }] of contestants.entries()) {
        sh(row.gateway, `${CLEAN}\n${script}`);
        rates[index].push(rate(row, targets, name));
      }
    return [
      {
        title: 'A gateway: packets a second',
        note: `AzureCloud, IPv4, ${published.length.toLocaleString('en')} published prefixes, ${cover.length.toLocaleString('en')} after aggregation; TCP segments to ${targets.length} addresses within, by one sender, over two veth pairs. Ratios are medians of the ratios within one round.`,
        columns: [
          ['name', 'rules of the gateway'],
          ['entries', 'entries'],
          ['rate', 'packets/s'],
          ['share', 'of no rules'],
        ],
        rows: contestants.map(({ name, rules }, index) => ({
          name,
          entries: rules,
          rate: Math.round(median(rates[index])),
          share: median(rates[index].map((found, round) => found / rates[0][round])),
        })),
      },
    ];
  } finally {
    for (const { child } of Object.values(row)) child.kill('SIGKILL');
  }
}

const CLEAN = `nft flush ruleset
  iptables-legacy -P FORWARD ACCEPT; iptables-legacy -F; iptables-legacy -X
  ipset destroy`;

const ownTable = `nft -f - <<'END'
table inet filter {
  chain forward {
    type filter hook forward priority filter; policy drop;
    meta mark & 0x00001000 == 0x00001000 accept
  }
}
END`;

async function written(id, addresses) {
  const target = await loadTarget(id);
  const rule = {
    ...{ name: 'azure', reason: 'bench', names: [], rows: [], tags: [], prefixes: [] },
    ...{ addresses, addressPorts: PortSet.of(80, 443), addressUse: 'always' },
  };
  const policy = { rules: [rule], digest: '0'.repeat(64) };
  const options = resolveOptions(target.manifest, {}, id);
  const directory = mkdtempSync(join(tmpdir(), `bench-${id}-`));
  for (const { path, text } of buildTarget(policy, { id, target, options }).files)
    writeFileSync(join(directory, path), text);
  return directory;
}

/** As one would write it down without sets. */
function naive(prefixes) {
  const path = join(mkdtempSync(join(tmpdir(), 'bench-naive-')), 'iptables.rules');
  const rules = prefixes.map(
    (prefix) => `-A FORWARD -p tcp -d ${prefix} -m multiport --dports 80,443 -j ACCEPT\n`,
  );
  writeFileSync(path, `*filter\n:FORWARD DROP [0:0]\n${rules.join('')}COMMIT\n`);
  return path;
}

/** A thousand addresses from anywhere in the set. */
function sampled(addresses) {
  const ranges = [...addresses.ranges()];
  const next = randomWords(1);
  return Array.from({ length: 1000 }, () => {
    const { first, last } = ranges[next() % ranges.length];
    return formatIpv4(Number(first + (BigInt(next()) % (last - first + 1n))));
  });
}

/** Client, gateway and server, each a network namespace, in a row; the server drops what it has counted. */
async function gateway() {
  const [client, middle, server] = await Promise.all([namespace(), namespace(), namespace()]);
  sh(
    middle,
    `ip link add inside type veth peer name uplink netns ${client.child.pid}
     ip link add outside type veth peer name uplink netns ${server.child.pid}
     ip address add 10.99.1.1/24 dev inside; ip address add 10.99.2.1/24 dev outside
     ip link set inside up; ip link set outside up; ip route add default via 10.99.2.2
     echo 1 > /proc/sys/net/ipv4/ip_forward`,
  );
  sh(
    client,
    'ip address add 10.99.1.2/24 dev uplink; ip link set uplink up; ip route add default via 10.99.1.1',
  );
  sh(
    server,
    `ip address add 10.99.2.2/24 dev uplink; ip link set uplink up
     nft 'table ip counted { chain arrivals { type filter hook prerouting priority raw; policy drop; }; }'`,
  );
  return { client, gateway: middle, server };
}

async function namespace() {
  const child = spawn('unshare', ['-n', 'sh', '-c', 'ip link set lo up; echo up; exec sleep 600']);
  await once(child.stdout, 'data');
  return { child };
}

function inside({ child }, command, input) {
  const { status, stdout, stderr } = spawnSync('nsenter', [`--net=/proc/${child.pid}/ns/net`, ...command], {
    input,
    encoding: 'utf8',
    timeout: 60_000,
  });
  if (status !== 0) throw new Error(`${command.join(' ')}: ${stderr}`);
  return stdout;
}

function sh(where, script) {
  return inside(where, ['sh', '-e'], script);
}

function rate({ client, server }, targets, name) {
  const sender = fileURLToPath(new URL('../programs/send-segments.py', import.meta.url));
  const received = () => Number(/uplink:\s*\d+\s+(\d+)/.exec(inside(server, ['cat', '/proc/net/dev']))[1]);
  const before = received();
  const [sent, seconds] = inside(client, ['python3', sender, SECONDS], targets.join('\n'))
    .split(' ')
    .map(Number);
  const passed = received() - before;
  if (passed < 0.99 * sent) throw new Error(`${name}: ${passed} of ${sent} packets came through`);
  return passed / seconds;
}
