// Runs the weekly job on the two made-up weeks of data/sample, and shows the review of the second.
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const out = 'out/demo';

/** Runs one command and shows what it prints. */
function run(...args) {
  console.log(`$ azure-allowlist ${args.join(' ')}`);
  const printed = execFileSync(process.execPath, ['dist/program/main.js', ...args], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  console.log(`${printed.trimEnd()}\n`);
}

rmSync(`${root}${out}`, { recursive: true, force: true });
const job = ['run', '-c', 'data/sample/allowlist.yaml', '-o', out, '--feed'];
run(...job, 'data/sample/ServiceTags_Public_20260105.json');
run(...job, 'data/sample/ServiceTags_Public_20260112.json');
run(...job, 'data/sample/ServiceTags_Public_20260112.json');
run('verify', out);
console.log(`$ cat ${out}/REVIEW.md`);
console.log(readFileSync(`${root}${out}/REVIEW.md`, 'utf8'));
