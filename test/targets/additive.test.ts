import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Policy } from '../../src/policy/policy.ts';
import { buildTarget } from '../../src/targets/build.ts';
import { loadTargetFolder, type Target } from '../../src/targets/catalog.ts';
import { newAdditiveDevice } from '../support/additive-devices.ts';
import { exampleOptions } from '../support/manifests.ts';
import { makePolicy, type RuleParts } from '../support/policy.ts';
import { below, seededRandom } from '../support/random.ts';
import { targetFolders } from '../support/target-folders.ts';

/*
 * What every target must keep whose files only add to what a device has (`additive: true`), whoever wrote it: a device
 * that takes each week's files, misses some, or takes one twice holds what a new one holds.
 */

/** An address list on each line, as many devices have it; what left is taken back at the end. */
const MANIFEST = `
id: flat-lists
title: Flat lists
description: One line an address
capabilities: { ipv4: true, ipv6: true }
additive: true
undo: { word: remove, instead: add }
files:
  - { path: lists.txt, template: lists.txt.hbs }
readBack:
  - files: ^lists\\.txt$
    lines:
      - { match: '#(?! gone).*', does: ignore }
      - { match: 'add list=(?<group>\\S+) address=(?<prefix>\\S+)', does: entry }
      - { match: '# gone', does: fixed }
      - { match: 'remove list=\\S+ address=\\S+', does: undo }
evidence: [{ claim: made up, url: 'https://www.example.com/', read: 2026-11-29 }]
`;
const TEMPLATE = `{{#each header}}
# {{this}}
{{/each}}
{{#each addressLists as |list|}}
{{#each list.prefixes}}
add list={{list.id}} address={{prefix}}
{{/each}}
{{/each}}
# gone
{{#each retiredLines}}
{{this}}
{{/each}}
`;

async function ownFolder(template = TEMPLATE, manifest = MANIFEST): Promise<Target> {
  const directory = await mkdtemp(join(tmpdir(), 'target-'));
  await writeFile(join(directory, 'manifest.yaml'), manifest);
  await writeFile(join(directory, 'lists.txt.hbs'), template);
  return loadTargetFolder(directory);
}

const loaded = await Promise.all(
  targetFolders.map(async ([folder, load]) => [folder, await load()] as const),
);
const additive = [
  ...loaded.filter(([, { manifest }]) => manifest.additive),
  ['a folder of the test', await ownFolder()] as const,
];

/** Publishes one policy after the other, each with the files of the one before in force. */
function publisher(target: Target) {
  let inForce: ReadonlyMap<string, string> = new Map();
  return (policy: Policy) => {
    const options = exampleOptions(target.manifest);
    const { files } = buildTarget(policy, { id: target.manifest.id, target, options, inForce });
    inForce = new Map(files.map(({ path, text }) => [path, text]));
    return inForce;
  };
}

function fresh(target: Target, files: ReadonlyMap<string, string>) {
  const device = newAdditiveDevice(target);
  device.take(files);
  return device;
}

function randomPolicy(random: () => number): Policy {
  const PORTS = ['443', '80,443', '25', '443,443/udp', '3478-3481/udp'];
  const some = <T>(items: readonly T[]): T[] => items.filter(() => below(random, 3) > 0);
  const prefixes = Array.from({ length: 8 }, (_, index) => `198.51.100.${index * 32}/28`);
  return makePolicy(
    ...some(['web', 'web-2', 'mail', 'sql']).map(
      (name): RuleParts => ({
        name,
        prefixes: [...some(prefixes), ...some(['2001:db8::/48', '2001:db8:2::/48'])],
        ports: PORTS[below(random, PORTS.length)]!,
        ...(below(random, 2) > 0
          ? {
              names: {
                [PORTS[below(random, 3)]!]: some(['a.example.net', '*.b.example.net', 'c.example.net']),
              },
            }
          : {}),
        addressUse: 'always',
      }),
    ),
  );
}

describe.each(additive)('%s, which only adds', (_, target) => {
  it('leaves on a device what its files say, whichever it missed (seed 12)', () => {
    const random = seededRandom(12);
    const publish = publisher(target);
    const device = newAdditiveDevice(target);
    const late: { readonly device: ReturnType<typeof fresh>; readonly until: number }[] = [];
    let changes = 0;
    for (let turn = 0; turn < 25; turn++) {
      const files = publish(randomPolicy(random));
      const before = device.state();
      device.take(files);
      const expected = fresh(target, files).state();
      expect(device.state(), `policy ${turn}`).toEqual(expected);
      changes += before.some((line) => !expected.includes(line)) ? 1 : 0;
      if (turn % 4 === 0) late.push({ device: fresh(target, files), until: turn + 1 + below(random, 12) });
      for (const one of late.filter(({ until }) => until === turn)) {
        one.device.take(files);
        expect(one.device.state(), `policy ${turn}, late`).toEqual(expected);
      }
      if (turn % 5 === 0) {
        device.take(files);
        expect(device.state(), `policy ${turn}, once more`).toEqual(expected);
      }
    }
    // Something left nearly every time.
    expect(changes).toBeGreaterThan(15);
  });

  it('leaves nothing on port 80 of a rule that is narrowed to 443, and nothing of a rule that moves to another', () => {
    const publish = publisher(target);
    const rule = (name: string, ports: string): RuleParts => ({ name, prefixes: ['192.0.2.0/24'], ports });
    const device = fresh(target, publish(makePolicy(rule('web', '80,443'), rule('mail-587', '587'))));
    const narrowed = publish(makePolicy(rule('web', '443'), rule('mail-25', '25')));
    device.take(narrowed);
    expect(device.state()).toEqual(fresh(target, narrowed).state());
    expect(device.state().join('\n')).not.toMatch(/mail-587/);
    // No format says a port in another way than in figures.
    expect(device.state().join('\n')).not.toMatch(/\b(80|587)\b/);
  });
});

describe('a folder whose files only add', () => {
  it('is told to say how a line is taken back, with the line of its manifest', async () => {
    const without = MANIFEST.replace('undo: { word: remove, instead: add }\n', '');
    await expect(ownFolder(TEMPLATE, without)).rejects.toThrow(
      /manifest\.yaml:6: additive: nothing says how a line is taken back: what left would stay on the device/,
    );
  });

  it('is told that taking back needs `additive`', async () => {
    await expect(ownFolder(TEMPLATE, MANIFEST.replace('additive: true\n', ''))).rejects.toThrow(
      /manifest\.yaml:6: undo: does nothing without `additive: true`/,
    );
  });

  it('is told that it remembers nothing by itself', async () => {
    await expect(ownFolder(TEMPLATE, `${MANIFEST}remembers: true\n`)).rejects.toThrow(
      /manifest\.yaml:\d+: remembers: does nothing without a module of the target/,
    );
  });

  it('is refused where no template takes anything back', async () => {
    await expect(ownFolder(TEMPLATE.replace(/\{\{#each retiredLines[\s\S]*/, ''))).rejects.toThrow(
      /no template writes them: add \{\{#each retiredLines\}\}/,
    );
  });

  it('is refused where a template takes less back than left', async () => {
    const target = await ownFolder(
      TEMPLATE.replace(
        '{{#each retiredLines}}\n{{this}}\n{{/each}}\n',
        '{{#each retiredLines}}\n{{#if @first}}\n{{this}}\n{{/if}}\n{{/each}}\n',
      ),
    );
    const publish = publisher(target);
    publish(makePolicy({ name: 'net', prefixes: ['192.0.2.0/24', '198.51.100.0/24', '203.0.113.0/24'] }));
    expect(() => publish(makePolicy({ name: 'net', prefixes: ['192.0.2.0/24'] }))).toThrow(
      /1 of 2 lines that take back what earlier files said are not in the files, "remove list=net-ipv4 address=198\.51\.100\.0\/24" first/,
    );
  });

  it('may not change by an option what a grammar reads back', async () => {
    const option =
      'options:\n  by: { type: string, description: x, default: a, values: [a, b], capabilities: { b: { ports: true } } }\nfiles:';
    await expect(ownFolder(TEMPLATE, MANIFEST.replace('files:', option))).rejects.toThrow(
      /manifest\.yaml:9: options\.by\.capabilities: a grammar of lines reads files back/,
    );
  });
});
