import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type BuiltProduct, buildProduct } from '../support/built-product.ts';
import { type GitServer, httpGitServer, sshGitServer } from '../support/git-servers.ts';
import { lacks } from '../support/programs.ts';

const TOKEN = 'tok-0123456789';
const sample = fileURLToPath(new URL('../../data/sample/', import.meta.url));
const [ONE, TWO] = ['20260105', '20260112'].map((week) =>
  join(sample, `ServiceTags_Public_${week}.json`),
) as [string, string];
const CONFIGURATION = `version: 1
rules:
  - { name: storage, serviceTags: [Storage.WestEurope], ports: [443] }
targets: { squid: {}, iptables: {} }
guards: { special-use: { allow: [198.18.0.0/15, 192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24, '2001:db8::/32'] } }
publish: { git: { push: true } }
`;

interface Transport {
  readonly server: GitServer;
  /** What lets git in, beside the server's own. */
  readonly environment: Readonly<Record<string, string>>;
}

const TRANSPORTS: Readonly<Record<string, (root: string) => Promise<Transport>>> = {
  file: async (root) => ({
    server: { address: (name) => `file://${join(root, name)}`, environment: {}, close: async () => {} },
    environment: {},
  }),
  'HTTP with a token': async (root) => ({
    server: await httpGitServer(root, TOKEN),
    environment: {
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: 'credential.helper',
      GIT_CONFIG_VALUE_0: `!printf 'username=x-access-token\\npassword=%s\\n' "$FORGE_TOKEN" #`,
      FORGE_TOKEN: TOKEN,
    },
  }),
  SSH: async (root) => ({ server: await sshGitServer(root, join(root, '.ssh')), environment: {} }),
};

const isAbsent = lacks('git', 'ssh', 'sshd', 'ssh-keygen');

let product: BuiltProduct;

beforeAll(async () => {
  product = await buildProduct();
});
afterAll(() => product?.remove());

describe.skipIf(isAbsent).each(Object.keys(TRANSPORTS))('a repository over %s', (name) => {
  let root: string;
  let transport: Transport;

  beforeAll(async () => {
    root = mkdtempSync(join(realpathSync(tmpdir()), 'transport-'));
    transport = await TRANSPORTS[name]!(root);
  });
  afterAll(async () => {
    await transport?.server.close();
    rmSync(root, { recursive: true, force: true });
  });

  const environment = (more: Readonly<Record<string, string>> = {}) => ({
    PATH: process.env.PATH ?? '',
    HOME: root,
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    ...transport.server.environment,
    ...transport.environment,
    ...more,
  });

  /** A bare repository with a commit, and a clone of it over the transport; git runs aside so that a server here can answer. */
  async function repository() {
    const folder = mkdtempSync(join(root, 'work-'));
    const bareName = `${folder.split('/').at(-1)}.git`;
    const bareFolder = join(root, bareName);
    const bare = (...args: string[]) =>
      execFileSync('git', ['-C', bareFolder, ...args], { encoding: 'utf8', env: environment() }).trim();
    mkdirSync(bareFolder);
    bare('init', '--quiet', '--bare', '--initial-branch=main');
    bare('config', 'http.receivepack', 'true');
    const address = transport.server.address(bareName);
    const cloneInto = async (place: string) => {
      const git = async (...args: string[]) => {
        const ended = await run('git', ['-C', place, ...args], place);
        if (ended.status !== 0) throw new Error(`git ${args.join(' ')}: ${ended.stderr}`);
        return ended.stdout.trim();
      };
      await git('clone', '--quiet', address, '.');
      await git('config', 'user.name', 'A Job');
      await git('config', 'user.email', 'job@example.com');
      return git;
    };
    const clone = await cloneInto(folder);
    await clone('switch', '--quiet', '--orphan', 'main').catch(() => undefined);
    writeFileSync(join(folder, 'allowlist.yaml'), CONFIGURATION);
    await clone('add', 'allowlist.yaml');
    await clone('commit', '--quiet', '-m', 'Begin');
    await clone('push', '--quiet', 'origin', 'HEAD:main');
    const job = (week: string, more: Readonly<Record<string, string>> = {}) =>
      run(
        process.execPath,
        [
          join(product.folder, 'dist/program/main.js'),
          'run',
          '--feed',
          week,
          '--cache',
          join(folder, '.git/cache'),
        ],
        folder,
        more,
      );
    return { folder, bareFolder, bare, clone, cloneInto, job };
  }

  function run(
    program: string,
    args: readonly string[],
    cwd: string,
    more: Readonly<Record<string, string>> = {},
  ): Promise<{ status: number | null; stdout: string; stderr: string }> {
    return new Promise((done, fail) => {
      const child = spawn(program, args, {
        cwd,
        env: environment(more),
        stdio: ['ignore', 'pipe', 'pipe'],
        timeout: 60_000,
      });
      const said = { stdout: '', stderr: '' };
      for (const stream of ['stdout', 'stderr'] as const)
        child[stream].setEncoding('utf8').on('data', (text: string) => {
          said[stream] += text;
        });
      child.on('error', fail);
      child.on('close', (status) => done({ status, ...said }));
    });
  }

  it('gets the first week, nothing for the same again, the next week, and keeps what a colleague pushed meanwhile', async () => {
    const { job, bare, clone, cloneInto, folder } = await repository();
    const commits = () => Number(bare('rev-list', '--count', 'main'));
    const first = await job(ONE);
    expect(first.status, first.stderr).toBe(0);
    expect(commits()).toBe(2);
    const again = await job(ONE);
    expect(again.status, again.stderr).toBe(0);
    expect(again.stdout).toContain('nothing changes on any device');
    expect(commits()).toBe(2);

    const other = mkdtempSync(join(root, 'other-'));
    const colleague = await cloneInto(other);
    writeFileSync(join(other, 'notes.md'), 'theirs\n');
    await colleague('add', '.');
    await colleague('commit', '--quiet', '-m', 'Notes');
    await colleague('push', '--quiet', 'origin', 'HEAD:main');
    writeFileSync(join(folder, 'mine.md'), 'not yet committed\n');
    const next = await job(TWO);
    expect(next.status, next.stderr).toBe(0);
    expect(next.stderr).toContain('somebody else has pushed');
    expect(bare('log', '--format=%s', '--reverse', 'main').split('\n')).toEqual([
      'Begin',
      expect.stringContaining('2026-01-05'),
      'Notes',
      expect.stringContaining('2026-01-12'),
    ]);
    expect(await clone('status', '--porcelain')).toBe('?? mine.md');
    expect(await clone('rev-parse', 'HEAD')).toBe(bare('rev-parse', 'main'));
  });

  it('that does not take the push says so in one message, without a secret; the next run pushes it', async () => {
    const { job, bare, bareFolder } = await repository();
    const hook = join(bareFolder, 'hooks/pre-receive');
    mkdirSync(join(bareFolder, 'hooks'), { recursive: true });
    writeFileSync(hook, '#!/bin/sh\necho "main is protected" >&2\nexit 1\n');
    chmodSync(hook, 0o755);
    const refused = await job(ONE);
    expect(refused.status).toBe(1);
    expect(refused.stderr).toMatch(/main is protected|pre-receive hook declined/);
    expect(refused.stderr).toMatch(/the next run pushes it as well/);
    expect(refused.stdout + refused.stderr).not.toContain(TOKEN);
    expect(bare('rev-list', '--count', 'main')).toBe('1');
    rmSync(hook);
    const later = await job(ONE);
    expect(later.status, later.stderr).toBe(0);
    expect(bare('rev-list', '--count', 'main')).toBe('2');
  });

  it.skipIf(name === 'file')('that does not know who asks is an error that says so', async () => {
    const { job, bare } = await repository();
    const key = mkdtempSync(join(root, 'key-'));
    onTestFinished(() => rmSync(key, { recursive: true, force: true }));
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(key, 'other')]);
    const { status, stdout, stderr } = await job(ONE, {
      FORGE_TOKEN: 'wrong-9876543210',
      GIT_SSH_COMMAND: (transport.server.environment.GIT_SSH_COMMAND ?? '').replace(
        /-i \S+/,
        `-i ${join(key, 'other')}`,
      ),
    });
    expect(status).toBe(1);
    expect(stderr).toMatch(/Authentication failed|Permission denied/);
    expect(stdout + stderr).not.toContain('wrong-9876543210');
    expect(bare('rev-list', '--count', 'main')).toBe('1');
  });
});
