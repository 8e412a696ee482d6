import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A server for the repositories below a folder. */
export interface GitServer {
  /** The address of a repository. */
  readonly address: (name: string) => string;
  /** What git needs to reach it. */
  readonly environment: Readonly<Record<string, string>>;
  readonly close: () => Promise<void>;
}

/** `git http-backend` as its manual describes it, behind basic authentication with a token for a password. */
export async function httpGitServer(root: string, token: string): Promise<GitServer> {
  const wanted = `Basic ${Buffer.from(`x-access-token:${token}`).toString('base64')}`;
  const server = createServer((request, response) => {
    if (request.headers.authorization === wanted) return backend(root, request, response);
    response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end('who are you?\n');
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  const { port } = server.address() as { port: number };
  return {
    address: (name) => `http://127.0.0.1:${port}/${name}`,
    environment: {},
    close: () => new Promise((done) => server.close(() => done())),
  };
}

function backend(root: string, request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url ?? '/', 'http://localhost');
  const { headers } = request;
  const child = spawn('git', ['http-backend'], {
    env: {
      PATH: process.env.PATH ?? '',
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: '1',
      GIT_CONFIG_NOSYSTEM: '1',
      PATH_INFO: decodeURIComponent(url.pathname),
      QUERY_STRING: url.search.slice(1),
      REQUEST_METHOD: request.method ?? 'GET',
      CONTENT_TYPE: headers['content-type'] ?? '',
      HTTP_CONTENT_ENCODING: headers['content-encoding'] ?? '',
      GIT_PROTOCOL: String(headers['git-protocol'] ?? ''),
      REMOTE_USER: 'job',
      REMOTE_ADDR: '127.0.0.1',
    },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  request.pipe(child.stdin);
  child.stdin.on('error', () => undefined);
  const out: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.on('close', () => {
    const answer = Buffer.concat(out);
    const end = answer.indexOf('\r\n\r\n');
    const fields = answer.toString('latin1', 0, end).split('\r\n');
    const named = fields.map((line) => line.split(': ') as [string, string]);
    const status = Number.parseInt(named.find(([name]) => name === 'Status')?.[1] ?? '200', 10);
    response.writeHead(status, Object.fromEntries(named.filter(([name]) => name !== 'Status')));
    response.end(answer.subarray(end + 4));
  });
}

/** A real sshd on loopback that takes one key, for the user that runs the tests. */
export async function sshGitServer(root: string, work: string): Promise<GitServer> {
  mkdirSync(work, { recursive: true, mode: 0o700 });
  // What sshd drops its rights into.
  mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  for (const name of ['host', 'job'])
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(work, name)]);
  const port = await freePort();
  writeFileSync(
    join(work, 'sshd_config'),
    [
      `Port ${port}`,
      'ListenAddress 127.0.0.1',
      `HostKey ${join(work, 'host')}`,
      `AuthorizedKeysFile ${join(work, 'job.pub')}`,
      `PidFile ${join(work, 'sshd.pid')}`,
      'StrictModes no',
      'UsePAM no',
      'PasswordAuthentication no',
      'KbdInteractiveAuthentication no',
      'PermitRootLogin yes',
      '',
    ].join('\n'),
  );
  const child = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', join(work, 'sshd_config')], { stdio: 'ignore' });
  await listening(port, child);
  const user = userInfo().username;
  const options = [
    '-i',
    join(work, 'job'),
    '-F',
    '/dev/null',
    ...['IdentitiesOnly=yes', 'BatchMode=yes', 'StrictHostKeyChecking=accept-new'].flatMap((one) => [
      '-o',
      one,
    ]),
    '-o',
    `UserKnownHostsFile=${join(work, 'known_hosts')}`,
  ];
  return {
    address: (name) => `ssh://${user}@127.0.0.1:${port}${join(root, name)}`,
    environment: { GIT_SSH_COMMAND: `ssh ${options.join(' ')}` },
    close: () =>
      new Promise((done) => {
        child.on('close', () => done());
        child.kill();
      }),
  };
}

function freePort(): Promise<number> {
  return new Promise((done) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => done(port));
    });
  });
}

async function listening(port: number, child: ChildProcess): Promise<void> {
  for (let attempt = 0; attempt < 100 && child.exitCode === null; attempt++) {
    const up = await new Promise<boolean>((done) => {
      const socket = connect(port, '127.0.0.1');
      socket.on('connect', () => {
        socket.destroy();
        done(true);
      });
      socket.on('error', () => done(false));
    });
    if (up) return;
    await sleep(50);
  }
  throw new Error('sshd does not listen');
}
