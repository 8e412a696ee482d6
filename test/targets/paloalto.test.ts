import { describe, expect, it } from 'vitest';
import { proveReadBack, type TargetOutput } from '../../src/targets/build.ts';
import { feedsAvailable } from '../support/feeds.ts';
import { PanOsDevice, type PanOsSetting } from '../support/pan-os.ts';
import { makePolicy, samplePolicy } from '../support/policy.ts';
import { seededRandom } from '../support/random.ts';
import { buildBundled, expectGolden, uncaughtEdits } from '../support/rule-files.ts';
import { sampleAttempts } from '../support/samples.ts';
import { readWeek, tagPrefixes } from '../support/weeks.ts';

const EXTERNAL = { lists: 'external', externalBaseUrl: 'https://lists.example.com:8443/azure' };

function text(output: TargetOutput, path: string): string {
  const file = output.files.find((found) => found.path === path);
  if (file === undefined) throw new Error(`no ${path}`);
  return file.text;
}

/** A device that took the files as the README says, its external lists served from them. */
function load(output: TargetOutput, setting: PanOsSetting = {}): PanOsDevice {
  const fetch = (url: string) => text(output, url.replace(/^https:\/\/[^/]+\/azure\//, ''));
  return reload(new PanOsDevice({ fetch, ...setting }), output);
}

function reload(device: PanOsDevice, output: TargetOutput): PanOsDevice {
  device.paste(text(output, 'azure-update.set'));
  expect(device.paste(text(output, 'azure.set'))).toEqual([]);
  expect(device.commit()).toEqual([]);
  return device;
}

/** `count` hosts, each `x`'s own prefix, that no two of are adjacent. */
function scattered(count: number): string[] {
  return Array.from(
    { length: count },
    (_, index) => `198.${18 + (index >> 15)}.${(index >> 7) & 255}.${2 * (index & 127)}/32`,
  );
}

const NOWHERE = '203.0.113.200';

describe('paloalto', () => {
  it('writes what the golden files hold', async () => {
    await expectGolden('paloalto', (await buildBundled('paloalto', samplePolicy())).files);
  });

  it('writes what the golden files hold, for Panorama and with external lists', async () => {
    const { files } = await buildBundled('paloalto', samplePolicy(), {
      ...EXTERNAL,
      panorama: 'device-group Branches',
      position: 'before deny-all',
      certificateProfile: 'lists-ca',
    });
    await expectGolden('paloalto-external', files);
  });

  describe.each([
    ['groups on a firewall', {}, {}],
    ['groups, Panorama shared', { panorama: 'shared' }, { scope: 'shared' }],
    ['groups, at the top', { position: 'top' }, { denyAll: true }],
    ['external lists', EXTERNAL, {}],
    [
      'external lists, a device group, before a rule',
      { ...EXTERNAL, panorama: 'device-group B', position: 'before deny-all', recurring: 'daily at 03' },
      { scope: 'device-group B', denyAll: true },
    ],
  ] as const)('%s', (_, options, setting) => {
    it.each([
      ['a.example.com', 443, true],
      ['deep.below.example.com', 443, true],
      ['example.com', 443, false],
      ['notexample.com', 443, false],
      ['a.example.com.evil.test', 443, false],
      ['a.example.com', 80, false],
      ['login.example.net', 443, true],
      ['x.login.example.net', 443, false],
      ['example.org', 80, true],
      ['a.b.example.org', 443, true],
      ['crl.example.net', 80, true],
      ['crl.example.net', 443, false],
      ['www.example.net', 80, true],
      ['x.bus.example.net', 8080, true],
      // URL categories match web traffic: not AMQP, nor a port of the range beyond.
      ['x.bus.example.net', 5671, false],
      ['x.bus.example.net', 8085, false],
      ['x.bus.example.net', 5673, false],
    ])('%s on port %i passes: %s', async (host, port, expected) => {
      const device = load(await buildBundled('paloalto', samplePolicy(), options), setting);
      expect(device.allows({ host, address: NOWHERE, port })).toBe(expected);
      // Exempt from inspection is what passes by name, and not what is plain HTTP alone.
      expect(device.exempts({ host, address: NOWHERE, port })).toBe(expected && !/^(crl|www)/.test(host));
    });

    it('lets exactly the addresses and ports of the rules by address through', async () => {
      const policy = samplePolicy();
      const device = load(await buildBundled('paloalto', policy, options), setting);
      const byAddress = policy.rules.filter(
        ({ names, addresses }) => names.length === 0 && !addresses.isEmpty,
      );
      const { attempts, expected } = sampleAttempts(byAddress, [80, 443, 1433, 11500], 500, seededRandom(1));
      expect(attempts.map(([address, port]) => device.allows({ address, port }))).toEqual(expected);
      expect(new Set(expected).size).toBe(2);
    });
  });

  it('forgets what left the policy, which needs azure-update.set', async () => {
    const [before, after] = await Promise.all(
      ['192.0.2.0/25', '192.0.2.128/25'].map((prefix) =>
        buildBundled('paloalto', makePolicy({ name: 'storage', prefixes: [prefix, '2001:db8::/32'] })),
      ),
    );
    const [old, fresh] = [
      { address: '192.0.2.1', port: 443 },
      { address: '192.0.2.129', port: 443 },
    ];
    const device = load(before!);
    expect([old, fresh].map((target) => device.allows(target))).toEqual([true, false]);
    reload(device, after!);
    expect([old, fresh].map((target) => device.allows(target))).toEqual([false, true]);

    const careless = load(before!);
    careless.paste(text(after!, 'azure.set'));
    expect(careless.commit()).toEqual([]);
    expect(careless.allows(old)).toBe(true);
  });

  it('keeps new rules above a deny-all only if told to', async () => {
    const policy = makePolicy({ name: 'storage', prefixes: ['192.0.2.0/25'] });
    const target = { address: '192.0.2.1', port: 443 };
    expect(load(await buildBundled('paloalto', policy), { denyAll: true }).allows(target)).toBe(false);
    const device = load(await buildBundled('paloalto', samplePolicy(), { position: 'top' }), {
      denyAll: true,
    });
    expect(device.rules).toEqual([
      'az-connector_80',
      'az-connector_80-443',
      'az-connector_443',
      'az-connector_p1b4c42',
      'az-storage-weu_addresses',
      'az-sql_addresses',
      'deny-all',
    ]);
  });

  it('nests groups of 2,500 at most, in which a prefix that comes or goes moves no other', async () => {
    const prefixes = scattered(6000);
    const build = (list: readonly string[]) =>
      buildBundled('paloalto', makePolicy({ name: 'many', prefixes: list }));
    const all = await build(prefixes);
    const device = load(all);
    expect(device.groups.length).toBe(18);
    for (const group of device.groups) {
      expect(device.members(group).length).toBeGreaterThan(0);
      expect(device.members(group).length).toBeLessThanOrEqual(2500);
    }
    const less = await build(prefixes.toSpliced(3000, 1));
    const lines = new Set(text(less, 'azure.set').split('\n'));
    const gone = text(all, 'azure.set')
      .split('\n')
      .filter((line) => !lines.has(line) && !line.startsWith('set tag '));
    const name = `az-${prefixes[3000]!.replaceAll('.', '_').replace('/', '-')}`;
    expect(gone).toEqual([
      `set address ${name} ip-netmask ${prefixes[3000]}`,
      expect.stringMatching(
        new RegExp(`^set address-group az-many_ipv4_[0-9a-f] static ${name.replaceAll('.', '\\.')}$`),
      ),
    ]);
  });

  it('splits a group again where one digit does not do', async () => {
    const output = await buildBundled('paloalto', makePolicy({ name: 'many', prefixes: scattered(45_000) }), {
      addressObjects: 50_000,
    });
    const groups = new Map<string, number>();
    for (const [, group] of text(output, 'azure.set').matchAll(/^set address-group (\S+) /gm))
      groups.set(group!, (groups.get(group!) ?? 0) + 1);
    expect(Math.max(...groups.values())).toBeLessThanOrEqual(2500);
    expect([...groups.keys()].some((group) => /^az-many_ipv4_[0-9a-f]{2}$/.test(group))).toBe(true);
  });

  it('keeps the longest names within their limits', async () => {
    const name = 'r'.repeat(20);
    const policy = makePolicy({
      name,
      names: { '80,443,8080-8090': ['*.example.com'] },
      prefixes: ['2001:db8:1111:2222:3333:4444:5555:6666/128'],
      addressUse: 'always',
    });
    for (const options of [{}, EXTERNAL]) load(await buildBundled('paloalto', policy, options));
  });

  it.each([
    [{ addressObjects: 5 }, /targets\.paloalto\.addressObjects: 6 address objects, 5 at most/],
    [{ lists: 'external' }, /lists external needs externalBaseUrl/],
    [{ ...EXTERNAL, externalBaseUrl: `https://example.com/${'x'.repeat(230)}` }, /longer than 255/],
    [{ externalBaseUrl: 'http://example.com' }, /externalBaseUrl: .* does not match/],
    [{ panorama: 'device-group a b' }, /panorama: .* does not match/],
    [{ tag: 'a"b' }, /tag: .* does not match/],
    [{ from: 'trust\nset x' }, /from: .* does not match/],
  ])('refuses %j', async (options, message) => {
    const policy = makePolicy({ name: 'few', prefixes: scattered(6) });
    await expect(buildBundled('paloalto', policy, options)).rejects.toThrow(message);
  });

  it('refuses more external lists than a device takes', async () => {
    const rules = scattered(16).map((prefix, index) => ({ name: `r${index}`, prefixes: [prefix] }));
    await expect(buildBundled('paloalto', makePolicy(...rules), EXTERNAL)).rejects.toThrow(
      /32 external lists, 30/,
    );
  });

  it('leaves inspection alone where noDecrypt is off', async () => {
    const output = await buildBundled('paloalto', samplePolicy(), { noDecrypt: false });
    expect(text(output, 'azure.set')).not.toContain('decrypt');
    expect(output.target.manifest.capabilities.tlsExemption).toBe(true);
  });

  describe.each([
    ['groups', {}],
    ['external lists', { ...EXTERNAL, panorama: 'shared', position: 'top' }],
  ] as const)('%s', (_, options) => {
    it.each([1, 2, 3])('finds a file edited by hand (200 edits, seed %i)', async (seed) => {
      const output = await buildBundled('paloalto', samplePolicy(), options);
      const uncaught = uncaughtEdits(output, { count: 200, seed, comment: /^$/, prose: /^about\.txt$/ });
      // Neutral are the comment of the tag, and another order of commands or entries that do not depend on each other.
      expect(
        uncaught.filter(({ kind, before }) => kind !== 'exchange' && !/ comments "/.test(before)),
      ).toEqual([]);
      expect(uncaught.length).toBeLessThan(60);
    });
  });

  it.each([
    [
      'azure.set',
      'security rules az-sql_addresses category any',
      'security rules az-sql_addresses category az-connector_443',
      /names alone or by addresses alone/,
    ],
    [
      'azure.set',
      'az-sql_addresses destination az-sql\n',
      'az-sql_addresses destination any\n',
      /names alone or by addresses alone/,
    ],
    ['azure.set', 'az-sql_addresses action allow', 'az-sql_addresses action deny', /action .* is not allow/],
    ['azure.set', 'static az-192_0_2_0-28', 'static az-192_0_2_0-29', /not defined above/],
    ['azure-update.set', 'delete address-group az-sql static\n', '', /does not empty exactly/],
    ['edl-ipv4.txt', '198.18.0.0/15\n', '', /not the union/],
    ['edl-urls.txt', 'example.org/', 'example.org', /not an entry/],
  ] as const)('refuses %s with %j changed to %j', async (path, from, to, message) => {
    const { target, plan, files } = await buildBundled('paloalto', samplePolicy());
    const changed = files.map((file) => {
      if (file.path !== path) return file;
      expect(file.text).toContain(from);
      return { path, text: file.text.replace(from, to) };
    });
    expect(() => proveReadBack(target, plan, changed)).toThrow(message);
  });

  it.skipIf(!feedsAvailable)('takes all of AzureCloud, and a new week touches few lines', async () => {
    const [before, after] = await Promise.all(
      ['20250714', '20250721'].map((date) =>
        buildBundled(
          'paloalto',
          makePolicy({ name: 'azure', prefixes: tagPrefixes(readWeek(date), 'AzureCloud') }),
        ),
      ),
    );
    const device = load(before!);
    reload(device, after!);
    const lines = new Set(text(before!, 'azure.set').split('\n'));
    const fresh = text(after!, 'azure.set')
      .split('\n')
      .filter((line) => !lines.has(line));
    expect(fresh.length).toBeGreaterThan(0);
    expect(fresh.length).toBeLessThan(lines.size / 10);
  });
});
