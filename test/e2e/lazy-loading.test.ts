import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, inject, it } from 'vitest';
import { azureAllowlist, installed, workplace } from './command.ts';

const TRACER = fileURLToPath(new URL('./loaded-modules.mjs', import.meta.url));

/** The packages and the modules of `src` that a command loads: node's own loader resolves the files that they are in. */
async function loaded(...args: string[]) {
  const folder = workplace();
  const log = join(folder, 'modules.txt');
  const ended = await azureAllowlist(args, {
    cwd: folder,
    node: ['--import', TRACER],
    environment: { LOADED_MODULES: log },
  });
  const urls = [...new Set(readFileSync(log, 'utf8').trim().split('\n'))].filter((url) =>
    url.startsWith('file:'),
  );
  const sources = inject('sources');
  const loaded = urls.flatMap((url) => sources[fileURLToPath(url)] ?? [fileURLToPath(url)]);
  const packages = loaded.flatMap(
    (path) => /(?:^|\/)node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? [],
  );
  const own = loaded.filter((path) => path.startsWith('src/'));
  return { ...ended, packages: new Set(packages), own: own.map((path) => path.slice('src/'.length)) };
}

describe('what a command loads', () => {
  it.each(['--version', '-V'])('%s loads nothing but its own', async (flag) => {
    const { status, stdout, packages, own } = await loaded(flag);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^\d+\.\d+\.\d+/);
    expect([...packages]).toEqual([]);
    expect(own.toSorted()).toEqual(['cli/main.ts', 'cli/version.ts']);
  });

  it.each([
    ['--help', 0],
    ['--frobnicate', 5],
    ['--version --frobnicate', 0],
  ])('%s loads the command line alone', async (flag, expected) => {
    const { status, packages, own } = await loaded(...flag.split(' '));
    expect(status).toBe(expected);
    expect([...packages]).toEqual(['commander']);
    expect(own.toSorted()).toEqual([
      'cli/io.ts',
      'cli/main.ts',
      'cli/program.ts',
      'cli/version.ts',
      'cli/visible.ts',
      'feed/redact.ts',
      'problem.ts',
    ]);
  });

  it('--version says the version of the package', async () => {
    const { stdout } = await azureAllowlist(['--version'], { cwd: workplace() });
    const { version } = JSON.parse(readFileSync(installed('package.json'), 'utf8'));
    expect(stdout).toBe(`${version}\n`);
  });

  it('targets loads what it needs, and nothing that fetches', async () => {
    const { status, packages, own } = await loaded('targets');
    expect(status).toBe(0);
    // The trace sees packages and rooms where there are some.
    expect(packages).toContain('zod');
    expect(own).toContain('targets/catalog.ts');
    expect(packages).not.toContain('got');
    expect(packages).not.toContain('cron');
    expect(packages).not.toContain('simple-git');
  });
});
