import { DualStackSet } from '../../net/dual-stack-set.ts';
import { ALLOCATED, ALLOCATED_AS_OF } from './allocated.ts';
import type { Guard } from './guard.ts';
import { SPECIAL_USE } from './special-use.ts';

/** How many prefixes a refusal names. */
const SHOWN = 5;

/** Space of nobody in a rule: what IANA has not given out, nobody can have put a service into. */
export const unallocated: Guard = {
  name: 'unallocated',
  check: 'Look the prefix up in the registries of IANA: nobody can use space that nobody was given.',
  judge: ({ policy }) =>
    policy.rules.flatMap((rule) =>
      rule.tags.flatMap(({ tag, addresses }) => {
        // Special-use space is the other guard's.
        const found = addresses.difference(ALLOCATED).difference(SPECIAL_USE);
        if (found.isEmpty) return [];
        const list = found.toStrings();
        return {
          refuse: true,
          message: `rule ${rule.name}, service tag ${tag}: ${list.slice(0, SHOWN).join(', ')}${list.length > SHOWN ? ` and ${list.length - SHOWN} more` : ''}, which IANA had given to nobody as of ${ALLOCATED_AS_OF}`,
        };
      }),
    ),
};

/** Special-use or unallocated addresses, as a whole feed must have none. */
export function nobodys(addresses: DualStackSet, allowed: DualStackSet): DualStackSet {
  return DualStackSet.union([
    addresses.intersection(SPECIAL_USE),
    addresses.difference(ALLOCATED),
  ]).difference(allowed);
}
