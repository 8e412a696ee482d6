import { DualStackSet } from '../../net/dual-stack-set.ts';
import { formatPrefix } from '../../net/prefix.ts';
import type { Guard } from './guard.ts';
import { nobodys } from './unallocated.ts';

/** How many tags a refusal names. */
const SHOWN = 3;

/**
 * A tag of the feed that no rule selects and that no lawful week could hold: a prefix over any lawful length, or space
 * of nobody. Whoever could write it could write the rest of the file.
 */
export const feedAbsurd: Guard = {
  name: 'feed-absurd',
  check:
    'Download the file again from the download page and compare: a file with such a tag is damaged or forged.',
  judge: ({ snapshot, space, configuredTags, limits }) => {
    const allowed = DualStackSet.fromPrefixes(limits.specialUseAllowed);
    // Of the whole first: tag by tag only where there is something to name.
    const isClean = nobodys(space, allowed).isEmpty;
    const isNarrow =
      (space.ipv4.shortestLength ?? 32) >= limits.shortestIpv4 &&
      (space.ipv6.shortestLength ?? 128) >= limits.shortestIpv6;
    if (isClean && isNarrow) return [];
    const found = [...snapshot.tags.values()]
      .filter(({ name }) => !configuredTags.has(name))
      .flatMap(({ name, prefixes, addresses }) => {
        const broad = prefixes.find(
          ({ family, length }) => length < (family === 4 ? limits.shortestIpv4 : limits.shortestIpv6),
        );
        if (broad !== undefined) return [`${name} has ${formatPrefix(broad)}`];
        if (isClean) return [];
        const strange = nobodys(addresses, allowed);
        return strange.isEmpty ? [] : [`${name} has ${strange.toStrings()[0]}`];
      });
    return found.length === 0
      ? []
      : [
          {
            refuse: true,
            message: `in tags that no rule selects: ${found.slice(0, SHOWN).join(', ')}${found.length > SHOWN ? ` and ${found.length - SHOWN} more` : ''}; a feed that holds this is not to be trusted elsewhere either`,
          },
        ];
  },
};
