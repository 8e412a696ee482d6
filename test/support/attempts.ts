import { formatAddress } from '../../src/net/address.ts';
import type { HostPattern } from '../../src/net/host-pattern.ts';
import type { Policy } from '../../src/policy/policy.ts';
import { below } from './random.ts';
import { sampleAddresses } from './samples.ts';

/** A host or address literal on a port, and whether the policy lets it through by name or by address. */
export interface Attempt {
  readonly host: string;
  readonly port: number;
  readonly allowed: boolean;
}

/** Names that the patterns mean and names that differ from them by one label, each on a right and a wrong port. */
export function nameAttempts(policy: Policy, ports: readonly number[], random: () => number): Attempt[] {
  const grants = policy.rules.flatMap(({ names }) => names);
  const hosts = new Set(grants.flatMap(({ hosts }) => hosts.patterns().include).flatMap(variants));
  return [...hosts].flatMap((host) => {
    const right = grants.filter((grant) => grant.hosts.has(host)).map((grant) => grant.ports);
    const tried = new Set([
      ...right.map((set) => set.ranges[below(random, set.ranges.length)]!.last),
      ports[below(random, ports.length)]!,
    ]);
    return [...tried].map((port) => ({ host, port, allowed: right.some((set) => set.has(port)) }));
  });
}

/**
 * Addresses at the edges of the policy's ranges, just outside, and inside, on drawn ports; for a target that
 * matches names, so that rules with names are not by address unless they say so.
 */
export function addressAttempts(
  policy: Policy,
  ports: readonly number[],
  count: number,
  random: () => number,
): Attempt[] {
  return ([4, 6] as const).flatMap((family) => {
    const sets = policy.rules.map(({ addresses }) => (family === 4 ? addresses.ipv4 : addresses.ipv6));
    const union = sets.reduce((all, set) => all.union(set));
    if (union.isEmpty) return [];
    return sampleAddresses(union, count, random).map((address) => {
      const port = ports[below(random, ports.length)]!;
      return {
        host: formatAddress(family, address),
        port,
        allowed: policy.rules.some(
          ({ names, addressUse, addressPorts }, index) =>
            (names.length === 0 || addressUse === 'always') &&
            sets[index]!.contains(address) &&
            addressPorts.has(port),
        ),
      };
    });
  });
}

function variants({ name }: HostPattern): string[] {
  const [first, ...rest] = name.split('.');
  return [
    name,
    `sub.${name}`,
    `a.b-c.${name}`,
    `not${name}`,
    `${first}x.${rest.join('.')}`,
    `${name}.evil.example`,
    ...(rest.length > 1 ? [rest.join('.')] : []),
  ];
}

/** The URL of an attempt, in one of the spellings that clients use, and the host that they take from it. */
export function spellUrl(
  { host, port }: Attempt,
  random: () => number,
): { readonly url: string; readonly host: string } {
  const ipv6 = host.includes(':');
  const letters = ipv6 || /[a-z]$/.test(host);
  const spelled = [host, letters ? host.toUpperCase() : host, letters && !ipv6 ? `${host}.` : host][
    below(random, 3)
  ]!;
  const implied = port === 443 ? 'https' : port === 80 ? 'http' : undefined;
  const scheme = implied !== undefined && random() < 0.5 ? implied : random() < 0.5 ? 'https' : 'http';
  const suffix = scheme === implied && random() < 0.7 ? '' : `:${port}`;
  const path = ['/', '', '/a/b?c=http://other.example:444/', '/x@y:1/#:8080'][below(random, 4)]!;
  return { url: `${scheme}://${ipv6 ? `[${spelled}]` : spelled}${suffix}${path}`, host: spelled };
}
