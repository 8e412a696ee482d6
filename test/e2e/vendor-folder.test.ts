import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { azureAllowlist, workplace, writeConfiguration } from './command.ts';
import { SAMPLE_WEEKS, sampleConfiguration } from './configurations.ts';
import { coverOf, rangesOf } from './plain-addresses.ts';

const MANIFEST = `
id: my-vendor
title: A firewall of our own
description: One permit line for each prefix and port
capabilities: { ipv4: true, ipv6: true, ports: true }
options:
  zone: { type: string, description: the zone the lines are for, default: outside, pattern: '[a-z]+' }
files:
  - { path: rules.txt, template: rules.txt.hbs }
readBack:
  - files: ^rules\\.txt$
    lines:
      - { match: '#.*', does: ignore }
      - { match: 'list (?<group>\\S+)', does: group }
      - { match: ' (?<prefix>[0-9a-f.:]+/\\d+)', does: entry }
      - { match: 'permit \\S+ (?<group>\\S+) port (?<ports>\\d+)', does: grant }
`;
const TEMPLATE = `{{#each header}}
# {{this}}
{{/each}}
{{#each addressLists as |list|}}
list {{list.id}}
{{#each list.prefixes}}
 {{prefix}}
{{/each}}
{{#each list.ports.ranges}}
permit {{@root.options.zone}} {{list.id}} port {{text}}
{{/each}}
{{/each}}
`;

function project(template: string): string {
  const folder = workplace();
  mkdirSync(join(folder, 'site/vendor'), { recursive: true });
  writeFileSync(join(folder, 'site/vendor/manifest.yaml'), MANIFEST);
  writeFileSync(join(folder, 'site/vendor/rules.txt.hbs'), template);
  writeConfiguration(
    join(folder, 'site'),
    sampleConfiguration({ targets: { 'my-vendor': { template: './vendor', zone: 'dmz' } } }),
  );
  return folder;
}

it('a folder with a manifest and a template is a target, without any code', async () => {
  const folder = project(TEMPLATE);
  const run = await azureAllowlist(['run', '-c', 'site/allowlist.yaml', '--feed', SAMPLE_WEEKS[0]], {
    cwd: folder,
  });
  expect(run.status, run.stderr).toBe(0);
  const out = join(folder, 'site/allowlists');
  const rules = readFileSync(join(out, 'my-vendor/rules.txt'), 'utf8');
  expect(rules).toMatch(/^permit dmz \S+ port 443$/m);
  // Long lines of a header are broken at spaces, what follows indented.
  expect(rules.replaceAll(/\n# {3}/g, ' '), 'what it cannot express is in the header').toMatch(
    /^# NOT IN THESE FILES .*\*\.msappproxy\.net/m,
  );

  // Both rules are there by address: the fewest prefixes for what the sample publishes.
  const { values } = JSON.parse(readFileSync(SAMPLE_WEEKS[0], 'utf8')) as {
    values: { name: string; properties: { addressPrefixes: string[] } }[];
  };
  const storage = values.find(({ name }) => name === 'Storage.WestEurope')?.properties.addressPrefixes ?? [];
  const [, list = ''] = /^list storage-weu-ipv4\n((?: .*\n)+)/m.exec(rules) ?? [];
  const entries = list.trim().split(/\n ?/);
  expect(rangesOf(entries, 4)).toEqual(rangesOf(storage, 4));
  expect(entries).toHaveLength(coverOf(rangesOf(storage, 4), 4).length);

  const lock = JSON.parse(readFileSync(join(out, 'allowlist.lock.json'), 'utf8'));
  expect(lock.targets['my-vendor']).toMatchObject({ template: '../vendor', options: { zone: 'dmz' } });
  expect(lock.targets['my-vendor'].omissions.length).toBeGreaterThan(0);

  // The lock's path is relative: the whole folder can move, as a clone does.
  renameSync(join(folder, 'site'), join(folder, 'moved'));
  const verified = await azureAllowlist(['verify', 'moved/allowlists'], { cwd: folder });
  expect(verified.status, verified.stderr).toBe(0);
  writeFileSync(
    join(folder, 'moved/allowlists/my-vendor/rules.txt'),
    rules.replace(`\n ${entries[0]}\n`, '\n'),
  );
  const edited = await azureAllowlist(['verify', 'moved/allowlists'], { cwd: folder });
  expect(edited.status).toBe(1);
  expect(edited.stderr).toContain('my-vendor/rules.txt: was edited after it was generated');
  expect(edited.stderr).toMatch(/my-vendor: .*missing/);
});

it('a template that loses an address is refused by read-back, and nothing is written', async () => {
  const folder = project(TEMPLATE.replace(' {{prefix}}\n', '{{#unless @first}}\n {{prefix}}\n{{/unless}}\n'));
  const run = await azureAllowlist(
    ['run', '-c', 'site/allowlist.yaml', '--feed', SAMPLE_WEEKS[0], '-o', 'out'],
    {
      cwd: folder,
    },
  );
  expect(run.status).toBe(3);
  expect(run.stderr).toMatch(/read-back/);
  expect(run.stderr).toMatch(/my-vendor/);
  await expect(async () => readFileSync(join(folder, 'out/allowlist.lock.json'))).rejects.toThrow(/ENOENT/);
});
