import type { AddressSet } from '../../net/address-set.ts';
import type { DualStackSet } from '../../net/dual-stack-set.ts';
import { digits } from '../../numbers.ts';
import { comparableTags } from './comparable-tags.ts';
import type { Guard, GuardContext, Remark } from './guard.ts';
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

/** A tag that lies partly outside AzureCloud, and in no step of the archive gained an IPv4 address there. */
const GAINS_INSIDE = 'AzureActiveDirectory';

/** Percent of a part's IPv4 addresses that one region of AzureCloud must hold for the part to be that region's. */
const OF_A_REGION_PERCENT = 90n;

/** IPv4 addresses over which a part's gain outside its region asks for a look: lawful steps gained 2 (ActionGroup, 20240115). */
const REGION_LOOK_OVER = 16n;

/**
 * A tag whose addresses lie wholly in AzureCloud gains some that do not: of all tags and steps of the archive, that
 * happened lawfully once in IPv4, and in IPv6 with single addresses only. A part of a tag gains what the whole tag does not
 * have, or what another region has: the first in no step of the archive, the second with two addresses.
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
      const gained = after.difference(before);
      const ofParts = [
        ...outsideItsWhole(tag, gained, context),
        ...outsideItsRegion(tag, before.ipv4, gained.ipv4, context),
      ];
      const ofAll = FAMILIES.flatMap((family): Remark[] => {
        const kept = before[family].intersection(after[family]);
        const wasInside =
          wholeBefore === undefined
            ? isMostlyIn(kept, whole[family])
            : wholeBefore[family].isSupersetOf(before[family]);
        const mayGainOutside = !wasInside && !(tag === GAINS_INSIDE && family === 'ipv4');
        if (before[family].isEmpty || kept.isEmpty || mayGainOutside) return [];
        const outside = gained[family].difference(whole[family]);
        if (outside.isEmpty) return [];
        return [
          {
            refuse: outside.size > LIMITS[family],
            // Single addresses of IPv6 come outside lawfully.
            look: family === 'ipv4' || outside.size >= REFUSED_OVER_IPV6,
            message: `the service tag ${tag} ${wasInside ? `lay wholly in ${WHOLE} and` : `never gained IPv4 addresses outside of ${WHOLE} and`} gains ${sizeOf(outside, family)} outside of it (such as ${outside.coverTexts()[0]})`,
          },
        ];
      });
      return [...ofAll, ...ofParts];
    });
  },
};

const FAMILIES = ['ipv4', 'ipv6'] as const;
const LIMITS = { ipv4: REFUSED_OVER, ipv6: REFUSED_OVER_IPV6 } as const;

function sizeOf({ size }: AddressSet, family: (typeof FAMILIES)[number]): string {
  return `${digits(size)} ${family === 'ipv4' ? 'IPv4' : 'IPv6'} addresses`;
}

function outsideItsWhole(tag: string, gained: DualStackSet, { snapshot }: GuardContext): Remark[] {
  const dot = tag.indexOf('.');
  const whole = dot < 0 ? undefined : snapshot.tags.get(tag.slice(0, dot));
  if (whole === undefined) return [];
  return FAMILIES.flatMap((family): Remark[] => {
    const outside = gained[family].difference(whole.addresses[family]);
    return outside.isEmpty
      ? []
      : [
          {
            refuse: outside.size > LIMITS[family],
            look: true,
            message: `the service tag ${tag} gains ${sizeOf(outside, family)} that ${whole.name} does not have (such as ${outside.coverTexts()[0]}); no part ever did`,
          },
        ];
  });
}

/** By where the part lies, not by its name or the field: whoever moves it can write both. */
function outsideItsRegion(
  tag: string,
  before: AddressSet,
  gained: AddressSet,
  { snapshot }: GuardContext,
): Remark[] {
  if (!tag.includes('.') || tag.startsWith(`${WHOLE}.`) || before.isEmpty || gained.isEmpty) return [];
  const home = [...snapshot.tags.values()].find(
    ({ name, addresses }) =>
      name.startsWith(`${WHOLE}.`) &&
      before.intersection(addresses.ipv4).size * 100n >= before.size * OF_A_REGION_PERCENT,
  );
  if (home === undefined) return [];
  const outside = gained.difference(home.addresses.ipv4);
  return outside.size <= REGION_LOOK_OVER
    ? []
    : [
        {
          refuse: outside.size > REFUSED_OVER,
          look: true,
          message: `the service tag ${tag} lies in ${home.name} and gains ${sizeOf(outside, 'ipv4')} outside of it (such as ${outside.coverTexts()[0]}); a lawful week 2 at most`,
        },
      ];
}

function isMostlyIn(set: AddressSet, whole: AddressSet): boolean {
  return set.intersection(whole).size * 100n >= set.size * INSIDE_PERCENT;
}
