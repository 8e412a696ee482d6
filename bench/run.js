// npm run bench [-- section …] [--large] [--quick]: --large adds 10 million prefixes, --quick takes few rounds.
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { markdown } from './report.js';
import { targetsOf } from './targets.js';

const SECTIONS = [
  'product',
  'processes',
  'aggregation',
  'difference',
  'membership',
  'reverse',
  'budget',
  'churn',
  'pac',
  'gateway',
  'check',
];
const words = process.argv.slice(2);
const options = { large: words.includes('--large'), quick: words.includes('--quick') };
const chosen = words.filter((word) => !word.startsWith('-'));
const sections = [];
for (const name of SECTIONS) {
  if (chosen.length > 0 && !chosen.includes(name)) continue;
  const { run } = await import(`./sections/${name}.js`);
  const results = await run(options);
  sections.push(...results);
  process.stdout.write(`${markdown(results)}\n`);
}
const targets = targetsOf(sections);
if (targets !== undefined) {
  sections.push(targets);
  process.stdout.write(`${markdown([targets])}\n`);
}
const machine = `Node ${process.version}, ${cpus().length} × ${cpus()[0].model}`;
mkdirSync(new URL('./out/', import.meta.url), { recursive: true });
writeFileSync(new URL('./out/results.md', import.meta.url), `${machine}\n\n${markdown(sections)}`);
writeFileSync(
  new URL('./out/results.json', import.meta.url),
  `${JSON.stringify({ machine, sections }, (_, value) => (typeof value === 'bigint' ? `${value}` : value), 2)}\n`,
);
process.stderr.write(`${machine}; also in bench/out/results.md and .json\n`);
