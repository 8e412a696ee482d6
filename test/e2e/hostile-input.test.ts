import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { azureAllowlist, workplace, writeConfiguration } from './command.ts';
import { SAMPLE_WEEKS, sampleConfiguration } from './configurations.ts';

const [FEED] = SAMPLE_WEEKS;
const EXAMPLE = fileURLToPath(new URL('../../docs/examples/cisco-asa', import.meta.url));
const pipe = (path: string) => execFileSync('mkfifo', [path]);

/** What stands where a file or a sensible value is expected; how the run must end, and what it must say. */
const CASES: readonly [string, (folder: string) => readonly string[], number, RegExp][] = [
  [
    'a pipe as the feed',
    (folder) => {
      pipe(join(folder, 'feed.json'));
      return ['run', '--feed', 'feed.json'];
    },
    4,
    /feed\.json: is a pipe, not a file/,
  ],
  ['a device as the feed', () => ['run', '--feed', '/dev/zero'], 4, /\/dev\/zero: is a device, not a file/],
  [
    'a pipe as the configuration',
    (folder) => {
      pipe(join(folder, 'pipe.yaml'));
      return ['run', '-c', 'pipe.yaml', '--feed', FEED];
    },
    5,
    /pipe\.yaml is a pipe, not a file/,
  ],
  [
    'a pipe as the lock',
    (folder) => {
      mkdirSync(join(folder, 'allowlists'));
      pipe(join(folder, 'allowlists/allowlist.lock.json'));
      return ['run', '--feed', FEED];
    },
    1,
    /allowlist\.lock\.json is a pipe, not a file/,
  ],
  [
    'a lock that is a link to another file',
    (folder) => {
      mkdirSync(join(folder, 'allowlists'));
      writeFileSync(join(folder, 'other'), 'geheim: of somebody else\n');
      symlinkSync('../other', join(folder, 'allowlists/allowlist.lock.json'));
      return ['run', '--feed', FEED];
    },
    1,
    /allowlist\.lock\.json is a symbolic link, which is not followed; remove it, and restore/,
  ],
  [
    'a pipe as the document to check',
    (folder) => {
      pipe(join(folder, 'document.md'));
      return ['endpoints', 'check', 'document.md'];
    },
    5,
    /document\.md is a pipe, not a file; write what it gives to a file first/,
  ],
  [
    'a pipe as the authority of a probe',
    (folder) => {
      pipe(join(folder, 'ca.pem'));
      return ['probe', '--ca', 'ca.pem'];
    },
    1,
    /ca\.pem is a pipe, not a file; write what it gives to a file first/,
  ],
  [
    'a template that is a link out of its folder',
    (folder) => {
      cpSync(EXAMPLE, join(folder, 'asa'), { recursive: true });
      rmSync(join(folder, 'asa/azure.cfg.hbs'));
      symlinkSync('/etc/passwd', join(folder, 'asa/azure.cfg.hbs'));
      writeConfiguration(folder, sampleConfiguration({ targets: { asa: { template: 'asa' } } }));
      return ['run', '--feed', FEED];
    },
    5,
    /the template azure\.cfg\.hbs is a link out of its folder/,
  ],
  ['a URL that is none', () => ['run', '--feed', 'http://bad url'], 5, /--feed http:\/\/bad url: not a URL/],
  [
    'a URL of another kind, with a password',
    () => ['run', '--feed', 'ftp://user:geheim@host.example/x.json'],
    5,
    /^azure-allowlist: --feed ftp:\/\/host\.example\/x\.json: a file, or a URL that begins with http/,
  ],
  [
    'a target named __proto__',
    (folder) => {
      writeFileSync(join(folder, 'allowlist.yaml'), 'version: 1\nrules: []\ntargets: { __proto__: {} }\n');
      return ['run', '--feed', FEED];
    },
    5,
    /line 3: __proto__ cannot be a key/,
  ],
  [
    'aliases that multiply',
    (folder) => {
      const levels = Array.from({ length: 11 }, (_, level) =>
        level === 0 ? '&a0 [x,x,x,x,x,x,x,x,x,x]' : `&a${level} [${`*a${level - 1},`.repeat(10)}]`,
      );
      writeFileSync(
        join(folder, 'allowlist.yaml'),
        `version: 1\n${levels.map((text, level) => `k${level}: ${text}`).join('\n')}\n`,
      );
      return ['run', '--feed', FEED];
    },
    5,
    /Excessive alias count/,
  ],
  [
    'brackets in brackets',
    (folder) => {
      writeFileSync(join(folder, 'allowlist.yaml'), `rules: ${'['.repeat(20_000)}${']'.repeat(20_000)}\n`);
      return ['run', '--feed', FEED];
    },
    5,
    /is not a valid configuration/,
  ],
  ['an output inside .git', () => ['run', '-o', '.git/out', '--feed', FEED], 5, /must not be inside \.git/],
  [
    'an output inside node_modules',
    () => ['run', '-o', 'node_modules/out', '--feed', FEED],
    5,
    /must not be inside node_modules/,
  ],
];

describe('what no job should meet', () => {
  it.each(CASES)('%s is an error within seconds, without a stack', async (_, prepare, exit, says) => {
    const folder = workplace();
    writeConfiguration(folder, sampleConfiguration());
    const args = prepare(folder);
    const { status, stderr } = await azureAllowlist(args, { cwd: folder });
    expect(status, stderr).toBe(exit);
    expect(stderr).toMatch(says);
    expect(stderr).not.toMatch(/\n\s+at |geheim|please report/);
  });
});
