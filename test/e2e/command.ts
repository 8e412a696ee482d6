import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inject, onTestFinished } from 'vitest';

const installation = inject('installation');

/** A file of the installed product. */
export function installed(path: string): string {
  return join(installation, path);
}

/** How a command ended and what it wrote. */
export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Surroundings {
  readonly cwd: string;
  /** Beside PATH; nothing of the tests' own environment (proxies, colours, git) gets in. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Flags of node itself. */
  readonly node?: readonly string[];
  /** In a process group of its own, as a terminal has it: Ctrl-C goes to all that it started. */
  readonly group?: boolean;
}

/** The longest that any command may take, in milliseconds. */
const LONGEST = 120_000;

/** Starts `azure-allowlist` as a user would, in a process of its own. */
export function start(
  args: readonly string[],
  { cwd, environment = {}, node = [], group = false }: Surroundings,
): { readonly child: ChildProcess; readonly ended: Promise<Ended> } {
  const child = spawn(process.execPath, [...node, installed('dist/program/main.js'), ...args], {
    cwd,
    env: {
      PATH: process.env.PATH ?? '',
      HOME: cwd,
      XDG_CACHE_HOME: join(cwd, '.cache'),
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_CONFIG_NOSYSTEM: '1',
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: LONGEST,
    killSignal: 'SIGKILL',
    detached: group,
  });
  const texts = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (text: string) => {
      texts[name] += text;
    });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, ...texts }));
  });
  return { child, ended };
}

/** Runs `azure-allowlist` to its end. */
export function azureAllowlist(args: readonly string[], surroundings: Surroundings): Promise<Ended> {
  return start(args, surroundings).ended;
}

/** A new folder to work in, gone when the test (or, in `beforeAll`, the file) ends. */
export function workplace(finished: (remove: () => void) => void = onTestFinished): string {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'allowlist-e2e-'));
  finished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Writes a configuration (YAML takes JSON) and returns its path. */
export function writeConfiguration(
  folder: string,
  document: Readonly<Record<string, unknown>>,
  name = 'allowlist.yaml',
): string {
  const path = join(folder, name);
  writeFileSync(path, `${JSON.stringify(document, null, 2)}\n`);
  return path;
}
