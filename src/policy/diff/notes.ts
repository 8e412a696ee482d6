import { DualStackSet } from '../../net/dual-stack-set.ts';
import { formatHostPattern } from '../../net/host-pattern.ts';
import { formatPrefix } from '../../net/prefix.ts';
import type { PolicyDiff } from '../diff.ts';
import type { TagAddresses } from '../policy.ts';
import { bySizeDown } from './change.ts';
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
  /** What earlier changes gained: what is lost soon after was a mistake, or is one. */
  readonly recentGains?: readonly RecentGain[];
}

/** Something about a change that a reviewer should know. */
export interface Note {
  readonly kind:
    | 'outside-azure'
    | 'broadest-prefix'
    | 'names-gone'
    | 'short-lived'
    | 'moved-away'
    | 'reorganised'
    | 'tag-gone';
  readonly rule: string;
  /** '' where the note is about the rule. */
  readonly tag: string;
  /** A sentence without a full stop. */
  readonly text: string;
  /** The addresses it is about, where it is about addresses. */
  readonly addresses?: DualStackSet;
}

/** How many names, prefixes or tags a note spells out. */
const SHOWN = 5;

/** The notes on a difference, by rule. */
export function noteworthy(diff: PolicyDiff, context: DiffContext = {}): Note[] {
  return diff.rules.flatMap((rule) => [
    ...outsideAzure(rule, context),
    ...broadestPrefixes(rule),
    ...namesGone(rule),
    ...tagsGone(rule),
    ...reorganised(rule),
    ...shortLived(rule, context),
    ...movedAway(rule, context),
  ]);
}

function outsideAzure({ rule, tags, space }: RuleDiff, { previousSpace }: DiffContext): Note[] {
  if (previousSpace === undefined) return [];
  const before = previousSpace.date === undefined ? 'before' : `on ${previousSpace.date}`;
  return tags.flatMap(({ tag, m365, space: ofTag }) => {
    // Much of Microsoft 365 lies outside Azure.
    if (m365 !== undefined) return [];
    const addresses = ofTag.gained.intersection(space.gained).difference(previousSpace.addresses);
    return addresses.isEmpty
      ? []
      : [
          {
            kind: 'outside-azure',
            rule,
            tag,
            text: `gained addresses that no service tag had ${before}`,
            addresses,
          },
        ];
  });
}

/** Only where the tag was there before: every prefix of a new tag would be its broadest. */
function broadestPrefixes({ rule, tags }: RuleDiff): Note[] {
  return tags
    .filter(({ presence, prefixCount }) => presence === 'changed' && prefixCount.before > 0)
    .flatMap((tag) =>
      ([4, 6] as const).flatMap((family): Note[] => {
        const broadest = broadestBefore(tag, family);
        if (broadest === undefined) return [];
        const broader = tag.prefixes.gained.filter(
          (prefix) => prefix.family === family && prefix.length < broadest,
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

function namesGone({ rule, presence, names, rows }: RuleDiff): Note[] {
  if (presence === 'removed' || names.lost.isEmpty) return [];
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

function tagsGone({ rule, presence, tags }: RuleDiff): Note[] {
  if (presence === 'removed') return [];
  return tags
    .filter((tag) => tag.presence === 'removed')
    .map(({ tag }) => ({ kind: 'tag-gone', rule, tag, text: 'is no longer in the rule' }));
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

function movedAway({ rule, space }: RuleDiff, { currentTags }: DiffContext): Note[] {
  if (currentTags === undefined || space.lost.isEmpty) return [];
  const found: { tag: string; addresses: DualStackSet }[] = [];
  for (const { tag, addresses } of currentTags) {
    const here = addresses.intersection(space.lost);
    if (!here.isEmpty) found.push({ tag, addresses: here });
  }
  if (found.length === 0) return [];
  found.sort((a, b) => bySizeDown(a.addresses, b.addresses) || (a.tag < b.tag ? -1 : 1));
  return [
    {
      kind: 'moved-away',
      rule,
      tag: '',
      text: `lost addresses that are now in tags it does not select: ${some(found.map(({ tag }) => tag))}`,
      addresses: DualStackSet.union(found.map(({ addresses }) => addresses)),
    },
  ];
}

function some(items: readonly string[]): string {
  return items.length <= SHOWN
    ? items.join(', ')
    : `${items.slice(0, SHOWN).join(', ')} and ${items.length - SHOWN} more`;
}
