import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { installed, workplace } from './command.ts';
import { SAMPLE_RANGES, SAMPLE_WEEKS } from './configurations.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const README = readFileSync(join(ROOT, 'README.md'), 'utf8');

/** The commands of a story, as its reader pastes them. */
function storyOf(title: string): string {
  const [, block] = new RegExp(`### ${title}\n\n\`\`\`sh\n([\\s\\S]*?)\`\`\``).exec(README) ?? [];
  if (block === undefined) throw new Error(`README.md has no story "${title}"`);
  return block;
}

/**
 * What a story does in an empty folder. The program is the built one; its runs read the sample's week, which only a
 * configuration that allows its ranges may use, and `npm root -g` is where `npm link` would have put the clone.
 */
function tell(story: string): { readonly folder: string; readonly stdout: string } {
  const folder = workplace();
  const programs = join(folder, '.programs');
  mkdirSync(join(programs, 'modules'), { recursive: true });
  symlinkSync(ROOT, join(programs, 'modules/azure-allowlist'), 'dir');
  const program = `${process.execPath} ${installed('dist/program/main.js')}`;
  const guards = `guards: { special-use: { allow: ${JSON.stringify(SAMPLE_RANGES)} } }`;
  writeFileSync(
    join(programs, 'azure-allowlist'),
    `#!/bin/sh
case $1 in
  run) exec ${program} "$@" --feed ${SAMPLE_WEEKS[0]} ;;
  init) ${program} "$@" && echo '${guards}' >> allowlist.yaml ;;
  *) exec ${program} "$@" ;;
esac
`,
    { mode: 0o755 },
  );
  writeFileSync(
    join(programs, 'npm'),
    `#!/bin/sh
[ "$1" = root ] && { echo ${programs}/modules; exit; }
PATH=$(echo "$PATH" | cut -d: -f2-) exec npm "$@"
`,
    { mode: 0o755 },
  );
  const { status, stdout, stderr } = spawnSync(
    'bash',
    ['-ec', `trap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n${story}`],
    {
      timeout: 150_000,
      cwd: folder,
      encoding: 'utf8',
      env: {
        PATH: `${programs}:${process.env.PATH}`,
        HOME: folder,
        GIT_AUTHOR_NAME: 'a',
        GIT_AUTHOR_EMAIL: 'a@example.com',
        GIT_COMMITTER_NAME: 'a',
        GIT_COMMITTER_EMAIL: 'a@example.com',
      },
    },
  );
  expect(status, `${stdout}\n${stderr}`).toBe(0);
  return { folder, stdout };
}

it.each([
  'A weekly job whose changes people review',
  'A connector behind a proxy',
  'Devices that pull lists',
])('%s: takes ten lines at most', (title) => {
  expect(storyOf(title).trimEnd().split('\n').length).toBeLessThanOrEqual(10);
});

it('a weekly job whose changes people review', () => {
  const { folder, stdout } = tell(storyOf('A weekly job whose changes people review'));
  expect(stdout).toContain('Dry run, nothing written to allowlists');
  for (const path of [
    'azure-allowlist.tgz',
    '.github/actions/azure-allowlist/action.yml',
    '.github/workflows/azure-allowlist.yml',
  ])
    expect(existsSync(join(folder, 'network-rules', path)), path).toBe(true);
});

it('a connector behind a proxy', () => {
  const { stdout } = tell(storyOf('A connector behind a proxy'));
  expect(stdout).toMatch(/^allowlists: \d+ files as generated; .*squid.* read back equal to the policy/m);
  expect(stdout).toMatch(/^login\.microsoftonline\.com {2}allowed/m);
  expect(stdout).toContain('azure-allow.conf');
});

it('devices that pull lists', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  const story = storyOf('Devices that pull lists');
  const { stdout } = tell(story.replaceAll(':8080', `:${port}`));
  expect(stdout).toContain('FindProxyForURL');
  expect(stdout).toMatch(/^[a-z0-9.-]+\.(com|net)$/m);
  expect(stdout).toContain('"current"');
});
