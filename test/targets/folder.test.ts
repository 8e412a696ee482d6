import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DualStackSet } from '../../src/net/dual-stack-set.ts';
import { parseHostPattern } from '../../src/net/host-pattern.ts';
import { HostSet } from '../../src/net/host-set.ts';
import { PortSet } from '../../src/net/ports.ts';
import { parsePrefix } from '../../src/net/prefix.ts';
import type { Policy } from '../../src/policy/policy.ts';
import { buildTarget } from '../../src/targets/build.ts';
import { loadTargetFolder } from '../../src/targets/catalog.ts';

const MANIFEST = `
id: asa
title: Cisco ASA object groups
description: Network object groups and the access list that uses them
capabilities: { ipv4: true, ipv6: true, ports: true }
files:
  - { path: azure.cfg, template: azure.cfg.hbs }
readBack:
  - files: ^azure\\.cfg$
    lines:
      - { match: '!.*', does: ignore }
      - { match: 'object-group network (?<group>\\S+)', does: group }
      - { match: ' network-object (?<address>[0-9.]+) (?<netmask>[0-9.]+)', does: entry }
      - { match: ' network-object (?<prefix>[0-9a-f:]+/\\d+)', does: entry }
      - { match: 'access-list azure extended permit tcp any object-group (?<group>\\S+) eq (?<ports>\\d+)', does: grant }
`;
const TEMPLATE = `{{#each header}}
! {{this}}
{{/each}}
{{#each addressLists as |list|}}
object-group network {{list.id}}
{{#each list.prefixes}}
 network-object {{address}} {{netmask}}
{{/each}}
{{#each list.ports.ranges}}
access-list azure extended permit tcp any object-group {{list.id}} eq {{text}}
{{/each}}
{{/each}}
`;

function policy(): Policy {
  const prefixes = ['198.51.100.0/25', '198.51.100.128/26', '203.0.113.7/32'].map(parsePrefix);
  const addresses = DualStackSet.fromPrefixes(prefixes);
  return {
    digest: 'd'.repeat(64),
    rules: [
      {
        name: 'connector',
        reason: 'test',
        names: [{ hosts: HostSet.fromPatterns([parseHostPattern('*.example.com')]), ports: PortSet.of(443) }],
        rows: [],
        tags: [],
        prefixes,
        addresses,
        addressPorts: PortSet.of(80, 443),
        addressUse: 'fallback',
      },
    ],
  };
}

async function folder(template: string) {
  const directory = await mkdtemp(join(tmpdir(), 'target-'));
  await writeFile(join(directory, 'manifest.yaml'), MANIFEST);
  await writeFile(join(directory, 'azure.cfg.hbs'), template);
  return loadTargetFolder(directory);
}

describe('a vendor that is only a folder', () => {
  it('is rendered, read back and declared', async () => {
    const output = buildTarget(policy(), { id: 'asa', target: await folder(TEMPLATE), options: {} });
    expect(output.plan.omissions.map(({ kind }) => kind)).toEqual(['names']);
    expect(output.files[0]?.text).toMatchInlineSnapshot(`
      "! azure-allowlist: Cisco ASA object groups
      ! Generated; the next run overwrites edits.
      ! Content sha256 098dc5e02fa7542d78a04dc15791152576ba3b03151d85103899a9c815d5f51c
      ! Rule connector: 3 IPv4 and 0 IPv6 prefixes on port 80,443
      ! NOT IN THESE FILES (rule connector; this target matches no host names): *.example.com (port 443)
      object-group network connector-ipv4
       network-object 198.51.100.0 255.255.255.128
       network-object 198.51.100.128 255.255.255.192
       network-object 203.0.113.7 255.255.255.255
      access-list azure extended permit tcp any object-group connector-ipv4 eq 80
      access-list azure extended permit tcp any object-group connector-ipv4 eq 443
      "
    `);
  });

  it('is refused if its template loses an address', async () => {
    const broken = TEMPLATE.replace(
      ' network-object {{address}} {{netmask}}\n',
      '{{#unless @first}}\n network-object {{address}} {{netmask}}\n{{/unless}}\n',
    );
    const target = await folder(broken);
    expect(() => buildTarget(policy(), { id: 'asa', target, options: {} })).toThrow(
      /read-back.*\n.*missing: port 80,443: 198\.51\.100\.0\/25/,
    );
  });

  it('is refused, with file and line, if its template asks for what is not there', async () => {
    const target = await folder(TEMPLATE.replace('list.prefixes', 'list.prefixs'));
    expect(() => buildTarget(policy(), { id: 'asa', target, options: {} })).toThrow(
      /azure\.cfg\.hbs:6: .*prefixs/,
    );
    const misspelt = await folder(TEMPLATE.replace('{{netmask}}', '{{mask}}'));
    expect(() => buildTarget(policy(), { id: 'asa', target: misspelt, options: {} })).toThrow(
      /azure\.cfg\.hbs:7: .*mask/,
    );
  });
});
