import { daysBetween } from '../../feed/file-date.ts';
import type { AddressSet } from '../../net/address-set.ts';
import { DualStackSet } from '../../net/dual-stack-set.ts';
import type { Guard, GuardContext, Remark } from './guard.ts';

/** What networks announce to the Internet, as a second source tells it. */
export interface Announced {
  /** `AS8075`, `AS8075 and 3 more`, or the configured name of the set. */
  readonly name: string;
  readonly addresses: DualStackSet;
  /** The day of the list, YYYY-MM-DD; undefined where it does not say. */
  readonly asOf: string | undefined;
}

/** The second source as a run found it. */
export interface Origins {
  readonly found: Announced | { readonly unavailable: string };
  /** Whether gained addresses that nobody announces refuse the run. */
  readonly refuse: boolean;
  /** Days from which on a list is too old to judge by. */
  readonly maximumDays: number;
}

/** Percent of the IPv4 addresses known of Azure that a list must have: less is half a list, or another network's. */
const LEAST_PERCENT = 50n;

/** How many ranges a message names. */
const SHOWN = 3;

/**
 * Addresses that the tags in use gain and that no network of the set announces. What is published and what is routed come
 * from different hands: a weekly file that was tampered with does not make its addresses Microsoft's.
 */
export const origins: Guard = {
  name: 'origins',
  check: 'Check who announces the blocks (RIPEstat, BGP), and that the list of networks is current.',
  applies: ({ origins: second }) => second !== undefined,
  cannot: (context) => {
    const { origins: second, baseline } = context;
    if (second === undefined) return undefined;
    const why = unusable(second, context);
    // A first run says what the next one could not judge by.
    if (baseline === undefined) return why ?? 'nothing is in force yet';
    // Without the list, only space that no tag ever had is held back, and only where that was asked for.
    return why !== undefined && !(second.refuse && !outsideKnown(context).isEmpty) ? why : undefined;
  },
  judge: (context) => {
    const { origins: second, baseline } = context;
    if (second === undefined || baseline === undefined) return [];
    const why = unusable(second, context);
    if (why !== undefined || 'unavailable' in second.found)
      return [
        {
          refuse: second.refuse,
          look: true,
          message: `${why}, and ${first(outsideKnown(context))} is in no tag of a feed that was in force (origins.refuse)`,
        },
      ];
    const { name, addresses, asOf } = second.found;
    const gained = gainedBy(context);
    return ([4, 6] as const).flatMap((family): Remark[] => {
      const of = (set: DualStackSet): AddressSet => (family === 4 ? set.ipv4 : set.ipv6);
      const all = of(gained);
      const missing = of(gained.difference(addresses));
      if (missing.isEmpty) return [];
      const [unit, shift] = family === 4 ? (['IPv4 addresses', 0n] as const) : (['IPv6 /64', 64n] as const);
      const count = (set: AddressSet) => (set.size >> shift).toLocaleString('en-US');
      return [
        {
          refuse: second.refuse,
          look: true,
          message: `${count(of(gained.intersection(addresses)))} of ${count(all)} gained ${unit} announced by ${name}${asOf === undefined ? '' : `, as of ${asOf}`}; not announced: ${ranges(missing)}`,
        },
      ];
    });
  },
};

/** Why the second source cannot be judged by. */
function unusable({ found, maximumDays }: Origins, { today, baseline }: GuardContext): string | undefined {
  if ('unavailable' in found) return found.unavailable;
  const { name, asOf, addresses } = found;
  if (asOf !== undefined && daysBetween(asOf, today) > maximumDays)
    return `the list of ${name} is of ${asOf}, more than ${maximumDays} days old (origins.maximumDays)`;
  const space = baseline?.space?.ipv4;
  if (space === undefined || space.isEmpty) return undefined;
  const known = space.intersection(addresses.ipv4).size;
  return known * 100n < space.size * LEAST_PERCENT
    ? `the list of ${name} has ${(known * 100n) / space.size} % of the IPv4 addresses that the tree knows of Azure: it is incomplete, or of another network`
    : undefined;
}

/** What the service tags and endpoint sets in use have now and had not before. */
function gainedBy({ policy, baseline }: GuardContext): DualStackSet {
  const now = DualStackSet.union(policy.rules.flatMap(({ tags }) => tags.map(({ addresses }) => addresses)));
  return now.difference(DualStackSet.union(baseline?.tags.values() ?? []));
}

function outsideKnown(context: GuardContext): DualStackSet {
  return gainedBy(context).difference(context.baseline?.space ?? DualStackSet.empty);
}

function first(set: DualStackSet): string {
  return set.toStrings()[0] ?? '';
}

function ranges(set: AddressSet): string {
  const all = set.coverTexts();
  return `${all.slice(0, SHOWN).join(', ')}${all.length > SHOWN ? ` and ${all.length - SHOWN} more` : ''}`;
}
