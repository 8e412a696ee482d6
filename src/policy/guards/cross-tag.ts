import type { AddressSet } from '../../net/address-set.ts';
import { digits } from '../../numbers.ts';
import { comparableTags } from './comparable-tags.ts';
import type { Guard, Remark } from './guard.ts';
import { withoutPrecedent } from './new-space.ts';

/**
 * IPv4 addresses over which a gain outside is refused; one lawful step gained 4,096 (WindowsVirtualDesktop, 20221205).
 */
const REFUSED_OVER = 4096n;

/** IPv6 addresses over which a gain outside is refused: a /64. Lawful steps gained single addresses. */
const REFUSED_OVER_IPV6 = 1n << 64n;

/** The tag that holds nearly all others' addresses. */
const WHOLE = 'AzureCloud';

/**
 * Percent of a tag's addresses that AzureCloud must hold where the week in force does not tell what AzureCloud was: whoever
 * takes an address out of AzureCloud this week does not put the tag beyond judgement.
 */
const INSIDE_PERCENT = 98n;

/**
 * A tag whose addresses lie wholly in AzureCloud gains some that do not: of all tags and steps of the archive, that
 * happened lawfully once in IPv4, and in IPv6 with single addresses only.
 */
export const crossTag: Guard = {
  name: 'cross-tag',
  check: 'Compare the gained prefixes with the download page and with who announces them (RIPEstat, BGP).',
  cannot: (context) =>
    withoutPrecedent(context) ?? (context.snapshot.tags.has(WHOLE) ? undefined : `the feed has no ${WHOLE}`),
  judge: (context) => {
    const whole = context.snapshot.tags.get(WHOLE)?.addresses;
    if (whole === undefined) return [];
    const wholeBefore = context.baseline?.tags.get(WHOLE);
    return comparableTags(context).flatMap(({ tag, before, after }) => {
      if (tag === WHOLE) return [];
      return (['ipv4', 'ipv6'] as const).flatMap((family): Remark[] => {
        const kept = before[family].intersection(after[family]);
        const wasInside =
          wholeBefore === undefined
            ? isMostlyIn(kept, whole[family])
            : wholeBefore[family].isSupersetOf(before[family]);
        if (before[family].isEmpty || kept.isEmpty || !wasInside) return [];
        const outside = after[family].difference(before[family]).difference(whole[family]);
        if (outside.isEmpty) return [];
        const unit = family === 'ipv4' ? 'IPv4' : 'IPv6';
        return [
          {
            refuse: outside.size > (family === 'ipv4' ? REFUSED_OVER : REFUSED_OVER_IPV6),
            // Single addresses of IPv6 come outside lawfully.
            look: family === 'ipv4' || outside.size >= REFUSED_OVER_IPV6,
            message: `the service tag ${tag} lay wholly in ${WHOLE} and gains ${digits(outside.size)} ${unit} addresses outside of it (such as ${outside.coverTexts()[0]})`,
          },
        ];
      });
    });
  },
};

function isMostlyIn(set: AddressSet, whole: AddressSet): boolean {
  return set.intersection(whole).size * 100n >= set.size * INSIDE_PERCENT;
}
