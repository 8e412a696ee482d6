import { AddressSet } from '../../net/address-set.ts';
import { DualStackSet } from '../../net/dual-stack-set.ts';
import type { TagDiff } from './tags.ts';

/** Address space that left one tag and entered another in the same week. */
export interface Move {
  readonly from: string;
  readonly to: string;
  readonly addresses: DualStackSet;
}

/** Address space that left a tag and is still in the rule, by other means. */
export interface Covered {
  readonly tag: string;
  readonly addresses: DualStackSet;
}

/** The space that left one of the tags and entered another, by (from, to). */
export function findMoves(tags: readonly TagDiff[]): Move[] {
  const found = new Map<string, { from: string; to: string; ipv4: AddressSet; ipv6: AddressSet }>();
  for (const family of [4, 6] as const) {
    const of = (set: DualStackSet) => (family === 4 ? set.ipv4 : set.ipv6);
    const lost = tags.flatMap(({ tag, space }) => spansOf(tag, of(space.lost)));
    const gained = tags.flatMap(({ tag, space }) => spansOf(tag, of(space.gained)));
    for (const [from, to, ranges] of overlaps(lost, gained)) {
      const key = `${from}\n${to}`;
      const move = found.get(key) ?? { from, to, ipv4: AddressSet.empty(4), ipv6: AddressSet.empty(6) };
      found.set(key, { ...move, [family === 4 ? 'ipv4' : 'ipv6']: AddressSet.fromRanges(family, ranges) });
    }
  }
  return [...found.values()]
    .map(({ from, to, ipv4, ipv6 }) => ({ from, to, addresses: new DualStackSet(ipv4, ipv6) }))
    .sort((a, b) => compare(a.from, b.from) || compare(a.to, b.to));
}

/** What each tag lost that `remaining` still has, by tag. */
export function findCovered(tags: readonly TagDiff[], remaining: DualStackSet): Covered[] {
  return tags
    .map(({ tag, space }) => ({ tag, addresses: space.lost.intersection(remaining) }))
    .filter(({ addresses }) => !addresses.isEmpty);
}

interface Span {
  readonly tag: string;
  readonly first: bigint;
  readonly last: bigint;
}

function spansOf(tag: string, set: AddressSet): Span[] {
  return [...set.ranges()].map(({ first, last }) => ({ tag, first, last }));
}

/** Sweeps both lists once; a pair of tags meets only where their ranges do. */
function overlaps(lost: readonly Span[], gained: readonly Span[]) {
  const pairs = new Map<string, Map<string, { first: bigint; last: bigint }[]>>();
  const events = [
    ...lost.map((span) => ({ span, isLost: true })),
    ...gained.map((span) => ({ span, isLost: false })),
  ].sort((a, b) => (a.span.first < b.span.first ? -1 : a.span.first > b.span.first ? 1 : 0));
  let openLost: Span[] = [];
  let openGained: Span[] = [];
  for (const { span, isLost } of events) {
    openLost = openLost.filter(({ last }) => last >= span.first);
    openGained = openGained.filter(({ last }) => last >= span.first);
    for (const other of isLost ? openGained : openLost) {
      const [from, to] = isLost ? [span.tag, other.tag] : [other.tag, span.tag];
      const targets = pairs.get(from) ?? new Map<string, { first: bigint; last: bigint }[]>();
      pairs.set(from, targets);
      const ranges = targets.get(to) ?? [];
      targets.set(to, ranges);
      ranges.push({ first: span.first, last: span.last < other.last ? span.last : other.last });
    }
    (isLost ? openLost : openGained).push(span);
  }
  return [...pairs].flatMap(([from, targets]) =>
    [...targets].map(([to, ranges]) => [from, to, ranges] as const),
  );
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
