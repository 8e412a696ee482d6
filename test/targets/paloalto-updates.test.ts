import { describe, expect, it } from 'vitest';
import { DualStackSet } from '../../src/net/dual-stack-set.ts';
import { HostSet } from '../../src/net/host-set.ts';
import { PortSet } from '../../src/net/ports.ts';
import { Admission } from '../../src/policy/admission.ts';
import type { Policy } from '../../src/policy/policy.ts';
import { buildTarget, proveReadBack, type TargetOutput } from '../../src/targets/build.ts';
import { loadTarget, type Target } from '../../src/targets/catalog.ts';
import { resolveOptions } from '../../src/targets/options.ts';
import { feedFiles, feedsAvailable } from '../support/feeds.ts';
import { LONG, some, times } from '../support/long.ts';
import { PanOsDevice, type PanOsSetting } from '../support/pan-os.ts';
import { makePolicy, type RuleParts } from '../support/policy.ts';
import { below, seededRandom } from '../support/random.ts';
import { readWeek, tagPrefixes } from '../support/weeks.ts';

const FORMS: readonly (readonly [string, Readonly<Record<string, unknown>>, PanOsSetting])[] = [
  ['a firewall', {}, {}],
  ['Panorama', { panorama: 'device-group branches' }, { scope: 'device-group branches' }],
  ['external lists', { lists: 'external', externalBaseUrl: 'https://lists.example.com/azure' }, {}],
];

const filesOf = (output: TargetOutput) => new Map(output.files.map(({ path, text }) => [path, text]));

/** Publishes one policy after the other, each with the files of the one before in force. */
async function publisher(options: Readonly<Record<string, unknown>>) {
  const target: Target = await loadTarget('paloalto');
  let inForce: ReadonlyMap<string, string> = new Map();
  const publish = (policy: Policy, more: Readonly<Record<string, unknown>> = {}) => {
    const values = resolveOptions(target.manifest, { ...options, ...more }, 'targets.paloalto');
    const output = buildTarget(policy, { id: 'paloalto', target, options: values, inForce });
    inForce = filesOf(output);
    admissions.set(inForce, output.plan.admission);
    return inForce;
  };
  return { target, publish };
}

/** What the files must let through, by the files: the policy, less what they declare to omit, plus what to widen. */
const admissions = new WeakMap<ReadonlyMap<string, string>, Admission>();

/** What a device lets through, whatever its rules are called. */
function admissionOf(device: PanOsDevice): Admission {
  return Admission.union(
    device.passing.map(({ services, addresses, urls }) => {
      const ports = services
        .map(({ protocol, text }) => PortSet.parseList(text).as(protocol))
        .reduce((all, one) => all.union(one), PortSet.empty);
      if (urls === undefined) return Admission.addresses(DualStackSet.fromPrefixes(addresses!), ports);
      const hosts = urls.map((entry) => {
        const name = entry.replace(/\/$/, '');
        return name.startsWith('*.')
          ? { name: name.slice(2), apex: false, subdomains: true }
          : { name, apex: true, subdomains: false };
      });
      return Admission.hosts(HostSet.fromPatterns(hosts), ports);
    }),
  );
}

/** A device that fetches its external lists from the files that it was given last. */
function newDevice(setting: PanOsSetting = {}) {
  let files: ReadonlyMap<string, string> = new Map();
  const device = new PanOsDevice({
    ...setting,
    fetch: (url) => files.get(url.replace(/^https:\/\/[^/]+\/azure\//, '')) ?? '',
  });
  return {
    device,
    take: (published: ReadonlyMap<string, string>) => {
      files = published;
      device.paste(published.get('azure-update.set')!);
      expect(device.paste(published.get('azure.set')!)).toEqual([]);
      expect(device.commit()).toEqual([]);
      // Whatever it held before.
      const [found, asked] = [admissionOf(device), admissions.get(published)!];
      expect(found.difference(asked).describe(), 'passes, and should not').toEqual([]);
      expect(asked.difference(found).describe(), 'should pass').toEqual([]);
    },
  };
}

const fresh = (files: ReadonlyMap<string, string>, setting: PanOsSetting) => {
  const { device, take } = newDevice(setting);
  take(files);
  return device;
};

/** Rules, ports, names and addresses that come and go. */
function randomPolicy(random: () => number): Policy {
  const PORTS = [
    ...['443', '80,443', '80', '443,8080', '587', '1433,11000-11999'],
    ...['443,443/udp', '3478-3481/udp', '587,123/udp'],
  ];
  const pick = <T>(items: readonly T[]): T => items[below(random, items.length)]!;
  const some = <T>(items: readonly T[]): T[] => items.filter(() => below(random, 3) > 0);
  const hosts = ['a.example.com', '*.b.example.com', '.c.example.com', 'd.example.net', '*.e.example.org'];
  const prefixes = Array.from({ length: 24 }, (_, index) => `198.51.100.${index * 8}/29`);
  const ipv6 = Array.from({ length: 6 }, (_, index) => `2001:db8:${index}::/48`);
  const names = some(['web', 'mail', 'web-2', 'storage', 'sql']);
  return makePolicy(
    ...(names.length === 0 ? ['web'] : names).map((name): RuleParts => {
      const chosen = some(hosts);
      return {
        name,
        ...(chosen.length > 0 && below(random, 3) > 0 ? { names: { [pick(PORTS)]: chosen } } : {}),
        prefixes: [...some(prefixes), ...(below(random, 2) > 0 ? some(ipv6) : [])],
        ports: pick(PORTS),
        addressUse: pick(['always', 'fallback', 'never'] as const),
      };
    }),
  );
}

it.each(FORMS)('lets datagrams through where UDP is asked for (%s)', async (_, options, setting) => {
  const { publish } = await publisher(options);
  const { device, take } = newDevice(setting);
  const media = { name: 'media', prefixes: ['203.0.113.0/26'], ports: '3478-3481/udp' };
  const quic = { name: 'quic', names: { '443,443/udp': ['a.example.com'] }, prefixes: ['192.0.2.0/24'] };
  take(publish(makePolicy(media, { ...quic, ports: '443,443/udp' })));
  const passes = (address: string, port: number, protocol: 'tcp' | 'udp', host?: string) =>
    device.allows({ address, port, protocol, ...(host === undefined ? {} : { host }) });
  expect([3477, 3478, 3481, 3482].map((port) => passes('203.0.113.9', port, 'udp'))).toEqual([
    ...[false, true, true, false],
  ]);
  expect(passes('203.0.113.9', 3478, 'tcp')).toBe(false);
  // By name where a URL category can match, and QUIC by address.
  expect(passes('198.51.100.1', 443, 'tcp', 'a.example.com')).toBe(true);
  expect(passes('198.51.100.1', 443, 'udp', 'a.example.com')).toBe(false);
  expect(passes('192.0.2.1', 443, 'udp')).toBe(true);
  // UDP is gone from the rule, and from the device.
  take(
    publish(
      makePolicy({ ...media, ports: '3478' }, { ...quic, ports: '443', names: { '443': ['a.example.com'] } }),
    ),
  );
  expect(passes('203.0.113.9', 3478, 'udp')).toBe(false);
  expect(passes('203.0.113.9', 3478, 'tcp')).toBe(true);
  expect(passes('192.0.2.1', 443, 'udp')).toBe(false);
});

describe.each(FORMS)('a device that takes every update (%s)', (_, options, setting) => {
  it('holds what a new one holds after random policies, whichever it missed (seed 5)', async () => {
    const random = seededRandom(5);
    const { publish } = await publisher(options);
    const { device, take } = newDevice(setting);
    /** Devices that take one policy and then nothing for a while. */
    const late: { take: (files: ReadonlyMap<string, string>) => void; device: PanOsDevice; until: number }[] =
      [];
    for (let turn = 0; turn < times(80, 200); turn++) {
      const files = publish(randomPolicy(random));
      const expected = fresh(files, setting);
      take(files);
      expect(device.state, `policy ${turn}`).toEqual(expected.state);
      if (turn % 10 === 0) {
        const one = newDevice(setting);
        one.take(files);
        late.push({ ...one, until: turn + 1 + below(random, 60) });
      }
      for (const waiting of late.filter(({ until }) => until === turn)) {
        waiting.take(files);
        expect(waiting.device.state, `policy ${turn}, late`).toEqual(expected.state);
      }
      if (turn % 20 === 0) {
        // The same update once more changes nothing.
        take(files);
        expect(device.state).toEqual(expected.state);
      }
    }
  });

  it.skipIf(!feedsAvailable)('holds nothing of earlier weeks after real ones', async () => {
    const weeks = some(feedFiles(), 20).map((path) => /(\d{8})/.exec(path.split('/').at(-1)!)![1]!);
    const { publish } = await publisher(options);
    const { device, take } = newDevice(setting);
    const ever = new Set<string>();
    let most = 0;
    /** One a week, or every fifth, which takes that week and the last. */
    const early: ReturnType<typeof newDevice>[] = [];
    for (const week of weeks) {
      const tags = readWeek(week);
      const files = publish(
        makePolicy(
          { name: 'bus', prefixes: tagPrefixes(tags, 'ServiceBus'), ports: '443,5671-5672' },
          { name: 'aad', prefixes: tagPrefixes(tags, 'AzureActiveDirectory') },
          { name: 'storage-weu', prefixes: tagPrefixes(tags, 'Storage.WestEurope'), ports: '443' },
        ),
      );
      take(files);
      const expected = fresh(files, setting);
      expect(device.state, week).toEqual(expected.state);
      for (const object of device.objects) ever.add(object);
      most = Math.max(most, device.objects.length);
      if (LONG || weeks.indexOf(week) % 5 === 0) {
        const one = newDevice(setting);
        one.take(files);
        early.push(one);
      }
      if (week !== weeks.at(-1)) continue;
      for (const [index, missed] of early.entries()) {
        missed.take(files);
        expect(missed.device.state, `device ${index} at ${week}`).toEqual(expected.state);
      }
    }
    process.stdout.write(
      `${_}: ${weeks.length} weeks: ${device.objects.length} objects on the device, as in the files; without deletes ${ever.size} (most in a week ${most})\n`,
    );
    expect(weeks.length).toBeGreaterThanOrEqual(times(20, 60));
  });
});

describe('an update', () => {
  it('leaves nothing on port 80 where a rule is narrowed to 443', async () => {
    const { publish } = await publisher({});
    const { device, take } = newDevice();
    const rule = (ports: string) =>
      makePolicy(
        { name: 'web', names: { [ports]: ['a.example.com'] } },
        { name: 'net', prefixes: ['192.0.2.0/24', '198.51.100.0/24'], ports },
      );
    take(publish(rule('80,443')));
    expect(device.allows({ host: 'a.example.com', address: '203.0.113.1', port: 80 })).toBe(true);
    expect(device.allows({ address: '192.0.2.1', port: 80 })).toBe(true);
    const narrowed = publish(
      makePolicy(
        { name: 'web', names: { '443': ['a.example.com'] } },
        { name: 'net', prefixes: ['192.0.2.0/24'], ports: '443' },
      ),
    );
    take(narrowed);
    for (const target of [{ host: 'a.example.com', address: '203.0.113.1' }, { address: '192.0.2.1' }])
      expect([80, 443].map((port) => device.allows({ ...target, port }))).toEqual([false, true]);
    expect(device.objects.join('\n')).not.toMatch(/80-443|198_51_100/);
    expect(narrowed.get('azure-update.set')).toContain('delete address az-198_51_100_0-24\n');
  });

  it('takes a rule away that is gone, with its exemption from inspection', async () => {
    const { publish } = await publisher({});
    const { device, take } = newDevice();
    const web: RuleParts = { name: 'web', names: { '443': ['a.example.com'] } };
    take(publish(makePolicy(web, { name: 'mail', prefixes: ['192.0.2.0/24'], ports: '587' })));
    // Microsoft 365 moves a set to another port: the rule is another one.
    take(publish(makePolicy({ name: 'mail-25', prefixes: ['192.0.2.0/24'], ports: '25' })));
    expect(device.rules).toEqual(['az-mail-25_addresses']);
    expect(device.exempts({ host: 'a.example.com', address: '203.0.113.1', port: 443 })).toBe(false);
    expect(device.objects.join('\n')).not.toMatch(/587|web/);
  });

  it('takes zones away that the options do not name any more', async () => {
    const { publish } = await publisher({});
    const { device, take } = newDevice();
    const policy = makePolicy({ name: 'net', prefixes: ['192.0.2.0/24'] });
    take(publish(policy, { from: 'trust untrust' }));
    take(publish(policy, { from: 'trust' }));
    expect(device.state.find((line) => line.startsWith('security'))).toContain('["from",["trust"]]');
  });

  it('goes from groups to external lists and back, and from one prefix of names to another', async () => {
    const { publish } = await publisher({});
    const { device, take } = newDevice();
    const policy = makePolicy(
      { name: 'web', names: { '443': ['a.example.com'] } },
      { name: 'net', prefixes: ['192.0.2.0/24', '2001:db8::/32'] },
    );
    const external = FORMS[2]![1];
    for (const options of [{}, external, {}, { prefix: 'x' }, { ...external, prefix: 'x' }, {}]) {
      const files = publish(policy, options);
      take(files);
      expect(device.state).toEqual(fresh(files, {}).state);
    }
  });

  it('takes back a certificate profile that earlier files set, and leaves one that a hand set', async () => {
    const external = FORMS[2]![1];
    const policy = makePolicy({ name: 'net', prefixes: ['192.0.2.0/24', '2001:db8::/32'] });
    const profiles = (device: PanOsDevice) =>
      device.state.filter((line) => line.includes('certificate-profile'));
    const { publish } = await publisher({});
    const { device, take } = newDevice();
    take(publish(policy, { ...external, certificateProfile: 'lists-ca' }));
    expect(profiles(device)).toHaveLength(2);
    publish(policy, external); // A week that the device misses.
    take(publish(policy, external));
    expect(profiles(device)).toEqual([]);

    const bare = newDevice();
    const other = await publisher({});
    bare.take(other.publish(policy, external));
    bare.device.paste('set external-list az-net_ipv4 type ip certificate-profile by-hand');
    bare.take(other.publish(policy, external));
    expect(profiles(bare.device)).toHaveLength(1);
  });

  it('keeps the list of a family that has become empty: PAN-OS would go on with its last copy', async () => {
    const { publish } = await publisher(FORMS[2]![1]);
    publish(makePolicy({ name: 'net', prefixes: ['192.0.2.0/24', '2001:db8::/32'] }));
    const files = publish(makePolicy({ name: 'net', prefixes: ['192.0.2.0/24'] }));
    expect(files.get('lists/az-net_ipv6.txt')).toBe('');
  });

  it.each([
    ['delete address az-192_0_2_0-24', /azure\.set defines this object/],
    ['delete address az-203_0_113_0-24\ndelete address az-203_0_113_0-24', /out of order, or twice/],
    ['delete service az-tcp_1\ndelete address az-203_0_113_0-24', /out of order, or twice/],
    ['delete address corporate-server', /not an object of this target/],
    ['delete rulebase security rules az-gone_443', /rules are deleted before/],
    ['delete config', /does not empty exactly/],
  ])('is read back strictly: %j', async (line, message) => {
    const { publish, target } = await publisher({});
    const policy = makePolicy({ name: 'net', prefixes: ['192.0.2.0/24'] });
    const files = [...publish(policy)].map(([path, text]) => ({
      path,
      text: path === 'azure-update.set' ? `${text}${line}\n` : text,
    }));
    const { plan } = buildTarget(policy, {
      id: 'paloalto',
      target,
      options: resolveOptions(target.manifest, {}, 'targets.paloalto'),
    });
    expect(() => proveReadBack(target, plan, files)).toThrow(message);
  });
});
