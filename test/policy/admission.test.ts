import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DualStackSet } from '../../src/net/dual-stack-set.ts';
import { parseHostPattern } from '../../src/net/host-pattern.ts';
import { HostSet } from '../../src/net/host-set.ts';
import { METHODS, portsBy } from '../../src/net/method.ts';
import { PortSet } from '../../src/net/ports.ts';
import { parsePrefix } from '../../src/net/prefix.ts';
import { Admission } from '../../src/policy/admission.ts';

const hosts = (...patterns: string[]) => HostSet.fromPatterns(patterns.map(parseHostPattern));
const addresses = (...prefixes: string[]) => DualStackSet.fromPrefixes(prefixes.map(parsePrefix));

describe('an admission', () => {
  it('is cut by ports, each port once', () => {
    const admission = Admission.union([
      Admission.hosts(hosts('*.a.com'), PortSet.of(443)),
      Admission.hosts(hosts('b.com'), PortSet.of(80, 443)),
      Admission.addresses(addresses('192.0.2.0/25'), PortSet.of(443)),
      Admission.addresses(addresses('192.0.2.128/25'), PortSet.of(443)),
    ]);
    expect(admission.describe()).toEqual(['port 80: b.com', 'port 443: *.a.com b.com 192.0.2.0/24']);
  });

  it('joins ports that admit the same', () => {
    const admission = Admission.of([
      { hosts: hosts('a.com'), addresses: DualStackSet.empty, ports: PortSet.parseList('80-90') },
      { hosts: hosts('a.com'), addresses: DualStackSet.empty, ports: PortSet.parseList('85-100,443') },
    ]);
    expect(admission.grants.map(({ ports }) => ports.toString())).toEqual(['80-100,443']);
  });

  it('is empty without hosts and addresses, whatever the ports', () => {
    expect(Admission.hosts(HostSet.empty, PortSet.of(443)).isEmpty).toBe(true);
    expect(Admission.addresses(addresses('192.0.2.0/24'), PortSet.empty).isEmpty).toBe(true);
  });

  it('can be combined with itself', () => {
    const admission = Admission.union([
      Admission.hosts(hosts('a.com'), PortSet.of(443)),
      Admission.addresses(addresses('192.0.2.0/24'), PortSet.of(80)),
    ]);
    expect(admission.difference(admission).isEmpty).toBe(true);
    expect(admission.intersection(admission).describe()).toEqual(admission.describe());
    expect(admission.equals(admission)).toBe(true);
  });

  it('says by which method alone something is allowed, and nothing where it is by both', () => {
    const named = (name: string, ports: string, ...methods: ('tunnel' | 'plain')[]) =>
      Admission.names({ hosts: hosts(name), ...portsBy(PortSet.parseList(ports), methods) });
    const admission = Admission.union([
      named('a.com', '80,443', 'tunnel'),
      named('a.com', '80', 'plain'),
      Admission.hosts(hosts('b.com'), PortSet.of(443)),
    ]);
    expect(admission.describe()).toEqual([
      'port 80: a.com',
      'port 443: b.com',
      'port 443: a.com by CONNECT only',
    ]);
    expect(admission.only('plain').byAnyMethod().describe()).toEqual(['port 80: a.com', 'port 443: b.com']);
    expect(admission.byAnyMethod().describe()).toEqual(['port 80: a.com', 'port 443: a.com b.com']);
    expect(admission.onPort(443).hosts.toStrings()).toEqual(['a.com', 'b.com']);
    // Nothing asks a proxy for UDP.
    expect(named('a.com', '443,3478/udp', 'plain').describe()).toEqual([
      'port 443: a.com by plain requests only',
      'port 3478/udp: a.com',
    ]);
  });

  // A small universe: ports 1-4, hosts a.x … d.x, addresses 192.0.2.0-3, both methods. The oracle is a set of quadruples.
  const grant = fc.record({
    names: fc.subarray(['a.x', 'b.x', 'c.x', 'd.x']),
    octets: fc.subarray([0, 1, 2, 3]),
    ports: fc.subarray([1, 2, 3, 4]),
    method: fc.constantFrom(undefined, ...METHODS),
  });
  type Asked = typeof grant extends fc.Arbitrary<infer T> ? T : never;
  const make = (grants: readonly Asked[]) => ({
    admission: Admission.of(
      grants.map(({ names, octets, ports, method }) => ({
        hosts: hosts(...names),
        addresses: addresses(...octets.map((octet) => `192.0.2.${octet}/32`)),
        ports: PortSet.of(...ports),
        ...(method === undefined ? {} : { method }),
      })),
    ),
    oracle: new Set(
      grants.flatMap(({ names, octets, ports, method }) =>
        ports.flatMap((port) =>
          [...names, ...octets].flatMap((thing) =>
            METHODS.filter((one) => method === undefined || one === method).map(
              (one) => `${thing}:${port} ${one}`,
            ),
          ),
        ),
      ),
    ),
  });
  const flatten = ({ grants }: Admission) =>
    new Set(
      grants.flatMap((one) =>
        [1, 2, 3, 4]
          .filter((port) => one.ports.has(port))
          .flatMap((port) => [
            ...['a.x', 'b.x', 'c.x', 'd.x']
              .filter((name) => one.hosts.has(name))
              .map((name) => `${name}:${port}`),
            ...[0, 1, 2, 3]
              .filter((octet) => one.addresses.containsPrefix(parsePrefix(`192.0.2.${octet}/32`)))
              .map((octet) => `${octet}:${port}`),
          ])
          .flatMap((pair) =>
            METHODS.filter((method) => one.method === undefined || one.method === method).map(
              (method) => `${pair} ${method}`,
            ),
          ),
      ),
    );

  it('agrees with a set of pairs', () => {
    fc.assert(
      fc.property(fc.array(grant, { maxLength: 4 }), fc.array(grant, { maxLength: 4 }), (first, second) => {
        const a = make(first);
        const b = make(second);
        expect(flatten(a.admission)).toEqual(a.oracle);
        expect(flatten(a.admission.union(b.admission))).toEqual(new Set([...a.oracle, ...b.oracle]));
        expect(flatten(a.admission.difference(b.admission))).toEqual(
          new Set([...a.oracle].filter((pair) => !b.oracle.has(pair))),
        );
        expect(flatten(a.admission.intersection(b.admission))).toEqual(
          new Set([...a.oracle].filter((pair) => b.oracle.has(pair))),
        );
        for (const method of METHODS)
          expect(flatten(a.admission.only(method))).toEqual(
            new Set([...a.oracle].filter((one) => one.endsWith(method))),
          );
        // What both methods allow is told without one, and nothing is told twice.
        const told = a.admission.told.flatMap((one) => [...flatten(Admission.of([one]))]);
        expect(told.length).toBe(new Set(told).size);
        expect(new Set(told)).toEqual(a.oracle);
        for (const one of a.admission.told.filter(({ method }) => method !== undefined)) {
          const others = a.admission.only(one.method === 'tunnel' ? 'plain' : 'tunnel').byAnyMethod();
          expect(Admission.of([one]).byAnyMethod().intersection(others).isEmpty).toBe(true);
        }
        // In canonical form there is at most one grant of a method on each port.
        for (const port of [1, 2, 3, 4])
          for (const method of METHODS)
            expect(
              a.admission.grants.filter((one) => one.ports.has(port) && (one.method ?? method) === method)
                .length,
            ).toBeLessThanOrEqual(1);
        expect(a.admission.equals(b.admission)).toBe(
          a.oracle.size === b.oracle.size && [...a.oracle].every((pair) => b.oracle.has(pair)),
        );
      }),
      { numRuns: 500 },
    );
  });
});
