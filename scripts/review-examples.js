// Writes the examples of docs/review.md: what `run` prints for five pairs of real weeks and a week with space that is
// nobody's of Azure. `node scripts/review-examples.js DIR` with the public weekly files rewrites the document, and with
// `--check` compares and exits with 1 if it differs.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

const root = fileURLToPath(new URL('..', import.meta.url));
const document = join(root, 'docs/review.md');
const [given, mode] = process.argv.slice(2);
if (given === undefined) throw new Error('name the directory of the public weekly files');
const directory = resolve(given);

const PAIRS = [
  ['20220502', '20220509'],
  ['20230123', '20230130'],
  ['20240108', '20240115'],
  ['20250714', '20250721'],
  ['20250811', '20250818'],
];
const INTRUDED = ['20250721', '20250728'];
const SPACE = ['1.0.0.0/12', '8.8.0.0/16'];
const CONFIGURATION = {
  version: 1,
  rules: [
    {
      name: 'connector',
      endpoints: ['private-network-connector'],
      serviceTags: ['AzureCloud', 'AzureActiveDirectory'],
    },
    { name: 'storage-weu', serviceTags: ['Storage.WestEurope'], ports: [443] },
  ],
  targets: {
    pac: { allowed: 'DIRECT', otherwise: 'PROXY proxy.example.com:8080' },
    squid: {},
    paloalto: {},
    iptables: {},
  },
  output: 'allowlists',
};

const scratch = mkdtempSync(join(tmpdir(), 'review-examples-'));
const file = (date) => join(directory, `ServiceTags_Public_${date}.json.gz`);

function start(feed, ...flags) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(root, 'dist/program/main.js'), 'run', '--feed', feed, ...flags],
    {
      cwd: scratch,
      encoding: 'utf8',
      env: { PATH: process.env.PATH, HOME: scratch, COLUMNS: '100' },
      timeout: 60_000,
    },
  );
  return { status, stdout: stdout.trimEnd(), stderr: stderr.trimEnd() };
}

function run(feed, ...flags) {
  const { status, stdout, stderr } = start(feed, ...flags);
  if (status !== 0) throw new Error(`${feed}: exit status ${status}: ${stderr}`);
  return stdout;
}

/** A refusal as it is printed, and what the run says that accepts it. */
function refused(before, after) {
  rmSync(join(scratch, 'allowlists'), { recursive: true, force: true });
  run(before);
  const { status, stderr } = start(after);
  if (status !== 3) throw new Error(`${after}: exit status ${status}, a refusal was expected`);
  const said = stderr.split('\n').filter((line) => !line.startsWith('noted: '));
  const accept = /--accept (\S+)/.exec(stderr)[1];
  return `${said.join('\n')}\n\n${run(after, '--accept', accept)}`;
}

function second(before, after) {
  rmSync(join(scratch, 'allowlists'), { recursive: true, force: true });
  run(before);
  return run(after);
}

function intruded(date) {
  const week = JSON.parse(gunzipSync(readFileSync(file(date))));
  week.values.find(({ name }) => name === 'AzureCloud').properties.addressPrefixes.push(...SPACE);
  const path = join(scratch, `ServiceTags_Public_${date}.json`);
  writeFileSync(path, JSON.stringify(week));
  return path;
}

writeFileSync(join(scratch, 'allowlist.yaml'), JSON.stringify(CONFIGURATION));
const dashed = (date) => date.replace(/(....)(..)(..)/, '$1-$2-$3');
const examples = [
  ...PAIRS.map(([before, after]) => [
    `${dashed(before)} → ${dashed(after)}`,
    second(file(before), file(after)),
  ]),
  [
    `${dashed(INTRUDED[0])} → ${dashed(INTRUDED[1])}, with ${SPACE.join(' and ')} put into AzureCloud: the refusal, and the run that accepts it`,
    refused(file(INTRUDED[0]), intruded(INTRUDED[1])),
  ],
];
rmSync(scratch, { recursive: true, force: true });

const BEGIN = '<!-- examples, written by scripts/review-examples.js -->\n';
const END = '<!-- end of the examples -->';
const text = readFileSync(document, 'utf8');
const written = examples
  .map(([title, output]) => `\n**${title}**\n\n\`\`\`text\n${output}\n\`\`\`\n`)
  .join('');
const next = `${text.slice(0, text.indexOf(BEGIN) + BEGIN.length)}${written}\n${text.slice(text.indexOf(END))}`;
if (mode !== '--check') writeFileSync(document, next);
else if (next !== text) {
  console.error('docs/review.md does not show what a run prints; run scripts/review-examples.js');
  process.exitCode = 1;
} else console.log('docs/review.md shows what a run prints');
