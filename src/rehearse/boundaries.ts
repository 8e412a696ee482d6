import { type Family, formatAddress, width } from '../net/address.ts';
import type { AddressSet } from '../net/address-set.ts';
import { PortSet, type Protocol } from '../net/ports.ts';
import type { TargetPlan } from '../targets/plan.ts';

/** One packet of a rehearsal: the first of a TCP connection, or a datagram. */
export interface Attempt {
  readonly family: Family;
  readonly address: string;
  readonly protocol: Protocol;
  readonly port: number;
}

/** The edges of one rule's addresses in one family, each with the edges of its ports. */
export interface RuleBoundaries {
  readonly rule: string;
  readonly family: Family;
  readonly attempts: readonly Attempt[];
}

/**
 * Where what is let through begins and ends, in any of these plans: the first and the last address of every range and
 * their neighbours outside, on the first and the last port of every range and their neighbours outside.
 */
export function boundariesOf(plans: readonly TargetPlan[]): RuleBoundaries[] {
  const names = [...new Set(plans.flatMap(({ rules }) => rules.map(({ name }) => name)))];
  return names.flatMap((rule) =>
    ([4, 6] as const).flatMap((family): RuleBoundaries[] => {
      const addresses = new Set<string>();
      let ports = PortSet.empty;
      for (const plan of plans)
        for (const planned of plan.rules) {
          if (planned.name !== rule || planned.addresses === undefined) continue;
          const { set } = planned.addresses;
          const own = family === 4 ? set.ipv4 : set.ipv6;
          if (own.isEmpty) continue;
          for (const value of edgesOfAddresses(own)) addresses.add(formatAddress(family, value));
          for (const edge of edgesOfPorts(planned.addresses.ports)) ports = ports.union(edge);
        }
      const edges = ports.ranges.flatMap(({ protocol, first, last }) =>
        Array.from({ length: last - first + 1 }, (_, index) => ({ protocol, port: first + index })),
      );
      const attempts = [...addresses].flatMap((address) =>
        edges.map((edge) => ({ family, address, ...edge })),
      );
      return attempts.length === 0 ? [] : [{ rule, family, attempts }];
    }),
  );
}

function edgesOfAddresses(set: AddressSet): bigint[] {
  const last = (1n << BigInt(width(set.family))) - 1n;
  return [...set.ranges()].flatMap((range) =>
    [range.first - 1n, range.first, range.last, range.last + 1n].filter(
      (value) => value >= 0n && value <= last,
    ),
  );
}

/** The first and the last port of every range and their neighbours outside, each as a set of its own. */
export function edgesOfPorts({ ranges }: PortSet): PortSet[] {
  return ranges.flatMap(({ protocol, first, last }) =>
    [first - 1, first, last, last + 1]
      .filter((port) => port >= 1 && port <= 65_535)
      .map((port) => PortSet.of(port).as(protocol)),
  );
}

/** No kernel sends to these, or beyond the next link: https://www.rfc-editor.org/rfc/rfc6890 */
export function canBeSent(host: string): boolean {
  return !/^(0|127|169\.254|22[4-9]|23\d|24\d|25[0-5])\.|^::|^f[ef][0-9a-f]*:|^fd5a:a1:/.test(host);
}
