// Publishes in a process of its own, to be killed. argv: module directory, output directory, generations
// (comma-separated, published one after the other; `…` at the end: over and over), size, kill-at.
// kill-at N: SIGKILL right before the Nth operation that changes the file system; 0: never.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [modules, directory, list, size, killAt] = process.argv.slice(2);
let operations = 0;

/** @param {Record<string, any>} owner @param {string} name */
function count(owner, name) {
  const original = owner[name];
  owner[name] = (...args) => {
    operations += 1;
    if (operations === Number(killAt)) process.kill(process.pid, 'SIGKILL');
    return original(...args);
  };
}
for (const name of [
  'open',
  'mkdir',
  'rename',
  'rm',
  'rmdir',
  'unlink',
  'link',
  'symlink',
  'chmod',
  'utimes',
]) {
  count(fs.promises, name);
}
count(fs, 'renameSync');
count(fs, 'openSync');
count(fs, 'writeSync');
syncBuiltinESMExports();

const load = (path) => import(pathToFileURL(join(modules, path)).href);
const { publishTree } = await load('publish/tree.js');
const { generation } = await import(new URL('./generations.js', import.meta.url).href);

const endless = list.endsWith('…');
const names = list.replace('…', '').split(',');
process.stdout.write('ready\n');
do {
  for (const name of names) {
    const managed = ['old', 'new'].flatMap((one) => [...generation(one, Number(size)).keys()]);
    await publishTree(directory, generation(name, Number(size)), managed);
  }
} while (endless);
process.stdout.write(`done ${operations}\n`);
