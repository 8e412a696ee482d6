import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Netmask } from 'netmask';
import { loadEndpointTable } from '../../dist/endpoints/load.js';
import { formatIpv4 } from '../../dist/net/address.js';
import { DualStackSet } from '../../dist/net/dual-stack-set.js';
import { HostSet } from '../../dist/net/host-set.js';
import { PortSet } from '../../dist/net/ports.js';
import { formatPrefix, parsePrefix } from '../../dist/net/prefix.js';
import { buildTarget } from '../../dist/targets/build.js';
import { loadTarget } from '../../dist/targets/catalog.js';
import { randomWords, readTags, syntheticIpv4, weeklyFiles } from '../inputs.js';

const OPTIONS = { allowed: 'DIRECT', otherwise: 'PROXY proxy.corp.example:8080' };

/** Lookups of the PAC file for the connector and AzureCloud by address, against a chain of isInNet lines. */
export async function run() {
  const file = weeklyFiles('20250818').at(0);
  const texts = (file ? readTags(file).get('AzureCloud') : syntheticIpv4(1e4)).filter(
    (text) => !text.includes(':'),
  );
  const addresses = DualStackSet.fromPrefixes(texts.map(parsePrefix));
  const table = await loadEndpointTable('private-network-connector');
  const hosts = HostSet.fromPatterns(
    table.rows.filter(({ path }) => path === undefined).map(({ host }) => host),
  );
  const ports = PortSet.of(80, 443);
  const rule = {
    ...{ name: 'connector', reason: 'bench', names: [{ hosts, ports }], rows: [], tags: [], prefixes: [] },
    ...{ addresses, addressPorts: ports, addressUse: 'always' },
  };
  const target = await loadTarget('pac');
  const policy = { rules: [rule], digest: '0'.repeat(64) };
  const ours = buildTarget(policy, { id: 'pac', target, options: OPTIONS }).files[0].text;
  const chains = [addresses.ipv4.cover().map(formatPrefix), texts].map((prefixes) => chain(hosts, prefixes));
  const files = [ours, ...chains];
  const names = ['azure-allowlist', 'isInNet lines, aggregated', 'isInNet lines, as published'];
  const questions = questionsOf(hosts, addresses);
  const path = (name) => fileURLToPath(new URL(`../programs/${name}`, import.meta.url));
  const isolated = spawnSync('unshare', ['-n', 'true']).status === 0;
  const engines = [
    { engine: 'node', command: [process.execPath, path('pac-rates.js'), 'node'], present: true },
    {
      engine: 'Chromium',
      command: ['unshare', '-n', process.execPath, path('pac-rates.js'), 'chromium'],
      present: isolated && existsSync('/usr/bin/chromium'),
    },
    {
      // Its isInNet looks names up, which fails at once in a namespace of its own; and it is slow.
      engine: 'pacparser',
      command: ['unshare', '-n', '/usr/bin/python3', path('pac-rates.py')],
      present: isolated && spawnSync('/usr/bin/python3', ['-c', 'import pacparser']).status === 0,
      few: 40,
    },
  ];
  const rows = [];
  for (const { engine, command, present, few } of engines) {
    process.stderr.write(`PAC: ${engine}\n`);
    if (!present) {
      rows.push({ name: engine, verdict: 'not installed, or no namespace for it' });
      continue;
    }
    const asked = questions.slice(0, few);
    const tried = few === undefined ? files : files.slice(0, 2);
    const [program, ...args] = command;
    const { status, stdout, stderr } = spawnSync(program, args, {
      input: JSON.stringify({ files: tried, questions: asked, milliseconds: 1500 }),
      maxBuffer: 2 ** 28,
      timeout: 120_000,
    });
    if (status !== 0) throw new Error(`${engine}: ${stderr}`);
    const measured = JSON.parse(stdout);
    for (const [index, { rate, same }] of measured.entries())
      rows.push({
        name: `${engine}: ${names[index]}`,
        bytes: files[index].length,
        rate: Math.round(rate),
        ratio: measured[0].rate / rate,
        verdict: `${same} of ${asked.length} answers as ours`,
      });
  }
  return [
    {
      title: 'PAC: lookups of hosts and addresses',
      note: `The names of private-network-connector and ${texts.length.toLocaleString('en')} IPv4 prefixes of AzureCloud; half of the questions inside.`,
      columns: [
        ['name', 'who'],
        ['bytes', 'bytes'],
        ['rate', 'lookups/s'],
        ['ratio', 'ours is faster by'],
        ['verdict', ''],
      ],
      rows,
    },
  ];
}

/** The way such files are usually written. */
function chain(hosts, prefixes) {
  const lines = [
    ...hosts
      .patterns()
      .include.flatMap(({ name, apex, subdomains }) => [
        ...(apex ? [`if (host == "${name}") return "${OPTIONS.allowed}";`] : []),
        ...(subdomains ? [`if (shExpMatch(host, "*.${name}")) return "${OPTIONS.allowed}";`] : []),
      ]),
    ...prefixes.map((prefix) => {
      const { base, mask } = new Netmask(prefix);
      return `if (isInNet(host, "${base}", "${mask}")) return "${OPTIONS.allowed}";`;
    }),
  ];
  return `function FindProxyForURL(url, host) {\n${lines.join('\n')}\nreturn "${OPTIONS.otherwise}";\n}\n`;
}

function questionsOf(hosts, addresses) {
  const next = randomWords(9);
  const ranges = [...addresses.ipv4.ranges()];
  const patterns = hosts.patterns().include;
  return Array.from({ length: 1000 }, (_, index) => {
    const { first, last } = ranges[next() % ranges.length];
    const { name, subdomains } = patterns[next() % patterns.length];
    const host = [
      () => formatIpv4(Number(first) + (next() % Number(last - first + 1n))),
      () => formatIpv4(next()),
      () => (subdomains ? `a${next()}.${name}` : name),
      () => `www${next()}.example.com`,
    ][index % 4]();
    return { url: `https://${host}/`, host };
  });
}
