import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { programPath } from '../bundle.js';
import { contest, installed, peakMemory, program } from '../contest.js';
import { uncompressed, weeklyFiles, workFile, workPath } from '../inputs.js';
import { atMost } from '../targets.js';

const PRODUCT = fileURLToPath(new URL('../../dist/program/main.js', import.meta.url));
const TAGS = ['AzureCloud', 'AzureActiveDirectory', 'AzureResourceManager', 'AzureFrontDoor.FirstParty'];

/** The commands of the product as whole processes: four targets, the connector's table and all of AzureCloud. */
export async function run({ quick }) {
  const [before, after] = weeklyFiles('20250728', '20250804').map((path, week) =>
    uncompressed(path, `ServiceTags_Public_2025${week === 0 ? '0728' : '0804'}.json`),
  );
  if (after === undefined) return [];
  const rounds = quick ? 3 : 11;
  const config = workFile(
    'allowlist.yaml',
    `version: 1
guards: { feed-stale: { days: 10000 } }
rules:
  - { name: connector, endpoints: [private-network-connector], serviceTags: [${TAGS.join(', ')}] }
  - { name: storage-weu, serviceTags: [Storage.WestEurope], ports: [443] }
targets: { squid: {}, paloalto: {}, iptables: {}, pac: { otherwise: 'PROXY proxy.example.com:8080' } }
output: tree
`,
  );
  const command = (...args) => [process.execPath, PRODUCT, ...args];
  const week = (feed, out) => command('run', '-c', config, '--feed', feed, '-o', out);
  const tree = workPath('tree');
  execFileSync(process.execPath, week(before, tree).slice(1), { stdio: 'ignore' });
  // A tree of the week before for each time that the next one is run.
  const copies = Array.from({ length: rounds + 2 }, (_, index) => workPath(`tree-${index}`));
  for (const copy of copies) cpSync(tree, copy, { recursive: true });
  const script = workPath('script');
  mkdirSync(script, { recursive: true });
  const contestants = [
    program('node -e 0', [process.execPath, '-e', '0']),
    program('azure-allowlist --version', command('--version')),
    program('check of a host', command('check', '-c', config, '-o', tree, 'login.microsoftonline.com:443')),
    program('check of an address', command('check', '-c', config, '-o', tree, '20.190.128.1:443')),
    program('verify', command('verify', tree)),
    program('run, the next week', undefined),
    program('run, the same week again', week(before, tree)),
    program('diff of two weekly files', command('diff', before, after)),
    ...(installed('python3')
      ? [
          program("two files by a script of python's ipaddress", [
            'python3',
            programPath('weekly.py'),
            after,
            script,
            ...TAGS,
          ]),
        ]
      : []),
  ];
  const next = contestants.find(({ name }) => name === 'run, the next week');
  next.run = () => program(next.name, week(after, copies.pop())).run();
  const result = contest({
    title: 'Whole process: the commands of the product, four targets',
    note: `${TAGS.join(', ')}, Storage.WestEurope and the connector's table; weekly files of 2025-07-28 and 2025-08-04.`,
    rounds,
    contestants,
  });
  result.rows.forEach((row, index) => {
    const { command: timed } = contestants[index];
    if (timed !== undefined) row.memory = peakMemory(timed);
  });
  result.columns = [
    ['name', 'what'],
    ['milliseconds', 'ms'],
    ['ratio', '× an empty node'],
    ['memory', 'peak MB'],
  ];
  const ratio = (name) => result.rows.find((row) => row.name === name).ratio;
  result.targets = [
    atMost('azure-allowlist --version, × an empty node', 1.15, ratio('azure-allowlist --version')),
    atMost('check of a host, × an empty node', 2, ratio('check of a host')),
    atMost('verify of four targets, × an empty node', 4, ratio('verify')),
    atMost('the weekly run of four targets, × an empty node', 4.5, ratio('run, the next week')),
    atMost('a run of the same week again, × an empty node', 2.5, ratio('run, the same week again')),
  ];
  return [result];
}
