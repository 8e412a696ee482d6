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
import { AllowlistError } from '../../src/problem.ts';
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

  /** What is changed in the template, what into, and what the error says of it. */
  const WRONG: readonly (readonly [string, string, RegExp])[] = [
    // Misspelt, in every place where Handlebars takes a name.
    ['{{this}}', '{{thiss}}', /thiss/],
    ['{{#each header}}', '{{#each haeder}}', /haeder/],
    ['{{#each addressLists as |list|}}', '{{#each addresslists as |list|}}', /addresslists/],
    ['{{#each addressLists as |list|}}', '{{#each addressLists as |lists|}}', /list/],
    ['network {{list.id}}', 'network {{list.ide}}', /hbs:5: there is no "ide" here/],
    ['network {{list.id}}', 'network {{list.ID}}', /"ID"/],
    ['network {{list.id}}', 'network {{liste.id}}', /liste/],
    ['network {{list.id}}', 'network {{id.list}}', /list/],
    ['network {{list.id}}', 'network {{list.ports.txt}}', /"txt"/],
    ['network {{list.id}}', 'network {{list.[ide]}}', /"ide"/],
    ['network {{list.id}}', 'network {{../list.id}}', /list/],
    ['network {{list.id}}', 'network {{@root.list.id}}', /list/],
    ['network {{list.id}}', 'network {{@rot.id}}', /rot/],
    ['{{#each list.prefixes}}', '{{#each list.prefixs}}', /"prefixs"|prefixs/],
    ['{{#each list.prefixes}}', '{{#each list.ports}}', /needs an array/],
    ['{{#each list.prefixes}}', '{{#each list.prefixes.[0]}}', /needs an array/],
    ['{{#each list.prefixes}}', '{{#each list.id}}', /needs an array/],
    ['{{address}}', '{{adress}}', /adress/],
    ['{{address}}', '{{address.text}}', /text/],
    ['{{address}}', '{{this.adress}}', /adress/],
    ['{{address}}', '{{./adress}}', /adress/],
    ['{{address}}', '{{list.address}}', /"address"/],
    ['{{address}}', '{{../address}}', /address/],
    ['{{address}}', '{{#if adress}}{{address}}{{/if}}', /adress/],
    ['{{address}}', '{{#unless adress}}{{address}}{{/unless}}', /adress/],
    ['{{address}}', '{{#with adress}}{{this}}{{/with}}', /adress/],
    ['{{address}}', '{{#with this as |entry|}}{{entry.adress}}{{/with}}', /"adress"/],
    ['{{address}}', '{{#if address}}{{address}}{{/if}}', /needs true, false or an array/],
    ['{{address}}', '{{lookup this "adress"}}', /lookup/],
    ['{{address}}', '{{upper address}}', /upper/],
    ['{{address}}', '{{> entry}}', /entry/],
    ['{{netmask}}', '{{netmsk}}', /netmsk/],
    ['{{#each list.ports.ranges}}', '{{#each list.port.ranges}}', /port/],
    ['eq {{text}}', 'eq {{txt}}', /txt/],
    ['eq {{text}}', 'eq {{@root.options.port}}', /port/],
    ['eq {{text}}', 'eq {{text}}{{@indx}}', /indx/],
    // Fields of what has none, and what every object of JavaScript has: in comments nothing but this would tell.
    ['! {{this}}', '! {{this}}{{this.lenght}}', /hbs:2: there is no "lenght" here/],
    ['! {{this}}', '! {{this}}{{toString}}', /hbs:2: there is no "toString" here/],
    ['! {{this}}', '! {{this}}{{constructor}}', /hbs:2: there is no "constructor" here/],
    ['\n{{#each list.prefixes}}', '\n! {{list.id.lenght}}\n{{#each list.prefixes}}', /hbs:6: .*"lenght"/],
    ['\n{{#each list.prefixes}}', '\n! {{list.count.of}}\n{{#each list.prefixes}}', /hbs:6: .*"of"/],
    ['\n{{#each list.prefixes}}', '\n! {{list.ipv4.of}}\n{{#each list.prefixes}}', /hbs:6: .*"of"/],
    ['\n{{#each list.prefixes}}', '\n! {{list.valueOf}}\n{{#each list.prefixes}}', /hbs:6: .*"valueOf"/],
    ['\n{{#each list.prefixes}}', '\n! {{list}}\n{{#each list.prefixes}}', /cfg:7 would hold a whole object/],
    ['! {{this}}', '! {{this}}{{@root.header}}', /cfg:1 would hold a whole object or list/],
    // What Handlebars takes and no helper sees.
    ['{{#each list.prefixes}}', '{{#list.prefixes}}', /prefixes|each/],
    ['! {{this}}', '! {{this}}{{#prefixs}}{{/prefixs}}', /hbs:2: \{\{#prefixs\}\} is not known here/],
    ['! {{this}}', '! {{this}}{{^prefixs}}{{/prefixs}}', /hbs:2: \{\{#prefixs\}\} is not known here/],
    ['{{#each list.prefixes}}', '{{#each list.prefixes list.ide}}', /hbs:6: \{\{#each\}\} takes one value/],
    ['{{#each list.prefixes}}', '{{#each list.prefixes sorted=ide}}', /hbs:6: \{\{#each\}\} takes one value/],
    ['{{#each list.prefixes}}', '{{#each}}', /hbs:6: \{\{#each\}\} takes one value/],
    ['{{#each list.prefixes}}', '{{#each (sorted list.prefixes)}}', /hbs:6: subexpressions are not known/],
    ['{{#each list.prefixes}}', '{{#each list.prefixes as |p i j|}}', /hbs:6: .* 2 at most behind "as"/],
    [
      '{{#each header}}',
      '{{#if header as |h|}}{{h}}{{/if}}{{#each header}}',
      /hbs:1: .* no names behind "as"/,
    ],
    ['! {{this}}\n', '! {{this}}\n{{else}}\n! none\n', /hbs:1: \{\{#each\}\} has no \{\{else\}\}/],
    ['! {{this}}', '! {{this}}{{#*inline "a"}}{{adress}}{{/inline}}', /hbs:2: .*inline partials/],
    ['! {{this}}', '! {{this}}{{#> a}}{{/a}}', /hbs:2: partials are not known/],
    ['! {{this}}', '! {{this}}{{if ipv4}}', /hbs:2: \{\{if\}\} needs # before it/],
    ['! {{this}}', '! {{this}}{{"ide"}}', /hbs:2: \{\{ide\}\} is no field/],
    ['{{/each}}\n{{#each list.ports', '{{/eech}}\n{{#each list.ports', /eech|match/],
    // What is written is read back: another list, a line too few, the other family, something of nobody's.
    ['object-group {{list.id}} eq', 'object-group other eq', /never granted/],
    ['object-group network {{list.id}}\n', 'object-group network all\n', /all|group|connector/],
    [' network-object {{address}} {{netmask}}\n', '', /connector/],
    [
      ' network-object {{address}} {{netmask}}\n',
      '{{#if @first}} network-object {{address}} {{netmask}}\n{{/if}}',
      /not a line of this format/,
    ],
    [' network-object {{address}} {{netmask}}\n', ' network-object {{last}} {{netmask}}\n', /./],
    [' network-object {{address}} {{netmask}}\n', ' network-object {{address}} 255.255.0.0\n', /./],
    [' network-object {{address}} {{netmask}}\n', ' network-object ::/0\n', /./],
    [' network-object {{address}} {{netmask}}\n', ' network-object any\n', /any/],
    ['eq {{text}}\n', 'eq 22\n', /granted twice/],
    ['eq {{text}}\n', 'eq {{text}}\naccess-list azure extended permit ip any any\n', /permit ip any any/],
    ['! {{this}}\n', '{{this}}\n', /./],
  ];

  it(`is refused before a byte is written, for ${WRONG.length} mistakes`, () => {
    expect(WRONG.length).toBeGreaterThanOrEqual(40);
  });

  it.each(WRONG)('is refused where %j became %j', async (from, to, message) => {
    const directory = await mkdtemp(join(tmpdir(), 'target-'));
    await writeFile(join(directory, 'manifest.yaml'), MANIFEST);
    expect(TEMPLATE).toContain(from);
    await writeFile(
      join(directory, 'azure.cfg.hbs'),
      TEMPLATE.replace(from, () => to),
    );
    const build = async () =>
      buildTarget(policy(), { id: 'asa', target: await loadTargetFolder(directory), options: {} });
    const error = (await build().then(
      () => undefined,
      (caught: unknown) => caught,
    )) as Error | undefined;
    expect(error, 'nothing was refused').toBeInstanceOf(AllowlistError);
    expect(error!.message).toMatch(message);
    expect(error!.message).not.toMatch(/\n\s+at /);
  });

  it('is refused where an option takes any text: a value could end a line, or begin a comment', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'target-'));
    const option = (more: string) =>
      MANIFEST.replace(
        'files:',
        `options:\n  who: { type: string, description: x, default: a${more} }\nfiles:`,
      );
    await writeFile(join(directory, 'azure.cfg.hbs'), TEMPLATE);
    await writeFile(join(directory, 'manifest.yaml'), option(''));
    await expect(loadTargetFolder(directory)).rejects.toThrow(
      /manifest\.yaml:7: options\.who: takes any text, which the templates write as it is — give it a `pattern`, or `values`/,
    );
    for (const more of [", pattern: '[a-z]+'", ', values: [a, b]']) {
      await writeFile(join(directory, 'manifest.yaml'), option(more));
      await expect(loadTargetFolder(directory)).resolves.toBeDefined();
    }
  });
});
