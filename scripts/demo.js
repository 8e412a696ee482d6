// Runs the weekly job on the two made-up weeks of data/sample, and shows the review of the second.
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const out = 'out/demo';
const run = (...args) => {
  console.log(`$ azure-allowlist ${args.join(' ')}`);
  execFileSync(process.execPath, ['dist/cli/main.js', ...args], { cwd: root, stdio: 'inherit' });
  console.log();
};

rmSync(`${root}${out}`, { recursive: true, force: true });
for (const week of ['20260105', '20260112'])
  run(
    'run',
    '-c',
    'data/sample/allowlist.yaml',
    '--feed',
    `data/sample/ServiceTags_Public_${week}.json`,
    '-o',
    out,
  );
run('verify', out);
console.log(`$ cat ${out}/REVIEW.md\n`);
console.log(readFileSync(`${root}${out}/REVIEW.md`, 'utf8'));
