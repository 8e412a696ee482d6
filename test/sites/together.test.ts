import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { runCommand } from '../../src/cli/run.ts';
import { runSitesCommand } from '../../src/cli/run-sites.ts';
import { weeklyTag } from '../feed/weekly-file.ts';
import { recordingIo } from '../support/recording-io.ts';

const BASE = `version: 1
rules:
  - { name: net, serviceTags: [Storage], ports: [443] }
targets: { squid: {}, iptables: {} }
publish: { git: true }
guards:
  special-use: { allow: [198.18.0.0/15, 192.0.2.0/24, 203.0.113.0/24, 198.51.100.0/24, '2001:db8::/32'] }
  tag-growth: { percent: 100 }
  feed-shrink: { percent: 100, prefixPercent: 100 }
`;

/** What each site has of its own: many the same, others the same but for a little. */
const SITES: Readonly<Record<string, string>> = {
  a: '',
  b: '',
  c: '',
  chain: 'targets: { iptables: { chain: OTHER } }\n',
  clients: 'rules: [{ name: net, serviceTags: [Storage], ports: [443], clients: [192.0.2.7] }]\n',
  ports: 'rules: [{ name: net, serviceTags: [Storage], ports: [443, 8443/udp] }]\n',
  name: 'rules: [{ name: web, serviceTags: [Sql], ports: [443] }]\n',
  four: 'families: [4]\n',
  hold: 'hold: 30d\n',
  never: 'constraints: { never: [192.0.2.0/28] }\n',
  require: 'require: [{ addresses: [198.51.100.1], ports: [443] }]\n',
  refused: 'require: [{ addresses: [203.0.113.1], ports: [443] }]\n',
  atom: 'publish: { atom: true }\n',
  edited: '',
  removed: '',
};

const week = (date: string, tags: Readonly<Record<string, readonly string[]>>) =>
  [
    `ServiceTags_Public_${date}.json`,
    JSON.stringify({
      changeNumber: Number(date.slice(-2)),
      cloud: 'Public',
      values: Object.entries(tags).map(([name, prefixes]) => weeklyTag(name, [...prefixes])),
    }),
  ] as const;
const WEEKS = [
  week('20260105', { Storage: ['198.51.100.0/24', '2001:db8::/40'], Sql: ['203.0.113.0/25'] }),
  week('20260112', { Storage: ['198.51.100.0/24', '192.0.2.0/26'], Sql: ['203.0.113.0/25'] }),
  week('20260119', { Storage: ['198.51.100.0/24', '192.0.2.0/25'], Sql: ['203.0.113.0/24'] }),
];

function project() {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'sites-together-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  };
  const git = (...args: string[]) => execFileSync('git', args, { cwd: folder, encoding: 'utf8' });
  write('base.yaml', BASE);
  for (const [path, text] of WEEKS) write(`../${folder.split('/').at(-1)}-weeks/${path}`, text);
  onTestFinished(() => rmSync(`${folder}-weeks`, { recursive: true, force: true }));
  for (const [name, more] of Object.entries(SITES))
    write(`sites/${name}/allowlist.yaml`, `extends: ../../base.yaml\n${more}`);
  git('init', '--quiet', '--initial-branch=main');
  git('config', 'user.name', 'A Job');
  git('config', 'user.email', 'job@example.com');
  git('add', '.');
  git('commit', '--quiet', '-m', 'Begin');
  const flags = (index: number) => ({
    feed: join(`${folder}-weeks`, WEEKS[index]![0]),
    cache: join(`${folder}-weeks`, 'cache'),
    offline: true,
  });
  /** By hand, before the last week: committed in one site, left on the disk of another. */
  const edit = () => {
    appendFileSync(join(folder, 'sites/edited/allowlists/squid/net-ipv4.txt'), '203.0.113.77\n');
    git('commit', '--quiet', '--all', '--message', 'By hand');
    rmSync(join(folder, 'sites/removed/allowlists/iptables'), { recursive: true });
  };
  const files = () =>
    Object.fromEntries(
      readdirSync(join(folder, 'sites'), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name))
        .sort()
        .map((path) => [relative(folder, path), readFileSync(path, 'utf8')]),
    );
  return { folder, flags, edit, files };
}

it('many sites are planned as each of them alone is, whatever is shared', async () => {
  const together = project();
  const alone = project();
  for (const index of WEEKS.keys()) {
    if (index === 2) for (const { edit } of [together, alone]) edit();
    const { io, said } = recordingIo({});
    const pattern = join(together.folder, 'sites/*/allowlist.yaml');
    await runSitesCommand([pattern], { config: [], ...together.flags(index) }, io);
    expect(said.status, said.err).toBe(3);
    const refused: string[] = [];
    for (const name of Object.keys(SITES)) {
      const one = recordingIo({});
      const config = join(alone.folder, `sites/${name}/allowlist.yaml`);
      await runCommand({ config, ...alone.flags(index) }, one.io).catch((error: Error) => {
        refused.push(name);
        expect(said.err).toContain(error.message.split('\n')[0]!.replace(alone.folder, together.folder));
      });
    }
    expect(refused.length).toBeGreaterThan(0);
    const [many, each] = [together.files(), alone.files()];
    expect(Object.keys(many)).toEqual(Object.keys(each));
    for (const [path, text] of Object.entries(each)) expect(many[path], path).toBe(text);
  }
}, 120_000);
