import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { baselineOf } from '../../src/committed/baseline.ts';
import { formatLock, LOCK_FILE, type Lock, parseLock, stateOfLock } from '../../src/committed/lock.ts';
import { directoryReader, filesReader, readOutputTree } from '../../src/committed/output-tree.ts';
import { unlistedFiles } from '../../src/committed/unlisted.ts';
import { verifyTree } from '../../src/committed/verify.ts';
import { loadConfig } from '../../src/config/load.ts';
import { loadFeed } from '../../src/feed/load.ts';
import { loadTargets } from '../../src/job.ts';
import { planRun } from '../../src/pipeline.ts';
import { loadTables } from '../../src/products.ts';

const SAMPLE = new URL('../../data/sample/', import.meta.url).pathname;
let text: string;
let tree: ReadonlyMap<string, string>;

beforeAll(async () => {
  const config = await loadConfig(join(SAMPLE, 'allowlist.yaml'));
  const feed = await loadFeed({
    cloud: 'public',
    source: { kind: 'file', path: join(SAMPLE, 'ServiceTags_Public_20260105.json') },
    http: {},
    offline: false,
    environment: {},
    today: '2026-01-13',
    report: () => {},
  });
  const { files } = planRun({
    config,
    feed,
    tables: (await loadTables(config)).tables,
    targets: await loadTargets(config),
    baseline: await baselineOf(undefined),
    accept: [],
    today: '2026-01-13',
  });
  tree = files;
  text = files.get(LOCK_FILE)!;
});

type Path = readonly string[];

/** Every place of a document where a value stands that is no object or list. */
function leaves(value: unknown, path: Path = []): Path[] {
  return value === null || typeof value !== 'object'
    ? [path]
    : Object.entries(value).flatMap(([key, below]) => leaves(below, [...path, key]));
}

function edited(document: unknown, path: Path): string {
  const copy = structuredClone(document) as Record<string, unknown>;
  let at = copy;
  for (const key of path.slice(0, -1)) at = at[key] as typeof at;
  const last = path.at(-1)!;
  const value = at[last];
  at[last] = typeof value === 'number' ? value + 1 : typeof value === 'boolean' ? !value : `${value}0`;
  return `${JSON.stringify(copy, null, 2)}\n`;
}

describe('a lock', () => {
  it('is whole as it was written, and read back and written again', () => {
    const lock = parseLock(text, LOCK_FILE);
    expect(stateOfLock(lock, text)).toBe('whole');
    expect(stateOfLock(lock, text.replaceAll('\n', '\r\n'))).toBe('whole');
    expect(stateOfLock(lock, `${text}\n`)).toBe('edited');
    expect(formatLock(lock)).toBe(text);
    const { digest: _, ...earlier } = lock;
    expect(stateOfLock(earlier as Lock, '')).toBe('unknown');
  });

  it('is held to the address entries that its policy gives, with its digest put right', async () => {
    const lock = parseLock(text, LOCK_FILE);
    const problemsOf = async (own: Lock) => {
      const files = new Map([...tree, [LOCK_FILE, formatLock(own)]]);
      const { problems } = await verifyTree((await readOutputTree(filesReader('the tree', files)))!);
      return problems.map(({ where, what }) => `${where}: ${what}`);
    };
    expect(await problemsOf(lock)).toEqual([]);
    const iptables = { ...lock.targets.iptables!, entries: 1 };
    expect(await problemsOf({ ...lock, targets: { ...lock.targets, iptables } })).toEqual([
      `target iptables: the lock says 1 address entries, the policy gives ${lock.targets.iptables!.entries}`,
    ]);
  });

  it('shows the edit of any single value in it', () => {
    const document = JSON.parse(text) as unknown;
    const places = leaves(document);
    expect(places.length).toBeGreaterThan(200);
    const unnoticed = places.filter((path) => {
      try {
        const other = edited(document, path);
        return stateOfLock(parseLock(other, LOCK_FILE), other) !== 'edited';
      } catch {
        // No lock at all any more.
        return false;
      }
    });
    expect(unnoticed.map((path) => path.join('.'))).toEqual([]);
  });
});

describe('what lies in the folders of a tree', () => {
  it('is listed where no run wrote it: a file, a link, a folder below', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'unlisted-'));
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
    const lock = {
      targets: { nginx: {} },
      files: { 'nginx/azure.conf': 'x', 'REVIEW.md': 'x' },
    } as unknown as Lock;
    mkdirSync(join(directory, 'nginx/deep/er'), { recursive: true });
    mkdirSync(join(directory, 'ours'));
    const names = ['azure.conf', 'evil.conf', 'deep/er/evil.conf'].map((name) => `nginx/${name}`);
    for (const path of [...names, 'REVIEW.md', 'README.md', 'ours/notes.md'])
      writeFileSync(join(directory, path), 'x');
    symlinkSync('/etc/passwd', join(directory, 'nginx/link.conf'));
    expect(await unlistedFiles(directory, lock)).toEqual([
      'nginx/deep/er/evil.conf',
      'nginx/evil.conf',
      'nginx/link.conf',
    ]);
  });

  it('is listed in other folders and at the root where a run wrote it once', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'unlisted-'));
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
    const lock = { targets: {}, files: { 'REVIEW.md': 'x' } } as unknown as Lock;
    const ruleFile =
      '# azure-allowlist: nginx lists\n# Generated; the next run overwrites edits.\ndeny all;\n';
    mkdirSync(join(directory, 'nginx/deep'), { recursive: true });
    for (const path of ['nginx/azure.conf', 'old.conf']) writeFileSync(join(directory, path), ruleFile);
    for (const path of ['nginx/own.conf', 'README.md'])
      writeFileSync(join(directory, path), '# azure-allowlist: how we use it\n');
    execFileSync('mkfifo', [join(directory, 'nginx/pipe')]);
    expect(await unlistedFiles(directory, lock)).toEqual(['nginx/azure.conf', 'old.conf']);
  });
});

describe('a record of the tree that is a link', () => {
  it('is refused, whichever it is, and nothing of what it leads to is told', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'links-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const out = join(directory, 'out');
    for (const [path, content] of tree) {
      mkdirSync(dirname(join(out, path)), { recursive: true });
      writeFileSync(join(out, path), content);
    }
    writeFileSync(join(directory, 'secret'), 'geheim');
    const reasonAt = async (path: string, target: string) => {
      const [own, kept] = [join(out, path), join(directory, 'kept')];
      renameSync(own, kept);
      symlinkSync(target, own);
      const failed = await readOutputTree(directoryReader(out)).then(
        () => 'read all the same',
        (error: Error) => error.message,
      );
      rmSync(own);
      renameSync(kept, own);
      return failed;
    };
    for (const path of tree.keys()) {
      const said = await reasonAt(path, join(directory, 'secret'));
      expect(said, path).toContain(`${join(out, path)} is a symbolic link, which is not followed; remove it`);
      expect(said).not.toMatch(/geheim/);
    }
    // To what is the same, and of a whole folder.
    expect(await reasonAt(LOCK_FILE, join(directory, 'kept'))).toMatch(/is a symbolic link/);
    expect(await reasonAt('snapshot', join(directory, 'kept'))).toMatch(/out\/snapshot is a symbolic link/);
    // The tree itself may be one, as where each generation has its own folder.
    symlinkSync(out, join(directory, 'current'));
    expect(await readOutputTree(directoryReader(join(directory, 'current')))).toBeDefined();
  });

  it('is not read by a lock that names what lies outside', async () => {
    await expect(directoryReader(SAMPLE).read('../guide/../sample/allowlist.yaml')).rejects.toThrow(
      'is a path with .., which is not followed',
    );
  });
});

describe('a lock that a later version of the program wrote', () => {
  it.each([
    [
      'of a higher version',
      (lock: object) => ({ ...lock, version: 2, feeds: [] }),
      'lock.json is a lock of version 2, which a later azure-allowlist wrote; this one reads version 1: update the program',
    ],
    [
      'with keys that are new',
      (lock: object) => ({ ...lock, witnesses: [] }),
      'lock.json has keys that this version does not know: a later azure-allowlist wrote it, or somebody edited it. Update the program, or restore the file from the repository\n  witnesses: unknown key',
    ],
    [
      'with something else besides',
      (lock: object) => ({ ...lock, witnesses: [], files: 1 }),
      'lock.json is not a lock that this version can read; restore it from the repository',
    ],
  ])('%s', (_, change, message) => {
    expect(() => parseLock(JSON.stringify(change(JSON.parse(text))), 'lock.json')).toThrow(message);
  });
});
