import { describe, expect, it } from 'vitest';
import { proveReadBack } from '../../src/targets/build.ts';
import { feedsAvailable } from '../support/feeds.ts';
import { makePolicy, samplePolicy } from '../support/policy.ts';
import { seededRandom } from '../support/random.ts';
import { RouterOs } from '../support/router-os.ts';
import { buildBundled } from '../support/rule-files.ts';
import { sampleAttempts } from '../support/samples.ts';
import { commonAddress, successiveWeeks } from '../support/successive-weeks.ts';
import { readWeek, tagPrefixes } from '../support/weeks.ts';

const MIXED = makePolicy(
  { name: 'media', prefixes: ['203.0.113.0/26', '2001:db8:5::/48'], ports: '3478-3481/udp' },
  { name: 'quic', prefixes: ['192.0.2.0/24'], ports: '80,443,443/udp' },
  { name: 'web', names: { '443': ['login.example.net', '*.example.com'] }, prefixes: ['198.51.100.0/25'] },
);

type PolicyOf = Parameters<typeof buildBundled>[1];
const script = async (policy: PolicyOf, options = {}) =>
  (await buildBundled('mikrotik', policy, options)).files[0]!.text;

/** What stays on the router of a load, whichever were before: the order of what other loads left does not count. */
const sorted = (device: RouterOs) => [...device.state].sort();

describe('mikrotik', () => {
  it.each([
    ['the sample', samplePolicy()],
    ['TCP and UDP', MIXED],
  ])('lets exactly the addresses and ports through that are asked for: %s', async (_, policy) => {
    const device = new RouterOs();
    device.import(await script(policy));
    const rules = policy.rules.filter(({ addresses }) => !addresses.isEmpty);
    const ports = [22, 80, 443, 444, 1433, 3478, 11_500];
    const { attempts, expected } = sampleAttempts(rules, ports, 300, seededRandom(3));
    expect(attempts.map(([address, port]) => device.allows(address, port))).toEqual(expected);
    expect(new Set(expected).size).toBe(2);
  });

  it('binds UDP to UDP, and names to their ports', async () => {
    const device = new RouterOs();
    device.import(await script(MIXED));
    expect([3477, 3478, 3481, 3482].map((port) => device.allows('203.0.113.9', port, 'udp'))).toEqual([
      ...[false, true, true, false],
    ]);
    expect(device.allows('203.0.113.9', 3478, 'tcp')).toBe(false);
    expect([80, 443].map((port) => device.allows('login.example.net', port))).toEqual([false, true]);
    // Names below a domain go by the addresses of the tags.
    expect(device.allows('198.51.100.9', 443)).toBe(true);
  });

  it('writes the rules into the chain that it is told', async () => {
    const device = new RouterOs();
    device.import(await script(MIXED, { chain: 'cloud' }));
    expect(device.allows('192.0.2.1', 443)).toBe(false);
    expect(device.allows('192.0.2.1', 443, 'tcp', 'cloud')).toBe(true);
  });

  it.each(successiveWeeks)(
    'loses no packet that both weeks let through, after any command: %s',
    async (_, before, after) => {
      const device = new RouterOs();
      device.import(await script(before));
      const stay = ([4, 6] as const).map((family) => commonAddress(before, after, family));
      let changes = 0;
      device.import(await script(after), () => {
        // A check looks at thousands of entries.
        if (changes++ % 97 !== 0 && changes > 200) return;
        for (const address of stay)
          expect(device.allows(address, 443), `${address}, change ${changes}`).toBe(true);
      });
      const fresh = new RouterOs();
      fresh.import(await script(after));
      expect(sorted(device)).toEqual(sorted(fresh));
    },
  );

  it('ends with the lists and rules of the last file, whichever it missed, and leaves those of others', async () => {
    const own = [
      '/ip firewall address-list',
      'add list=azure-mine address=192.0.2.9/32',
      '/ip firewall filter',
      'add chain=forward action=jump jump-target=azure-allow comment=mine',
    ].join('\n');
    const device = new RouterOs({ own });
    const policies = [samplePolicy(), MIXED, makePolicy({ name: 'emptied' }), samplePolicy()];
    for (const policy of policies) device.import(await script(policy));
    const fresh = new RouterOs({ own });
    fresh.import(await script(samplePolicy()));
    expect(sorted(device)).toEqual(sorted(fresh));
    expect(device.lists.get('azure-mine')).toBe(1);
  });

  it('changes nothing when it is loaded twice, and says so', async () => {
    const device = new RouterOs();
    const text = await script(samplePolicy());
    device.import(text);
    const before = device.state;
    expect(() => device.import(text, () => expect.unreachable())).toThrow('this file is loaded already');
    expect(device.state).toEqual(before);
  });

  it('deletes nothing old where the memory ends, and tidies what it left half done', async () => {
    const device = new RouterOs({ most: 12 });
    device.import(await script(MIXED));
    const stays = () => expect(device.allows('192.0.2.1', 443)).toBe(true);
    expect(() => device.import(awaited, stays)).toThrow('out of memory');
    device.import(smaller, stays);
    const fresh = new RouterOs();
    fresh.import(smaller);
    expect(sorted(device)).toEqual(sorted(fresh));
  });

  it.each([
    ['dst-port=443 dst-address-list=("azure-quic', 'dst-address-list=("azure-quic', /not a line/],
    ['action=accept', 'action=drop', /not a line/],
    ['action=return disabled=yes', 'action=return', /not a line/],
    ['address-list remove [find where dynamic=no and', 'address-list remove [find where', /not a line/],
    ['address=login.example.net', 'address=0.0.0.0/0', /not a line/],
    [
      '"azure-quic-ipv4." . $azVersion) address',
      '"azure-quiet-ipv4." . $azVersion) address',
      /never granted|no entries/,
    ],
  ])('refuses %j changed to %j', async (from, to, message) => {
    const { target, plan, files } = await buildBundled('mikrotik', MIXED);
    const changed = files.map(({ path, text }) => ({ path, text: text.replace(from, () => to) }));
    expect(changed).not.toEqual(files);
    expect(() => proveReadBack(target, plan, changed)).toThrow(message);
  });

  it.skipIf(!feedsAvailable)('takes all tags of the largest week, and a budget', async () => {
    const week = readWeek('20250804');
    const policy = makePolicy({ name: 'everything', prefixes: tagPrefixes(week, ...week.tags.keys()) });
    const output = await buildBundled('mikrotik', policy);
    expect(output.entries).toBe(policy.rules[0]!.addresses.cover().length);
  });
});

const awaited = await script(
  makePolicy({
    name: 'many',
    prefixes: ['192.0.2.0/24', ...Array.from({ length: 9 }, (_, at) => `198.51.100.${2 * at}/32`)],
  }),
);
const smaller = await script(makePolicy({ name: 'few', prefixes: ['192.0.2.0/24', '198.51.100.0/32'] }));
