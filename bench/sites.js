// node bench/sites.js DIR [SITES] [SINGLES] [DATE DATE] [--different] [--workers N]: many sites over two weekly files of a folder,
// the last two unless told, in one run, beside runs of one site each. With --different no two sites are configured alike.
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { different: { type: 'boolean', default: false }, workers: { type: 'string' } },
});
const [directory, count = '200', singles = '20', ...dates] = positionals;
const workers = values.workers === undefined ? [] : ['--workers', values.workers];
if (directory === undefined) {
  console.error('usage: node bench/sites.js DIR [SITES] [SINGLES] [DATE DATE]');
  process.exit(5);
}
const program = fileURLToPath(new URL('../dist/program/main.js', import.meta.url));
const weeks = readdirSync(directory)
  .filter((name) => /^ServiceTags_Public_\d{8}\.json/.test(name))
  .filter((name) => dates.length === 0 || dates.some((date) => name.includes(date)))
  .sort()
  .slice(-2)
  .map((name) => resolve(directory, name));
const folder = mkdtempSync(join(tmpdir(), 'sites-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const git = (...args) => execFileSync('git', args, { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] });

const KINDS = [
  '',
  'targets: { iptables: false, paloalto: {} }\n',
  'rules: [{ name: storage, serviceTags: [Storage.WestEurope], ports: [443] }]\n',
  'targets: { iptables: false, squid: false, nftables: {}, haproxy: {} }\n',
  'targets: { iptables: false, nftables: {} }\nrules: [{ name: cloud, serviceTags: [AzureCloud], ports: [443] }]\n',
];
writeFileSync(
  join(folder, 'base.yaml'),
  `version: 1
rules:
  - { name: connector, endpoints: [private-network-connector], serviceTags: [AzureActiveDirectory, AzureResourceManager] }
targets: { squid: {}, iptables: {} }
publish: { git: true }
`,
);
/** A configuration with one rule more. */
function withRule(text, rule) {
  return text.includes('rules: [')
    ? text.replace(/rules: \[(.*)\]\n/, `rules:\n  - $1${rule}`)
    : `${text}rules:${rule}`;
}
const width = String(Number(count) - 1).length;
for (let index = 0; index < Number(count); index++) {
  const site = join(folder, 'sites', String(index).padStart(width, '0'));
  mkdirSync(site, { recursive: true });
  // The last one asks for what no week has.
  const more =
    index === Number(count) - 1
      ? 'require: [{ addresses: [192.0.2.1], ports: [443] }]\n'
      : KINDS[index % KINDS.length];
  const own = `\n  - { name: own, serviceTags: [Storage.NorthEurope], ports: [${1024 + index}] }\n`;
  writeFileSync(
    join(site, 'allowlist.yaml'),
    `extends: ../../base.yaml\n${values.different ? withRule(more, own) : more}`,
  );
}
git('init', '--quiet', '--initial-branch=main');
git('config', 'user.name', 'Bench');
git('config', 'user.email', 'bench@example.com');
git('add', '.');
git('commit', '--quiet', '-m', 'Begin');

/** Runs the program; seconds, seconds of the processor (its own, and of the git that it started), peak memory in MiB, its last line. */
function measure(args) {
  return new Promise((done) => {
    const begin = performance.now();
    const child = spawn(process.execPath, [program, 'run', ...args, '--cache', join(folder, '.cache')], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    let out = '';
    let peak = 0;
    let cpu = 0;
    child.stdout.setEncoding('utf8').on('data', (text) => {
      out += text;
    });
    const timer = setInterval(() => {
      try {
        const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
        const [, fields = ''] = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ');
        // From the state on: user, system, and the same of children, in hundredths.
        cpu = fields
          .split(' ')
          .slice(11, 15)
          .reduce((sum, ticks) => sum + Number(ticks) / 100, 0);
        peak = Math.max(peak, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024);
      } catch {
        // It has ended.
      }
    }, 20);
    child.on('close', (status) => {
      clearInterval(timer);
      done({
        seconds: (performance.now() - begin) / 1000,
        cpu,
        peak,
        status,
        last: out.trim().split('\n').at(-1).replace(/\s+/g, ' '),
      });
    });
  });
}

const row = (...cells) => console.log(`| ${cells.join(' | ')} |`);
console.log(
  `${count} sites of ${values.different ? 'as many' : KINDS.length} kinds, one of them refused; ${weeks.map((path) => path.slice(-16).replace(/\..*/, '')).join(' and ')}; Node ${process.version}\n`,
);
row('run', 'seconds', 'of a core', 'core ms a site', 'peak MiB', 'exit', 'says');
row('---', '--:', '--:', '--:', '--:', '--:', '---');
for (const [name, week] of [
  ['the first week', weeks[0]],
  ['the next week', weeks[1]],
  ['the same week again', weeks[1]],
]) {
  const { seconds, cpu, peak, status, last } = await measure([
    '-c',
    'sites/*/allowlist.yaml',
    '--feed',
    week,
    ...workers,
  ]);
  row(
    name,
    seconds.toFixed(1),
    cpu.toFixed(1),
    ((cpu * 1000) / Number(count)).toFixed(0),
    peak.toFixed(0),
    status,
    last,
  );
}
const alone = [];
for (let index = 0; index < Number(singles); index++)
  alone.push(
    await measure(['-c', `sites/${String(index).padStart(width, '0')}/allowlist.yaml`, '--feed', weeks[1]]),
  );
if (alone.length > 0) {
  const seconds = alone.reduce((sum, one) => sum + one.seconds, 0) / alone.length;
  const cpu = alone.reduce((sum, one) => sum + one.cpu, 0) / alone.length;
  const peak = Math.max(...alone.map((one) => one.peak));
  row(
    `${singles} of them alone, the same week again`,
    `${seconds.toFixed(1)} each, ${(seconds * Number(count)).toFixed(0)} for all`,
    `${cpu.toFixed(1)} each`,
    (cpu * 1000).toFixed(0),
    peak.toFixed(0),
    Math.max(...alone.map((one) => one.status)),
    '',
  );
}
