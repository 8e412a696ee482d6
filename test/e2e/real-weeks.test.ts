import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { stamps } from '../publish/trees.ts';
import { collapseAddresses } from '../support/collapse.ts';
import { feedFile, feedsAvailable } from '../support/feeds.ts';
import { lacks } from '../support/programs.ts';
import { azureAllowlist, workplace, writeConfiguration } from './command.ts';
import { CONNECTOR_TAGS, everyTarget, twoRules } from './configurations.ts';

const WEEKS = ['20250714', '20250721'] as const;
const RULES: Readonly<Record<string, readonly string[]>> = {
  connector: CONNECTOR_TAGS,
  'storage-weu': ['Storage.WestEurope'],
};
const TAGS = [...CONNECTOR_TAGS, 'Storage.WestEurope'];

interface Space {
  readonly before: Sizes;
  readonly after: Sizes;
  readonly gained: Families;
  readonly lost: Families;
}
type Sizes = Readonly<Record<'ipv4' | 'ipv6', string>>;
type Families = Readonly<Record<'ipv4' | 'ipv6', { addresses: string; prefixes: string[] }>>;

/** The prefixes of each tag as published, read with nothing of the product. */
function published(week: string): Map<string, string[]> {
  const { values } = JSON.parse(gunzipSync(readFileSync(feedFile(week))).toString('utf8')) as {
    values: { name: string; properties: { addressPrefixes: string[] } }[];
  };
  return new Map(values.map(({ name, properties }) => [name, properties.addressPrefixes]));
}

/** Rules and tags of both weeks, and of both together, for Python. */
function groups(): Record<string, string[]> {
  const [before, after] = WEEKS.map(published) as [Map<string, string[]>, Map<string, string[]>];
  const named: Record<string, string[]> = {};
  for (const [name, tags] of [...Object.entries(RULES), ...TAGS.map((tag) => [tag, [tag]] as const)]) {
    const of = (week: Map<string, string[]>) => tags.flatMap((tag) => week.get(tag) ?? []);
    named[`before ${name}`] = of(before);
    named[`after ${name}`] = of(after);
    named[`both ${name}`] = [...of(before), ...of(after)];
  }
  return named;
}

describe.skipIf(!feedsAvailable || lacks('python3'))('two real weeks', () => {
  it.each([
    ['with addresses: always', 'always'],
    ['with the default', undefined],
  ] as const)('have the counts that Python finds, %s', async (_, addresses) => {
    const folder = workplace();
    const targets = await everyTarget();
    writeConfiguration(folder, { version: 1, rules: twoRules(addresses), targets, output: 'out' });
    const run = async (week: string) => {
      const ended = await azureAllowlist(['run', '--feed', feedFile(week), '-o', 'out', '--json'], {
        cwd: folder,
      });
      expect(ended.status, ended.stderr).toBe(0);
      return JSON.parse(ended.stdout);
    };
    expect((await run(WEEKS[0])).outcome).toBe('published');
    const { review } = await run(WEEKS[1]);
    const out = join(folder, 'out');
    const lock = JSON.parse(readFileSync(join(out, 'allowlist.lock.json'), 'utf8'));
    const markdown = readFileSync(join(out, 'REVIEW.md'), 'utf8');
    const python = collapseAddresses(groups());

    for (const [index, [name, tags]] of Object.entries(RULES).entries()) {
      expect(lock.policy.rules[index]).toMatchObject({ name, total: locked(name) });
      expect(review.rules[index].rule).toBe(name);
      expectSpace(name, review.rules[index].space);
      for (const tag of tags) {
        const entry = lock.policy.rules[index].tags.find((other: { tag: string }) => other.tag === tag);
        expect(entry).toMatchObject(locked(tag));
        const change = review.rules[index].tags.find((other: { tag: string }) => other.tag === tag);
        if (change === undefined)
          expect(python[`both ${tag}`], 'a tag that is not told did not change').toEqual(
            python[`after ${tag}`],
          );
        else expectSpace(tag, change.space);
      }
      const section = markdown.split(/^## /m).find((text) => text.startsWith(`Rule \`${name}\``)) ?? '';
      const { gained, lost } = changed(name, 'ipv4');
      expect(section).toContain(`now ${grouped(python[`after ${name}`]!.ipv4.addresses)} IPv4 addresses`);
      if (gained > 0n) expect(section).toContain(`+ ${grouped(`${gained}`)} IPv4 addresses`);
      if (lost > 0n) expect(section).toContain(`− ${grouped(`${lost}`)} IPv4 addresses`);
    }
    expect(changed('connector', 'ipv4').gained, 'the weeks differ').toBeGreaterThan(0n);

    // The gained and lost prefixes themselves: minimal, and exactly the difference.
    const told: Record<string, string[]> = {};
    for (const { rule, space } of review.rules as { rule: string; space: Space }[])
      for (const direction of ['gained', 'lost'] as const) {
        const prefixes = [...space[direction].ipv4.prefixes, ...space[direction].ipv6.prefixes];
        const [present, absent] = direction === 'gained' ? ['after', 'before'] : ['before', 'after'];
        told[`told ${direction} ${rule}`] = prefixes;
        told[`present ${direction} ${rule}`] = [...prefixes, ...covers(`${present} ${rule}`)];
        told[`union ${direction} ${rule}`] = [...prefixes, ...covers(`${absent} ${rule}`)];
      }
    const proof = collapseAddresses(told);
    for (const { rule, space } of review.rules as { rule: string; space: Space }[])
      for (const direction of ['gained', 'lost'] as const)
        for (const family of ['ipv4', 'ipv6'] as const) {
          const present = direction === 'gained' ? 'after' : 'before';
          expect(space[direction][family].prefixes).toEqual(
            proof[`told ${direction} ${rule}`]![family].cover,
          );
          expect(proof[`present ${direction} ${rule}`]![family]).toEqual(
            python[`${present} ${rule}`]![family],
          );
          expect(proof[`union ${direction} ${rule}`]![family]).toEqual(python[`both ${rule}`]![family]);
        }

    // The rule files hold exactly the minimal covers.
    const inSets = (family: 'ipv4' | 'ipv6') => [
      ...python['after connector']![family].cover,
      ...python['after storage-weu']![family].cover,
    ];
    const ipset = readFileSync(join(out, 'iptables/azure.ipset'), 'utf8');
    const entries = [...ipset.matchAll(/^add \S+ (\S+)/gm)].map(([, entry = '']) => entry);
    for (const family of ['ipv4', 'ipv6'] as const)
      expect(
        entries
          .filter((entry) => entry.includes(':') === (family === 'ipv6'))
          .map((entry) => withLength(entry))
          .sort(),
      ).toEqual(inSets(family).sort());
    const inLists = addresses === 'always' ? Object.keys(RULES) : ['storage-weu'];
    for (const rule of inLists)
      for (const family of ['ipv4', 'ipv6'] as const)
        expect(
          readFileSync(join(out, `squid/${rule}-${family}.txt`), 'utf8')
            .trim()
            .split('\n')
            .map((entry) => withLength(entry)),
        ).toEqual(python[`after ${rule}`]![family].cover);
    const [all, few] = [Object.keys(RULES), inLists].map((rules) =>
      rules.flatMap((rule) => covers(`after ${rule}`)),
    );
    expect(lock.targets.iptables.entries).toBe(all?.length);
    for (const target of ['pac', 'squid', 'paloalto'])
      expect(lock.targets[target].entries, target).toBe(few?.length);

    // The same week again changes no byte and no time stamp; verify proves the tree.
    const before = stamps(out);
    expect((await run(WEEKS[1])).outcome).toBe('unchanged');
    expect(stamps(out)).toEqual(before);
    const verified = await azureAllowlist(['verify', 'out', '--json'], { cwd: folder });
    expect(verified.status, verified.stderr).toBe(0);
    expect(JSON.parse(verified.stdout).targets).toEqual(Object.keys(targets));

    function locked(name: string) {
      const { ipv4, ipv6 } = python[`after ${name}`]!;
      return {
        ipv4Addresses: ipv4.addresses,
        ipv6Addresses: ipv6.addresses,
        ipv4Cover: ipv4.cover.length,
        ipv6Cover: ipv6.cover.length,
      };
    }
    function covers(group: string): string[] {
      return [...python[group]!.ipv4.cover, ...python[group]!.ipv6.cover];
    }
    function changed(name: string, family: 'ipv4' | 'ipv6') {
      const [before, after, both] = ['before', 'after', 'both'].map((when) =>
        BigInt(python[`${when} ${name}`]![family].addresses),
      ) as [bigint, bigint, bigint];
      return { before, after, gained: both - before, lost: both - after };
    }
    function expectSpace(name: string, space: Space): void {
      for (const family of ['ipv4', 'ipv6'] as const) {
        const { before, after, gained, lost } = changed(name, family);
        expect([space.before[family], space.after[family]]).toEqual([`${before}`, `${after}`]);
        expect([space.gained[family].addresses, space.lost[family].addresses]).toEqual([
          `${gained}`,
          `${lost}`,
        ]);
      }
    }
  });
});

function grouped(digits: string): string {
  return BigInt(digits).toLocaleString('en-US');
}

/** A single address may stand without its length. */
function withLength(entry: string): string {
  return entry.includes('/') ? entry : `${entry}/${entry.includes(':') ? 128 : 32}`;
}
