import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { readTree, stamps } from '../publish/trees.ts';
import { collapseAddresses } from '../support/collapse.ts';
import { feedFile, feedsAvailable } from '../support/feeds.ts';
import { lacks } from '../support/programs.ts';
import { azureAllowlist, workplace, writeConfiguration } from './command.ts';
import { CONNECTOR_TAGS, everyTarget, twoRules } from './configurations.ts';
import { gitIn } from './git-in.ts';

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

describe.skipIf(!feedsAvailable || lacks('python3') || lacks('git'))('the connector by name', () => {
  async function twoWeeks(targets: object) {
    const folder = workplace();
    const git = gitIn(folder);
    git('init', '--quiet', '--initial-branch=main');
    writeConfiguration(folder, {
      version: 1,
      rules: [
        {
          name: 'connector',
          endpoints: ['private-network-connector'],
          serviceTags: ['AzureCloud', 'AzureActiveDirectory'],
        },
      ],
      ...{ targets, output: 'out', publish: { git: true } },
    });
    const runs: { readonly stdout: string; readonly tree: ReturnType<typeof readTree> }[] = [];
    for (const week of WEEKS) {
      const { status, stdout, stderr } = await azureAllowlist(['run', '--feed', feedFile(week)], {
        cwd: folder,
        environment: Object.fromEntries(
          ['AUTHOR', 'COMMITTER'].flatMap((role) => [
            [`GIT_${role}_NAME`, 'A Job'],
            [`GIT_${role}_EMAIL`, 'job@example.com'],
          ]),
        ),
      });
      expect(status, stderr).toBe(0);
      runs.push({ stdout: stdout.replaceAll(/\s+/g, ' ').trim(), tree: readTree(join(folder, 'out')) });
    }
    return { folder, git, first: runs[0]!, second: runs[1]! };
  }

  it('changes nothing where AzureCloud alone changes: no byte, no commit, one line', async () => {
    const { git, first, second } = await twoWeeks({ squid: {}, paloalto: {} });
    expect(second.tree).toEqual(first.tree);
    expect(git('rev-list', '--count', 'HEAD')).toBe('1');
    expect(second.stdout).toBe(
      'Azure allowlist, 2025-07-14 → 2025-07-21: nothing changes on any device; out is unchanged.',
    );
  });

  it('has the figures of iptables alone beside it, as Python finds them in the files of both commits', async () => {
    const { folder, git, second } = await twoWeeks({ squid: {}, paloalto: {}, iptables: {} });
    const [before, after] = ['HEAD~1', 'HEAD'].map((revision) => {
      const place = join(folder, revision.replace('~', '-'));
      mkdirSync(place);
      execFileSync('tar', ['-x', '-C', place], {
        input: execFileSync('git', ['-C', folder, 'archive', revision, 'out/iptables']),
      });
      return join(place, 'out/iptables');
    });
    const python = fileURLToPath(new URL('../../scripts/rule_file_difference.py', import.meta.url));
    const { ipv4, ipv6 } = JSON.parse(
      execFileSync('python3', [python], {
        input: `${JSON.stringify([before, after, { connector: ['80', '443'] }])}\n`,
        encoding: 'utf8',
      }),
    ) as Record<'ipv4' | 'ipv6', Record<'gained' | 'lost', string>>;
    const count = (size: string, unit = 1n) => (BigInt(size) / unit).toLocaleString('en-US');
    const [gained, lost] = [count(ipv4.gained), count(ipv4.lost)];
    expect(gained).toMatch(/^\d\d,\d{3}$/);
    expect(ipv6.lost).toBe('0');
    const networks = count(ipv6.gained, 1n << 64n);
    expect(second.stdout).toContain(
      `Newly allowed: ${gained} IPv4 addresses and ${networks} IPv6 /64 networks; no longer allowed: ${lost} IPv4 addresses; 1 of 18 rule files changes.`,
    );
    expect(second.stdout).toContain(
      `squid no change: allows connector by name paloalto no change: allows connector by name iptables +${gained} −${lost} IPv4, +${networks} /64 (connector)`,
    );
    expect(git('log', '-1', '--format=%s')).toContain(`+${gained} -${lost} IPv4`);
  });
});
