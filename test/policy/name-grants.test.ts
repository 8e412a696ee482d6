import { describe, expect, it } from 'vitest';
import { parseHostPattern } from '../../src/net/host-pattern.ts';
import { HostSet } from '../../src/net/host-set.ts';
import { keyOfPorts, type Method, portsBy } from '../../src/net/method.ts';
import { PortSet } from '../../src/net/ports.ts';
import { Admission } from '../../src/policy/admission.ts';
import { nameGrants } from '../../src/policy/name-grants.ts';
import { below, seededRandom } from '../support/random.ts';

const ask = (text: string, ports: string, methods?: readonly Method[]) => ({
  host: parseHostPattern(text),
  ...portsBy(PortSet.parseList(ports), methods),
});
const texts = (names: readonly ReturnType<typeof ask>[]) =>
  Object.fromEntries(nameGrants(names).map(({ hosts, ports }) => [ports.toString(), hosts.toStrings()]));

describe('grants of names', () => {
  it('give a name the ports of every pattern that covers it', () => {
    expect(texts([ask('x.a.com', '80'), ask('*.a.com', '443')])).toEqual({
      '80,443': ['x.a.com'],
      '443': ['*.a.com'],
    });
    expect(texts([ask('x.a.com', '443'), ask('*.a.com', '443')])).toEqual({ '443': ['*.a.com'] });
    expect(texts([ask('a.com', '80'), ask('.a.com', '443')])).toEqual({
      '80,443': ['a.com'],
      '443': ['.a.com'],
    });
  });

  it('keep the ports of each method apart, and a host in one list', () => {
    const grants = nameGrants([
      ask('x.a.com', '80'),
      ask('*.a.com', '443', ['tunnel']),
      ask('b.com', '80,443', ['plain', 'tunnel']),
    ]).map(({ hosts, ...on }) => `${hosts.toStrings()} on ${keyOfPorts(on)}`);
    expect(grants).toEqual(['b.com on 80,443', 'x.a.com on 80,443 80,443 80', '*.a.com on 443 443 ']);
  });

  it.each([1, 2, 3])('let through just what is asked for, a host in one list (seed %i)', (seed) => {
    const random = seededRandom(seed);
    const pick = <T>(items: readonly T[]): T => items[below(random, items.length)]!;
    for (let round = 0; round < 300; round++) {
      const names = Array.from({ length: 1 + below(random, 12) }, () => {
        const labels = Array.from({ length: 1 + below(random, 3) }, () => pick(['a', 'b', 'c']));
        return ask(
          `${pick(['', '*.', '.'])}${labels.join('.')}.com`,
          pick(['80', '443', '80,443', '8080-8090']),
          pick([undefined, undefined, ['tunnel'], ['plain'], ['tunnel', 'plain']] as const),
        );
      });
      const grants = nameGrants(names);
      const admitted = Admission.union(grants.map(Admission.names));
      const wanted = Admission.union(
        names.map(({ host, ...on }) => Admission.names({ hosts: HostSet.fromPatterns([host]), ...on })),
      );
      expect(admitted.equals(wanted), JSON.stringify(names.map(({ host }) => host))).toBe(true);
      expect(new Set(grants.map(keyOfPorts)).size).toBe(grants.length);
    }
  });

  it('takes 20,000 names in a linear number of steps', () => {
    const names = Array.from({ length: 20_000 }, (_, index) =>
      ask(`*.h${index}.x${index % 50}.example.com`, '443'),
    );
    const [grant, ...more] = nameGrants(names);
    expect(more).toEqual([]);
    expect(grant!.hosts.patterns().include).toHaveLength(20_000);
  });
});
