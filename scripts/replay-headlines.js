// Replays weekly files for six sets of targets and compares the line of every target and week with what Python finds
// in the rule files of both trees: `npm run headlines -- DIR [WEEKS [SET]]`. Prints a table; the exit status is 1 if a figure
// differs or a week without a change on any device would have been committed.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { baselineOf } from '../dist/committed/baseline.js';
import { filesReader, readOutputTree } from '../dist/committed/output-tree.js';
import { parseConfig } from '../dist/config/load.js';
import { loadTargets } from '../dist/job.js';
import { planRun } from '../dist/pipeline.js';
import { GUARDS } from '../dist/policy/guards/judge.js';
import { AllowlistError } from '../dist/problem.js';
import { loadTables } from '../dist/products.js';
import { weeklyFiles } from '../dist/replay/weekly-files.js';
import { changesDevices } from '../dist/review/summary.js';
import { addressesOf } from '../dist/review/wording.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const [directory, limit = '60', only] = process.argv.slice(2);
if (directory === undefined) throw new Error('name a directory of weekly files');

const PAC = { allowed: 'DIRECT', otherwise: 'PROXY proxy.example.com:8080' };
const SETS = {
  'names only': { squid: {}, paloalto: {} },
  'addresses only': { iptables: {}, nftables: {}, haproxy: {}, nginx: {}, edl: {} },
  'the four': { pac: PAC, squid: {}, paloalto: {}, iptables: {} },
  'all nine': {
    pac: PAC,
    squid: {},
    paloalto: {},
    iptables: {},
    nftables: {},
    dnsmasq: {},
    edl: {},
    haproxy: {},
    nginx: {},
  },
  // Not FortiOS and the SRX: their objects name no rule, and so no ports.
  'commands, documents': {
    calico: {},
    checkpoint: {},
    'cisco-asa': {},
    'cisco-ftd': {},
    'cisco-ios': {},
    'junos-filter': {},
    kubernetes: {},
    mikrotik: {},
  },
  'a template of a user': { asa: { template: join(root, 'docs/examples/cisco-asa') } },
};
// Python finds prefixes by their form; a PAC file holds numbers. Its figures are those of the others with the same
// addresses, which the live tests hold against the file in pacparser.
const NOT_IN_TEXT = new Set(['pac', 'dnsmasq']);
const PORTS = { connector: ['80', '443'], bus: ['443', '5671'], 'storage-weu': ['443'] };
/** Formats whose lists name no ports, or share their entries between rules. */
const WITHOUT_PORTS = new Set(['edl', 'paloalto']);
/** Formats with a list for each rule, which are used one by one: what one gains is a change, though another had it. */
const LISTS = new Set(['haproxy', 'nginx', 'checkpoint', 'cisco-ftd']);
const portsOf = (id) =>
  Object.fromEntries(
    Object.entries(PORTS).map(([rule, ports]) => [
      rule,
      LISTS.has(id) ? [rule] : WITHOUT_PORTS.has(id) ? ['*'] : ports,
    ]),
  );
// The archive has holes: what a guard holds back there is accepted, as a person would after checking.
const ACCEPT = GUARDS.map(({ name }) => name);

const config = (targets) =>
  parseConfig(
    JSON.stringify({
      version: 1,
      rules: [
        {
          name: 'connector',
          endpoints: ['private-network-connector'],
          serviceTags: ['AzureCloud', 'AzureActiveDirectory'],
        },
        { name: 'bus', serviceTags: ['ServiceBus'], ports: ['443', '5671-5672'] },
        { name: 'storage-weu', serviceTags: ['Storage.WestEurope'], ports: [443] },
      ],
      targets,
      output: 'allowlists',
    }),
    join(root, 'allowlist.yaml'),
  );

const python = spawn('python3', [join(root, 'scripts/rule_file_difference.py')], {
  stdio: ['pipe', 'pipe', 'inherit'],
});
const answers = createInterface({ input: python.stdout })[Symbol.asyncIterator]();
const difference = async (...asked) => {
  python.stdin.write(`${JSON.stringify(asked)}\n`);
  return JSON.parse((await answers.next()).value);
};

const scratch = mkdtempSync(join(tmpdir(), 'headlines-'));
const { weeks } = await weeklyFiles(directory, () => 'public');
const chosen = weeks.slice(0, Number(limit));
let wrong = 0;
console.log('targets                weeks  commits  without a change on a device  lines compared  differ');
for (const [name, targets] of Object.entries(SETS)) {
  if (only !== undefined && name !== only) continue;
  const settings = config(targets);
  const request = {
    config: settings,
    tables: (await loadTables(settings)).tables,
    targets: await loadTargets(settings),
    accept: ACCEPT,
  };
  let tree;
  let folder;
  const counts = { weeks: 0, commits: 0, quiet: 0, compared: 0, differ: 0, refused: 0 };
  for (const [index, week] of chosen.entries()) {
    let plan;
    try {
      plan = planRun({
        ...request,
        feed: await week.load(),
        baseline: await baselineOf(tree),
        today: week.date,
      });
    } catch (error) {
      if (!(error instanceof AllowlistError)) throw error;
      counts.refused++;
      console.error(`${name}, ${week.date}: ${error.message}`);
      continue;
    }
    counts.weeks++;
    const next = join(scratch, `${index}`);
    for (const [path, text] of plan.files) {
      mkdirSync(dirname(join(next, path)), { recursive: true });
      writeFileSync(join(next, path), text);
    }
    const quiet = tree !== undefined && !changesDevices(plan.review);
    if (quiet) counts.quiet++;
    if (!plan.unchanged) counts.commits++;
    if (quiet !== plan.unchanged) {
      wrong++;
      console.error(
        `${name}, ${week.date}: ${quiet ? 'committed without' : 'not committed with'} a change on a device`,
      );
    }
    if (folder !== undefined)
      for (const { id, effect } of plan.review.targets) {
        if (NOT_IN_TEXT.has(id)) continue;
        const found = await difference(join(folder, id), join(next, id), portsOf(id));
        const told = Object.fromEntries(
          ['ipv4', 'ipv6'].map((family) => [
            family,
            {
              gained: `${addressesOf(effect.gained)[family].size}`,
              lost: `${addressesOf(effect.lost)[family].size}`,
            },
          ]),
        );
        counts.compared++;
        if (JSON.stringify(found) !== JSON.stringify(told)) {
          counts.differ++;
          wrong++;
          console.error(
            `${name}, ${week.date}, ${id}: told ${JSON.stringify(told)}, found ${JSON.stringify(found)}`,
          );
        }
      }
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
    folder = next;
    tree = await readOutputTree(filesReader('in force', plan.files));
  }
  console.log(
    `${name.padEnd(22)} ${`${counts.weeks}`.padStart(5)}  ${`${counts.commits}`.padStart(7)}  ${`${counts.quiet}`.padStart(28)}  ${`${counts.compared}`.padStart(14)}  ${`${counts.differ}`.padStart(6)}`,
  );
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
}
python.stdin.end();
rmSync(scratch, { recursive: true, force: true });
process.exitCode = wrong > 0 ? 1 : 0;
