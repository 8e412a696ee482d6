import { AddressSet } from '../../net/address-set.ts';
import { formatPrefix } from '../../net/prefix.ts';
import { digits } from '../../numbers.ts';
import type { ComparableTag } from './comparable-tags.ts';
import type { GuardContext, Remark } from './guard.ts';

/** The tag that holds the addresses of services and of customers alike, with its regions. */
const WHOLE = 'AzureCloud';

/** From this prefix length on, what a tag gains is a few single addresses, no block. */
const SINGLE_FROM = 30;

/** Single addresses over which a gain asks for a look; AzureActiveDirectory gained 10 (20221024). */
const SINGLE_LOOK_OVER = 10n;

/** The part of the single addresses that a tag had up to which it gains such lawfully: a quarter. */
const SINGLE_SHARE = 4n;

/** The length of the block around a gain in which something else of a service lies. */
const NEIGHBOURHOOD = 21;

/**
 * Addresses among customers over which a gain asks for a look. Of the addresses of customers (20250818), four in five lie in a
 * /21 without a service.
 */
const CUSTOMERS_LOOK_OVER = 2n;

/**
 * Addresses of other services over which a gain of a tag, and of a part of one, asks for a look, and the part of those that it
 * shared up to which it gains such lawfully: a quarter. No tag of the archive gained more than that; parts of DataFactory and
 * LogicApps, which share with the tags of their management, gained 48 at most (20250616).
 */
const SHARED_LOOK_OVER = { tag: 2n, part: 64n } as const;
const SHARED_SHARE = 4n;

/** New single addresses of AzureCloud over which a gain asks for a look: no step of the archive brought one. */
const NEW_LOOK_OVER = 2n;

/**
 * What a service does not gain: single addresses, where it has blocks, addresses that were Azure's before, in blocks
 * that no service is in, and those of another service. Regions are given to services as blocks, to several at once: of all steps of the archive
 * ServiceBus, AzureResourceManager and Storage never gained an address that only customers were around. AzureCloud itself gains
 * new space in pairs of addresses and more.
 * @param services the addresses of each service, as `servicesOf` gives them
 */
export function oddGains(
  change: ComparableTag,
  context: GuardContext,
  services: () => ReadonlyMap<string, AddressSet>,
): Remark[] {
  const { tag, before, after } = change;
  const gained = after.ipv4.difference(before.ipv4);
  if (gained.isEmpty || before.ipv4.isEmpty || endpointSets(context).has(tag)) return [];
  if (isWhole(tag)) return newSingles(tag, gained, context);
  return [
    ...singleAddresses(change, gained),
    ...amongCustomers(change, gained, context, services),
    ...ofOtherServices(change, gained, services()),
  ];
}

function newSingles(tag: string, gained: AddressSet, { baseline }: GuardContext): Remark[] {
  if (baseline?.space === undefined) return [];
  const single = gained
    .difference(baseline.space.ipv4)
    .cover()
    .filter(({ length }) => length === 32);
  return single.length <= NEW_LOOK_OVER
    ? []
    : [
        {
          refuse: false,
          look: true,
          message: `the service tag ${tag} gains ${digits(single.length)} single IPv4 addresses that no tag had (such as ${formatPrefix(single[0]!)}); no lawful week brought one, over ${NEW_LOOK_OVER} ask for a look`,
        },
      ];
}

function singleAddresses({ tag, before }: ComparableTag, gained: AddressSet): Remark[] {
  const size = sizeOfSingle(gained);
  if (size <= SINGLE_LOOK_OVER) return [];
  const had = sizeOfSingle(before.ipv4);
  return size * SINGLE_SHARE <= had
    ? []
    : [
        {
          refuse: false,
          look: true,
          message: `the service tag ${tag} gains ${digits(size)} IPv4 addresses in prefixes longer than a /${SINGLE_FROM - 1} and had ${digits(had)} of ${digits(before.ipv4.size)} in such; over a quarter as many ask for a look, from ${SINGLE_LOOK_OVER} on`,
        },
      ];
}

function sizeOfSingle(set: AddressSet): bigint {
  return set
    .cover()
    .reduce((sum, { length }) => (length < SINGLE_FROM ? sum : sum + (1n << BigInt(32 - length))), 0n);
}

function amongCustomers(
  { tag, before }: ComparableTag,
  gained: AddressSet,
  { baseline }: GuardContext,
  services: () => ReadonlyMap<string, AddressSet>,
): Remark[] {
  const known = baseline?.tags.get(WHOLE)?.ipv4 ?? baseline?.space?.ipv4;
  const old = known === undefined ? undefined : gained.intersection(known);
  if (old === undefined || old.size <= CUSTOMERS_LOOK_OVER) return [];
  const around = blocksAround(old);
  // What this week's gain brings along is no company of it, in whichever part of the tag it stands.
  const others = [...services().values()].map((addresses) =>
    addresses.intersection(around).difference(gained),
  );
  const company = AddressSet.union(4, [...others, before.ipv4.intersection(around)]);
  const alone = old.difference(blocksAround(company));
  return alone.size <= CUSTOMERS_LOOK_OVER
    ? []
    : [
        {
          refuse: false,
          look: true,
          message: `the service tag ${tag} gains ${digits(alone.size)} IPv4 addresses that were in ${WHOLE} before, where no service has any in the same /${NEIGHBOURHOOD}: those of customers (such as ${alone.coverTexts()[0]}); over ${CUSTOMERS_LOOK_OVER} ask for a look`,
        },
      ];
}

function ofOtherServices(
  { tag, before }: ComparableTag,
  gained: AddressSet,
  services: ReadonlyMap<string, AddressSet>,
): Remark[] {
  const own = familyOf(tag);
  const others = [...services].filter(([family]) => family !== own);
  const sharedBy = (set: AddressSet) =>
    AddressSet.union(
      4,
      others.map(([, addresses]) => addresses.intersection(set)),
    );
  const shared = sharedBy(gained);
  const most = own === tag ? SHARED_LOOK_OVER.tag : SHARED_LOOK_OVER.part;
  if (shared.size <= most || shared.size * SHARED_SHARE <= sharedBy(before.ipv4).size) return [];
  const [holder] = others.find(([, addresses]) => addresses.intersects(shared))!;
  return [
    {
      refuse: false,
      look: true,
      message: `the service tag ${tag} gains ${digits(shared.size)} IPv4 addresses that other services have, ${holder} first (such as ${shared.coverTexts()[0]}); over ${most}, and over a quarter of what it shares, ask for a look`,
    },
  ];
}

/** A tag and its parts. */
function familyOf(tag: string): string {
  const dot = tag.indexOf('.');
  return dot < 0 ? tag : tag.slice(0, dot);
}

/** The IPv4 addresses of each service, those of its parts included; AzureCloud and endpoint sets are none. */
export function servicesOf(context: GuardContext): ReadonlyMap<string, AddressSet> {
  const sets = endpointSets(context);
  const families = new Map<string, AddressSet[]>();
  for (const { name, addresses } of context.snapshot.tags.values()) {
    if (isWhole(name) || sets.has(name)) continue;
    const family = familyOf(name);
    const known = families.get(family);
    if (known === undefined) families.set(family, [addresses.ipv4]);
    else known.push(addresses.ipv4);
  }
  return new Map([...families].map(([family, all]) => [family, AddressSet.union(4, all)]));
}

function blocksAround(set: AddressSet): AddressSet {
  const width = 1n << BigInt(32 - NEIGHBOURHOOD);
  return AddressSet.fromRanges(
    4,
    [...set.ranges()].map(({ first, last }) => ({
      first: first - (first % width),
      last: last - (last % width) + width - 1n,
    })),
  );
}

function isWhole(tag: string): boolean {
  return tag === WHOLE || tag.startsWith(`${WHOLE}.`);
}

function endpointSets({ policy }: GuardContext): ReadonlySet<string> {
  return new Set(
    policy.rules.flatMap(({ tags }) => tags.filter(({ m365 }) => m365 !== undefined).map(({ tag }) => tag)),
  );
}
