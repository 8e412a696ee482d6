// Replays weekly files into one git repository, as a job that commits does, and asks git and `history` about it:
// `node scripts/replay-into-git.js DIR [WEEKS]`. Where there are fewer files than weeks, they follow once more, the last first,
// under later dates. The exit status is 1 if a commit, a file or a figure is not what the run of its week said.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { parseConfig } from '../dist/config/load.js';
import { runJob } from '../dist/job.js';
import { GUARDS } from '../dist/policy/guards/judge.js';
import { weeklyFiles } from '../dist/replay/weekly-files.js';
import { changesDevices, partsOfReview, summarise } from '../dist/review/summary.js';
import { addressesOf } from '../dist/review/wording.js';

const [directory, wanted = '100'] = process.argv.slice(2);
if (directory === undefined) throw new Error('name a directory of weekly files');
const program = fileURLToPath(new URL('../dist/program/main.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'replay-into-git-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const git = (...args) =>
  execFileSync('git', args, { cwd: folder, encoding: 'utf8', maxBuffer: 2 ** 30 }).trimEnd();
git('init', '--quiet', '--initial-branch=main');
git('config', 'user.name', 'A Job');
git('config', 'user.email', 'job@example.com');

const TARGETS = ['pac', 'squid', 'paloalto', 'iptables'];
const CONFIGURATION = `version: 1
rules:
  - { name: connector, endpoints: [private-network-connector], serviceTags: [AzureCloud, AzureActiveDirectory, AzureResourceManager] }
  - { name: bus, serviceTags: [ServiceBus], ports: [443, 5671] }
  - { name: storage-weu, serviceTags: [Storage.WestEurope], ports: [443] }
targets:
  pac: { otherwise: 'PROXY proxy.example.com:8080' }
  squid: {}
  paloalto: {}
  iptables: {}
publish: { git: true }
`;

const found = await weeklyFiles(directory, () => 'public');
const files = found.weeks.map(({ name, date }) => ({ path: join(directory, name), date }));
const weeks = [...files];
for (
  let index = files.length - 2, day = new Date(files.at(-1).date);
  weeks.length < Number(wanted) && index >= 0;
  index--
) {
  day = new Date(day.getTime() + 7 * 24 * 3600 * 1000);
  weeks.push({ path: files[index].path, date: day.toISOString().slice(0, 10) });
}
weeks.length = Math.min(weeks.length, Number(wanted));

const wrong = [];
const runs = [];
const begin = performance.now();
for (const { path, date } of weeks) {
  const bytes = readFileSync(path);
  const feed = join(folder, '.git', `ServiceTags_Public_${date.replaceAll('-', '')}.json`);
  writeFileSync(feed, path.endsWith('.gz') ? gunzipSync(bytes) : bytes);
  const before = git('rev-list', '--count', '--all');
  const { outcome, review, commit, change } = await runJob({
    config: parseConfig(CONFIGURATION, join(folder, 'allowlist.yaml')),
    feed,
    dryRun: false,
    // The archive has holes: what a guard holds back there is accepted, as a person would after checking.
    accept: GUARDS.map(({ name }) => name),
    offline: true,
    cacheDirectory: undefined,
    environment: {},
    today: date,
    report: () => {},
  });
  rmSync(feed);
  const isCommit = Number(git('rev-list', '--count', '--all')) - Number(before);
  if (isCommit !== Number(commit !== undefined))
    wrong.push(`${date}: ${isCommit} commits, the run says ${commit ?? 'none'}`);
  if (changesDevices(review) !== (commit !== undefined))
    wrong.push(`${date}: ${outcome}, ${summarise(review)}`);
  if (commit === undefined) continue;
  if (git('status', '--porcelain', '--', 'allowlists') !== '')
    wrong.push(`${date}: something is not committed`);
  const changed = git('show', '--name-only', '--format=', commit).split('\n').sort();
  const said = [...change.written, ...change.removed].map((name) => `allowlists/${name}`).sort();
  if (changed.join() !== said.join()) wrong.push(`${date}: git has ${changed}, the run says ${said}`);
  // What is newly on another port is told of that port.
  const { whole } = partsOfReview(review);
  runs.push({
    date,
    commit,
    subject: summarise(review),
    gained: addressesOf(whole.gained),
    lost: addressesOf(whole.lost),
    quiet: review.targets
      .filter(({ files: own }) => own.every(({ presence }) => presence === 'unchanged'))
      .map(({ id }) => id),
  });
}
const seconds = (performance.now() - begin) / 1000;

// A target of which nothing changes has no file in the commit.
for (const { date, commit, quiet } of runs)
  for (const path of git('show', '--name-only', '--format=', commit).split('\n'))
    if (quiet.some((id) => path.startsWith(`allowlists/${id}/`)))
      wrong.push(`${date}: ${path} changes, and the review says it does not`);

// Between any two commits just those files differ whose bytes do, whatever lies between.
const blobs = new Map();
const blobsOf = (commit) => {
  if (!blobs.has(commit))
    blobs.set(
      commit,
      new Map(
        git('ls-tree', '-r', commit)
          .split('\n')
          .map((line) => /^\d+ blob ([0-9a-f]+)\t(.*)$/.exec(line))
          .map(([, blob, path]) => [path, blob]),
      ),
    );
  return blobs.get(commit);
};
let pairs = 0;
for (let index = 0; index < runs.length; index++)
  for (let other = index + 1; other < runs.length; other += 7) {
    const [one, two] = [blobsOf(runs[index].commit), blobsOf(runs[other].commit)];
    const differ = [...new Set([...one.keys(), ...two.keys()])].filter(
      (path) => one.get(path) !== two.get(path),
    );
    const told = git('diff', '--name-only', '--no-renames', runs[index].commit, runs[other].commit);
    if (told.split('\n').sort().join() !== differ.sort().join())
      wrong.push(`${runs[index].date}..${runs[other].date}: ${told}`);
    for (const path of differ)
      if (!path.startsWith('allowlists/')) wrong.push(`${runs[index].date}..${runs[other].date}: ${path}`);
    pairs++;
  }

const subjects = git('log', '--reverse', '--format=%s').split('\n');
if (subjects.join('\n') !== runs.map(({ subject }) => subject).join('\n'))
  wrong.push('the subjects are not the headlines of the runs');
const long = git('log', '--format=%B%x00')
  .split('\0')
  .filter((text) => text.trim().split('\n').length >= 60);
if (long.length > 0) wrong.push(`${long.length} messages of 60 lines and more`);

const { revisions } = JSON.parse(
  execFileSync(process.execPath, [program, 'history', 'allowlists', '--format', 'json'], {
    cwd: folder,
    encoding: 'utf8',
    maxBuffer: 2 ** 30,
  }),
);
if (revisions.length !== runs.length)
  wrong.push(`history has ${revisions.length} revisions, there were ${runs.length} runs`);
for (const [index, { id, change }] of revisions.entries()) {
  const { commit, date, gained, lost } = runs[index];
  if (id !== commit) wrong.push(`${date}: history has ${id}`);
  if (change === null || index === 0) continue;
  const figures = [
    change.addresses.gained.ipv4,
    change.addresses.lost.ipv4,
    change.addresses.gained.ipv6,
    change.addresses.lost.ipv6,
  ];
  const ours = [gained.ipv4.size, lost.ipv4.size, gained.ipv6.size, lost.ipv6.size].map(String);
  if (figures.join() !== ours.join()) wrong.push(`${date}: history says ${figures}, the run ${ours}`);
}

const size = () => {
  const told = Object.fromEntries(
    git('count-objects', '-v')
      .split('\n')
      .map((line) => line.split(': ')),
  );
  return ((Number(told.size) + Number(told['size-pack'])) / 1024).toFixed(1);
};
const loose = size();
git('gc', '--quiet', '--aggressive', '--prune=now');
console.log(`| weeks | commits | weeks without a change on a device | seconds | pairs of commits | repository, MiB | after \`git gc\`, MiB | wrong |
|--:|--:|--:|--:|--:|--:|--:|--:|
| ${weeks.length} | ${runs.length} | ${weeks.length - runs.length} | ${seconds.toFixed(0)} | ${pairs} | ${loose} | ${size()} | ${wrong.length} |

Targets: ${TARGETS.join(', ')}. The last five subjects:

${subjects
  .slice(-5)
  .map((subject) => `- ${subject}`)
  .join('\n')}`);
for (const one of wrong.slice(0, 20)) console.error(one);
process.exitCode = wrong.length === 0 ? 0 : 1;
