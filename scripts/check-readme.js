// Checks that the sample output in README.md is what the demonstration printed: `node scripts/check-readme.js FILE`.
import { readFileSync } from 'node:fs';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const printed = readFileSync(process.argv[2] ?? 0, 'utf8').split('\n');
const block = /<!-- checked against `npm run demo` -->\n```text\n([\s\S]*?)```/.exec(readme)?.[1];
if (block === undefined) throw new Error('README.md has no block that is checked');
let place = 0;
for (const line of block.trimEnd().split('\n')) {
  const found = printed.indexOf(line, place);
  if (found < 0) {
    console.error(`README.md shows a line that the demonstration did not print there: ${line}`);
    process.exitCode = 1;
  } else place = found + 1;
}
if (process.exitCode === undefined) console.log('README.md shows what the demonstration prints');
