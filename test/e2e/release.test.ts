import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { productionPackages } from '../../scripts/licences.js';
import { workplace } from './command.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

// `npm ci` has built dist/.
it('a release has the program, the licences, a bill of materials and the sums of all', () => {
  const out = join(workplace(), 'release');
  const printed = execFileSync('node', ['scripts/release.js', '--dry-run', '--built', '--out', out], {
    cwd: ROOT,
    encoding: 'utf8',
    stdio: 'pipe',
  });
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const packages = productionPackages(JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')));
  expect(printed).toContain(`azure-allowlist ${version}, ${packages.length} packages at run time`);
  expect(readdirSync(out).sort()).toEqual([
    'SHA256SUMS',
    `azure-allowlist-${version}.cdx.json`,
    `azure-allowlist-${version}.mjs`,
    `azure-allowlist-${version}.tgz`,
    'licences.txt',
  ]);
  const sums = readFileSync(join(out, 'SHA256SUMS'), 'utf8').trimEnd().split('\n');
  expect(sums.length).toBe(4);
  for (const line of sums) {
    const [digest, file] = line.split('  ') as [string, string];
    expect(
      createHash('sha256')
        .update(readFileSync(join(out, file)))
        .digest('hex'),
    ).toBe(digest);
  }
  const { components, metadata } = JSON.parse(
    readFileSync(join(out, `azure-allowlist-${version}.cdx.json`), 'utf8'),
  );
  expect(metadata.component.name).toBe('azure-allowlist');
  const listed = components.map(
    (one: { group?: string; name: string; version: string }) => `${one.name} ${one.version}`,
  );
  expect(new Set(listed)).toEqual(new Set(packages.map((one) => `${one.name} ${one.version}`)));
  const texts = readFileSync(join(out, 'licences.txt'), 'utf8');
  expect(packages.filter(({ name, version: of }) => !texts.includes(`${name} ${of} (`))).toEqual([]);
});

it('refuses a version that is not ready, and writes nothing', () => {
  const folder = workplace();
  for (const file of ['package.json', 'package-lock.json', 'CHANGELOG.md'])
    cpSync(join(ROOT, file), join(folder, file));
  mkdirSync(join(folder, 'scripts'));
  for (const file of ['release.js', 'licences.js'])
    cpSync(join(ROOT, 'scripts', file), join(folder, 'scripts', file));
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@example.com', ...args], { cwd: folder });
  git('init', '-q');
  git('add', '-A');
  git('commit', '-qm', 'a');
  git('tag', 'v9.9.9');
  const file = join(folder, 'package.json');
  writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), version: '9.9.9' }));
  const { status, stderr } = spawnSync('node', ['scripts/release.js'], { cwd: folder, encoding: 'utf8' });
  expect(status).toBe(1);
  expect(stderr.trimEnd().split('\n')).toEqual([
    expect.stringMatching(
      /^refused: package-lock.json is of \d+\.\d+\.\d+, package.json of 9.9.9: run npm install$/,
    ),
    'refused: CHANGELOG.md has no section "## 9.9.9"',
    'refused: the work tree has changes that are not committed',
    'refused: the tag v9.9.9 exists already',
  ]);
  expect(existsSync(join(folder, 'out'))).toBe(false);
});
