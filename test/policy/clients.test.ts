import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DualStackSet } from '../../src/net/dual-stack-set.ts';
import { parseHostPattern } from '../../src/net/host-pattern.ts';
import { HostSet } from '../../src/net/host-set.ts';
import { PortSet } from '../../src/net/ports.ts';
import { parsePrefix } from '../../src/net/prefix.ts';
import { Admission } from '../../src/policy/admission.ts';
import {
  clientsInWords,
  clientTexts,
  EVERY_CLIENT,
  readClientText,
  readClientTexts,
} from '../../src/policy/clients.ts';

const addresses = (...prefixes: string[]) => DualStackSet.fromPrefixes(prefixes.map(parsePrefix));
const hosts = (...names: string[]) => HostSet.fromPatterns(names.map(parseHostPattern));

describe('clients', () => {
  it.each([
    [addresses('192.0.2.10/32', '2001:db8::/64'), ['192.0.2.10', '2001:db8::/64']],
    [EVERY_CLIENT.difference(addresses('192.0.2.10/32')), ['!192.0.2.10']],
    [
      EVERY_CLIENT.difference(addresses('192.0.2.0/24', '2001:db8::1/128')),
      ['!192.0.2.0/24', '!2001:db8::1'],
    ],
    [addresses('0.0.0.0/1'), ['0.0.0.0/1']],
  ])('are written and read the same (%#)', (set, texts) => {
    expect(clientTexts(set)).toEqual(texts);
    expect(readClientTexts(texts).equals(set)).toBe(true);
  });

  it('are told in words, many of them counted', () => {
    expect(clientsInWords(undefined)).toBe('every client');
    expect(clientsInWords(addresses('192.0.2.10/32'))).toBe('192.0.2.10');
    expect(clientsInWords(EVERY_CLIENT.difference(addresses('192.0.2.0/24')))).toBe(
      'every client but 192.0.2.0/24',
    );
    const many = Array.from({ length: 7 }, (_, index) => `192.0.2.${2 * index}/32`);
    expect(clientsInWords(addresses(...many))).toMatch(/^192\.0\.2\.0 .* 192\.0\.2\.8 and 2 more$/);
  });

  it.each(['192.0.2.10/32', '192.0.2.1/24', '2001:DB8::/64', 'x', ''])('are never spelled %j', (text) => {
    expect(() => readClientText(text)).toThrow();
  });

  it('are not mixed with those that are not meant', () => {
    expect(() => readClientTexts(['192.0.2.1', '!192.0.2.2'])).toThrow(/mixed/);
  });
});

describe('an admission for some clients', () => {
  it('is one for every client where nothing tells them apart', () => {
    const some = Admission.hosts(hosts('a.x'), PortSet.of(443));
    const client = addresses('192.0.2.10/32');
    const halves = [some.from(client), some.from(EVERY_CLIENT.difference(client))];
    expect(Admission.union(halves).equals(some)).toBe(true);
    expect(Admission.union(halves).grants).toEqual(some.grants);
    expect(halves.map((half) => half.describe())).toEqual([
      ['port 443: a.x from 192.0.2.10'],
      ['port 443: a.x from every client but 192.0.2.10'],
    ]);
    expect(some.from(DualStackSet.empty).isEmpty).toBe(true);
  });

  // A small universe: clients 10.0.0.0-3 and "every", ports 1-3, hosts, addresses. The oracle is a set of quadruples.
  const CLIENTS = [0, 1, 2, 3];
  const grant = fc.record({
    names: fc.subarray(['a.x', 'b.x', 'c.x']),
    octets: fc.subarray([0, 1, 2]),
    ports: fc.subarray([1, 2, 3]),
    clients: fc.option(fc.subarray(CLIENTS, { minLength: 1 }), { nil: undefined }),
  });
  type Parts = { names: string[]; octets: number[]; ports: number[]; clients: number[] | undefined };
  const clientSet = (clients: readonly number[]) => addresses(...clients.map((one) => `10.0.0.${one}/32`));
  const make = (grants: readonly Parts[]) => ({
    admission: Admission.of(
      grants.map(({ names, octets, ports, clients }) => ({
        hosts: hosts(...names),
        addresses: addresses(...octets.map((octet) => `192.0.2.${octet}/32`)),
        ports: PortSet.of(...ports),
        ...(clients === undefined ? {} : { clients: clientSet(clients) }),
      })),
    ),
    // -1 stands for any other client.
    oracle: new Set(
      grants.flatMap(({ names, octets, ports, clients = [-1, ...CLIENTS] }) =>
        clients.flatMap((client) =>
          ports.flatMap((port) => [...names, ...octets].map((thing) => `${client}>${thing}:${port}`)),
        ),
      ),
    ),
  });
  const flatten = (admission: Admission) => {
    const found: string[] = [];
    for (const {
      hosts: names,
      addresses: { ipv4 },
      ports,
      clients,
    } of admission.grants)
      for (const client of [-1, ...CLIENTS]) {
        const value =
          client < 0 ? parsePrefix('198.51.100.1/32').first : parsePrefix(`10.0.0.${client}/32`).first;
        if (clients !== undefined && !clients.ipv4.contains(value)) continue;
        for (const port of [1, 2, 3].filter((one) => ports.has(one)))
          found.push(
            ...['a.x', 'b.x', 'c.x']
              .filter((name) => names.has(name))
              .map((name) => `${client}>${name}:${port}`),
            ...[0, 1, 2]
              .filter((octet) => ipv4.contains(parsePrefix(`192.0.2.${octet}/32`).first))
              .map((octet) => `${client}>${octet}:${port}`),
          );
      }
    // Each once: no two grants say the same of the same client.
    expect(new Set(found).size).toBe(found.length);
    return new Set(found);
  };

  it('is a set of (client, thing, port)', () => {
    fc.assert(
      fc.property(fc.array(grant, { maxLength: 4 }), fc.array(grant, { maxLength: 4 }), (first, second) => {
        const [a, b] = [make(first), make(second)];
        expect(flatten(a.admission)).toEqual(a.oracle);
        expect(flatten(a.admission.union(b.admission))).toEqual(new Set([...a.oracle, ...b.oracle]));
        expect(flatten(a.admission.difference(b.admission))).toEqual(
          new Set([...a.oracle].filter((one) => !b.oracle.has(one))),
        );
        expect(flatten(a.admission.intersection(b.admission))).toEqual(
          new Set([...a.oracle].filter((one) => b.oracle.has(one))),
        );
        expect(a.admission.equals(b.admission)).toBe(
          a.oracle.size === b.oracle.size && [...a.oracle].every((one) => b.oracle.has(one)),
        );
        const anybody = new Set([...a.oracle].map((text) => text.slice(text.indexOf('>'))));
        expect(
          new Set([...flatten(a.admission.forAnyClient())].map((text) => text.slice(text.indexOf('>')))),
        ).toEqual(anybody);
        expect(flatten(a.admission.from(clientSet([0, 2])))).toEqual(
          new Set([...a.oracle].filter((text) => /^[02]>/.test(text))),
        );
      }),
      { numRuns: 150 },
    );
  });
});
