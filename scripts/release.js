// Makes the files of a release: `node scripts/release.js [--out DIR] [--dry-run]`.
// What is to be released is what is committed: package.json names the version (`npm version --no-git-tag-version X.Y.Z`),
// CHANGELOG.md has its section. A dry run makes the same files and only reports what a release would be refused for.
// Nothing but npm's own registry is asked, and that only where packages are not installed yet.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { licenceTexts, productionPackages } from './licences.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: 'out/release' },
    'dry-run': { type: 'boolean', default: false },
    // For the tests: takes dist/ as it is.
    built: { type: 'boolean', default: false },
  },
});

const read = (path) => readFileSync(join(ROOT, path), 'utf8');
const run = (program, args, cwd = ROOT) =>
  execFileSync(program, args, {
    cwd,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    stdio: ['ignore', 'pipe', 'pipe'],
  });

const { name, version } = JSON.parse(read('package.json'));
const lock = JSON.parse(read('package-lock.json'));
const packages = productionPackages(lock);

/** Why this cannot be released. */
function problems() {
  const found = [];
  if (!/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version)) found.push(`package.json: ${version} is not a version`);
  if (lock.version !== version || lock.packages[''].version !== version)
    found.push(`package-lock.json is of ${lock.version}, package.json of ${version}: run npm install`);
  if (!new RegExp(`^## ${version.replaceAll('.', '\\.')}$`, 'm').test(read('CHANGELOG.md')))
    found.push(`CHANGELOG.md has no section "## ${version}"`);
  if (run('git', ['status', '--porcelain']) !== '')
    found.push('the work tree has changes that are not committed');
  if (run('git', ['tag', '--list', `v${version}`]) !== '') found.push(`the tag v${version} exists already`);
  for (const one of packages) {
    if (!one.integrity?.startsWith('sha512-')) found.push(`package-lock.json: ${one.path} has no SHA-512`);
    if (one.licence === '') found.push(`package-lock.json: ${one.path} names no licence`);
  }
  return found;
}

/**
 * A CycloneDX document that is the same for the same commit. `npm sbom --omit dev` also leaves out packages that both the
 * program and its tests need, so it is asked for all, and those that are not needed at run time are taken out.
 */
function bill() {
  const format = ['--sbom-format', 'cyclonedx', '--sbom-type', 'application'];
  const document = JSON.parse(run('npm', ['sbom', '--package-lock-only', ...format]));
  const needed = new Set(packages.map((one) => `${one.name}@${one.version}`));
  document.components = document.components.filter((one) => needed.has(`${one.name}@${one.version}`));
  const references = new Set([
    document.metadata.component['bom-ref'],
    ...document.components.map((one) => one['bom-ref']),
  ]);
  document.dependencies = document.dependencies
    .filter(({ ref }) => references.has(ref))
    .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((other) => references.has(other)) }));
  document.metadata.component.name = name;
  document.metadata.timestamp = run('git', ['log', '-1', '--format=%cI']).trim();
  delete document.serialNumber;
  return `${JSON.stringify(document, undefined, 2)}\n`;
}

/** What the packed program says its version is, unpacked beside the packages that it needs. */
function packedVersion(tarball) {
  const folder = mkdtempSync(join(tmpdir(), 'release-'));
  try {
    run('tar', ['-xzf', tarball, '-C', folder]);
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'), 'dir');
    return run(process.execPath, [join(folder, 'package/dist/program/main.js'), '--version']).trim();
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What the program in one file says its version is, alone in an empty folder. */
function versionAlone(file) {
  const folder = mkdtempSync(join(tmpdir(), 'release-'));
  try {
    const copy = join(folder, basename(file));
    copyFileSync(file, copy);
    return execFileSync(process.execPath, [copy, '--version'], {
      cwd: folder,
      encoding: 'utf8',
      env: { PATH: process.env.PATH, HOME: folder },
    }).trim();
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const found = problems();
for (const problem of found)
  console.error(`${values['dry-run'] ? 'would be refused' : 'refused'}: ${problem}`);
if (found.length > 0 && !values['dry-run']) process.exit(1);

const out = resolve(values.out);
mkdirSync(out, { recursive: true });
for (const file of readdirSync(out))
  if (file === 'SHA256SUMS' || file === 'licences.txt' || /\.(tgz|mjs|cdx\.json)$/.test(file))
    rmSync(join(out, file));
if (!values.built) run('npm', ['run', '--silent', 'build']);
const [{ filename }] = JSON.parse(
  run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', out]),
);
const tarball = join(out, filename);
const said = packedVersion(tarball);
if (said !== version) throw new Error(`${filename} says that it is version ${said}, not ${version}`);
const single = join(out, `${name}-${version}.mjs`);
// Loaded here: a version that is refused needs no packages.
writeFileSync(single, (await import('./single-file.js')).singleFile(ROOT));
chmodSync(single, 0o755);
const alone = versionAlone(single);
if (alone !== version)
  throw new Error(`${basename(single)} says that it is version ${alone}, not ${version}`);
writeFileSync(join(out, 'licences.txt'), licenceTexts(lock));
writeFileSync(join(out, `${name}-${version}.cdx.json`), bill());
const sums = readdirSync(out)
  .filter((file) => file !== 'SHA256SUMS')
  .sort()
  .map(
    (file) =>
      `${createHash('sha256')
        .update(readFileSync(join(out, file)))
        .digest('hex')}  ${file}\n`,
  );
writeFileSync(join(out, 'SHA256SUMS'), sums.join(''));
console.log(sums.join('').trimEnd());
console.log(
  `${basename(out)}: ${name} ${version}, ${packages.length} packages at run time. Next: git tag -s v${version}, push the tag, publish these files.`,
);
