import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { BlockList } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ipRangeCheck from 'ip-range-check';
import { Netmask } from 'netmask';
import { planLockedTarget } from '../../dist/committed/locked-target.js';
import { directoryReader, readOutputTree } from '../../dist/committed/output-tree.js';
import { formatIpv4 } from '../../dist/net/address.js';
import { prepareAnswers } from '../../dist/policy/answer.js';
import { parseQuery } from '../../dist/policy/query.js';
import { median } from '../contest.js';
import { randomWords, uncompressed, weeklyFiles, workFile } from '../inputs.js';

const COUNT = 1_000_000;
const path = (name) => fileURLToPath(new URL(name, import.meta.url));

/** Which of a million addresses are allowed? Half of them inside the rules, half anywhere. */
export async function run() {
  const feed = weeklyFiles('20250818').at(0);
  const directory = feed === undefined ? sampleTree() : treeOf(feed);
  const tree = await readOutputTree(directoryReader(directory));
  const { ipv4 } = tree.policy.rules[0].addresses;
  const published = tree.policy.rules[0].tags.flatMap(({ prefixes }) =>
    prefixes.filter(({ family }) => family === 4),
  );
  const prefixes = published.map(({ first, length }) => `${formatIpv4(Number(first))}/${length}`);
  const numbers = addresses(ipv4);
  const texts = Array.from(numbers, formatIpv4);
  const list = workFile('addresses.txt', `${texts.join('\n')}\n`);

  // The command looks up, writes and counts; the truth for the others is what it wrote.
  const command = [path('../../dist/program/main.js'), 'check', '--out', directory];
  const lookUp = () => {
    const begin = performance.now();
    const input = readFileSync(list);
    const { status, stdout, stderr } = spawnSync(process.execPath, command, {
      input,
      maxBuffer: 2 ** 30,
      timeout: 300_000,
    });
    if (status !== 0 && status !== 2) throw new Error(`azure-allowlist check: ${stderr}`);
    return { time: performance.now() - begin, stdout };
  };
  process.stderr.write('check: azure-allowlist check, a process\n');
  const first = lookUp();
  const truth = truthOf(first.stdout.toString(), texts);
  const runs = [first, lookUp(), lookUp()].map(({ time }) => COUNT / time / 1000);

  const targets = [];
  for (const [id, locked] of Object.entries(tree.lock.targets)) {
    const { target, plan } = await planLockedTarget(tree, id, locked);
    targets.push({ id, addressMatch: target.manifest.capabilities.addressMatch, ...plan });
  }
  const { brief } = prepareAnswers(tree.policy, targets);
  const blockList = new BlockList();
  for (const { first, length } of published) blockList.addSubnet(formatIpv4(Number(first)), length, 'ipv4');
  const masks = prefixes.map((text) => new Netmask(text));
  const numeric = published.map(({ first, length }) => {
    const size = 2 ** (32 - length);
    return { first: Number(first), last: Number(first) + size - 1 };
  });
  const contestants = [
    [
      'prepareAnswers(…).brief, in process, text parsed',
      COUNT,
      (i) => brief(parseQuery(texts[i])).verdict === 'allowed',
    ],
    ['naive loop over the prefixes as numbers', 5000, (i) => naive(numeric, texts[i])],
    ['node:net BlockList', 500, (i) => blockList.check(texts[i], 'ipv4')],
    ['netmask in a loop', 100, (i) => masks.some((mask) => mask.contains(texts[i]))],
    ['ip-range-check', 10, (i) => ipRangeCheck(texts[i], prefixes)],
  ];
  const rows = contestants.map(([name, count, ask]) => {
    process.stderr.write(`check: ${name}\n`);
    let wrong = 0;
    for (let i = 0; i < count; i++) if (ask(i) !== truth[i]) wrong++;
    const rates = Array.from({ length: 3 }, () => {
      const begin = performance.now();
      for (let i = 0; i < count; i++) ask(i);
      return count / (performance.now() - begin) / 1000;
    });
    return {
      name,
      asked: count,
      rate: median(rates),
      verdict: wrong === 0 ? 'same answers' : `WRONG in ${wrong} of ${count}`,
    };
  });
  rows.unshift({ name: 'azure-allowlist check < file, whole process', asked: COUNT, rate: median(runs) });
  for (const row of rows) {
    row.seconds = 1 / row.rate;
    row.ratio = rows[0].rate / row.rate;
  }
  return [
    {
      title: 'check: a million addresses from a file',
      note: `${prefixes.length.toLocaleString('en')} published IPv4 prefixes of ${feed === undefined ? 'the sample' : 'AzureCloud'}, one target; ${truth.filter(Boolean).length.toLocaleString('en')} of the ${COUNT.toLocaleString('en')} are allowed. Ours parses each line and says ports, rules and targets; the others say yes or no, and begin with their lists made. Where fewer were asked, the seconds for a million are extrapolated.`,
      columns: [
        ['name', 'who'],
        ['asked', 'addresses asked'],
        ['rate', 'million a second'],
        ['seconds', 'seconds for a million'],
        ['ratio', 'times slower than the process'],
        ['verdict', ''],
      ],
      rows,
    },
  ];
}

function naive(ranges, text) {
  const [a, b, c, d] = text.split('.');
  const value = a * 2 ** 24 + b * 2 ** 16 + c * 2 ** 8 + Number(d);
  for (const { first, last } of ranges) if (value >= first && value <= last) return true;
  return false;
}

/** Whether each address is allowed, by the lines that the command wrote. */
function truthOf(output, texts) {
  const lines = output.trimEnd().split('\n');
  if (lines.length !== texts.length) throw new Error(`${lines.length} answers to ${texts.length} addresses`);
  return lines.map((line, i) => {
    const [verdict, query] = line.split('\t', 2);
    if (query !== texts[i]) throw new Error(`line ${i + 1} answers ${query}, not ${texts[i]}`);
    return verdict === 'allowed';
  });
}

function addresses(set) {
  const next = randomWords(11);
  const ranges = [...set.ranges()];
  return Uint32Array.from({ length: COUNT }, (_, i) => {
    if (i % 2 === 0) return next();
    const { first, last } = ranges[next() % ranges.length];
    return Number(first) + (next() % Number(last - first + 1n));
  });
}

/** An output tree of one rule with AzureCloud, as `run` publishes it. */
function treeOf(feed) {
  const file = uncompressed(feed, 'ServiceTags_Public_20250818.json');
  const config = workFile(
    'check.yaml',
    `version: 1
feed: { cloud: public, source: { kind: file, path: ${JSON.stringify(file)} } }
rules: [{ name: cloud, reason: bench, serviceTags: [AzureCloud], ports: [443] }]
targets: { iptables: {} }
`,
  );
  return publish(config, file);
}

function sampleTree() {
  return publish(
    path('../../data/sample/allowlist.yaml'),
    path('../../data/sample/ServiceTags_Public_20260112.json'),
  );
}

function publish(config, feed) {
  const out = join(dirname(workFile('published', '')), 'allowlists');
  const { status, stderr } = spawnSync(
    process.execPath,
    [path('../../dist/program/main.js'), 'run', '--config', config, '--feed', feed, '--out', out],
    { encoding: 'utf8', timeout: 120_000 },
  );
  if (status !== 0) throw new Error(`azure-allowlist run: ${stderr}`);
  return out;
}
