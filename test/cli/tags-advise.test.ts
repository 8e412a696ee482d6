import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { tagsCommand } from '../../src/cli/tags.ts';
import type { ServiceTag } from '../../src/feed/snapshot.ts';
import { DualStackSet } from '../../src/net/dual-stack-set.ts';
import { parsePrefix } from '../../src/net/prefix.ts';
import { adviseForRanges } from '../../src/policy/answer/advise-tags.ts';
import { addressesOfNoRegion, regionalTagNotes } from '../../src/policy/regional-tags.ts';
import { recordingIo } from '../support/recording-io.ts';

const set = (...prefixes: string[]) => DualStackSet.fromPrefixes(prefixes.map(parsePrefix));

const tag = (name: string, region: string, ...prefixes: string[]): ServiceTag => ({
  name,
  id: name,
  changeNumber: 1,
  region,
  systemService: '',
  platform: 'Azure',
  prefixes: prefixes.map(parsePrefix),
  prefixCount: prefixes.length,
  addresses: set(...prefixes),
});

const TAGS = [
  tag('Cloud', '', '192.0.2.0/24', '198.51.100.0/24'),
  tag('Mail', '', '192.0.2.0/26'),
  tag('Mail.West', 'west', '192.0.2.0/28'),
  tag('Files', '', '198.51.100.0/28'),
];

describe('tags for ranges', () => {
  const ranges = (...texts: string[]) => texts.map((text) => ({ text, addresses: set(text) }));
  const told = (tags: ReturnType<typeof adviseForRanges>['fewest']) =>
    tags.map(
      ({ name, besides, for: needed }) => `${name} for ${needed.join(' ')}, ${besides.ipv4.size} besides`,
    );

  it('are as few as cover them, and those that open the least', () => {
    const advice = adviseForRanges(ranges('192.0.2.16/28', '198.51.100.0/30', '203.0.113.0/24'), TAGS);
    expect(told(advice.fewest)).toEqual(['Cloud for 192.0.2.16/28 198.51.100.0/30, 492 besides']);
    expect(told(advice.narrowest)).toEqual([
      'Mail for 192.0.2.16/28, 48 besides',
      'Files for 198.51.100.0/30, 12 besides',
    ]);
    expect(advice.uncovered).toEqual([{ what: '203.0.113.0/24', why: 'no service tag holds it whole' }]);
  });

  it('are the smallest of those that hold one', () => {
    expect(told(adviseForRanges(ranges('192.0.2.1/32'), TAGS).fewest)).toEqual([
      'Mail.West for 192.0.2.1/32, 15 besides',
    ]);
  });

  it('leave out what belongs to no region', () => {
    const tags = new Map(TAGS.map((one) => [one.name, one]));
    expect(addressesOfNoRegion('Mail.West', tags)?.toStrings()).toEqual(['192.0.2.16/28', '192.0.2.32/27']);
    expect(addressesOfNoRegion('Files', tags)).toBeUndefined();
    expect(
      regionalTagNotes(
        [
          { name: 'west', serviceTags: ['Mail.West', 'Files'] },
          { name: 'all', serviceTags: ['Mail.West', 'Mail'] },
        ],
        tags,
      ),
    ).toEqual([
      'rule west takes Mail.West: 48 of the 64 IPv4 addresses of Mail belong to no region, and no regional tag has them: 192.0.2.16/28 192.0.2.32/27; Mail.Unassigned in serviceTags takes them',
    ]);
  });
});

describe('tags advise', () => {
  const feed = fileURLToPath(new URL('../../data/sample/ServiceTags_Public_20260112.json', import.meta.url));
  const advise = async (queries: readonly string[], json = false) => {
    const { io, said } = recordingIo({ XDG_CACHE_HOME: '/nonexistent' });
    await tagsCommand(['advise', ...queries], { config: 'allowlist.yaml', feed, offline: true, json }, io);
    return said.out;
  };

  it("asks for the rows of the feed's cloud alone", async () => {
    const hosts = await advise(['avd-session-host']);
    expect(hosts).toContain('*.wvd.microsoft.com');
    expect(hosts).not.toMatch(/azure\.us|usgovcloudapi/);
    expect(await advise(['login.microsoftonline.us'])).toContain('no endpoint table has it');
    await expect(advise(['aks', 'private-network-connector-usgov'])).rejects.toThrow(
      /private-network-connector-usgov: it is of the cloud usgov, the feed of public/,
    );
  });

  it('takes a table, a host, a range, and no mixture', async () => {
    const table = JSON.parse(await advise(['private-network-connector'], true)) as {
      fewest: { tag: string; for: string[] }[];
      uncovered: { what: string }[];
    };
    expect(table.fewest.map((one) => one.tag).sort()).toEqual([
      'AzureActiveDirectory',
      'AzureCloud',
      'AzureResourceManager',
    ]);
    expect(table.uncovered.map(({ what }) => what)).toContain('ctldl.windowsupdate.com');
    expect(await advise(['login.microsoftonline.com'])).toMatch(
      /^AzureActiveDirectory +login\.microsoftonline\.com /m,
    );
    expect(await advise(['198.19.9.130'])).toMatch(/^Storage\.WestEurope +198\.19\.9\.130 /m);
    expect(await advise(['www.example.com'])).toMatch(/^www\.example\.com +no endpoint table has it$/m);
    await expect(advise(['198.19.9.130', 'login.microsoftonline.com'])).rejects.toThrow(/one kind at a time/);
  });
});
