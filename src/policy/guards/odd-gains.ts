import { formatAddress } from '../../net/address.ts';
import { AddressSet } from '../../net/address-set.ts';
import { DualStackSet } from '../../net/dual-stack-set.ts';
import { formatPrefix, type Prefix } from '../../net/prefix.ts';
import { digits } from '../../numbers.ts';
import type { ComparableTag } from './comparable-tags.ts';
import type { GuardContext, Remark } from './guard.ts';
import { allowances } from './new-space.ts';

/** The tag that holds the addresses of services and of customers alike, with its regions. */
const WHOLE = 'AzureCloud';

/** From this prefix length on, what a tag gains is a few single addresses, no block. */
const SINGLE_FROM = 30;

/** Single addresses over which a gain asks for a look; AzureActiveDirectory gained 10 (20221024). */
const SINGLE_LOOK_OVER = 10n;

/** The part of the single addresses that a tag had up to which it gains such lawfully: a quarter. */
const SINGLE_SHARE = 4n;

/**
 * Single addresses of customers over which a gain of a tag of blocks asks for a look, wherever they lie: of the steps of the
 * archive ServiceBus and AzureResourceManager gained 2 at most, Storage one, AzureActiveDirectory 10 (20221024).
 */
const SINGLE_CUSTOMERS_LOOK_OVER = 2n;
const SINGLE_CUSTOMERS_NAMED: ReadonlyMap<string, bigint> = new Map([['AzureActiveDirectory', 10n]]);

/** The length of the block around a gain in which something else of a service lies: a subnet of IPv6. */
const NEIGHBOURHOOD = { 4: 21, 6: 64 } as const;

/**
 * Addresses among customers over which a gain asks for a look. Of the addresses of customers (20250818), four in five lie in a
 * /21 without a service.
 */
const CUSTOMERS_LOOK_OVER = 2n;

/**
 * Prefixes of IPv6 among customers over which a gain asks for a look; ServiceBus, AzureResourceManager, Storage and
 * AzureActiveDirectory gained none in a /64 without a service, Sql 11 (20230116).
 */
const CUSTOMERS_LOOK_OVER_IPV6 = 2;

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
 * New prefixes of one length over which a gain of AzureCloud, and of a service, asks for a look: a step of the archive brought 23
 * at most (/31, 20250728), one of a service 12 (/27 of Sql, 20221024).
 */
const NEW_OF_A_LENGTH = { whole: 32, service: 16 } as const;

/**
 * The shortest prefix that networks accept from each other in IPv4 (RFC 7454, 6.1.3.2.1): what lies in one of these with known addresses of
 * Azure cannot be somebody else's network.
 */
const ROUTED = 24;

/**
 * New addresses, all that such a block has, up to which a gain asks for a look: of the 58 steps of the archive eight brought
 * such a /24 or two, two of the steps of one week (20230130, 20250728).
 */
const LONE_LOOK_UP_TO = 8n;

/**
 * Such blocks of which less than half is gained, over which a gain asks for a look: a step of a week brought four at most (20250811).
 */
const LONE_LOOK_OVER = 4;

/**
 * New ranges of so many addresses, each a block or a few that networks announce, over which a gain asks for a look where each is in
 * another /16: a step of a week brought six (20250721); Azure grows in few places at a time.
 */
const SPREAD = { from: 128n, below: 1024n, length: 16 } as const;
const SPREAD_LOOK_OVER = 7;

/** New addresses in prefixes of a /31 and longer over which a gain of a service asks for a look: 5 (ActionGroup, 20240115). */
const NEW_SINGLE_OF_SERVICE = 5n;
const NEW_SINGLE_FROM = 31;

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
  services: () => ReadonlyMap<string, DualStackSet>,
): Remark[] {
  const { tag, before, after } = change;
  if (endpointSets(context).has(tag)) return [];
  const gained = after.difference(before);
  const ofIpv6 =
    isWhole(tag) || gained.ipv6.isEmpty || before.ipv6.isEmpty
      ? []
      : amongCustomers(6, change, gained, context, services);
  if (gained.ipv4.isEmpty || before.ipv4.isEmpty) return ofIpv6;
  const space = context.baseline?.space?.ipv4;
  const fresh = space === undefined ? undefined : { space, gained: gained.ipv4.difference(space) };
  const pieces =
    fresh === undefined
      ? []
      : [
          ...newPieces(tag, fresh, context),
          ...lonePieces(tag, fresh, context),
          ...spreadPieces(tag, fresh, context),
        ];
  if (isWhole(tag)) return [...(fresh === undefined ? [] : newSingles(tag, fresh)), ...pieces];
  const single = [
    ...singleAddresses(change, gained.ipv4),
    ...amongCustomers(4, change, gained, context, services),
  ];
  return [
    ...(single.length > 0 ? single : singleOfCustomers(change, gained.ipv4, context, services)),
    ...ofOtherServices(change, gained.ipv4, services()),
    ...pieces,
    ...ofIpv6,
  ];
}

/** What a tag gains and no tag had, and the space that tags had. */
interface Fresh {
  readonly gained: AddressSet;
  readonly space: AddressSet;
}

function newSingles(tag: string, { gained }: Fresh): Remark[] {
  const single = gained.cover().filter(({ length }) => length === 32);
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

/** Many small blocks in the gaps between known ones: each may be Azure's, so many at once no lawful week brought. */
function newPieces(tag: string, { gained }: Fresh, context: GuardContext): Remark[] {
  const byLength = new Map<number, Prefix[]>();
  for (const prefix of gained.cover())
    byLength.set(prefix.length, [...(byLength.get(prefix.length) ?? []), prefix]);
  const kind = isWhole(tag) ? 'whole' : 'service';
  const most = NEW_OF_A_LENGTH[kind] * allowances(context);
  const remarks = [...byLength]
    .filter(([length, all]) => length < 32 && all.length > most)
    .map(
      ([length, all]): Remark => ({
        refuse: false,
        look: true,
        message: `the service tag ${tag} gains ${all.length} blocks /${length} that no tag had (such as ${formatPrefix(all[0]!)}); a lawful week brought ${kind === 'whole' ? `${WHOLE} 23` : 'a service 12'} of a length at most, over ${most} ask for a look`,
      }),
    );
  if (kind === 'whole') return remarks;
  const lone = [...byLength].filter(([length]) => length >= NEW_SINGLE_FROM).flatMap(([, all]) => all);
  const size = sizeOf(lone);
  return size <= NEW_SINGLE_OF_SERVICE
    ? remarks
    : [
        ...remarks,
        {
          refuse: false,
          look: true,
          message: `the service tag ${tag} gains ${digits(size)} IPv4 addresses, singly or in pairs, that no tag had (such as ${formatPrefix(lone[0]!)}); over ${NEW_SINGLE_OF_SERVICE} ask for a look`,
        },
      ];
}

/** A few addresses in blocks that networks announce as a whole, where no tag ever had any: they may be somebody else's. */
function lonePieces(tag: string, { gained, space }: Fresh, context: GuardContext): Remark[] {
  const company = space.intersection(blocksAround(gained, 4, ROUTED));
  const alone = gained.difference(blocksAround(company, 4, ROUTED));
  const byBlock = new Map<bigint, Prefix[]>();
  for (const prefix of alone.cover()) {
    if (prefix.length <= ROUTED + 1) continue;
    const block = prefix.first >> BigInt(32 - ROUTED);
    byBlock.set(block, [...(byBlock.get(block) ?? []), prefix]);
  }
  const pieces = [...byBlock.values()];
  const few = pieces.filter((all) => sizeOf(all) <= LONE_LOOK_UP_TO);
  const most = LONE_LOOK_OVER * allowances(context);
  const [odd, limit] =
    few.length > 0
      ? [few, `${LONE_LOOK_UP_TO} or fewer in one ask for a look`]
      : [pieces, `over ${most} blocks in part ask for a look`];
  return few.length === 0 && pieces.length <= most
    ? []
    : [
        {
          refuse: false,
          look: true,
          message: `the service tag ${tag} gains ${digits(sizeOf(odd.flat()))} IPv4 addresses in ${odd.length === 1 ? `a block /${ROUTED}` : `${odd.length} blocks /${ROUTED}`} where no tag had any (such as ${formatPrefix(odd[0]![0]!)}), which another network may announce; ${limit}`,
        },
      ];
}

/** Small ranges that no tag had, here and there: each may be Azure's, so many places at once no lawful week had. */
function spreadPieces(tag: string, { gained }: Fresh, context: GuardContext): Remark[] {
  const shift = BigInt(32 - SPREAD.length);
  const places = new Map<bigint, bigint>();
  for (const { first, last } of gained.ranges()) {
    const size = last - first + 1n;
    if (size >= SPREAD.from && size < SPREAD.below && !places.has(first >> shift))
      places.set(first >> shift, first);
  }
  const most = SPREAD_LOOK_OVER * allowances(context);
  return places.size <= most
    ? []
    : [
        {
          refuse: false,
          look: true,
          message: `the service tag ${tag} gains small ranges of IPv4 addresses that no tag had, in ${places.size} different /${SPREAD.length} (such as at ${formatAddress(4, [...places.values()][0]!)}); a lawful week did in 6 at most, over ${most} ask for a look`,
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
  return sizeOf(set.cover().filter(({ length }) => length >= SINGLE_FROM));
}

/** How many addresses IPv4 prefixes have that do not overlap. */
function sizeOf(prefixes: readonly Prefix[]): bigint {
  return prefixes.reduce((sum, { length }) => sum + (1n << BigInt(32 - length)), 0n);
}

/** A few single addresses that customers had, in a tag of blocks: in a block that a service is in as well. */
function singleOfCustomers(
  { tag, before }: ComparableTag,
  gained: AddressSet,
  { baseline }: GuardContext,
  services: () => ReadonlyMap<string, DualStackSet>,
): Remark[] {
  const known = wholeBefore(baseline)?.ipv4;
  if (known === undefined || sizeOfSingle(before.ipv4) * 2n > before.ipv4.size) return [];
  const own = familyOf(tag);
  const held = [...services()].filter(([family]) => family !== own).map(([, { ipv4 }]) => ipv4);
  const single = gained
    .intersection(known)
    .difference(AddressSet.union(4, held))
    .cover()
    .filter(({ length }) => length >= SINGLE_FROM);
  const size = sizeOf(single);
  const most = SINGLE_CUSTOMERS_NAMED.get(tag) ?? SINGLE_CUSTOMERS_LOOK_OVER;
  return size <= most
    ? []
    : [
        {
          refuse: false,
          look: true,
          message: `the service tag ${tag} gains ${digits(size)} IPv4 addresses in prefixes longer than a /${SINGLE_FROM - 1} that were in ${WHOLE} before, and in no other service: those of customers (such as ${formatPrefix(single[0]!)}); over ${most} ask for a look`,
        },
      ];
}

function amongCustomers(
  bits: 4 | 6,
  { tag, before }: ComparableTag,
  allGained: DualStackSet,
  { baseline }: GuardContext,
  services: () => ReadonlyMap<string, DualStackSet>,
): Remark[] {
  const family = bits === 4 ? 'ipv4' : 'ipv6';
  const gained = allGained[family];
  const known = wholeBefore(baseline)?.[family];
  if (known === undefined) return [];
  const old = gained.intersection(known);
  const isMuch = (set: AddressSet) =>
    bits === 4 ? set.size > CUSTOMERS_LOOK_OVER : set.coverCount > CUSTOMERS_LOOK_OVER_IPV6;
  if (!isMuch(old)) return [];
  const around = blocksAround(old, bits);
  // What this week's gain brings along is no company of it, in whichever part of the tag it stands.
  const others = [...services().values()].map((addresses) =>
    addresses[family].intersection(around).difference(gained),
  );
  const company = AddressSet.union(bits, [...others, before[family].intersection(around)]);
  const alone = old.difference(blocksAround(company, bits));
  if (!isMuch(alone)) return [];
  const what =
    bits === 4 ? `${digits(alone.size)} IPv4 addresses` : `IPv6 addresses in ${alone.coverCount} prefixes`;
  return [
    {
      refuse: false,
      look: true,
      message: `the service tag ${tag} gains ${what} that were in ${WHOLE} before, where no service has any in the same /${NEIGHBOURHOOD[bits]}: those of customers (such as ${alone.coverTexts()[0]}); over ${CUSTOMERS_LOOK_OVER} ask for a look`,
    },
  ];
}

function wholeBefore(baseline: GuardContext['baseline']): DualStackSet | undefined {
  return baseline?.tags.get(WHOLE) ?? baseline?.space;
}

function ofOtherServices(
  { tag, before }: ComparableTag,
  gained: AddressSet,
  services: ReadonlyMap<string, DualStackSet>,
): Remark[] {
  const own = familyOf(tag);
  const others = [...services]
    .filter(([family]) => family !== own)
    .map(([family, { ipv4 }]) => [family, ipv4] as const);
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

/** What `servicesOf` has found, by the tags of a feed and the endpoint sets among them. */
const SERVICES = new WeakMap<
  GuardContext['snapshot']['tags'],
  Map<string, ReadonlyMap<string, DualStackSet>>
>();

/**
 * The addresses of each service, those of its parts included; AzureCloud and endpoint sets are none. Computed once a feed,
 * however many runs share it.
 */
export function servicesOf(context: GuardContext): ReadonlyMap<string, DualStackSet> {
  const { tags } = context.snapshot;
  const sets = endpointSets(context);
  const key = JSON.stringify([...sets].sort());
  const ofFeed = SERVICES.get(tags) ?? new Map<string, ReadonlyMap<string, DualStackSet>>();
  SERVICES.set(tags, ofFeed);
  const known = ofFeed.get(key);
  if (known !== undefined) return known;
  const found = findServices(context, sets);
  ofFeed.set(key, found);
  return found;
}

function findServices(context: GuardContext, sets: ReadonlySet<string>): ReadonlyMap<string, DualStackSet> {
  const families = new Map<string, DualStackSet[]>();
  for (const { name, addresses } of context.snapshot.tags.values()) {
    if (isWhole(name) || sets.has(name)) continue;
    const family = familyOf(name);
    const known = families.get(family);
    if (known === undefined) families.set(family, [addresses]);
    else known.push(addresses);
  }
  return new Map([...families].map(([family, all]) => [family, DualStackSet.union(all)]));
}

/** The blocks of this prefix length that have an address of the set. */
function blocksAround(set: AddressSet, family: 4 | 6, length: number = NEIGHBOURHOOD[family]): AddressSet {
  const width = 1n << BigInt((family === 4 ? 32 : 128) - length);
  return AddressSet.fromRanges(
    family,
    [...set.ranges()].map(({ first, last }) => ({
      first: first - (first % width),
      last: last - (last % width) + width - 1n,
    })),
  );
}

function isWhole(tag: string): boolean {
  return tag === WHOLE || tag.startsWith(`${WHOLE}.`);
}

/** The names of the endpoint sets in rules, which stand among the tags. */
export function endpointSets({ policy }: GuardContext): ReadonlySet<string> {
  return new Set(
    policy.rules.flatMap(({ tags }) => tags.filter(({ m365 }) => m365 !== undefined).map(({ tag }) => tag)),
  );
}
