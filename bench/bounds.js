// What beyond all measure costs before it is refused: `node bench/bounds.js`, after `npm run build`. Each input is a file that a
// source could serve; time and memory are those of a whole process. `node bench/bounds.js BUILD/dist/program/main.js` measures
// another build, for what was before.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const program = resolve(process.argv[2] ?? join(import.meta.dirname, '../dist/program/main.js'));
const folder = mkdtempSync(join(tmpdir(), 'bounds-'));

/** A weekly file in which the rule's tag has these properties. */
const week = (properties) =>
  `{"changeNumber":1,"cloud":"Public","values":[{"name":"Sql","id":"Sql","properties":{"changeNumber":1,"region":"","regionId":0,"platform":"Azure","systemService":"AzureSQL",${properties}}}]}`;
const prefix = (index) => `"${20 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}.0/24"`;
const list = (count, element) => Array.from({ length: count }, (_, index) => element(index)).join(',');
const sets = (count, names) =>
  `[${list(count, (id) => `{"id":${id + 1},"serviceArea":"Exchange","serviceAreaDisplayName":"Exchange","urls":[${list(names, (index) => `"h${id}-${index}.example.com"`)}],"tcpPorts":"443","expressRoute":false,"category":"Default","required":true}`)}]`;

const RULE = { name: 'sql', serviceTags: ['Sql'], ports: [443] };
const configuration = (more) =>
  JSON.stringify({
    version: 1,
    feed: { cloud: 'public' },
    output: 'out',
    rules: [RULE],
    targets: { iptables: {} },
    guards: { 'special-use': { allow: ['0.0.0.0/0'] } },
    ...more,
  });

const CASES = [
  ['weekly file: 1,000,000 prefixes in a tag', week(`"addressPrefixes":[${list(1_000_000, prefix)}]`)],
  ['weekly file: 250,000 prefixes in a tag, taken', week(`"addressPrefixes":[${list(250_000, prefix)}]`)],
  [
    'weekly file: 1,500,000 bad prefixes',
    week(`"addressPrefixes":[${list(1_500_000, (index) => `"x${index}"`)}]`),
  ],
  [
    'weekly file: 60 MB of unknown keys',
    week(`"addressPrefixes":[],${list(3_600_000, (index) => `"key${index}":0`)}`),
  ],
  [
    'weekly file: 6,000,000 nested lists',
    week(`"addressPrefixes":[],"a":${'['.repeat(6_000_000)}${']'.repeat(6_000_000)}`),
  ],
];

console.log(`${new Date().toISOString().slice(0, 10)}, node ${process.version}: ${program}`);
console.log('input                                              MB   status  seconds  peak MB  says');
try {
  for (const [name, text] of CASES) {
    const file = join(folder, 'ServiceTags_Public_20260105.json');
    writeFileSync(file, text);
    writeFileSync(join(folder, 'allowlist.yaml'), configuration());
    rmSync(join(folder, 'out'), { recursive: true, force: true });
    // Space of nobody's is refused on a first run; here the time is the point.
    measure(name, text.length, ['run', '--feed', file, '--accept', 'new-space']);
  }
  for (const [name, count, names] of [
    ['Microsoft 365: 100,000 names in a set', 1, 100_000],
    ['Microsoft 365: 100,000 sets', 100_000, 1],
    ['Microsoft 365: 20,000 names in 20 sets, taken', 20, 1_000],
  ]) {
    const text = sets(count, names);
    writeFileSync(join(folder, 'm365.json'), text);
    measureM365(name, text.length);
  }
  const rows = list(20_000, (index) => `\n| h${index}.example.com | 443 |`).replaceAll(',', '');
  writeFileSync(join(folder, 'article.md'), `| URL | Port |\n| --- | --- |${rows}\n`);
  measure('endpoints check: 20,000 rows', rows.length, ['endpoints', 'check', join(folder, 'article.md')]);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** Reads the document by itself: a service over HTTP would be measured with it. */
function measureM365(name, size) {
  const script = `import { readFileSync } from 'node:fs';
    import { parseM365Endpoints } from ${JSON.stringify(resolve(program, '../../feed/parse-m365.js'))};
    try {
      const { rows } = parseM365Endpoints(readFileSync('m365.json'), 'm365.json');
      console.error(rows.length + ' sets read');
    } catch (error) {
      console.error(error.message);
      process.exitCode = 4;
    }`;
  writeFileSync(join(folder, 'm365.mjs'), script);
  report(name, size, [join(folder, 'm365.mjs')]);
}

function measure(name, size, args) {
  report(name, size, [program, ...args]);
}

function report(name, size, args) {
  const begin = performance.now();
  const { status, stderr, stdout } = spawnSync(
    '/usr/bin/env',
    ['time', '-f', 'PEAK %M', process.execPath, ...args],
    {
      cwd: folder,
      encoding: 'utf8',
      maxBuffer: 1 << 30,
      timeout: 120_000,
      env: { PATH: process.env.PATH, HOME: folder },
    },
  );
  const seconds = (performance.now() - begin) / 1000;
  const peak = Number(/PEAK (\d+)/.exec(stderr)?.[1] ?? 0) / 1024;
  const lines = `${stderr}${status === 0 ? stdout : ''}`
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('PEAK') && !line.startsWith('Command exited'));
  console.log(
    `${name.padEnd(48)} ${(size / 1e6).toFixed(1).padStart(5)} ${String(status).padStart(7)} ${seconds.toFixed(2).padStart(8)} ${peak.toFixed(0).padStart(8)}  ${(lines.find((line) => line.startsWith('  ')) ?? lines[0] ?? '').trim().slice(0, 110)}`,
  );
}
