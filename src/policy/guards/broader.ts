import { DualStackSet } from '../../net/dual-stack-set.ts';
import { formatPrefix, lastAddress, type Prefix } from '../../net/prefix.ts';
import { digits } from '../../numbers.ts';
import type { Guard } from './guard.ts';
import { allowances, withoutPrecedent } from './new-space.ts';

/**
 * What a broader prefix may swallow that no tag had, in IPv4 addresses and IPv6 /64 networks: over `seen`, the most of a
 * lawful week (a /17 became a /16 often; 2620:1ec:48::/45, 20221024), it asks for a look, over `most` it is refused.
 */
const SWALLOWED = {
  4: { seen: 32_768n, most: 262_144n, unit: 'IPv4 addresses', shift: 0n },
  6: { seen: 131_072n, most: 1_048_576n, unit: 'IPv6 /64 networks', shift: 64n },
} as const;

/**
 * A prefix in the place of narrower ones whose supernet swallows space of nobody in the feed: one bit less doubles what is
 * let through, and every percentage of a large tag hides it.
 */
export const broader: Guard = {
  name: 'broader',
  check: 'Look the prefix up in the registry (RDAP, whois): who else has addresses in it?',
  cannot: (context) =>
    withoutPrecedent(context) ??
    (context.baseline?.space === undefined
      ? 'the output tree of an earlier version does not tell the space of its feed'
      : undefined),
  judge: (context) => {
    const { policy, baseline } = context;
    const known = baseline?.space;
    if (known === undefined) return [];
    const times = BigInt(allowances(context));
    const judged = new Set<string>();
    return policy.rules.flatMap(({ tags }) =>
      tags.flatMap(({ tag, m365, prefixes }) => {
        const before = baseline?.tags.get(tag);
        if (before === undefined || m365 !== undefined || judged.has(tag)) return [];
        judged.add(tag);
        return prefixes.flatMap((prefix) => {
          const { seen, most, unit, shift } = SWALLOWED[prefix.family];
          if (sizeOf(prefix) >> shift <= seen * times) return [];
          const set = DualStackSet.fromPrefixes([prefix]);
          const fresh = set.difference(known);
          const swallowed = (prefix.family === 4 ? fresh.ipv4.size : fresh.ipv6.size) >> shift;
          if (swallowed <= seen * times || set.intersection(before).isEmpty) return [];
          return [
            {
              refuse: swallowed > most * times,
              look: true,
              message: `the service tag ${tag} has ${formatPrefix(prefix)} where it had parts of it, and lets ${digits(swallowed)} ${unit} in that no tag had; a lawful week ${digits(seen)} at most, ${digits(most)} are allowed`,
            },
          ];
        });
      }),
    );
  },
};

function sizeOf(prefix: Prefix): bigint {
  return lastAddress(prefix) - prefix.first + 1n;
}
