import { isConnectorTable } from '../../endpoints/connector-tables.ts';
import type { AddressSet } from '../../net/address-set.ts';
import { DualStackSet } from '../../net/dual-stack-set.ts';
import { formatHostPattern } from '../../net/host-pattern.ts';
import { formatPrefix, lastAddress } from '../../net/prefix.ts';
import { counted, digits } from '../../numbers.ts';
import type { PolicyDiff } from '../diff.ts';
import type { TagAddresses } from '../policy.ts';
import { bySizeDown } from './change.ts';
import { asksForLook, blockInWords, newBlocks, relativeInWords } from './new-space.ts';
import type { RecentGain } from './recent-gains.ts';
import type { RuleDiff } from './rules.ts';
import type { TagDiff } from './tags.ts';

/** What is known beside the two policies; every part may be missing, and then nothing is noted of it. */
export interface DiffContext {
  /** All addresses of the feed that the earlier policy was made from, whatever is selected. */
  readonly previousSpace?: {
    /** YYYY-MM-DD. */
    readonly date: string | undefined;
    readonly addresses: DualStackSet;
  };
  /** All tags of the later week's feed: where lost addresses are now. */
  readonly currentTags?: Iterable<TagAddresses>;
  /** All addresses of the later week's feed, where its tags are not at hand: whether any of them has lost addresses. */
  readonly laterSpace?: DualStackSet;
  /** What the constraints take out of the later week: a rule that loses it has not lost it in the feed. */
  readonly cut?: DualStackSet;
  /** What the constraints took out of the earlier week: a rule that gains it has not gained it in the feed. */
  readonly leftOut?: DualStackSet;
  /** What earlier changes gained: what is lost soon after was a mistake, or is one. */
  readonly recentGains?: readonly RecentGain[];
  /** Tags that rules select and no target uses: they left the policy, not the rule. */
  readonly unused?: readonly { readonly rule: string; readonly tags: readonly string[] }[];
}

/** Something about a change that a reviewer should know. */
export interface Note {
  readonly kind:
    | 'new-space'
    | 'attribution'
    | 'withdrawn'
    | 'constrained'
    | 'released'
    | 'shrunk'
    | 'nested'
    | 'renamed-rule'
    | 'broadest-prefix'
    | 'names-gone'
    | 'short-lived'
    | 'moved-away'
    | 'reorganised'
    | 'tag-gone'
    | 'every-client';
  readonly rule: string;
  /** '' where the note is about the rule. */
  readonly tag: string;
  /** A sentence without a full stop. */
  readonly text: string;
  /** What the sentence is about in particular: the largest blocks, the regions. */
  readonly detail?: string;
  /** The addresses it is about, where it is about addresses. */
  readonly addresses?: DualStackSet;
  /** Whether this one asks for a look; absent where that follows from the kind. */
  readonly look?: boolean;
}

/** How many names, prefixes or tags a note spells out. */
const SHOWN = 5;

const NO_CONTEXT: DiffContext = {};

/** The notes on each difference in each context: the verdict, the headline and every form of a review ask for them. */
const NOTES = new WeakMap<PolicyDiff, WeakMap<DiffContext, readonly Note[]>>();

/** The notes on a difference, by rule; computed once, however often they are asked for. */
export function noteworthy(diff: PolicyDiff, context: DiffContext = NO_CONTEXT): readonly Note[] {
  const ofDiff = NOTES.get(diff) ?? new WeakMap<DiffContext, readonly Note[]>();
  NOTES.set(diff, ofDiff);
  const known = ofDiff.get(context);
  if (known !== undefined) return known;
  const found = findNotes(diff, context);
  ofDiff.set(context, found);
  return found;
}

function findNotes(diff: PolicyDiff, context: DiffContext): Note[] {
  const notes = diff.rules.flatMap((rule) => [
    ...renamedRule(rule),
    ...everyClient(rule),
    ...released(rule, context),
    ...newSpace(rule, context),
    ...broadestPrefixes(rule, context),
    ...namesGone(rule),
    ...tagsGone(rule, context),
    ...reorganised(rule),
    ...shortLived(rule, context),
    ...origins(rule, diff, context),
    ...lossNotes(rule, context),
    ...shrunk(rule, context),
  ]);
  return [...notes, ...diff.nested.map(nestedRule)];
}

function renamedRule({ rule, renamedFrom, tags }: RuleDiff): Note[] {
  if (renamedFrom === undefined) return [];
  const added = tags.filter(({ presence }) => presence === 'added').map(({ tag }) => tag);
  const more = added.length === 0 ? '' : `, with ${some(added)} added`;
  return [
    { kind: 'renamed-rule', rule, tag: '', text: `is the rule ${renamedFrom} under a new name${more}` },
  ];
}

/** Once, where a rule for connectors comes without clients, or loses them: no week says it again. */
function everyClient({ rule, presence, rows, clients, scenario, proxies }: RuleDiff): Note[] {
  const note = (text: string): Note => ({ kind: 'every-client', rule, tag: '', text });
  // Nobody without a scenario, or on another way, has proxies.
  const isOpen =
    scenario?.after === 'through-proxy'
      ? proxies?.after === undefined
      : scenario === undefined && proxies !== undefined && proxies.after === undefined;
  const open = isOpen
    ? [note('is for every client on firewalls: `proxies` binds them to the addresses of the proxies')]
    : [];
  const isConnectors = rows.gained.some(({ table }) => isConnectorTable(table));
  const begins = presence === 'added' && isConnectors && clients === undefined;
  const loses = presence === 'changed' && clients !== undefined && clients.after === undefined;
  return begins || loses
    ? [note('is for every client: `clients` binds it to the addresses of those that need it'), ...open]
    : open;
}

function nestedRule({ inner, outer }: PolicyDiff['nested'][number]): Note {
  return {
    kind: 'nested',
    rule: inner,
    tag: '',
    text: `allows nothing that rule ${outer} does not allow as well`,
  };
}

/** How many new blocks a note spells out. */
const BLOCKS_SHOWN = 3;

/** What the configuration lets through that it left out before; the feed has had it. */
function released(
  { rule, presence, space }: RuleDiff,
  { leftOut = DualStackSet.empty }: DiffContext,
): Note[] {
  const addresses = presence === 'changed' ? space.gained.intersection(leftOut) : DualStackSet.empty;
  return addresses.isEmpty
    ? []
    : [
        {
          kind: 'released',
          rule,
          tag: '',
          text: 'gains addresses that the constraints left out until now',
          detail: largestBlocks([addresses.ipv4, addresses.ipv6]),
          addresses,
        },
      ];
}

function newSpace({ rule, presence, tags, space }: RuleDiff, { previousSpace }: DiffContext): Note[] {
  // Of a new rule everything is new to the rule, and old to Azure or not for no reason of this week.
  if (previousSpace === undefined || presence === 'added') return [];
  // Much of Microsoft 365 lies outside Azure.
  const gained = DualStackSet.union(
    tags.filter(({ m365 }) => m365 === undefined).map((tag) => tag.space.gained),
  );
  const mine = gained.intersection(space.gained);
  const blocks = newBlocks(mine, previousSpace.addresses);
  if (blocks.length === 0) return [];
  const said = blocks
    .toSorted((a, b) => Number(b.isFarAway) - Number(a.isFarAway))
    .slice(0, BLOCKS_SHOWN)
    .map((block) => `${blockInWords(block)} (${relativeInWords(block)})`);
  const more = blocks.length > BLOCKS_SHOWN ? ` and ${blocks.length - BLOCKS_SHOWN} more` : '';
  const when = previousSpace.date === undefined ? 'before' : `on ${previousSpace.date}`;
  return [
    {
      kind: 'new-space',
      rule,
      tag: '',
      text: `gains blocks that no service tag had ${when}`,
      detail: `${said.join(', ')}${more}`,
      addresses: mine.difference(previousSpace.addresses),
      look: asksForLook(blocks),
    },
  ];
}

/** How many regional tags, or blocks, a note on gains or losses names. */
const PARTS_SHOWN = 4;

/** How many tags of a rule have a note of their own on what they gained, the largest gain first. */
const TAGS_SHOWN = 8;

/** What the tags of a rule gained: the regional tags that hold it, or the largest blocks. */
function origins(
  { rule, presence, tags }: RuleDiff,
  { admission }: PolicyDiff,
  { currentTags, leftOut = DualStackSet.empty }: DiffContext,
): Note[] {
  if (presence !== 'changed') return [];
  const regional = [...(currentTags ?? [])].filter(({ region }) => region !== '');
  const fresh = DualStackSet.union(admission.gained.grants.map(({ addresses }) => addresses));
  const gaining = tags
    .filter((tag) => tag.presence === 'changed')
    .map(({ tag, space }) => ({ tag, gained: space.gained.difference(leftOut) }))
    .filter(({ gained }) => !gained.intersection(fresh).isEmpty)
    .toSorted((a, b) => bySizeDown(a.gained, b.gained));
  const notes = gaining.slice(0, TAGS_SHOWN).map(({ tag, gained }): Note => {
    const regions = regional.filter((other) => other.tag.startsWith(`${tag}.`));
    const known = gained.difference(fresh);
    const details = [
      ...(['ipv4', 'ipv6'] as const).flatMap((family) => partsOf(gained[family], family, regions)),
      ...(known.isEmpty ? [] : [`${sizesOf(known)} of all this allowed before by another tag or rule`]),
    ];
    return { kind: 'attribution', rule, tag, text: `gains ${sizesOf(gained)}`, detail: details.join('; ') };
  });
  const rest = gaining.slice(TAGS_SHOWN);
  if (rest.length === 0) return notes;
  const more = DualStackSet.union(rest.map(({ gained }) => gained));
  return [
    ...notes,
    {
      kind: 'attribution',
      rule,
      tag: '',
      text: `gains ${sizesOf(more)} in ${counted(rest.length, 'more tag')}`,
      detail: some(rest.map(({ tag }) => tag)),
    },
  ];
}

/** The regions with the most of a set and the largest blocks in none; all blocks where no region has any. */
function partsOf(gained: AddressSet, family: Family, regions: readonly TagAddresses[]): string[] {
  if (gained.isEmpty) return [];
  const parts = regions
    .map(({ region, addresses }) => ({ region, addresses: addresses[family].intersection(gained) }))
    .filter(({ addresses }) => !addresses.isEmpty)
    .sort((a, b) => compareSizes(b.addresses, a.addresses) || (a.region < b.region ? -1 : 1));
  if (parts.length === 0) return [largestBlocks([gained])];
  const said = parts
    .slice(0, PARTS_SHOWN)
    .map(({ region, addresses }) => `${region} +${inUnits(addresses.size, family)}`);
  const more = parts.length > PARTS_SHOWN ? ` and ${counted(parts.length - PARTS_SHOWN, 'more region')}` : '';
  const elsewhere = parts.reduce((rest, { addresses }) => rest.difference(addresses), gained);
  const regional = gained.difference(elsewhere).cover();
  const [largest] = regional.toSorted((a, b) => a.length - b.length);
  return [
    `${said.join(', ')}${more} (${regional.length === 1 ? '' : 'largest block '}${formatPrefix(largest!)})`,
    ...(elsewhere.isEmpty
      ? []
      : [`${inUnits(elsewhere.size, family)} in no region: ${largestBlocks([elsewhere])}`]),
  ];
}

/** `192.0.2.0/24, 198.51.100.0/25 and 3 more blocks`, the largest of each family first. */
function largestBlocks(sets: readonly AddressSet[]): string {
  const blocks = sets.flatMap((set) => set.cover().toSorted((a, b) => a.length - b.length));
  const said = blocks.slice(0, PARTS_SHOWN).map(formatPrefix).join(', ');
  return blocks.length <= PARTS_SHOWN
    ? said
    : `${said} and ${counted(blocks.length - PARTS_SHOWN, 'more block')}`;
}

/** `512 IPv4 and 3 /64`. */
function sizesOf({ ipv4, ipv6 }: DualStackSet): string {
  return [
    ...(ipv4.isEmpty ? [] : [`${inUnits(ipv4.size, 'ipv4')} IPv4`]),
    ...(ipv6.isEmpty ? [] : [`${inUnits(ipv6.size, 'ipv6')}${ipv6.size < NET64 ? ' IPv6' : ''}`]),
  ].join(' and ');
}

type Family = 'ipv4' | 'ipv6';

function compareSizes(a: AddressSet, b: AddressSet): number {
  return a.size < b.size ? -1 : a.size > b.size ? 1 : 0;
}

const NET64 = 1n << 64n;

function inUnits(size: bigint, family: Family): string {
  return family === 'ipv6' && size >= NET64 ? `${digits(size / NET64)} /64` : digits(size);
}

/** Only where the tag was there before: every prefix of a new tag would be its broadest. */
function broadestPrefixes({ rule, tags }: RuleDiff, { leftOut = DualStackSet.empty }: DiffContext): Note[] {
  return tags
    .filter(({ presence, prefixCount }) => presence === 'changed' && prefixCount.before > 0)
    .flatMap((tag) =>
      ([4, 6] as const).flatMap((family): Note[] => {
        const broadest = broadestBefore(tag, family);
        if (broadest === undefined) return [];
        const broader = tag.prefixes.gained.filter(
          // One that the constraints had cut up was as broad before.
          (prefix) =>
            prefix.family === family &&
            prefix.length < broadest &&
            DualStackSet.fromPrefixes([prefix]).intersection(leftOut).isEmpty,
        );
        return broader.length === 0
          ? []
          : [
              {
                kind: 'broadest-prefix',
                rule,
                tag: tag.tag,
                text: `gained ${some(broader.map(formatPrefix))}, broader than any before (/${broadest})`,
              },
            ];
      }),
    );
}

/** The shortest length in the exact cover, which has a block around every prefix that was published. */
function broadestBefore({ space }: TagDiff, family: 4 | 6): number | undefined {
  const cover = (family === 4 ? space.before.ipv4 : space.before.ipv6).cover();
  return cover.length === 0 ? undefined : Math.min(...cover.map(({ length }) => length));
}

function namesGone({ rule, presence, names, methodsOnly, rows }: RuleDiff): Note[] {
  if (presence === 'removed' || names.lost.isEmpty) return [];
  if (methodsOnly === true)
    return [{ kind: 'names-gone', rule, tag: '', text: 'asks proxies for its names by fewer methods' }];
  const gone = rows.lost.map(({ host, ports, table }) => `${formatHostPattern(host)}:${ports} (${table})`);
  return [
    {
      kind: 'names-gone',
      rule,
      tag: '',
      text:
        gone.length === 0
          ? 'lost names that the configuration gave'
          : `lost names whose table rows are gone: ${some(gone)}`,
    },
  ];
}

function tagsGone({ rule, presence, tags }: RuleDiff, context: DiffContext): Note[] {
  if (presence === 'removed') return [];
  const unused = unusedTags(rule, context);
  return tags
    .filter((tag) => tag.presence === 'removed' && !unused.has(tag.tag))
    .map(({ tag }) => ({ kind: 'tag-gone', rule, tag, text: 'is no longer in the rule' }));
}

function unusedTags(rule: string, { unused = [] }: DiffContext): ReadonlySet<string> {
  return new Set(unused.flatMap((one) => (one.rule === rule ? one.tags : [])));
}

function reorganised({ rule, reorganised: found }: RuleDiff): Note[] {
  const verb = { renamed: 'was renamed to', split: 'was split into', merged: 'were merged into' } as const;
  return found.map(({ kind, from, to, addresses }) => ({
    kind: 'reorganised',
    rule,
    tag: from[0]!,
    text: `${kind === 'merged' ? `and ${some(from.slice(1))} ` : ''}${verb[kind]} ${some(to)}`,
    addresses,
  }));
}

function shortLived({ rule, presence, space }: RuleDiff, { recentGains = [] }: DiffContext): Note[] {
  // A rule that is gone loses nothing that Azure added by mistake.
  if (presence === 'removed') return [];
  const lost = recentGains
    .filter((gain) => gain.rule === rule)
    .map(({ date, gained }) => ({ date, addresses: space.lost.intersection(gained) }))
    .filter(({ addresses }) => !addresses.isEmpty);
  return lost.length === 0
    ? []
    : [
        {
          kind: 'short-lived',
          rule,
          tag: '',
          text: `loses addresses that it gained only on ${some(lost.map(({ date }) => date))}`,
          addresses: DualStackSet.union(lost.map(({ addresses }) => addresses)),
        },
      ];
}

/** Where lost addresses are now: in tags that the rule does not select, or in none. */
function lossNotes({ rule, presence, space, tags }: RuleDiff, context: DiffContext): Note[] {
  const { currentTags = [], laterSpace, cut = DualStackSet.empty } = context;
  if (context.currentTags === undefined && laterSpace === undefined) return [];
  if (space.lost.isEmpty || presence === 'removed') return [];
  // What the rule still selects, and no target uses any more, has not gone anywhere.
  const unused = unusedTags(rule, context);
  const selected = [...currentTags].filter(({ tag }) => unused.has(tag));
  const gone = space.lost.difference(DualStackSet.union(selected.map(({ addresses }) => addresses)));
  if (gone.isEmpty) return [];
  const forbidden = gone.intersection(cut);
  const lost = gone.difference(forbidden);
  const found: { tag: string; addresses: DualStackSet }[] = [];
  for (const { tag, addresses } of currentTags) {
    const here = addresses.intersection(lost);
    if (!here.isEmpty) found.push({ tag, addresses: here });
  }
  found.sort((a, b) => bySizeDown(a.addresses, b.addresses) || (a.tag < b.tag ? -1 : 1));
  const held =
    context.currentTags === undefined
      ? lost.intersection(laterSpace!)
      : DualStackSet.union(found.map(({ addresses }) => addresses));
  // Endpoint sets of Microsoft 365 are in no service tag before either.
  const published = DualStackSet.union(
    tags.filter(({ m365 }) => m365 === undefined).map((tag) => tag.space.lost),
  );
  const withdrawn = published.intersection(lost).difference(held);
  return [
    ...(forbidden.isEmpty
      ? []
      : [
          {
            kind: 'constrained',
            rule,
            tag: '',
            text: 'loses addresses that the constraints leave out',
            detail: largestBlocks([forbidden.ipv4, forbidden.ipv6]),
            addresses: forbidden,
          } satisfies Note,
        ]),
    ...(held.isEmpty
      ? []
      : [
          {
            kind: 'moved-away',
            rule,
            tag: '',
            text: 'loses addresses that are now in tags it does not select',
            detail:
              found.length === 0
                ? largestBlocks([held.ipv4, held.ipv6])
                : some(
                    found.map(
                      ({ tag, addresses }) => `${tag} ${largestBlocks([addresses.ipv4, addresses.ipv6])}`,
                    ),
                  ),
            addresses: held,
          } satisfies Note,
        ]),
    ...(withdrawn.isEmpty
      ? []
      : [
          {
            kind: 'withdrawn',
            rule,
            tag: '',
            text: 'loses addresses that no service tag has any more',
            detail: largestBlocks([withdrawn.ipv4, withdrawn.ipv6]),
            addresses: withdrawn,
          } satisfies Note,
        ]),
  ];
}

/** Published prefixes in whose place a part of them stands: crumbs of addresses, told as what they are. */
function shrunk({ rule, tags }: RuleDiff, { cut = DualStackSet.empty }: DiffContext): Note[] {
  return tags.flatMap(({ tag, prefixes }): Note[] => {
    const shorter = prefixes.lost.flatMap((lost) => {
      const inside = prefixes.gained.filter(
        (part) =>
          part.family === lost.family &&
          part.length > lost.length &&
          part.first >= lost.first &&
          lastAddress(part) <= lastAddress(lost),
      );
      const left = inside.reduce((sum, part) => sum + lastAddress(part) - part.first + 1n, 0n);
      // The same addresses in smaller pieces are no loss, and what the constraints cut up is published as it was.
      return inside.length === 0 ||
        left > lastAddress(lost) - lost.first ||
        !DualStackSet.fromPrefixes([lost]).intersection(cut).isEmpty
        ? []
        : [
            `${formatPrefix(lost)} → ${inside.map((part) => (part.first === lost.first ? `/${part.length}` : formatPrefix(part))).join(' and ')}`,
          ];
    });
    return shorter.length === 0
      ? []
      : [{ kind: 'shrunk', rule, tag, text: `has smaller blocks: ${some(shorter)}` }];
  });
}

function some(items: readonly string[]): string {
  return items.length <= SHOWN
    ? items.join(', ')
    : `${items.slice(0, SHOWN).join(', ')} and ${items.length - SHOWN} more`;
}
