import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { singleFile } from '../../scripts/single-file.js';
import { installed, workplace, writeConfiguration } from './command.ts';
import { everyTarget, SAMPLE_WEEKS, sampleConfiguration } from './configurations.ts';

const NAME = 'azure-allowlist.mjs';
let text: string;
beforeAll(() => {
  text = singleFile(installed('.'));
});

/** An empty folder with the file in it, and a home of its own: nothing of the checkout or its packages is near. */
function alone() {
  const folder = workplace();
  writeFileSync(join(folder, NAME), text);
  const home = join(folder, 'home');
  const temporary = join(folder, 'tmp');
  for (const one of [home, temporary]) mkdirSync(one);
  for (const [index, week] of SAMPLE_WEEKS.entries())
    cpSync(week, join(folder, `${index}`, week.split('/').at(-1)!));
  const weeks = SAMPLE_WEEKS.map((week, index) => join(`${index}`, week.split('/').at(-1)!));
  const environment = { PATH: process.env.PATH ?? '', HOME: home, TMPDIR: temporary };
  const run = (args: readonly string[], more: Readonly<Record<string, string>> = {}) =>
    spawnSync(process.execPath, [NAME, ...args], {
      cwd: folder,
      encoding: 'utf8',
      env: { ...environment, ...more },
    });
  const kept = () => {
    const below = join(home, '.cache/azure-allowlist');
    return readdirSync(below)
      .filter((name) => name.startsWith('program-'))
      .map((name) => join(below, name));
  };
  return { folder, home, temporary, weeks, environment, run, kept };
}

describe('the program in one file', () => {
  it('runs the sample for every target, and proves it', async () => {
    const { folder, weeks, run, kept } = alone();
    writeConfiguration(folder, sampleConfiguration({ targets: await everyTarget() }));
    for (const week of weeks) {
      const { status, stderr } = run(['run', '--feed', week]);
      expect(status, stderr).toBe(0);
    }
    const verified = run(['verify']);
    expect(verified.status, verified.stderr).toBe(0);
    expect(kept()).toHaveLength(1);
    expect(run(['--version']).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it("takes a user's own template, many sites in threads, and a new configuration", () => {
    const { folder, weeks, run } = alone();
    mkdirSync(join(folder, 'vendor'));
    writeFileSync(
      join(folder, 'vendor/manifest.yaml'),
      `id: mine
title: Mine
description: A prefix a line
capabilities: { ipv4: true, ipv6: true, ports: true }
files: [{ path: rules.txt, template: rules.hbs }]
readBack:
  - files: ^rules\\.txt$
    lines:
      - { match: '#.*', does: ignore }
      - { match: 'list (?<group>\\S+)', does: group }
      - { match: ' (?<prefix>[0-9a-f.:]+/\\d+)', does: entry }
      - { match: 'permit (?<group>\\S+) port (?<ports>\\d+)', does: grant }
`,
    );
    writeFileSync(
      join(folder, 'vendor/rules.hbs'),
      `{{#each header}}
# {{this}}
{{/each}}
{{#each addressLists as |list|}}
list {{list.id}}
{{#each list.prefixes}}
 {{prefix}}
{{/each}}
{{#each list.ports.ranges}}
permit {{list.id}} port {{text}}
{{/each}}
{{/each}}
`,
    );
    for (const site of ['a', 'b']) {
      mkdirSync(join(folder, site));
      writeConfiguration(
        join(folder, site),
        sampleConfiguration({ targets: { mine: { template: '../vendor' }, squid: {} } }),
      );
    }
    const args = ['run', '-c', 'a/allowlist.yaml', '-c', 'b/allowlist.yaml', '--workers', '2'];
    const { status, stdout, stderr } = run([...args, '--feed', weeks[0]!]);
    expect(status, stderr).toBe(0);
    expect(stdout).toContain('2 sites: 2 published.');
    expect(run(['verify', 'a/allowlists']).status).toBe(0);
    expect(readFileSync(join(folder, 'a/allowlists/mine/rules.txt'), 'utf8')).toMatch(
      /^permit \S+ port 443$/m,
    );
    expect(run(['init', 'new']).status).toBe(0);
    expect(readdirSync(join(folder, 'new'))).toContain('allowlist.yaml');
  });

  it('has the packages that only some commands load', async () => {
    const { folder, weeks, run, environment } = alone();
    writeConfiguration(
      folder,
      sampleConfiguration({ targets: { pac: { allowed: 'DIRECT', otherwise: 'PROXY p:1' } } }),
    );
    expect(run(['run', '--feed', weeks[0]!]).status).toBe(0);
    const child = spawn(process.execPath, [NAME, 'serve', 'allowlists', '--listen', '127.0.0.1:0'], {
      cwd: folder,
      env: environment,
    });
    onTestFinished(() => void child.kill());
    const origin = await new Promise<string>((done, fail) => {
      let said = '';
      for (const stream of [child.stdout, child.stderr])
        stream.setEncoding('utf8').on('data', (part: string) => {
          said += part;
          const found = /http:\/\/127\.0\.0\.1:\d+/.exec(said);
          if (found !== null) done(found[0]);
        });
      child.on('close', () => fail(new Error(said)));
    });
    const answer = await fetch(`${origin}/wpad.dat`);
    expect(answer.headers.get('content-type')).toContain('application/x-ns-proxy-autoconfig');
    expect(await answer.text()).toContain('FindProxyForURL');
    const scheduled = run(['schedule', '--cron', 'never', '--log', 'json']);
    expect([scheduled.status, scheduled.stderr]).toEqual([
      5,
      expect.stringContaining('the schedule cannot be used'),
    ]);
  });

  it('mends what was lost of it, and tells a copy that is not whole', () => {
    const { folder, run, kept } = alone();
    expect(run(['--version']).status).toBe(0);
    const [place] = kept() as [string];
    rmSync(join(place, 'templates/squid'), { recursive: true });
    expect(run(['targets']).stdout).toMatch(/^squid /m);
    expect(kept()).toEqual([place]);
    rmSync(place, { recursive: true });
    writeFileSync(join(folder, NAME), text.slice(0, -5000));
    const { status, stderr } = run(['--version']);
    expect(status).toBe(1);
    expect(stderr).toMatch(/azure-allowlist\.mjs is damaged: copy it again/);
    expect(kept()).toEqual([]);
  });

  it('does not run what others could have put in its place', () => {
    const { home, temporary, run, kept } = alone();
    expect(run(['--version']).status).toBe(0);
    const [place] = kept() as [string];
    writeFileSync(join(place, 'dist/program/main.js'), 'console.log("theirs")\n'.padEnd(10));
    expect(run(['--version']).stdout).toMatch(/^\d/);
    chmodSync(join(home, '.cache/azure-allowlist'), 0o777);
    const main = join(place, 'dist/program/main.js');
    const own = readFileSync(main, 'utf8');
    writeFileSync(main, 'process.exit(9);'.padEnd(own.length));
    expect(run(['--version'])).toMatchObject({ status: 0, stdout: expect.stringMatching(/^\d/) });
    // Unpacked for one run, it is gone after it.
    expect(readdirSync(temporary)).toEqual([]);
  });

  it('runs without a home', () => {
    const { temporary, run } = alone();
    const { status, stdout } = run(['--version'], { HOME: '' });
    expect([status, stdout]).toEqual([0, expect.stringMatching(/^\d/)]);
    expect(readdirSync(temporary)).toEqual([]);
  });
});
