// Makes azure-allowlist one file that needs Node.js alone: `node scripts/single-file.js FILE`, after `npm run build`.
// scripts/release.js makes it as well.
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { extname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants } from 'node:zlib';
import { EXTERNAL } from './bundle-program.js';
import { licenceTexts } from './licences.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Packages that are loaded as they are: those outside of the bundle, and the one that compiles templates of a user's own. */
const PACKAGES = [...EXTERNAL, 'handlebars'];

/** What of a package is code. */
const CODE = new Set(['.js', '.cjs', '.mjs', '.json']);

/** Folders of packages that no program loads. */
const IDLE = new Set([
  'test',
  'tests',
  '__tests__',
  'benchmark',
  'benchmarks',
  'bench',
  'examples',
  'docs',
  '.github',
]);

/** The folders of these packages and of all that they need, as npm has laid them out. */
function packageFolders(lock) {
  const found = new Set();
  const find = (name, from) => {
    for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/')))) {
      const path = at === '' ? `node_modules/${name}` : `${at}/node_modules/${name}`;
      if (lock.packages[path] !== undefined) return path;
      if (at === '') return undefined;
    }
  };
  const take = (name, from) => {
    const path = find(name, from);
    if (path === undefined || name.startsWith('@types/') || found.has(path)) return;
    found.add(path);
    for (const other of Object.keys(lock.packages[path].dependencies ?? {})) take(other, path);
  };
  for (const name of PACKAGES) take(name, '');
  return [...found];
}

/** The files below a folder, as paths from the root. */
function filesBelow(root, folder, wanted = () => true) {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory())
      return entry.name === 'node_modules' || !wanted(entry.name, true) ? [] : filesBelow(root, path, wanted);
    return entry.isFile() && wanted(entry.name, false) ? [path] : [];
  });
}

/**
 * The text of the file. Same sources and packages, same bytes.
 * @param root of the product, built
 */
export function singleFile(root) {
  const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8'));
  const isCode = (name, isFolder) => (isFolder ? !IDLE.has(name) : CODE.has(extname(name)));
  const paths = [
    'package.json',
    ...['dist/program', 'templates', 'data', 'schema'].flatMap((folder) => filesBelow(root, folder)),
    ...packageFolders(lock).flatMap((folder) => filesBelow(ROOT, folder, isCode)),
  ].sort();
  const from = (path) => join(path.startsWith('node_modules/') ? ROOT : root, path);
  const texts = paths.map((path) => readFileSync(from(path)));
  for (const [path, text] of [
    ['LICENSE', readFileSync(join(ROOT, 'LICENSE'))],
    ['licences.txt', Buffer.from(licenceTexts(lock))],
  ]) {
    paths.push(path);
    texts.push(text);
  }
  const bytes = Buffer.concat(texts);
  const packed = brotliCompressSync(bytes, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: 9,
      [constants.BROTLI_PARAM_LGWIN]: 24,
      [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
    },
  });
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const digest = createHash('sha256').update(packed).digest('hex');
  const files = paths.map((path, index) => [path, texts[index].length]);
  const launcher = readFileSync(join(ROOT, 'scripts/single-file-launcher.mjs'), 'utf8');
  const empty = "const PACKED = { version: '', digest: '', files: [] };";
  if (!launcher.includes(empty)) throw new Error(`single-file-launcher.mjs has no line ${empty}`);
  const filled = launcher.replace(
    empty,
    () => `const PACKED = ${JSON.stringify({ version, digest, files })};`,
  );
  return `${filled}// packed: ${packed.toString('base64')}\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [out] = process.argv.slice(2);
  if (out === undefined || !existsSync(join(ROOT, 'dist/program/main.js'))) {
    console.error('usage: node scripts/single-file.js FILE (after npm run build)');
    process.exit(5);
  }
  writeFileSync(resolve(out), singleFile(ROOT));
  chmodSync(resolve(out), 0o755);
}
