import { describe, expect, it } from 'vitest';
import { formatAddress } from '../../src/net/address.ts';
import type { Policy } from '../../src/policy/policy.ts';
import { buildTarget, proveReadBack } from '../../src/targets/build.ts';
import { loadTarget } from '../../src/targets/catalog.ts';
import { resolveOptions } from '../../src/targets/options.ts';
import { feedFiles, feedsAvailable } from '../support/feeds.ts';
import { FortiGate } from '../support/forti-os.ts';
import { LONG, some, times } from '../support/long.ts';
import { makePolicy, type RuleParts } from '../support/policy.ts';
import { below, seededRandom } from '../support/random.ts';
import { sampleAttempts } from '../support/samples.ts';
import { successiveWeeks } from '../support/successive-weeks.ts';
import { readWeek, tagPrefixes } from '../support/weeks.ts';

type Options = Readonly<Record<string, unknown>>;

/** Publishes one policy after the other, each with the file of the one before in force. */
async function publisher(options: Options = {}) {
  const target = await loadTarget('fortigate');
  let inForce: ReadonlyMap<string, string> = new Map();
  const publish = (policy: Policy, more: Options = {}): string => {
    const values = resolveOptions(target.manifest, { ...options, ...more }, 'targets.fortigate');
    const { files } = buildTarget(policy, { id: 'fortigate', target, options: values, inForce });
    inForce = new Map(files.map(({ path, text }) => [path, text]));
    return inForce.get('azure.conf')!;
  };
  return { target, publish };
}

/** Loads a file; the device may say only that what is to be deleted is not there. */
function take(device: FortiGate, text: string, each?: (table: string) => void): FortiGate {
  for (const answer of device.run(text, each)) expect(answer).toMatch(/^entry not found in table: delete /);
  return device;
}

const fresh = (text: string, options: ConstructorParameters<typeof FortiGate>[0] = {}) =>
  take(new FortiGate(options), text);

/** Rules, ports and addresses that come and go. */
function randomPolicy(random: () => number): Policy {
  const PORTS = ['443', '80,443', '587', '1433,11000-11999', '443,443/udp', '3478-3481/udp', '123/udp'];
  const some = <T>(items: readonly T[]): T[] => items.filter(() => below(random, 3) > 0);
  const prefixes = Array.from({ length: 24 }, (_, index) => `198.51.100.${index * 8}/29`);
  const ipv6 = Array.from({ length: 6 }, (_, index) => `2001:db8:${index}::/48`);
  return makePolicy(
    ...some(['web', 'mail', 'web-2', 'storage', 'sql']).map(
      (name): RuleParts => ({
        name,
        prefixes: [...some(prefixes), ...(below(random, 2) > 0 ? some(ipv6) : [])],
        ports: PORTS[below(random, PORTS.length)]!,
      }),
    ),
  );
}

/** The device lets through what the policy asks for, on TCP, and nothing else of what is tried. */
function expectAdmission(
  device: FortiGate,
  policy: Policy,
  random: () => number,
  count: number,
  why: string,
) {
  const rules = policy.rules.filter(({ addresses }) => !addresses.isEmpty);
  if (rules.length === 0) return;
  const { attempts, expected } = sampleAttempts(rules, [80, 123, 443, 587, 1433, 3478, 5671], count, random);
  expect(
    attempts.map(([address, port]) => device.allows({ address, port })),
    why,
  ).toEqual(expected);
}

describe('a FortiGate that takes every file', () => {
  // Of the last two, groups are nested, halved and joined again, and addresses not translated.
  it.each([
    ['flat groups', 5, {}],
    ['nested groups', 6, { groupMembers: 12 }],
    ['small groups, untranslated', 7, { groupMembers: 10, nat: false }],
  ] as const)(
    'holds what a new one holds after random policies, whichever it missed: %s (seed %i)',
    async (_, seed, options) => {
      const random = seededRandom(seed);
      const { publish } = await publisher(options);
      const device = new FortiGate();
      const late: { readonly device: FortiGate; readonly until: number }[] = [];
      for (let turn = 0; turn < times(80, 200); turn++) {
        const policy = randomPolicy(random);
        const text = publish(policy);
        const expected = fresh(text);
        take(device, text);
        expect(device.state, `policy ${turn}`).toEqual(expected.state);
        expectAdmission(device, policy, random, 20, `policy ${turn}`);
        if (turn % 10 === 0) late.push({ device: fresh(text), until: turn + 1 + below(random, 60) });
        for (const waiting of late.filter(({ until }) => until === turn))
          expect(take(waiting.device, text).state, `policy ${turn}, late`).toEqual(expected.state);
        // The same file once more changes nothing.
        if (turn % 20 === 0) expect(take(device, text).state).toEqual(expected.state);
      }
    },
  );

  it.skipIf(!feedsAvailable)('holds nothing of earlier weeks after real ones', async () => {
    const weeks = some(feedFiles(), 20).map((path) => /(\d{8})/.exec(path.split('/').at(-1)!)![1]!);
    const { publish } = await publisher();
    const random = seededRandom(8);
    const device = new FortiGate();
    const ever = new Set<string>();
    let most = 0;
    /** One a week, or every fifth, which takes that week and the last. */
    const early: FortiGate[] = [];
    for (const week of weeks) {
      const tags = readWeek(week);
      const policy = makePolicy(
        { name: 'bus', prefixes: tagPrefixes(tags, 'ServiceBus'), ports: '443,5671-5672' },
        { name: 'aad', prefixes: tagPrefixes(tags, 'AzureActiveDirectory') },
        { name: 'storage-weu', prefixes: tagPrefixes(tags, 'Storage.WestEurope'), ports: '443' },
      );
      const text = publish(policy);
      take(device, text);
      expect(device.state, week).toEqual(fresh(text).state);
      expectAdmission(device, policy, random, 20, week);
      for (const object of device.objects) ever.add(object);
      most = Math.max(most, device.objects.length);
      if (LONG || weeks.indexOf(week) % 5 === 0) early.push(fresh(text));
      if (week !== weeks.at(-1)) continue;
      for (const [index, missed] of early.entries())
        expect(take(missed, text).state, `device ${index} at ${week}`).toEqual(device.state);
    }
    process.stdout.write(
      `${weeks.length} weeks: ${device.objects.length} objects on the device, as in the file; without deletes ${ever.size} (most in a week ${most})\n`,
    );
    expect(weeks.length).toBeGreaterThanOrEqual(times(20, 60));
    expect(ever.size).toBeGreaterThan(device.objects.length);
  });

  it.each(successiveWeeks)(
    'loses no packet that both weeks let through, after any command: %s',
    async (_, before, after) => {
      const { publish } = await publisher();
      const device = fresh(publish(before));
      const second = publish(after);
      const targets = before.rules.flatMap((rule, index) => {
        const next = after.rules[index];
        if (next === undefined) return [];
        const common = rule.addresses.intersection(next.addresses);
        const ports = rule.addressPorts.intersection(next.addressPorts);
        return ([4, 6] as const).flatMap((family) =>
          [...(family === 4 ? common.ipv4 : common.ipv6).ranges()]
            .filter((_, at, all) => at % Math.ceil(all.length / 2) === 0)
            .map(({ first }) => ({ address: formatAddress(family, first), port: ports.ranges[0]!.first })),
        );
      });
      expect(targets.length).toBeGreaterThan(2);
      const lost = new Set<string>();
      let changes = 0;
      take(device, second, (table) => {
        // Of the thousands of addresses, of which each comes or goes alike, every 50th.
        if (/address/.test(table) && second.length > 100_000 && changes++ % 50 !== 0) return;
        for (const target of targets) if (!device.allows(target)) lost.add(target.address);
      });
      expect([...lost]).toEqual([]);
      expect(device.state).toEqual(fresh(second).state);
    },
  );
});

describe('an update', () => {
  const net = (...prefixes: readonly string[]) => makePolicy({ name: 'net', prefixes: [...prefixes] });

  it('leaves nothing on port 80 where a rule is narrowed to 443', async () => {
    const { publish } = await publisher();
    const device = new FortiGate();
    const rule = (ports: string) => makePolicy({ name: 'net', prefixes: ['192.0.2.0/24'], ports });
    take(device, publish(rule('80,443,443/udp')));
    take(device, publish(rule('443')));
    expect([80, 443].map((port) => device.allows({ address: '192.0.2.1', port }))).toEqual([false, true]);
    expect(device.allows({ address: '192.0.2.1', port: 443, protocol: 'udp' })).toBe(false);
    expect(device.objects.filter((name) => name.includes('service'))).toHaveLength(1);
  });

  it('takes a rule away that is gone, with its policies, and everything where nothing is left', async () => {
    const { publish } = await publisher();
    const device = new FortiGate();
    take(
      device,
      publish(
        makePolicy(
          { name: 'web', prefixes: ['192.0.2.0/24', '2001:db8::/32'] },
          { name: 'mail', prefixes: ['203.0.113.0/24'] },
        ),
      ),
    );
    take(device, publish(makePolicy({ name: 'mail', prefixes: ['203.0.113.0/24'] })));
    expect(device.policies).toEqual(['az-mail_ipv4']);
    take(device, publish(makePolicy({ name: 'emptied' })));
    expect(device.objects).toEqual([]);
  });

  it('goes from one beginning of the names, and of the ids, to another', async () => {
    const { publish } = await publisher();
    const device = new FortiGate();
    const policy = net('192.0.2.0/24', '2001:db8::/32');
    for (const options of [
      {},
      { prefix: 'x' },
      { firstPolicyId: 2_000_000_000 },
      {},
      { srcintf: 'dmz wan2' },
      {},
    ]) {
      const text = publish(policy, options);
      expect(take(device, text).state).toEqual(fresh(text).state);
    }
  });

  it('leaves what policies of the device refer to, and says so', async () => {
    const { publish } = await publisher();
    const device = fresh(publish(net('192.0.2.0/24', '203.0.113.0/24')));
    device.run('config firewall addrgrp\nedit "mine"\nset member "az-203_0_113_0-24"\nnext\nend\n');
    expect(device.run(publish(net('192.0.2.0/24')))).toEqual([
      'the entry is used by firewall addrgrp mine: delete "az-203_0_113_0-24"',
    ]);
    expect(device.allows({ address: '203.0.113.1', port: 443 })).toBe(false);
  });

  it('counts the objects of last time, which the device still holds while it loads', async () => {
    const { publish } = await publisher({ addressObjects: 3 });
    publish(net('192.0.2.0/24', '203.0.113.0/24'));
    publish(net('192.0.2.0/24', '198.51.100.0/24'));
    expect(() => publish(net('198.18.0.0/24', '198.18.2.0/24'))).toThrow(/4 address objects .* 3 at most/);
  });

  it.each([
    ['    delete "az-192_0_2_0-24"', /the file itself defines az-192_0_2_0-24/],
    ['    delete "az-203_0_113_0-24"\n    delete "az-203_0_113_0-24"', /is listed twice/],
    ['    delete "az-203_0_113_0-25"\n    delete "az-203_0_113_0-24"', /out of order/],
    ['    delete "corporate.server"', /not an object of this target/],
    ['    purge', /not a command of this format/],
    ['    edit "az-203_0_113_0-24"\n        set subnet 203.0.113.0 255.255.255.0\n    next', /out of order/],
  ])('is read back strictly: %j', async (lines, message) => {
    const { publish, target } = await publisher();
    const policy = net('192.0.2.0/24');
    const text = `${publish(policy)}config firewall address\n${lines}\nend\n`;
    const { plan, files } = buildTarget(policy, {
      id: 'fortigate',
      target,
      options: resolveOptions(target.manifest, {}, 'targets.fortigate'),
    });
    const changed = files.map((file) => (file.path === 'azure.conf' ? { path: file.path, text } : file));
    expect(() => proveReadBack(target, plan, changed)).toThrow(message);
  });

  it('deletes no policy that a device numbered by itself', async () => {
    const { publish, target } = await publisher();
    const policy = net('192.0.2.0/24');
    const text = publish(policy).replace(
      'config firewall policy\n',
      'config firewall policy\n    delete 27\n',
    );
    const { plan, files } = buildTarget(policy, {
      id: 'fortigate',
      target,
      options: resolveOptions(target.manifest, {}, 'targets.fortigate'),
      inForce: new Map([['azure.conf', text]]),
    });
    expect(files.map((file) => file.text).join('')).not.toContain('delete 27\n');
    const changed = files.map((file) => (file.path === 'azure.conf' ? { path: file.path, text } : file));
    expect(() => proveReadBack(target, plan, changed)).toThrow(/27 is not an object of this target/);
  });
});
