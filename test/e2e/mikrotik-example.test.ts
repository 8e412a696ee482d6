import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { azureAllowlist, workplace, writeConfiguration } from './command.ts';
import { SAMPLE_WEEKS, sampleConfiguration } from './configurations.ts';
import { coverOf, rangesOf } from './plain-addresses.ts';

const EXAMPLE = fileURLToPath(new URL('../../docs/examples/mikrotik', import.meta.url));

/** What the walk through the templates' document does, step by step. */
function project() {
  const folder = workplace();
  cpSync(EXAMPLE, join(folder, 'mikrotik'), { recursive: true });
  writeConfiguration(
    folder,
    sampleConfiguration({
      rules: [
        { name: 'storage', serviceTags: ['Storage.WestEurope'], ports: [443] },
        { name: 'bus', serviceTags: ['ServiceBus'], ports: [5671] },
      ],
      targets: { mikrotik: { template: 'mikrotik' } },
    }),
  );
  const change = (path: string, from: string, to: string) => {
    const file = join(folder, 'mikrotik', path);
    const text = readFileSync(file, 'utf8');
    expect(text).toContain(from);
    writeFileSync(
      file,
      text.replace(from, () => to),
    );
  };
  const run = () => azureAllowlist(['run', '--feed', SAMPLE_WEEKS[0]], { cwd: folder });
  return { folder, change, run };
}

it('goes from a folder to a verified file, list by list what the feed has', async () => {
  const { folder, run } = project();
  const { status, stderr } = await run();
  expect(status, stderr).toBe(0);
  const text = readFileSync(join(folder, 'allowlists/mikrotik/azure.rsc'), 'utf8');
  const week = JSON.parse(readFileSync(SAMPLE_WEEKS[0], 'utf8'));
  for (const [rule, tag] of [
    ['storage', 'Storage.WestEurope'],
    ['bus', 'ServiceBus'],
  ])
    for (const family of [4, 6] as const) {
      const { addressPrefixes } = week.values.find(({ name }: { name: string }) => name === tag).properties;
      const lines = text
        .split('\n')
        .flatMap(
          (line) =>
            new RegExp(
              `^/ip(?:v6)? firewall address-list add list="azure-${rule}-ipv${family}" address=(\\S+)$`,
            ).exec(line)?.[1] ?? [],
        );
      expect(rangesOf(lines, family)).toEqual(rangesOf(addressPrefixes, family));
      expect(lines).toHaveLength(coverOf(rangesOf(addressPrefixes, family), family).length);
    }
  const verified = await azureAllowlist(['verify'], { cwd: folder });
  expect(verified.stdout, verified.stderr).toContain('mikrotik read back equal to the policy');
});

it.each([
  [
    'azure.rsc.hbs',
    'azure-{{list.id}}" address',
    'azure-bus-ipv4" address',
    /no line before it begins the group bus-ipv4/,
  ],
  ['azure.rsc.hbs', '{{prefix}}', '{{prefx}}', /azure\.rsc\.hbs:8: .*prefx/],
  [
    'azure.rsc.hbs',
    '{{list.id}}" address',
    '{{list.ide}}" address',
    /azure\.rsc\.hbs:8: there is no "ide" here/,
  ],
  [
    'manifest.yaml',
    '(?<prefix>',
    '(?<prefixx>',
    /manifest\.yaml:\d+: .*captures \(\?<prefixx>\), which nobody reads/,
  ],
  [
    'manifest.yaml',
    '[0-9a-f.:]+/\\d+)',
    '[0-9a-f.:+/\\d+)',
    /manifest\.yaml:\d+: .*Invalid regular expression/,
  ],
  ['manifest.yaml', 'files:', 'fils:', /manifest\.yaml:\d+: .*(fils|files)/],
])('is refused with file and line where %s has %j changed to %j', async (path, from, to, message) => {
  const { change, run } = project();
  change(path, from, to);
  const { status, stderr } = await run();
  expect([1, 3, 5]).toContain(status);
  expect(stderr.replace(/\s+/g, ' ')).toMatch(message);
  expect(stderr).not.toMatch(/\n\s+at /);
});
