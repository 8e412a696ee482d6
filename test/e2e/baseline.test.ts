import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readTree } from '../publish/trees.ts';
import { lacks } from '../support/programs.ts';
import { azureAllowlist, start, workplace, writeConfiguration } from './command.ts';
import { FOUR_TARGETS, SAMPLE_WEEKS, sampleConfiguration } from './configurations.ts';
import { gitIn } from './git-in.ts';

const [ONE, TWO] = SAMPLE_WEEKS;
const NAMES_ONLY = { squid: {}, paloalto: {} };

interface Gains {
  readonly addresses: {
    readonly gained: { readonly ipv4: string };
    readonly lost: { readonly ipv4: string };
  };
}

/** Repositories with a week in force, by what it was made of: each is made once, and copied for the tests. */
const originals = new Map<string, Promise<string>>();

async function original(targets: object, feed: string): Promise<string> {
  const folder = workplace((remove) => removals.push(remove));
  const git = gitIn(folder);
  git('init', '--quiet', '--initial-branch=main');
  git('config', 'user.name', 'A Job');
  git('config', 'user.email', 'job@example.com');
  writeConfiguration(folder, sampleConfiguration({ targets, publish: { git: true } }));
  const first = await azureAllowlist(['run', '--feed', feed], { cwd: folder });
  expect(first.status, first.stderr).toBe(0);
  return folder;
}

const removals: (() => void)[] = [];
afterAll(() => {
  for (const remove of removals) remove();
});

/** A repository with a configuration, and the week in force committed by a run. */
async function published(targets: object = NAMES_ONLY, feed: string = ONE) {
  const key = JSON.stringify([targets, feed]);
  const made = originals.get(key) ?? original(targets, feed);
  originals.set(key, made);
  const folder = workplace();
  cpSync(await made, folder, { recursive: true, preserveTimestamps: true });
  const git = gitIn(folder);
  // The index knows the files that were copied from.
  git('status', '--porcelain');
  const run = (week: string, ...flags: string[]) =>
    azureAllowlist(['run', '--feed', week, ...flags], { cwd: folder });
  const out = join(folder, 'allowlists');
  const subjects = () => git('log', '--format=%s').trim().split('\n');
  return { folder, git, run, out, subjects };
}

describe.skipIf(lacks('git'))('what is in force', () => {
  it('is what was committed: a removed output is compared with HEAD, and an older feed is refused', async () => {
    const { run, out, subjects } = await published(NAMES_ONLY, TWO);
    const before = readTree(out);
    rmSync(out, { recursive: true });
    const older = await run(ONE);
    expect(older.status).toBe(3);
    expect(older.stderr).toContain('feed-rollback');
    expect(existsSync(out)).toBe(false);
    const same = await run(TWO);
    expect(same.status, same.stderr).toBe(0);
    expect(same.stdout).not.toContain('First run');
    expect(readTree(out)).toEqual(before);
    expect(subjects()).toHaveLength(1);
  });

  it('is not a first run where only the lock is missing: that is refused, with the way out', async () => {
    const { git, run, out } = await published();
    git('rm', '-q', 'allowlists/allowlist.lock.json');
    git('commit', '-qm', 'Lose the lock');
    const before = readTree(out);
    const { status, stderr } = await run(TWO);
    expect(status).toBe(1);
    expect(stderr).toMatch(/allowlist\.lock\.json is missing, but rule files are there/);
    expect(stderr).toContain('restore the lock from an earlier commit (`git log -- ');
    expect(readTree(out)).toEqual(before);
  });

  it('tells an edit in the working tree as drift, takes it away and commits nothing', async () => {
    const { git, run, out, subjects } = await published();
    appendFileSync(join(out, 'squid/storage-weu-ipv4.txt'), '9.9.9.9/32\n');
    const { status, stdout, stderr } = await run(ONE);
    expect(status, stderr).toBe(0);
    expect(stdout).toContain('Drift');
    expect(stdout.replace(/\s+/g, ' ')).toContain(
      'edited (in the working tree): squid/storage-weu-ipv4.txt — squid lets 9.9.9.9/32 (port 443) through; the run takes it away',
    );
    expect(stdout).toContain('Verdict: Review required');
    expect(git('status', '--porcelain', 'allowlists')).toBe('');
    expect(subjects()).toHaveLength(1);
  });

  it('tells an edit that was committed as drift, with a subject that says what devices lose', async () => {
    const { folder, git, run, out, subjects } = await published();
    const list = join(out, 'squid/storage-weu-ipv4.txt');
    appendFileSync(list, '9.9.9.9/32\n');
    git('commit', '-qam', 'By hand');
    const { status, stdout, stderr } = await run(TWO);
    expect(status, stderr).toBe(0);
    expect(stdout.replace(/\s+/g, ' ')).toContain(
      'squid lets 9.9.9.9/32 (port 443) through; the run takes it away',
    );
    // 64 addresses leave with the week, and the one by hand.
    expect(stdout).toMatch(/squid \+128 −65 IPv4/);
    expect(stdout).toMatch(/paloalto \+128 −64 IPv4/);
    expect(subjects()[0]).toMatch(/^Azure allowlist of 2026-01-12: \+128 -65 IPv4/);
    expect(readFileSync(list, 'utf8')).not.toContain('9.9.9.9');
    const command = async (...args: string[]) => {
      const ended = await azureAllowlist(args, { cwd: folder });
      expect(ended.status, ended.stderr).toBe(0);
      return ended.stdout.replace(/\s+/g, ' ');
    };
    const difference = await command('diff', 'HEAD~1:allowlists', 'HEAD:allowlists');
    expect(difference).toContain('squid +128 −65 IPv4');
    expect(difference).toMatch(/Verdict: Review required: .* squid lets 9\.9\.9\.9\/32/);
    const edit = await command('diff', 'HEAD~2:allowlists', 'HEAD~1:allowlists');
    expect(edit).toContain('squid +1 IPv4');
    expect(edit).toMatch(/squid lets 9\.9\.9\.9\/32 \(port 443\) through; the next run takes it away/);
    const history = JSON.parse(await command('history', 'allowlists', '--format', 'json'));
    expect(
      history.revisions.map(({ change, edited }: { change: Gains | null; edited: string[] }) => [
        change?.addresses.gained.ipv4,
        change?.addresses.lost.ipv4,
        edited,
      ]),
    ).toEqual([
      [undefined, undefined, []],
      ['1', '0', ['squid/storage-weu-ipv4.txt']],
      ['128', '65', []],
    ]);
    expect(await command('history', 'allowlists')).toMatch(
      /Edited outside a run [\d-]+ [0-9a-f]{10} edited squid\/storage-weu-ipv4\.txt/,
    );
  });

  it('says which file of a target cannot be read, and puts it right', async () => {
    const { git, run, out } = await published();
    writeFileSync(join(out, 'squid/azure-allow.conf'), 'http_access allow all\n');
    git('commit', '-qam', 'By hand');
    const { status, stdout } = await run(ONE);
    expect(status).toBe(0);
    expect(stdout.replace(/\s+/g, ' ')).toMatch(/squid not known: what is in force cannot be read/);
    expect(readFileSync(join(out, 'squid/azure-allow.conf'), 'utf8')).not.toContain('allow all');
  });

  it('stays HEAD, and the files what they were, where the commit is refused: the next run commits', async () => {
    const { git, folder, run, out, subjects } = await published();
    const before = readTree(out);
    const hook = join(folder, '.git/hooks/pre-commit');
    writeFileSync(hook, '#!/bin/sh\necho no >&2\nexit 1\n');
    chmodSync(hook, 0o755);
    const failed = await run(TWO);
    expect(failed.status).toBe(1);
    expect(failed.stderr).toContain(`nothing was committed: the hook ${hook} refused`);
    expect(failed.stderr).toContain('it says: no');
    expect(readTree(out)).toEqual(before);
    expect(git('status', '--porcelain', 'allowlists')).toBe('');

    // A first run leaves nothing at all.
    git('rm', '-rq', 'allowlists');
    writeFileSync(hook, '#!/bin/sh\n');
    git('commit', '-qm', 'Without');
    writeFileSync(hook, '#!/bin/sh\nexit 1\n');
    expect((await run(TWO)).status).toBe(1);
    expect(existsSync(out)).toBe(false);
    git('reset', '-q', '--hard', 'HEAD~1');
    rmSync(hook);
    const { status, stdout, stderr } = await run(TWO);
    expect(status, stderr).toBe(0);
    expect(stdout).not.toContain('Drift');
    expect(stdout).toMatch(/squid \+128 −64 IPv4, \+65,536 \/64 \(storage-weu\)/);
    expect(subjects()[0]).toBe('Azure allowlist of 2026-01-12: +128 -64 IPv4, +65,536/64 IPv6');
  });

  it('is nothing after a first run that wrote and could not commit: the next one is a first run, and is told as one', async () => {
    const { git, folder, run, out, subjects } = await published();
    git('update-ref', '-d', 'HEAD');
    git('rm', '-rq', '--cached', '.');
    git('commit', '-q', '--allow-empty', '-m', 'Begin');
    // What lies there is of a week that no commit has.
    const { status, stdout, stderr } = await run(TWO);
    expect(status, stderr).toBe(0);
    expect(stderr).toContain(`${out} was written and never committed: nothing is in force`);
    expect(stdout).toContain('First run: check that the rules admit what they are meant to.');
    expect(subjects()[0]).toMatch(/llowlist of 2026-01-12: \+1,904 IPv4, .* \+22 names$/);
    expect(git('log', '-1', '--format=%b')).toContain('First run: 2 targets let');
    expect(git('status', '--porcelain', 'allowlists')).toBe('');

    // Committed rule files without their lock are none, though a lock lies beside them.
    git('rm', '-q', '--cached', 'allowlists/allowlist.lock.json');
    git('commit', '-qm', 'Lose the lock');
    const refused = await run(TWO);
    expect(refused.status).toBe(1);
    expect(refused.stderr).toMatch(/allowlist\.lock\.json is missing, but rule files are there/);
    expect(existsSync(join(folder, 'allowlists/allowlist.lock.json'))).toBe(true);
  });

  it('is HEAD in a sparse checkout without it, and where git overlooks its files: both are committed whole', async () => {
    const { git, run, out } = await published();
    git('sparse-checkout', 'set', '--cone', 'docs');
    expect(existsSync(out)).toBe(false);
    const sparse = await run(TWO);
    expect(sparse.status, sparse.stderr).toBe(0);
    expect(sparse.stdout).toMatch(/squid \+128 −64 IPv4, \+65,536 \/64 \(storage-weu\)/);
    const committed = () => git('ls-tree', '-r', '--name-only', 'HEAD', 'allowlists').trim().split('\n');
    expect(committed()).toEqual([...readTree(out).keys()].map((path) => `allowlists/${path}`).sort());
    expect(committed()).toContain('allowlists/azure-space-earlier.txt');
    git('sparse-checkout', 'disable');
    expect(git('status', '--porcelain', 'allowlists')).toBe('');

    git('reset', '-q', '--hard', 'HEAD~1');
    git('update-index', '--skip-worktree', 'allowlists/squid/storage-weu-ipv4.txt');
    git('update-index', '--assume-unchanged', 'allowlists/squid/storage-weu-ipv6.txt');
    const overlooked = await run(TWO);
    expect(overlooked.status, overlooked.stderr).toBe(0);
    for (const path of ['squid/storage-weu-ipv4.txt', 'squid/storage-weu-ipv6.txt'])
      expect(`${git('show', `HEAD:allowlists/${path}`)}\n`).toBe(readTree(out).get(path));
  });

  it('stays HEAD after Ctrl-C in the middle of the commit', async () => {
    const { folder, git, run, out, subjects } = await published();
    const hook = join(folder, '.git/hooks/pre-commit');
    writeFileSync(hook, '#!/bin/sh\ntouch "$(git rev-parse --git-dir)/in-the-hook"\nexec sleep 30\n');
    chmodSync(hook, 0o755);
    const { child, ended } = start(['run', '--feed', TWO], { cwd: folder, group: true });
    for (let tries = 0; tries < 300 && !existsSync(join(folder, '.git/in-the-hook')); tries++)
      await new Promise((resolve) => setTimeout(resolve, 100));
    expect(existsSync(join(folder, '.git/in-the-hook'))).toBe(true);
    process.kill(-child.pid!, 'SIGINT');
    expect((await ended).status).not.toBe(0);
    rmSync(hook);
    expect(subjects()).toHaveLength(1);
    expect(existsSync(join(out, 'squid/storage-weu-ipv4.txt'))).toBe(true);
    const { status, stdout, stderr } = await run(TWO);
    expect(status, stderr).toBe(0);
    expect(stdout).not.toMatch(/Drift|First run/);
    expect(stdout).toMatch(/squid \+128 −64 IPv4, \+65,536 \/64 \(storage-weu\)/);
    expect(subjects()[0]).toBe('Azure allowlist of 2026-01-12: +128 -64 IPv4, +65,536/64 IPv6');
    expect(git('status', '--porcelain', 'allowlists')).toBe('');
  });
});

describe.skipIf(lacks('git'))('a run that was killed', () => {
  it('leaves a scratch folder that the next run removes, and nothing else', async () => {
    const { folder, run, out } = await published();
    const hook = join(folder, '.git/hooks/pre-commit');
    writeFileSync(hook, '#!/bin/sh\ntouch "$(git rev-parse --git-dir)/in-the-hook"\nexec sleep 30\n');
    chmodSync(hook, 0o755);
    const { child, ended } = start(['run', '--feed', TWO], { cwd: folder, group: true });
    for (let tries = 0; tries < 300 && !existsSync(join(folder, '.git/in-the-hook')); tries++)
      await new Promise((resolve) => setTimeout(resolve, 100));
    process.kill(-child.pid!, 'SIGKILL');
    await ended;
    rmSync(hook);
    const scratch = () => readdirSync(join(folder, '.git')).filter((name) => name.startsWith('azure-'));
    expect(scratch().filter((name) => !name.endsWith('.lock'))).toHaveLength(1);
    // What was named alike by somebody else stays.
    mkdirSync(join(folder, '.git/azure-allowlist-foreig'));
    writeFileSync(join(folder, '.git/azure-allowlist-foreig/mine.txt'), 'mine\n');
    rmSync(join(folder, '.git/index.lock'), { force: true });
    const { status, stderr } = await run(TWO);
    expect(status, stderr).toBe(0);
    expect(stderr).toMatch(
      /removed the scratch folder of a run that has died: .*\.git\/azure-allowlist-\w{6}$/m,
    );
    expect(scratch()).toEqual(['azure-allowlist-foreig']);
    expect(existsSync(out)).toBe(true);
  });
});

describe.skipIf(lacks('git'))('a week that no device sees', () => {
  /** The second week with another prefix in AzureCloud, which both targets let through by name. */
  function quietWeek(folder: string): string {
    const document = JSON.parse(readFileSync(ONE, 'utf8'));
    document.changeNumber += 7;
    const cloud = document.values.find(({ name }: { name: string }) => name === 'AzureCloud');
    cloud.properties.addressPrefixes.push('203.0.113.240/28');
    const file = join(folder, 'ServiceTags_Public_20260119.json');
    writeFileSync(file, JSON.stringify(document));
    return file;
  }

  it('changes no byte, makes no commit, and is told in one line', async () => {
    const { folder, run, out, subjects } = await published();
    const before = readTree(out);
    const { status, stdout } = await run(quietWeek(folder));
    expect(status).toBe(0);
    expect(stdout.trim()).toMatch(
      /^Azure allowlist, [\d →-]+: nothing changes on any device; allowlists is unchanged\.$/,
    );
    expect(readTree(out)).toEqual(before);
    expect(subjects()).toHaveLength(1);
    const dry = await run(quietWeek(folder), '--dry-run', '--detailed-exitcode');
    expect(dry.status).toBe(0);
  });

  it('keeps tags that no target uses out of the snapshot and the guards, and says so in the review', async () => {
    const { folder, run, out } = await published();
    const names = [...readTree(out).keys()].filter((path) => path.startsWith('snapshot/'));
    expect(names).toEqual(['snapshot/Storage.WestEurope.txt']);
    const document = JSON.parse(readFileSync(ONE, 'utf8'));
    document.changeNumber += 7;
    document.values = document.values.filter(({ name }: { name: string }) => name !== 'AzureActiveDirectory');
    const file = join(folder, 'ServiceTags_Public_20260119.json');
    writeFileSync(file, JSON.stringify(document));
    expect((await run(file)).status).toBe(0);
    expect(readFileSync(join(out, 'REVIEW.md'), 'utf8')).toContain('used by no target');
  });

  it('is seen by a target that writes the addresses', async () => {
    const { folder, run } = await published({ squid: {}, iptables: {} });
    const { stdout } = await run(quietWeek(folder));
    expect(stdout).toMatch(/squid no change/);
    expect(stdout).toMatch(/iptables \+8 IPv4 \(connector\)/);
  });
});

describe.skipIf(lacks('git'))('before the first byte', () => {
  it.each<[string, (at: { folder: string; git: (...args: string[]) => string }) => void, RegExp]>([
    [
      'a detached HEAD',
      ({ git }) => git('checkout', '-q', '--detach'),
      /HEAD is detached.*publish\.git\.branch/,
    ],
    [
      'no identity',
      ({ git }) => {
        git('config', '--unset', 'user.name');
        git('config', '--unset', 'user.email');
        git('config', 'user.useConfigOnly', 'true');
      },
      /git does not know who commits[\s\S]*user\.email/,
    ],
    [
      'a lock of another git',
      ({ folder }) => writeFileSync(join(folder, '.git/index.lock'), ''),
      /index\.lock: another git process is at work, or died here/,
    ],
    [
      'hooks that are not there',
      ({ git }) => git('config', 'core.hooksPath', 'no/such/folder'),
      /core\.hooksPath names a folder that is not there/,
    ],
    [
      'a key that cannot sign',
      ({ git }) => {
        git('config', 'commit.gpgSign', 'true');
        git('config', 'gpg.format', 'ssh');
        git('config', 'user.signingKey', '/no/such/key');
      },
      /commit\.gpgSign is set, and git cannot sign: .*\/no\/such\/key.*user\.signingKey/,
    ],
    [
      'a merge in progress',
      ({ folder, git }) => writeFileSync(join(folder, '.git/MERGE_HEAD'), git('rev-parse', 'HEAD')),
      /a merge is in progress/,
    ],
  ])('%s is refused, and nothing is written', async (_, spoil, says) => {
    const { folder, git, run, out } = await published();
    spoil({ folder, git });
    const before = readTree(out);
    const { status, stderr } = await run(TWO);
    expect(status).toBe(1);
    expect(stderr).toMatch(says);
    expect(readTree(out)).toEqual(before);
  });

  it.skipIf(lacks('ssh-keygen'))('a key that can sign signs the commit', async () => {
    const { git, run, subjects } = await published();
    const key = join(workplace(), 'key');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
    git('config', 'commit.gpgSign', 'true');
    git('config', 'gpg.format', 'ssh');
    git('config', 'user.signingKey', key);
    const { status, stderr } = await run(TWO);
    expect(status, stderr).toBe(0);
    expect(git('cat-file', 'commit', 'HEAD')).toContain('-----BEGIN SSH SIGNATURE-----');
    expect(subjects()).toHaveLength(2);
  });

  it('no temporary folder is needed but the one of git', async () => {
    const { folder } = await published();
    const { status, stderr } = await azureAllowlist(['run', '--feed', TWO], {
      cwd: folder,
      environment: { TMPDIR: '/proc/no-such-folder' },
    });
    expect(status, stderr).toBe(0);
  });
});

describe.skipIf(lacks('git'))('after the commit', () => {
  const hook = (folder: string, body: string) => {
    const path = join(folder, '.git/hooks/pre-commit');
    writeFileSync(path, `#!/bin/sh\n${body}\n`);
    chmodSync(path, 0o755);
  };

  const WIDEN = 'allowlists/squid/storage-weu-ipv4.txt';

  it('a hook that adds everything finds nothing of the run itself', async () => {
    const { folder, git, run, out } = await published();
    hook(folder, 'git add -A');
    const { status, stderr } = await run(TWO);
    expect(status, stderr).toBe(0);
    const committed = git('ls-tree', '-r', '--name-only', 'HEAD').trim().split('\n');
    expect(committed).toEqual(
      ['allowlist.yaml', ...[...readTree(out).keys()].map((path) => `allowlists/${path}`)].sort(),
    );
  });

  it('a hook that widens a prefix is an error that names it, and no commit stays of it', async () => {
    const { folder, git, run, subjects } = await published();
    const before = subjects();
    writeFileSync(join(folder, 'CHANGES'), 'x\n');
    hook(folder, `sed -i '1s,.*,198.18.0.0/16,' ${WIDEN} && git add ${WIDEN} CHANGES`);
    // However often it is tried.
    for (const _ of [1, 2]) {
      const { status, stderr } = await run(TWO);
      expect(status).toBe(1);
      expect(stderr).toMatch(/nothing was committed: .* \(commit [0-9a-f]{12}, taken back\)/);
      expect(stderr).toMatch(
        /squid\/storage-weu-ipv4\.txt: was committed with other bytes.*a hook changed the file/,
      );
      expect(stderr).toMatch(/squid lets (198\.18\.[\d.]+\/\d+ \(port 443\)(, )?)+/);
      expect(subjects()).toEqual(before);
      expect(git('diff', '--cached', '--name-only')).toBe('');
      expect(git('status', '--porcelain', 'CHANGES')).toBe('?? CHANGES');
    }
    rmSync(join(folder, '.git/hooks/pre-commit'));
    const { status, stdout } = await run(TWO);
    expect(status).toBe(0);
    expect(stdout).toContain('squid lets 198.18.');
    expect(subjects()).toHaveLength(before.length + 1);
    expect(git('show', `HEAD:${WIDEN}`)).not.toContain('198.18.0.0/16');
    expect(git('status', '--porcelain', 'allowlists')).toBe('');
  });

  it('a first commit is taken back as well', async () => {
    const folder = workplace();
    const git = (...args: string[]) => execFileSync('git', ['-C', folder, ...args], { encoding: 'utf8' });
    git('init', '-q', '-b', 'main');
    git('config', 'user.name', 'A Job');
    git('config', 'user.email', 'job@example.com');
    writeFileSync(join(folder, 'mine.txt'), 'mine\n');
    git('add', 'mine.txt');
    writeConfiguration(folder, sampleConfiguration({ targets: NAMES_ONLY, publish: { git: true } }));
    hook(folder, `sed -i '1s,.*,198.18.0.0/16,' ${WIDEN} && git add ${WIDEN}`);
    const { status, stderr } = await azureAllowlist(['run', '--feed', ONE], { cwd: folder });
    expect(status).toBe(1);
    expect(stderr).toContain('taken back');
    expect(() => git('rev-parse', '--verify', '--quiet', 'HEAD')).toThrow();
    expect(git('diff', '--cached', '--name-only').trim()).toBe('mine.txt');
  });

  it('a clean filter is named, and leaves nothing in the index', async () => {
    const { folder, git, run, subjects } = await published();
    const before = subjects();
    git('config', 'filter.wide.clean', "sed 's,/24$,/16,'");
    const attributes = join(folder, '.git/info/attributes');
    writeFileSync(attributes, 'allowlists/squid/*.txt filter=wide\n');
    const { status, stderr } = await run(TWO);
    expect(status).toBe(1);
    expect(stderr).toMatch(/a clean filter changed it \(filter=wide, /);
    expect(subjects()).toEqual(before);
    rmSync(attributes);
    expect((await run(TWO)).status).toBe(0);
    expect(git('status', '--porcelain', 'allowlists')).toBe('');
    expect(git('show', `HEAD:${WIDEN}`)).not.toContain('/16');
  });

  it('a commit that a hook has put another upon stays, with the way to take it back', async () => {
    const { folder, git, run } = await published();
    hook(folder, `sed -i '1s,.*,198.18.0.0/16,' ${WIDEN} && git add ${WIDEN}`);
    const after = join(folder, '.git/hooks/post-commit');
    writeFileSync(after, "#!/bin/sh\ngit update-ref HEAD $(git commit-tree -p HEAD -m Upon 'HEAD^{tree}')\n");
    chmodSync(after, 0o755);
    const { status, stderr } = await run(TWO);
    expect(status).toBe(1);
    expect(stderr).toMatch(/does not hold what was planned; do not push it: take it back with `git reset/);
    expect(git('log', '-1', '--format=%s').trim()).toBe('Upon');
  });

  it('a clone that turns line ends around verifies, and runs without drift', async () => {
    const { folder, git } = await published();
    const clone = join(workplace(), 'clone');
    git('clone', '-q', '-c', 'core.autocrlf=true', folder, clone);
    expect(readFileSync(join(clone, 'allowlists/squid/storage-weu-ipv4.txt'), 'utf8')).not.toContain('\r');
    expect((await azureAllowlist(['verify', 'allowlists'], { cwd: clone })).status).toBe(0);
    const attributes = readFileSync(join(clone, 'allowlists/.gitattributes'), 'utf8');
    expect(attributes).toContain('* text eol=lf');
    execFileSync('git', ['config', 'user.name', 'A Job'], { cwd: clone });
    execFileSync('git', ['config', 'user.email', 'job@example.com'], { cwd: clone });
    writeConfiguration(clone, sampleConfiguration({ targets: NAMES_ONLY, publish: { git: true } }));
    const same = await azureAllowlist(['run', '--feed', ONE], { cwd: clone });
    expect(same.stdout.trim()).toMatch(
      /^Azure allowlist, [\d →-]+: nothing changes on any device; allowlists is unchanged\.$/,
    );
    const next = await azureAllowlist(['run', '--feed', TWO], { cwd: clone });
    expect(next.status, next.stderr).toBe(0);
    expect(next.stdout).not.toContain('Drift');
  });

  it('a tree without .gitattributes whose line ends a clone turned around says so', async () => {
    const { folder, git } = await published();
    git('rm', '-q', 'allowlists/.gitattributes');
    git('commit', '-qm', 'Without attributes');
    const clone = join(workplace(), 'clone');
    git('clone', '-q', '-c', 'core.autocrlf=true', folder, clone);
    const { status, stderr } = await azureAllowlist(['verify', 'allowlists'], { cwd: clone });
    expect(status).toBe(1);
    expect(stderr).toMatch(/its lines end with CR LF, as core\.autocrlf=true makes them — .*\* text eol=lf/);
  });

  it('a .gitattributes that is not ours stays', async () => {
    const folder = workplace();
    mkdirSync(join(folder, 'allowlists'));
    writeFileSync(join(folder, 'allowlists/.gitattributes'), '*.txt -text\n');
    execFileSync('git', ['init', '-q', folder]);
    execFileSync('git', ['-C', folder, 'config', 'user.name', 'A Job']);
    execFileSync('git', ['-C', folder, 'config', 'user.email', 'job@example.com']);
    writeConfiguration(folder, sampleConfiguration({ targets: NAMES_ONLY, publish: { git: true } }));
    const { status, stderr } = await azureAllowlist(['run', '--feed', ONE], { cwd: folder });
    expect(status, stderr).toBe(0);
    expect(readFileSync(join(folder, 'allowlists/.gitattributes'), 'utf8')).toBe('*.txt -text\n');
  });
});

describe.skipIf(lacks('git'))('every form of a change', () => {
  it('tells the first files of a target apart from what the others gain: run, diff and history', async () => {
    const { folder, git, run } = await published({ squid: {}, paloalto: {} });
    writeConfiguration(
      folder,
      sampleConfiguration({ targets: { squid: {}, iptables: {} }, publish: { git: true } }),
    );
    const { review } = JSON.parse((await run(TWO, '--json')).stdout);
    const first = review.targets.find(({ id }: { id: string }) => id === 'iptables').line;
    expect(first).toMatch(/^first files: [\d,]+ IPv4 addresses and [\d,]+ IPv6 \/64 networks$/);
    const { sentence, verdict } = review.summary;
    expect(sentence).toMatch(/^Newly allowed: 128 IPv4 addresses .* no longer allowed: 64 IPv4 addresses; /);
    expect(sentence).toContain(
      `; ${first.replace(':', ' of iptables:')}; paloalto is no longer configured; `,
    );
    expect(verdict.text).toContain('iptables gets its first files; paloalto is no longer configured');
    // They come of the new target, not of the week.
    expect(verdict.text).not.toContain('rule connector gains its first');
    expect(git('log', '-1', '--format=%s')).toBe(
      'Azure allowlist of 2026-01-12: +128 -64 IPv4, +65,536/64 IPv6',
    );
    const command = async (...args: string[]) => (await azureAllowlist(args, { cwd: folder })).stdout;
    const revisions = ['HEAD~1:allowlists', 'HEAD:allowlists'];
    const difference = JSON.parse(await command('diff', ...revisions, '--format', 'json'));
    expect(difference.summary.sentence).toBe(sentence);
    const { change, addresses } = JSON.parse(
      await command('history', 'allowlists', '--format', 'json'),
    ).revisions.at(-1);
    expect(change.addresses.gained.ipv4).toBe('128');
    expect(change.addresses.lost.ipv4).toBe('64');
    expect(change.targets).toMatchObject({ added: ['iptables'], removed: ['paloalto'] });
    expect(change.targets.firstFiles).toMatchObject([{ target: 'iptables', addresses, names: 0 }]);
    expect((await command('history', 'allowlists')).replaceAll(/\s+/g, ' ')).toContain(
      `${first.replace(':', ' of iptables:')}; paloalto is no longer configured`,
    );
  });

  it('tells the same figures: run, diff, history and Markdown', async () => {
    const { folder, run, out } = await published(FOUR_TARGETS);
    const ended = await run(TWO, '--json');
    const { review } = JSON.parse(ended.stdout);
    const command = async (...args: string[]) => {
      const { status, stdout, stderr } = await azureAllowlist(args, { cwd: folder });
      expect(status, stderr).toBe(0);
      return stdout;
    };
    const revisions = ['HEAD~1:allowlists', 'HEAD:allowlists'];
    const difference = JSON.parse(await command('diff', ...revisions, '--format', 'json'));
    expect(difference.summary.sentence).toBe(review.summary.sentence);
    expect(difference.summary.subject).toBe(review.summary.subject);
    expect(difference.effect).toEqual(review.effect);
    const lines = ({ targets }: { targets: { id: string; line: string; effect: object }[] }) =>
      targets.map(({ id, line, effect }) => ({ id, line, effect }));
    expect(lines(difference)).toEqual(lines(review));
    // With the weekly file it says of gains and losses what the run said; without, what the trees know.
    const told = JSON.parse(await command('diff', ...revisions, '--format', 'json', '--feed', TWO));
    expect(told.notes).toEqual(review.notes);
    const noted = (notes: { kind: string; rule: string; addresses: object }[], kind: string) =>
      notes.filter((note) => note.kind === kind).map(({ rule, addresses }) => ({ rule, addresses }));
    for (const kind of ['withdrawn', 'moved-away'])
      expect(noted(difference.notes, kind), kind).toEqual(noted(review.notes, kind));
    expect(noted(review.notes, 'withdrawn')).not.toEqual([]);
    const without = await azureAllowlist(['diff', ...revisions], { cwd: folder });
    expect(without.stderr.trim().split('\n')).toEqual([
      `noted: in which regions gains lie, and which service tags have losses now, the weekly file says: --feed ${basename(TWO)}`,
    ]);
    const other = await azureAllowlist(['diff', ...revisions, '--feed', ONE], { cwd: folder });
    expect(other.status).toBe(5);
    expect(other.stderr).toContain(
      `the later tree was made from another file (${basename(TWO)} of 2026-01-12)`,
    );
    const markdown = readFileSync(join(out, 'REVIEW.md'), 'utf8');
    expect(markdown).toContain(review.summary.sentence);
    for (const { id, line } of review.targets) {
      const plain = (text: string) => text.replace(/<[^>]*>|[`*]/g, '');
      expect(plain(markdown)).toContain(`${id} ${line}`);
    }
    const sizes = (
      admission: { addresses: { ipv4: { addresses: string }; ipv6: { addresses: string } } }[],
    ) => admission.reduce((sum, { addresses }) => sum + BigInt(addresses.ipv4.addresses), 0n);
    const history = JSON.parse(await command('history', 'allowlists', '--format', 'json'));
    const { addresses } = history.revisions.at(-1).change;
    expect(addresses.gained.ipv4).toBe(`${sizes(review.effect.gained)}`);
    expect(addresses.lost.ipv4).toBe(`${sizes(review.effect.lost)}`);
  });
});

describe.skipIf(lacks('git'))('publish.git', () => {
  /** A clone of a bare remote that has the first week, and what pushes to it. */
  async function cloned(publish: object | boolean) {
    const { folder, git: original } = await published();
    const remote = join(workplace(), 'remote.git');
    original('clone', '-q', '--bare', '.', remote);
    const clone = join(workplace(), 'clone');
    original('clone', '-q', remote, clone);
    const git = (...args: string[]) => original('-C', clone, ...args);
    git('config', 'user.name', 'A Job');
    git('config', 'user.email', 'job@example.com');
    writeConfiguration(clone, sampleConfiguration({ targets: NAMES_ONLY, publish: { git: publish } }));
    const run = (feed: string, environment: Record<string, string> = {}, ...flags: string[]) =>
      azureAllowlist(['run', '--feed', feed, ...flags], { cwd: clone, environment });
    const remoteSubjects = () =>
      original('--git-dir', remote, 'log', '--format=%s', 'main').trim().split('\n');
    return { clone, folder, git, run, remoteSubjects, original, remote };
  }

  it('pushes the commit, and what an earlier run could not push', async () => {
    const { git, run, remoteSubjects, remote } = await cloned({ push: true });
    git('remote', 'set-url', 'origin', '/no/such/remote');
    const failed = await run(TWO);
    expect(failed.status).toBe(1);
    expect(failed.stderr).toMatch(/the commit stands here, but origin did not take it/);
    expect(remoteSubjects()).toHaveLength(1);
    git('remote', 'set-url', 'origin', remote);
    const again = await run(TWO);
    expect(again.status, again.stderr).toBe(0);
    expect(remoteSubjects()[0]).toMatch(/^Azure allowlist of 2026-01-12: /);
    expect((await run(TWO)).stdout.trim()).toMatch(
      /^Azure allowlist, [\d →-]+: nothing changes on any device; allowlists is unchanged\.$/,
    );
    expect(remoteSubjects()).toHaveLength(2);
  });

  it('takes its commit back where the branch is protected: nothing is left of the run', async () => {
    const { git, clone, run, remoteSubjects, remote } = await cloned({ push: true });
    const out = join(clone, 'allowlists');
    const before = readTree(out);
    const head = git('rev-parse', 'HEAD');
    const hook = join(remote, 'hooks/pre-receive');
    mkdirSync(join(remote, 'hooks'), { recursive: true });
    writeFileSync(
      hook,
      '#!/bin/sh\necho "GH006: Protected branch update failed for refs/heads/main." >&2\nexit 1\n',
      {
        mode: 0o755,
      },
    );
    const refused = await run(TWO);
    expect(refused.status).toBe(1);
    expect(refused.stderr).toContain(
      'nothing was published: origin does not take commits to main, and this one was taken back',
    );
    expect(refused.stderr).toContain('Protected branch update failed');
    expect(refused.stderr).toContain('publish.git.pullRequest');
    expect(git('rev-parse', 'HEAD')).toBe(head);
    expect(git('status', '--porcelain', 'allowlists')).toBe('');
    expect(readTree(out)).toEqual(before);
    rmSync(hook);
    const later = await run(TWO);
    expect(later.status, later.stderr).toBe(0);
    expect(remoteSubjects()[0]).toMatch(/^Azure allowlist of 2026-01-12: /);
  });

  it('never forces over the commits of others: the run is made anew upon them', async () => {
    const { folder, git, run, remoteSubjects, original, remote } = await cloned({ push: true });
    original('-C', folder, 'commit', '-q', '--allow-empty', '-m', 'Somebody else');
    original('-C', folder, 'push', '-q', remote, 'main');
    const { status, stderr } = await run(TWO);
    expect(status, stderr).toBe(0);
    expect(stderr).toMatch(/somebody else has pushed; compared with [0-9a-f]{12} anew/);
    expect(remoteSubjects().slice(0, 2)).toEqual([expect.stringContaining('2026-01-12'), 'Somebody else']);
    // Commits of this clone that the remote lacks are not for a run to bring together with theirs.
    git('commit', '-q', '--allow-empty', '-m', 'Not yet pushed');
    original('-C', folder, 'pull', '-q', '--rebase', remote, 'main');
    original('-C', folder, 'commit', '-q', '--allow-empty', '-m', 'Somebody else again');
    original('-C', folder, 'push', '-q', remote, 'main');
    const stuck = await run(TWO);
    expect(stuck.status).toBe(1);
    expect(stuck.stderr).toMatch(/somebody else has pushed since this clone was made; nothing was forced/);
    expect(stuck.stderr).toContain('git pull --rebase origin main');
    expect(remoteSubjects()[0]).toBe('Somebody else again');
  });

  it.each<[string, Record<string, string>]>([
    ['GitHub Actions', { GITHUB_REF_NAME: 'main', GITHUB_REF_TYPE: 'branch' }],
    ['GitLab CI', { CI_COMMIT_BRANCH: 'main' }],
    ['Azure Pipelines', { BUILD_SOURCEBRANCH: 'refs/heads/main' }],
  ])('takes the branch of %s where HEAD is detached', async (_, environment) => {
    const { git, run, remoteSubjects } = await cloned({ push: true });
    git('checkout', '-q', '--detach');
    git('branch', '-q', '-D', 'main');
    const { status, stderr, stdout } = await run(TWO, environment, '--json');
    expect(status, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ branch: 'main', commit: git('rev-parse', 'main').trim() });
    expect(remoteSubjects()).toHaveLength(2);
  });

  it('refuses a branch that is elsewhere, or another than the configured one, before it writes', async () => {
    const other = await cloned({ branch: 'rules' });
    const refused = await other.run(TWO);
    expect(refused.status).toBe(1);
    expect(refused.stderr).toMatch(/HEAD is on main, publish\.git\.branch is rules/);
    const { git, run, clone } = await cloned({ branch: 'main' });
    git('checkout', '-q', '--detach');
    git('branch', '-q', '-f', 'main', git('commit-tree', '-m', 'Else', 'HEAD^{tree}').trim());
    const before = readTree(join(clone, 'allowlists'));
    const { status, stderr } = await run(TWO);
    expect(status).toBe(1);
    expect(stderr).toMatch(/branch main: has commits that HEAD does not have/);
    expect(readTree(join(clone, 'allowlists'))).toEqual(before);
  });

  it('tells a CI job what came of it, a refusal too', async () => {
    const { clone, run } = await cloned(true);
    const environment = {
      GITHUB_STEP_SUMMARY: join(clone, 'summary.md'),
      GITHUB_OUTPUT: join(clone, 'outputs'),
    };
    expect((await run(TWO, environment)).status).toBe(0);
    expect(readFileSync(environment.GITHUB_STEP_SUMMARY, 'utf8')).toMatch(
      /^# Azure allowlist, `2026-01-05` → `2026-01-12`/,
    );
    expect(readFileSync(environment.GITHUB_OUTPUT, 'utf8')).toMatch(
      /^outcome=published\nverdict=look\nchanged=true\nsubject=Azure allowlist of 2026-01-12: .*\ncommit=[0-9a-f]{40}\nbranch=main\npull_request=\n$/,
    );
    expect((await run(ONE, environment)).status).toBe(3);
    expect(readFileSync(environment.GITHUB_STEP_SUMMARY, 'utf8')).toContain('# Azure allowlist: refused');
    expect(readFileSync(environment.GITHUB_OUTPUT, 'utf8')).toMatch(/outcome=refused\n$/);
  });

  it('says that a list which devices may fetch is no longer written', async () => {
    const { folder, run, out, subjects } = await published({ edl: { combined: true } });
    expect(readFileSync(join(out, 'edl/all.txt'), 'utf8')).toBe(
      readFileSync(join(out, 'edl/ipv4.txt'), 'utf8') + readFileSync(join(out, 'edl/ipv6.txt'), 'utf8'),
    );
    writeConfiguration(folder, sampleConfiguration({ targets: { edl: {} }, publish: { git: true } }));
    const { status, stdout, stderr } = await run(ONE);
    expect(status, stderr).toBe(0);
    expect(stdout).toContain('no longer written: all.txt');
    expect(stdout.replace(/\s+/g, ' ')).toContain(
      'edl no longer writes all.txt: a device that fetches it keeps its last copy',
    );
    expect(existsSync(join(out, 'edl/all.txt'))).toBe(false);
    expect(subjects()).toHaveLength(2);
  });
});
