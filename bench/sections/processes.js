import { fileURLToPath } from 'node:url';
import { contest, importable, installed, peakMemory, program } from '../contest.js';
import { syntheticIpv4, uncompressed, weeklyFiles, workFile } from '../inputs.js';

const path = (name) => fileURLToPath(new URL(`../programs/${name}`, import.meta.url));
const node = (name, ...args) => [process.execPath, path(name), ...args];
/** iprange writes a host without "/32"; order and everything else are alike. */
const lines = (output) =>
  output
    .toString()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => (line.includes('/') ? line : `${line}/32`))
    .join('\n');

/** Whole processes, from start to exit: what a shell script pays. */
export async function run({ large, quick }) {
  const results = [];
  const empty = program('node -e 0', [process.execPath, '-e', '0']);
  const files = weeklyFiles('20250804', '20250818');
  if (files.length >= 2) {
    const [before, after] = [uncompressed(files[0], 'before.json'), uncompressed(files.at(-1), 'after.json')];
    const aggregate = node('aggregate-feed.js', after);
    const difference = node('difference-feed.js', before, after);
    results.push(
      withMemory(
        contest({
          title: 'Whole process: a weekly file, all tags, to its exact cover; two files to their differences',
          note: 'Ratios to an empty node.',
          rounds: quick ? 3 : 21,
          contestants: [
            empty,
            program('JSON.parse and nothing else', node('parse-json.js', after)),
            program('azure-allowlist kernel, aggregate', aggregate),
            program('azure-allowlist kernel, difference', difference),
            program('cidr-tools, aggregate', node('aggregate-feed-cidr-tools.js', after)),
          ],
        }),
        [
          [process.execPath, '-e', '0'],
          node('parse-json.js', after),
          aggregate,
          difference,
          node('aggregate-feed-cidr-tools.js', after),
        ],
      ),
    );
  }
  for (const [label, count] of [
    ['10 thousand', 1e4],
    ['100 thousand', 1e5],
    ['1 million', 1e6],
    ...(large ? [['10 million', 1e7]] : []),
  ]) {
    const list = workFile(`${count}.txt`, `${syntheticIpv4(count).join('\n')}\n`);
    const contestants = [
      program('azure-allowlist kernel', node('aggregate-list.js', list), { answer: lines }),
    ];
    if (installed('iprange')) contestants.push(program('iprange', ['iprange', list], { answer: lines }));
    if (installed('aggregate') && count <= 1e4)
      contestants.push(program('aggregate', ['aggregate', '-q'], { answer: lines, input: list }));
    if (installed('python3') && count <= (quick ? 1e5 : 1e6))
      contestants.push(
        program("python's ipaddress", ['python3', path('aggregate.py'), list], { answer: lines }),
      );
    if (importable('netaddr') && count <= 1e5)
      contestants.push(
        program("python's netaddr", ['python3', path('aggregate_netaddr.py'), list], { answer: lines }),
      );
    results.push(
      withMemory(
        contest({
          title: `Whole process: a text file of ${label} IPv4 prefixes to its exact cover`,
          rounds: quick || count > 1e6 ? 3 : 9,
          contestants,
        }),
        contestants.map(({ command }) => command),
      ),
    );
  }
  return results;
}

function withMemory(result, commands) {
  result.rows.forEach((row, i) => {
    if (!row.verdict.startsWith('failed') && row.name !== 'aggregate') row.memory = peakMemory(commands[i]);
  });
  return result;
}
