import { describe, expect, it } from 'vitest';
import { formatPrefix } from '../../src/net/prefix.ts';
import { proveReadBack, type TargetOutput } from '../../src/targets/build.ts';
import { feedsAvailable } from '../support/feeds.ts';
import { FortiGate, type FortiGateSetting } from '../support/forti-os.ts';
import { makePolicy, samplePolicy } from '../support/policy.ts';
import { seededRandom } from '../support/random.ts';
import { buildBundled, expectGolden, uncaughtEdits } from '../support/rule-files.ts';
import { sampleAttempts } from '../support/samples.ts';
import { readWeek, tagPrefixes } from '../support/weeks.ts';

const UDP = makePolicy(
  { name: 'media', prefixes: ['203.0.113.0/26', '2001:db8:5::/48'], ports: '3478-3481/udp' },
  { name: 'quic', prefixes: ['192.0.2.0/24'], ports: '80,443,443/udp' },
);

/** Policies of the device's own: one that denies all between the two interfaces. */
const DENY_ALL = `config firewall policy
    edit 27
        set name "deny-all"
        set srcintf "internal"
        set dstintf "wan1"
        set srcaddr "all"
        set dstaddr "all"
        set srcaddr6 "all"
        set dstaddr6 "all"
        set schedule "always"
        set service "ALL"
    next
end
`;

function text(output: TargetOutput): string {
  return output.files.find(({ path }) => path === 'azure.conf')!.text;
}

function load(output: TargetOutput, setting: FortiGateSetting = {}): FortiGate {
  const device = new FortiGate(setting);
  expect(device.run(text(output))).toEqual([]);
  return device;
}

/** `count` hosts, no two of which are adjacent. */
function scattered(count: number): string[] {
  return Array.from(
    { length: count },
    (_, index) => `198.${18 + (index >> 15)}.${(index >> 7) & 255}.${2 * (index & 127)}/32`,
  );
}

describe('fortigate', () => {
  it('writes what the golden files hold, before a policy, without translation', async () => {
    const { files } = await buildBundled('fortigate', UDP, {
      srcintf: 'dmz internal',
      position: 'before 27',
      nat: false,
      log: 'utm',
      firstPolicyId: 1_000_000,
    });
    await expectGolden('fortigate-udp', files);
  });

  it.each([
    ['the sample', samplePolicy()],
    ['TCP and UDP', UDP],
  ])('lets exactly the addresses and ports through that are asked for: %s', async (_, policy) => {
    const device = load(await buildBundled('fortigate', policy));
    const byAddress = policy.rules.filter(({ addresses }) => !addresses.isEmpty);
    const ports = [22, 80, 443, 444, 1433, 3478, 3482, 11_500];
    const { attempts, expected } = sampleAttempts(byAddress, ports, 500, seededRandom(1));
    expect(attempts.map(([address, port]) => device.allows({ address, port }))).toEqual(expected);
    expect(new Set(expected).size).toBe(2);
  });

  it('binds the ports of UDP to UDP', async () => {
    const device = load(await buildBundled('fortigate', UDP));
    const passes = (address: string, port: number, protocol: 'tcp' | 'udp') =>
      device.allows({ address, port, protocol });
    for (const address of ['203.0.113.9', '2001:db8:5::9']) {
      expect([3477, 3478, 3481, 3482].map((port) => passes(address, port, 'udp'))).toEqual([
        ...[false, true, true, false],
      ]);
      expect(passes(address, 3478, 'tcp')).toBe(false);
    }
    expect([80, 443].map((port) => passes('192.0.2.1', port, 'udp'))).toEqual([false, true]);
    expect([80, 443].map((port) => passes('192.0.2.1', port, 'tcp'))).toEqual([true, true]);
  });

  it('is for the interfaces that it is told, and translates IPv4 only', async () => {
    const device = load(await buildBundled('fortigate', UDP, { srcintf: 'internal dmz', dstintf: 'wan2' }));
    const target = { address: '192.0.2.1', port: 443 };
    expect(device.allows(target)).toBe(false);
    expect(device.allows({ ...target, from: 'dmz', to: 'wan2' })).toBe(true);
    expect(['az-media_ipv4', 'az-media_ipv6'].map((name) => device.translates(name))).toEqual([true, false]);
  });

  it('stands above a policy that denies everything only if told to, in its order', async () => {
    const target = { address: '192.0.2.1', port: 443 };
    const below = load(await buildBundled('fortigate', UDP), { own: DENY_ALL });
    expect(below.allows(target)).toBe(false);
    const output = await buildBundled('fortigate', UDP, { position: 'before 27' });
    const device = load(output, { own: DENY_ALL });
    expect(device.allows(target)).toBe(true);
    expect(device.policies).toEqual(['az-media_ipv4', 'az-media_ipv6', 'az-quic_ipv4', 'deny-all']);
    // Once more, as every week.
    expect(device.run(text(output))).toEqual([]);
    expect(device.policies).toEqual(['az-media_ipv4', 'az-media_ipv6', 'az-quic_ipv4', 'deny-all']);
  });

  it('halves groups that are too big, in which a prefix that comes or goes moves no other', async () => {
    const prefixes = scattered(2000);
    const build = (list: readonly string[]) =>
      buildBundled('fortigate', makePolicy({ name: 'many', prefixes: list }));
    const all = await build(prefixes);
    const device = load(all);
    const sizes = [...device.groups.values()];
    expect(Math.max(...sizes)).toBeLessThanOrEqual(300);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(2000 + sizes.length - 1);
    const less = new Set(text(await build(prefixes.toSpliced(1000, 1))).split('\n'));
    const gone = text(all)
      .split('\n')
      .filter((line) => !less.has(line));
    const name = `az-${prefixes[1000]!.replaceAll('.', '_').replace('/', '-')}`;
    expect(gone).toEqual([
      `    edit "${name}"`,
      `        set subnet ${prefixes[1000]!.replace('/32', '')} 255.255.255.255`,
      expect.stringMatching(new RegExp(`^ {8}(set|append) member "${name}"$`)),
    ]);
  });

  it('keeps the longest names within their limits', async () => {
    const long = {
      name: 'r'.repeat(20),
      prefixes: ['2001:db8:1111:2222:3333:4444:5555:6666/128', ...scattered(700)],
      ports: '80,443,8080-8090,443/udp',
    };
    const output = await buildBundled('fortigate', makePolicy(long), { groupMembers: 40 });
    load(output, { members: 40 });
  });

  it.each([
    [{ addressObjects: 5 }, /targets\.fortigate\.addressObjects: 6 address objects .*5 at most/],
    [{ groupMembers: 1 }, /groupMembers: 1 is less than 2/],
    [{ groupMembers: 2 }, /members in the group az-few_ipv4, 2 at most/],
    [{ firstPolicyId: 7 }, /firstPolicyId: 7 is not from 1000000 to 4194967294/],
    [{ firstPolicyId: 4_200_000_000 }, /firstPolicyId: 4200000000 is not from/],
    [{ position: 'before 1000000' }, /position: .* does not match/],
    [{ srcintf: 'a"b' }, /srcintf: .* does not match/],
    [{ dstintf: 'wan1\nend' }, /dstintf: .* does not match/],
    [{ log: 'none' }, /log: .* is not one of/],
  ])('refuses %j', async (options, message) => {
    const policy = makePolicy({ name: 'few', prefixes: scattered(6) });
    await expect(buildBundled('fortigate', policy, options)).rejects.toThrow(message);
  });

  it.each([1, 2, 3])('finds a file edited by hand (200 edits, seed %i)', async (seed) => {
    const output = await buildBundled('fortigate', samplePolicy(), { position: 'before 27' });
    const uncaught = uncaughtEdits(output, { count: 200, seed, comment: /^$/, prose: /^about\.txt$/ });
    // Neutral is another order of lines that do not depend on each other.
    expect(uncaught.filter(({ kind }) => kind !== 'exchange')).toEqual([]);
    expect(uncaught.length).toBeLessThan(20);
  });

  it.each([
    ['dstaddr "az-sql_ipv4"', 'dstaddr "all"', /dstaddr is not "az-sql_ipv4"/],
    ['action accept', 'action deny', /action is not accept/],
    ['        set action accept\n', '', /not the lines of such an object/],
    ['schedule "always"', 'schedule "none"', /schedule is not "always"/],
    ['member "az-192_0_2_0-28"', 'member "az-192_0_2_0-29"', /not defined above/],
    ['append member "az-192_0_2_32-31"', 'set member "az-192_0_2_32-31"', /the first by set/],
    ['append member "az-192_0_2_32-31"', 'append member "az-192_0_2_0-28"', /is listed twice/],
    ['subnet 192.0.2.0 255.255.255.240', 'subnet 192.0.2.0 255.255.0.0', /host bits are set/],
    ['tcp-portrange 443', 'tcp-portrange 443:1024-65535', /is not a port/],
    ['tcp-portrange 80 443', 'tcp-portrange 443 80', /canonical spelling/],
    ['set tcp-portrange 443\n', 'set protocol IP\n', /has no ports/],
    ['set tcp-portrange 443\n', 'set tcp-portrange 443\n        set protocol IP\n', /not the lines/],
    ['edit 1014594010', 'edit 27', /27 is not the id of az-sql_ipv4/],
    ['edit 1014594010', 'edit 1014594011', /the policies differ in firstPolicyId/],
    ['config firewall addrgrp6', 'config firewall vipgrp6', /not a table of these files/],
    ['    next\nend\nconfig firewall address6', '    next\nconfig firewall address6', /not a command/],
    ['edit "az-sql_ipv4"', 'edit az-sql_ipv4', /not a command/],
  ])('refuses %j changed to %j', async (from, to, message) => {
    const { target, plan, files } = await buildBundled('fortigate', samplePolicy());
    const changed = files.map((file) => {
      if (file.path !== 'azure.conf') return file;
      expect(file.text).toContain(from);
      return { path: file.path, text: file.text.replace(from, to) };
    });
    expect(() => proveReadBack(target, plan, changed)).toThrow(message);
  });

  it.skipIf(!feedsAvailable)('takes all tags of the largest week within the limits', async () => {
    // Of the weeks at hand, the one whose tags together take the most prefixes.
    const week = readWeek('20250804');
    const policy = makePolicy({ name: 'everything', prefixes: tagPrefixes(week, ...week.tags.keys()) });
    const cover = policy.rules[0]!.addresses.cover().map(formatPrefix);
    const output = await buildBundled('fortigate', policy);
    const device = load(output);
    expect(output.entries).toBe(cover.length);
    process.stdout.write(
      `the largest week: ${cover.length} address objects, ${device.groups.size} groups, ${Buffer.byteLength(text(output))} bytes\n`,
    );
    for (const prefix of [cover[0]!, cover.at(-1)!])
      expect(device.allows({ address: prefix.replace(/\/\d+$/, ''), port: 443 }), prefix).toBe(true);
    expect(Math.max(...device.groups.values())).toBeLessThanOrEqual(300);
    await expect(buildBundled('fortigate', policy, { addressObjects: cover.length - 1 })).rejects.toThrow(
      /address objects/,
    );
  });
});

describe('the device that stands in for a FortiGate', () => {
  const address = 'config firewall address\nedit "a"\nset subnet 192.0.2.0 255.255.255.0\nnext\nend\n';
  const policy = (id: string, name: string, more: string) =>
    `config firewall policy\nedit ${id}\nset name "${name}"\nset srcintf "internal"\nset dstintf "wan1"\n${more}set schedule "always"\nset service "ALL"\nnext\nend\n`;
  const both = 'set srcaddr "all"\nset dstaddr "all"\n';

  it.each([
    ['config firewall adress\nend\n', /Unknown action/],
    ['config firewall address\n', /still open/],
    ['edit "a"\n', /Unknown action/],
    ['config firewall address\nedit "a"\nnext\nend\n', /'subnet' MUST be set/],
    ['config firewall address\nedit "a"\nset subnet 192.0.2.0\nnext\nend\n', /Not a list/],
    ['config firewall address\nedit "a"\nset ip6 2001:db8::/32\nnext\nend\n', /Unknown field/],
    ['config firewall address\nedit "a?"\n', /parse error/],
    ['config firewall address\nedit "a\n', /parse error/],
    [`config firewall address\nedit "${'a'.repeat(80)}"\n`, /Bad name/],
    ['config firewall addrgrp\nedit "g"\nset member "a"\nnext\nend\n', /not found in datasource/],
    ['config firewall addrgrp\nedit "g"\nnext\nend\n', /'member' MUST be set/],
    [`${address}config firewall addrgrp\nedit "a"\nset member "a"\nnext\nend\n`, /member of itself/],
    [`${address}config firewall addrgrp\nedit "a"\nset member "all"\nnext\nend\n`, /duplicate name/],
    ['config firewall service custom\nedit "s"\nset tcp-portrange 443:1-2\nnext\nend\n', /Bad value/],
    [policy('1', 'p', 'set srcaddr "all"\nset dstaddr6 "all"\n'), /MUST be set/],
    [policy('1', 'p'.repeat(36), both), /Bad value/],
    [policy('1', 'p', both) + policy('2', 'p', both), /duplicate name/],
    [policy('4294967295', 'p', both), /Bad id/],
  ])('refuses %j', (script, message) => {
    expect(() => new FortiGate().run(script)).toThrow(message);
  });

  it('gives a policy without an id the next one, denies unless told to accept, and keeps what is in use', () => {
    const device = new FortiGate({ own: address + policy('7', 'p', both) });
    expect(device.run(policy('0', 'q', both.replace('dstaddr "all"', 'dstaddr "a"')))).toEqual([]);
    expect(device.objects).toContain('firewall policy 8');
    expect(device.allows({ address: '192.0.2.1', port: 443 })).toBe(false);
    expect(device.run('config firewall address\ndelete "a"\ndelete "b"\nend\n')).toEqual([
      'the entry is used by firewall policy 8: delete "a"',
      'entry not found in table: delete "b"',
    ]);
  });
});
