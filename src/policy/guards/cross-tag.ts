import { digits } from '../../numbers.ts';
import { comparableTags } from './comparable-tags.ts';
import type { Guard } from './guard.ts';
import { withoutPrecedent } from './new-space.ts';

/** IPv4 addresses over which a gain outside is refused; one lawful step gained 4,096 (WindowsVirtualDesktop, 20221205). */
const REFUSED_OVER = 4096n;

/** The tag that holds nearly all others' addresses. */
const WHOLE = 'AzureCloud';

/**
 * A tag whose addresses lie wholly in AzureCloud gains some that do not: of all tags and steps of the archive, that
 * happened lawfully once.
 */
export const crossTag: Guard = {
  name: 'cross-tag',
  check: 'Compare the gained prefixes with the download page and with who announces them (RIPEstat, BGP).',
  cannot: (context) =>
    withoutPrecedent(context) ?? (context.snapshot.tags.has(WHOLE) ? undefined : `the feed has no ${WHOLE}`),
  judge: (context) => {
    const whole = context.snapshot.tags.get(WHOLE)?.addresses.ipv4;
    if (whole === undefined) return [];
    return comparableTags(context).flatMap(({ tag, before, after }) => {
      if (tag === WHOLE) return [];
      const kept = before.ipv4.intersection(after.ipv4);
      if (kept.isEmpty || !whole.isSupersetOf(kept)) return [];
      const outside = after.ipv4.difference(before.ipv4).difference(whole);
      return outside.isEmpty
        ? []
        : [
            {
              refuse: outside.size > REFUSED_OVER,
              message: `the service tag ${tag} lay wholly in ${WHOLE} and gains ${digits(outside.size)} IPv4 addresses outside of it (such as ${outside.coverTexts()[0]})`,
            },
          ];
    });
  },
};
