// Requests a second of `serve` beside nginx on the same folder, over loopback, by wrk: `node bench/serve-load.js [SECONDS]`.
// Prints one line a server and file.
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const seconds = Number(process.argv[2] ?? 5);
const work = mkdtempSync(join(tmpdir(), 'serve-load-'));
chmodSync(work, 0o755);
const out = join(work, 'allowlists');
const cli = join(root, 'dist/program/main.js');
execFileSync(process.execPath, [
  ...[cli, 'run', '-c', join(root, 'data/sample/allowlist.yaml'), '-o', out],
  ...['--feed', join(root, 'data/sample/ServiceTags_Public_20260105.json')],
]);
writeFileSync(
  join(work, 'nginx.conf'),
  `pid ${work}/nginx.pid;\nerror_log ${work}/error.log;\nworker_processes 1;\ndaemon off;\nevents {}\nhttp {\naccess_log ${work}/access.log;\nserver { listen 127.0.0.1:8072; root ${out}; }\n}\n`,
);
const servers = [
  ['serve', spawn(process.execPath, [cli, 'serve', out, '--listen', '127.0.0.1:8071']), 8071],
  ['nginx', spawn('nginx', ['-c', join(work, 'nginx.conf')]), 8072],
];
await new Promise((resolve) => setTimeout(resolve, 1500));
for (const [, child] of servers) child.stdout.resume();
for (const file of ['pac/wpad.dat', 'iptables/iptables.rules'])
  for (const [name, , port] of servers) {
    const report = execFileSync('wrk', [
      ...['-t1', '-c32', `-d${seconds}s`, '--latency'],
      `http://127.0.0.1:${port}/${file}`,
    ]).toString();
    const [, rate] = /Requests\/sec:\s+(\S+)/.exec(report);
    const [, p99] = /99%\s+(\S+)/.exec(report);
    const errors = /Socket errors.*|Non-2xx.*/.exec(report)?.[0] ?? 'no errors';
    console.log(
      `${name.padEnd(6)} ${file.padEnd(24)} ${rate.padStart(10)} requests/s  p99 ${p99}  ${errors}`,
    );
  }
for (const [, child] of servers) child.kill('SIGTERM');
await new Promise((resolve) => setTimeout(resolve, 300));
rmSync(work, { recursive: true, force: true });
