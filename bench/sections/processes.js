import { bundled, programPath } from '../bundle.js';
import { contest, importable, installed, peakMemory, program } from '../contest.js';
import { syntheticIpv4, uncompressed, weeklyFiles, workFile } from '../inputs.js';
import { atMost } from '../targets.js';

const node = (name, ...args) => [process.execPath, bundled(name), ...args];
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
    const contestants = [
      empty,
      program('JSON.parse and nothing else', node('parse-json.js', after)),
      program('azure-allowlist kernel, aggregate', node('aggregate-feed.js', after)),
      program('the same from its modules, not bundled', [
        process.execPath,
        programPath('aggregate-feed.js'),
        after,
      ]),
      program('azure-allowlist kernel, difference', node('difference-feed.js', before, after)),
      program('cidr-tools, aggregate', node('aggregate-feed-cidr-tools.js', after)),
    ];
    const result = withMemory(
      contest({
        title: 'Whole process: a weekly file, all tags, to its exact cover; two files to their differences',
        note: 'Each program is one bundled file, but for one.',
        rounds: quick ? 5 : 21,
        contestants,
      }),
      contestants,
    );
    result.columns = [
      ['name', 'who'],
      ['milliseconds', 'ms'],
      ['ratio', '× an empty node'],
      ['memory', 'peak MB'],
    ];
    const ratio = (name) => result.rows.find((row) => row.name === name).ratio;
    result.targets = [
      atMost('a weekly file to its cover, × an empty node', 2, ratio('azure-allowlist kernel, aggregate')),
      atMost(
        'two files to their differences, × an empty node',
        3,
        ratio('azure-allowlist kernel, difference'),
      ),
      atMost(
        'both families, whole process, × cidr-tools',
        0.5,
        ratio('azure-allowlist kernel, aggregate') / ratio('cidr-tools, aggregate'),
      ),
    ];
    results.push(result);
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
        program("python's ipaddress", ['python3', programPath('aggregate.py'), list], { answer: lines }),
      );
    if (importable('netaddr') && count <= 1e5)
      contestants.push(
        program("python's netaddr", ['python3', programPath('aggregate_netaddr.py'), list], {
          answer: lines,
        }),
      );
    const result = withMemory(
      contest({
        title: `Whole process: a text file of ${label} IPv4 prefixes to its exact cover`,
        rounds: quick || count > 1e6 ? 3 : 9,
        contestants,
      }),
      contestants,
    );
    const iprange = result.rows.find(({ name }) => name === 'iprange');
    if (iprange && count >= 1e6)
      result.targets = [atMost(`${label} IPv4 prefixes, × iprange`, 0.6, 1 / iprange.ratio)];
    results.push(result);
  }
  return results;
}

function withMemory(result, contestants) {
  result.rows.forEach((row, i) => {
    if (!row.verdict.startsWith('failed') && row.name !== 'aggregate')
      row.memory = peakMemory(contestants[i].command);
  });
  return result;
}
