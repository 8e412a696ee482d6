import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { lacks } from '../support/programs.ts';
import { azureAllowlist, installed, workplace, writeConfiguration } from './command.ts';
import { SAMPLE_WEEKS, sampleConfiguration } from './configurations.ts';

const [ONE, TWO] = SAMPLE_WEEKS;

/** The surroundings of a command outside of `azureAllowlist`. */
const environment = (folder: string) => ({
  PATH: process.env.PATH ?? '',
  HOME: folder,
  XDG_CACHE_HOME: join(folder, '.cache'),
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
});

/** A folder with a configuration, in a repository where the runs shall commit. */
function made(isCommitted: boolean): string {
  const folder = workplace();
  const targets = { iptables: {}, squid: {} };
  writeConfiguration(
    folder,
    sampleConfiguration({ targets, ...(isCommitted ? { publish: { git: true } } : {}) }),
  );
  if (isCommitted)
    for (const args of [
      ['init', '--quiet'],
      ['config', 'user.name', 'A Job'],
      ['config', 'user.email', 'job@example.com'],
      ['commit', '--quiet', '--allow-empty', '-m', 'Begin'],
    ])
      expect(spawnSync('git', args, { cwd: folder, env: environment(folder) }).status).toBe(0);
  return folder;
}

describe('five runs at once on one output', () => {
  it.skipIf(lacks('git'))('each ends well, and one publishes and commits', async () => {
    const folder = made(true);
    expect((await azureAllowlist(['run', '--feed', ONE], { cwd: folder })).status).toBe(0);
    const all = await Promise.all(
      Array.from({ length: 5 }, () =>
        azureAllowlist(['run', '--feed', TWO, '--json', '--accept', 'tag-shrink'], { cwd: folder }),
      ),
    );
    const ends = all.map(({ status, stdout, stderr }) => {
      if (status === 0) return (JSON.parse(stdout) as { outcome: string }).outcome;
      // A machine so slow that the run gave up waiting for the others.
      expect([status, stderr]).toEqual([1, expect.stringMatching(/another run is using .*held by/s)]);
      return 'busy';
    });
    expect(ends.filter((end) => end === 'published')).toHaveLength(1);
    expect(ends.filter((end) => !['published', 'unchanged', 'busy'].includes(end))).toEqual([]);
    const verified = await azureAllowlist(['verify', 'allowlists', '--feed', TWO], { cwd: folder });
    expect(verified.stderr).toBe('');
    const git = (...args: string[]) =>
      spawnSync('git', args, { cwd: folder, env: environment(folder), encoding: 'utf8' }).stdout;
    expect(git('log', '--format=%s').trim().split('\n')).toHaveLength(3);
    expect(git('status', '--porcelain', 'allowlists')).toBe('');
  });
});

/** Whether file systems can be mounted where nobody else sees it. */
function lacksMounts(): boolean {
  const able = spawnSync('unshare', ['-m', 'sh', '-c', 'mount -t tmpfs none /mnt']).status === 0;
  if (!able && process.env.REQUIRE_LIVE === '1')
    throw new Error('REQUIRE_LIVE=1, but file systems cannot be mounted here');
  if (!able) process.stderr.write('skipped, no mounts of its own: root is needed\n');
  return !able;
}

describe.skipIf(lacksMounts() || lacks('git'))('where nothing can be written', () => {
  /** `run WEEK` prints the exit status and what the run said; `tree` a digest of the output. */
  const FUNCTIONS = `
set -u
run() { node "$PROGRAM" run --feed "$1" --accept tag-shrink >/dev/null 2>err.txt; echo "status $?"; grep -v '^noted\\|^accepted' err.txt; }
tree() { (cd allowlists && find . -type f | sort | xargs sha256sum | sha256sum); }
`;
  let folder: string;

  /** Runs a script in a mount namespace of its own, in the folder of the configuration. */
  function script(text: string): string {
    const { stdout, stderr, status } = spawnSync('unshare', ['-m', 'sh', '-c', `${FUNCTIONS}${text}\n:`], {
      cwd: folder,
      encoding: 'utf8',
      timeout: 60_000,
      env: { ...environment(folder), PROGRAM: installed('dist/program/main.js'), ONE, TWO },
    });
    expect(status, stderr).toBe(0);
    return stdout;
  }

  /** What a run said of what it could not do: one line, and one line more for the place and the way out. */
  const refusal = (summary: string, place: string, what: string, next: string) =>
    `status 1\nazure-allowlist: ${summary}\n  ${join(folder, place)}: ${what} — ${next}\n`;

  it('a full disk: says so, keeps the tree in force, and leaves nothing behind', () => {
    folder = made(false);
    mkdirSync(join(folder, 'room'));
    writeConfiguration(folder, sampleConfiguration({ targets: { iptables: {} }, output: 'room/allowlists' }));
    const said = script(`
mount -t tmpfs -o size=1m none room
run "$ONE"; cd room; before=$(tree)
for left in 0 40; do
  free=$(df -k --output=avail . | tail -1)
  dd if=/dev/zero of=fill bs=1k count=$((free - left)) 2>/dev/null
  (cd ..; run "$TWO")
  [ "$(tree)" = "$before" ] && echo "as before: $(ls -A | tr '\\n' ' ')"
  rm fill
done
cd ..; run "$TWO"`);
    const room = join(folder, 'room');
    const full = refusal(
      `cannot publish to ${join(room, 'allowlists')}`,
      'room/allowlists',
      'ENOSPC: no space left on device, write',
      `look at the rights and the free space of ${room}`,
    );
    const locked = refusal(
      `cannot write to the output directory ${join(room, 'allowlists')}`,
      'room/allowlists',
      'ENOSPC: no space left on device, write',
      `make room on the disk of ${join(room, 'allowlists')}`,
    );
    const after = 'as before: allowlists fill \n';
    expect(said).toBe(`status 0\n${locked}${after}${full}${after}status 0\n`);
  });

  it('a read-only output, a read-only git directory: one message each, and nothing changes', () => {
    folder = made(true);
    const said = script(`
run "$ONE"; before=$(tree)
mount --bind .git .git; mount -o remount,ro,bind .git
run "$TWO"; [ "$(tree)" = "$before" ] && echo as before; umount .git
mount --bind allowlists allowlists; mount -o remount,ro,bind allowlists
run "$TWO"; [ "$(tree)" = "$before" ] && echo as before; umount allowlists
git status --porcelain allowlists; git log --format=%s | wc -l; ls -A .git | grep -i lock
run "$TWO"; git log --format=%s | wc -l`);
    const noGit = refusal(
      'nothing was written: it could not be committed',
      '.git',
      'the git directory cannot be written',
      'look at its rights',
    );
    const noTree = refusal(
      `cannot publish to ${join(folder, 'allowlists')}`,
      'allowlists',
      `EROFS: read-only file system, access '${join(folder, 'allowlists')}'`,
      `look at the rights and the free space of ${folder}`,
    );
    expect(said).toBe(`status 0\n${noGit}as before\n${noTree}as before\n2\nstatus 0\n3\n`);
  });
});
