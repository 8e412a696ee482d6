import { describe, expect, it } from 'vitest';
import { DualStackSet } from '../../src/net/dual-stack-set.ts';
import { PortSet } from '../../src/net/ports.ts';
import { parsePrefix } from '../../src/net/prefix.ts';
import { Admission } from '../../src/policy/admission.ts';
import { buildTarget, proveReadBack } from '../../src/targets/build.ts';
import { bundledTargets, loadTarget } from '../../src/targets/catalog.ts';
import { fitPolicy } from '../../src/targets/fit.ts';
import { manifestSchema } from '../../src/targets/manifest.ts';
import { exampleOptions } from '../support/manifests.ts';
import { makePolicy } from '../support/policy.ts';

const capabilities = (given: object) =>
  manifestSchema.parse({
    id: 'x',
    title: 'x',
    description: 'x',
    capabilities: given,
    files: [{ path: 'x', template: 'x' }],
  }).capabilities;
const ALL = { ipv4: true, ipv6: true, names: 'suffix', ports: true };
const declared = (list: readonly { kind: string; rule: string }[]) =>
  list.map(({ rule, kind }) => `${rule} ${kind}`);

const RULE = {
  name: 'a',
  names: { '443': ['*.example.com', '.example.org', 'x.example.net'] },
  prefixes: ['192.0.2.0/25', '192.0.3.0/24', '2001:db8::/32'],
  ports: '443',
};

describe('fitting a rule with names and addresses', () => {
  it('uses names alone where they can all be said', () => {
    const plan = fitPolicy(makePolicy(RULE), capabilities(ALL));
    expect(plan.rules[0]?.addresses).toBeUndefined();
    expect(plan.omissions).toEqual([]);
    expect(plan.admission.describe()).toEqual(['port 443: *.example.com x.example.net .example.org']);
  });

  it('uses both where asked to, by rule or by target', () => {
    const always = fitPolicy(makePolicy({ ...RULE, addressUse: 'always' }), capabilities(ALL));
    const byTarget = fitPolicy(makePolicy(RULE), capabilities(ALL), { addressUse: 'always' });
    expect(always.admission.equals(byTarget.admission)).toBe(true);
    expect(always.rules[0]?.addresses?.ipv4).toHaveLength(2);
  });

  it('falls back to addresses where some name cannot be said, and declares which', () => {
    const none = fitPolicy(makePolicy(RULE), capabilities({ ...ALL, names: 'none' }));
    expect(declared(none.omissions)).toEqual(['a names']);
    expect(none.admission.describe()).toEqual(['port 443: 192.0.2.0/25 192.0.3.0/24 2001:db8::/32']);
    const exact = fitPolicy(makePolicy(RULE), capabilities({ ...ALL, names: 'exact' }));
    expect(exact.omissions[0]?.omitted.describe()).toEqual(['port 443: *.example.com *.example.org']);
    expect(exact.admission.describe()).toEqual([
      'port 443: x.example.net example.org 192.0.2.0/25 192.0.3.0/24 2001:db8::/32',
    ]);
  });

  it('declares ports of a protocol that cannot be said, and writes the others', () => {
    const both = { ...RULE, names: { '443,443/udp': ['x.example.net'] }, ports: '443,443/udp,123/udp' };
    const tcp = fitPolicy(makePolicy({ ...both, addressUse: 'always' }), capabilities(ALL));
    expect(tcp.omissions.map(({ kind, reason, omitted }) => [kind, reason, ...omitted.describe()])).toEqual([
      ['udp', 'this target writes TCP only, not port 443/udp', 'port 443/udp: x.example.net'],
      [
        'udp',
        'this target writes TCP only, not port 123/udp,443/udp',
        'port 123/udp,443/udp: 192.0.2.0/25 192.0.3.0/24 2001:db8::/32',
      ],
    ]);
    expect(tcp.admission.describe()).toEqual([
      'port 443: x.example.net 192.0.2.0/25 192.0.3.0/24 2001:db8::/32',
    ]);
    // Addresses make up for names that are closed to datagrams, and for no protocol that cannot be said.
    const fallback = (given: object) =>
      fitPolicy(makePolicy(both), capabilities({ ...ALL, namePorts: '443', ...given })).admission.describe();
    expect(fallback({ protocols: ['tcp', 'udp'] })).toEqual([
      'port 443: x.example.net',
      'port 443/udp: 192.0.2.0/25 192.0.3.0/24 2001:db8::/32',
    ]);
    expect(fallback({})).toEqual(['port 443: x.example.net']);
    // Lists that name no ports open a name only where it can match, and addresses stand for it elsewhere.
    const open = fallback({ ports: false, protocols: ['tcp', 'udp'], namePorts: '80,443' });
    expect(open).toEqual([
      'port 1-79,81-442,444-65535,1-65535/udp: 192.0.2.0/25 192.0.3.0/24 2001:db8::/32',
      'port 80,443: x.example.net 192.0.2.0/25 192.0.3.0/24 2001:db8::/32',
    ]);
    const lists = fitPolicy(
      makePolicy({ name: 'a', prefixes: ['192.0.2.0/24'], ports: '123/udp' }),
      capabilities({ ...ALL, ports: false, protocols: ['tcp', 'udp'] }),
    );
    expect(lists.admission.describe()).toEqual(['port 1-65535,1-65535/udp: 192.0.2.0/24']);
  });

  it('declares what service tags let through on ports of the own prefixes beside them', () => {
    const mixed = makePolicy({
      name: 'a',
      names: { '443,123/udp': ['x.example.net'] },
      prefixes: ['192.0.2.0/24', '198.51.100.0/24'],
      ports: '443,123/udp',
    });
    // The first prefix is the configuration's own, the second a service tag's.
    const rule = { ...mixed.rules[0]!, prefixes: [parsePrefix('192.0.2.0/24')] };
    const plan = fitPolicy(
      { ...mixed, rules: [rule] },
      capabilities({ ...ALL, namePorts: '443', protocols: ['tcp', 'udp'] }),
    );
    expect(plan.admission.describe()).toEqual([
      'port 443: x.example.net 192.0.2.0/24 198.51.100.0/24',
      'port 123/udp: 192.0.2.0/24 198.51.100.0/24',
    ]);
    expect(plan.widenings.map(({ kind, admitted }) => [kind, ...admitted.describe()])).toEqual([
      ['ports', 'port 443: 198.51.100.0/24'],
    ]);
    // Where every name can match, only the own prefixes are written.
    const byName = fitPolicy(
      { ...mixed, rules: [rule] },
      capabilities({ ...ALL, protocols: ['tcp', 'udp'] }),
    );
    expect(byName.widenings).toEqual([]);
    expect(byName.admission.describe()).toEqual(['port 443,123/udp: x.example.net 192.0.2.0/24']);
  });

  it('declares the apex and the subdomains that come along', () => {
    const plan = fitPolicy(makePolicy(RULE), capabilities({ ...ALL, apex: 'included', exact: 'included' }));
    expect(declared(plan.widenings)).toEqual(['a apex', 'a subdomains']);
    expect(plan.admission.describe()).toEqual(['port 443: .example.com .x.example.net .example.org']);
    const [grant] = plan.rules[0]!.names;
    expect(grant!.hosts.toStrings()).toEqual(['.example.com', '.x.example.net', '.example.org']);
  });

  it('says nothing at all where neither can be said', () => {
    const plan = fitPolicy(
      makePolicy({ ...RULE, addressUse: 'never' }),
      capabilities({ ...ALL, names: 'none' }),
    );
    expect(plan.admission.isEmpty).toBe(true);
    expect(declared(plan.omissions)).toEqual(['a names']);
  });

  it('declares a family that the target lacks', () => {
    const plan = fitPolicy(makePolicy(RULE), capabilities({ ipv4: true, ports: true }));
    expect(declared(plan.omissions)).toEqual(['a names', 'a ipv6']);
    expect(plan.admission.describe()).toEqual(['port 443: 192.0.2.0/25 192.0.3.0/24']);
  });

  it('declares an apex that comes along, unless it is asked for', () => {
    const plan = fitPolicy(makePolicy(RULE), capabilities({ ...ALL, apex: 'included' }));
    expect(declared(plan.widenings)).toEqual(['a apex']);
    expect(plan.widenings[0]?.admitted.describe()).toEqual(['port 443: example.com']);
    expect(plan.admission.describe()).toEqual(['port 443: .example.com x.example.net .example.org']);
  });

  it('declares every other port where the files bind none', () => {
    const plan = fitPolicy(makePolicy({ ...RULE, names: {} }), capabilities({ ...ALL, ports: false }));
    expect(declared(plan.widenings)).toEqual(['a ports']);
    expect(plan.admission.grants.map(({ ports }) => ports.toString())).toEqual(['1-65535']);
  });

  it('never turns an emptied rule into anything', () => {
    const plan = fitPolicy(makePolicy({ name: 'a', ports: '443' }), capabilities({ ...ALL, ports: false }));
    expect(plan.admission.isEmpty).toBe(true);
    expect([...plan.omissions, ...plan.widenings]).toEqual([]);
  });
});

describe('a budget', () => {
  const policy = makePolicy(
    { name: 'a', prefixes: ['198.18.0.0/25', '198.18.1.0/24', '198.18.4.0/24'], ports: '443' },
    { name: 'b', prefixes: ['2001:db8::/33', '2001:db8:c000::/34'], ports: '80' },
  );

  it('changes nothing where the exact cover fits', () => {
    expect(fitPolicy(policy, capabilities(ALL), { budget: { entries: 5, never: [] } }).widenings).toEqual([]);
  });

  it('lets the fewest extra addresses in, and declares them', () => {
    const open = makePolicy({
      name: 'a',
      prefixes: ['20.0.0.0/25', '20.0.1.0/24', '20.0.4.0/24'],
      ports: '443',
    });
    const plan = fitPolicy(open, capabilities(ALL), { budget: { entries: 2, never: [] } });
    expect(declared(plan.widenings)).toEqual(['a budget']);
    expect(plan.widenings[0]?.admitted.describe()).toEqual(['port 443: 20.0.0.128/25']);
    expect(plan.admission.describe()).toEqual(['port 443: 20.0.0.0/23 20.0.4.0/24']);
  });

  it('is refused rather than let in special-use or excluded space', () => {
    expect(() => fitPolicy(policy, capabilities(ALL), { budget: { entries: 3, never: [] } })).toThrow(
      /5 address entries do not fit a budget of 3.*5 is the least/,
    );
    const open = makePolicy({ name: 'a', prefixes: ['20.0.0.0/25', '20.0.1.0/24'], ports: '443' });
    const never = [parsePrefix('20.0.0.192/26')];
    expect(() => fitPolicy(open, capabilities(ALL), { budget: { entries: 1, never } })).toThrow(
      /2 is the least/,
    );
  });
});

describe('names that match on some ports only', async () => {
  const web = (await loadTarget('paloalto')).manifest.capabilities;
  const planned = (ports: string, names: Record<string, string[]>, addressUse?: 'always') =>
    fitPolicy(
      makePolicy({
        name: 'mail',
        names,
        prefixes: ['192.0.2.0/24'],
        ports,
        ...(addressUse === undefined ? {} : { addressUse }),
      }),
      web,
    );

  it('are made up for by addresses on the other ports, and on no more', () => {
    const plan = planned('25,443', { '25,443': ['smtp.example.com'] });
    expect(plan.omissions.map(({ kind, omitted }) => [kind, omitted.describe()])).toEqual([
      ['names', ['port 25: smtp.example.com']],
    ]);
    expect(plan.admission.describe()).toEqual(['port 25: 192.0.2.0/24', 'port 443: smtp.example.com']);
  });

  it('are a declared omission where the addresses are for other ports', () => {
    const plan = planned('443', { '443,5671': ['bus.example.com'] });
    expect(plan.admission.describe()).toEqual(['port 443: bus.example.com']);
    expect(plan.omissions).toHaveLength(1);
  });

  it('leave addresses alone that are asked for always', () => {
    const plan = planned('25,443', { '443': ['www.example.com'] }, 'always');
    expect(plan.admission.describe()).toEqual([
      'port 25: 192.0.2.0/24',
      'port 443: www.example.com 192.0.2.0/24',
    ]);
    expect(plan.omissions).toEqual([]);
  });
});

describe("a rule's own prefixes beside names", async () => {
  const policy = makePolicy({
    name: 'app',
    names: { '443': ['*.app.example.com'] },
    prefixes: ['192.0.2.0/24'],
    own: ['198.51.100.64/28', '2001:db8:77::/48'],
    ports: '443',
  });
  const own = Admission.addresses(
    DualStackSet.fromPrefixes(['198.51.100.64/28', '2001:db8:77::/48'].map(parsePrefix)),
    PortSet.of(443),
  );
  const tagged = Admission.addresses(
    DualStackSet.fromPrefixes([parsePrefix('192.0.2.0/24')]),
    PortSet.of(443),
  );

  it.each(await bundledTargets())('are written, or their omission is declared: %s', async (id) => {
    const target = await loadTarget(id);
    const { capabilities } = target.manifest;
    const plan = fitPolicy(policy, capabilities);
    const omitted = Admission.union(plan.omissions.map((one) => one.omitted));
    const missing = own.difference(plan.admission).difference(omitted);
    // Settings of a program owe nothing to the policy.
    expect(missing.equals(capabilities.traffic ? Admission.empty : own)).toBe(true);
    if (!capabilities.traffic) return;
    const { files } = buildTarget(policy, { id, target, options: exampleOptions(target.manifest) });
    expect(proveReadBack(target, plan, files)).toEqual([]);
    // What the names stand for is still written by name alone, where names match.
    if (capabilities.names === 'suffix' && capabilities.namePorts === undefined)
      expect(tagged.difference(plan.admission).equals(tagged)).toBe(true);
  });

  it('are declared where the rule takes no addresses at all', () => {
    const never = {
      ...policy,
      rules: policy.rules.map((rule) => ({ ...rule, addressUse: 'never' as const })),
    };
    const plan = fitPolicy(never, capabilities(ALL));
    expect(plan.omissions).toMatchObject([
      { rule: 'app', kind: 'addresses', reason: expect.stringContaining('own prefixes') },
    ]);
    expect(plan.omissions[0]!.omitted.equals(own)).toBe(true);
    expect(own.difference(plan.admission).equals(own)).toBe(true);
  });
});
