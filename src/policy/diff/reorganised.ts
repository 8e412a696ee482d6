import { DualStackSet } from '../../net/dual-stack-set.ts';
import type { Move } from './moves.ts';
import type { TagDiff } from './tags.ts';

/** Tags that took the place of others: one of one is a new name, several of one a split, one of several a merger. */
export interface Reorganised {
  readonly kind: 'renamed' | 'split' | 'merged';
  readonly from: readonly string[];
  readonly to: readonly string[];
  /** What moved between them. */
  readonly addresses: DualStackSet;
}

/** Share of the space of the old and of the new tags that must have moved, in percent. */
const ALIKE = 90n;

/** Finds tags that appear in place of tags that are gone or that lost the greater part, by the space that moved. */
export function findReorganised(tags: readonly TagDiff[], moves: readonly Move[]): Reorganised[] {
  const byName = new Map(tags.map((tag) => [tag.tag, tag]));
  const left = tags.filter(({ presence }) => presence !== 'added');
  const added = tags.filter(({ presence }) => presence === 'added');
  const found: Reorganised[] = [];
  const renamed = new Set<string>();
  for (const from of left.filter(({ presence }) => presence === 'removed'))
    for (const { to, addresses } of moves.filter((move) => move.from === from.tag)) {
      const target = byName.get(to)!;
      if (target.presence !== 'added' || renamed.has(from.tag) || renamed.has(to)) continue;
      if (!mostOf(addresses, from.space.before) || !mostOf(addresses, target.space.after)) continue;
      renamed.add(from.tag).add(to);
      found.push({ kind: 'renamed', from: [from.tag], to: [to], addresses });
    }
  for (const from of left) {
    if (renamed.has(from.tag)) continue;
    const parts = moves.filter(
      ({ from: source, to, addresses }) =>
        source === from.tag && isNew(to) && mostOf(addresses, byName.get(to)!.space.after),
    );
    const moved = DualStackSet.union(parts.map(({ addresses }) => addresses));
    if (parts.length > 1 && mostOf(moved, from.space.before))
      found.push({ kind: 'split', from: [from.tag], to: parts.map(({ to }) => to), addresses: moved });
  }
  for (const to of added) {
    if (renamed.has(to.tag)) continue;
    const parts = moves.filter(
      ({ from, to: target, addresses }) =>
        target === to.tag &&
        byName.get(from)!.presence === 'removed' &&
        mostOf(addresses, byName.get(from)!.space.before),
    );
    const moved = DualStackSet.union(parts.map(({ addresses }) => addresses));
    if (parts.length > 1 && mostOf(moved, to.space.after))
      found.push({ kind: 'merged', from: parts.map(({ from }) => from), to: [to.tag], addresses: moved });
  }
  return found;

  function isNew(tag: string): boolean {
    return byName.get(tag)!.presence === 'added' && !renamed.has(tag);
  }
}

/** Whether `part` is nearly all of `whole`, in each family that `whole` has. */
function mostOf(part: DualStackSet, whole: DualStackSet): boolean {
  return (
    !whole.isEmpty &&
    part.ipv4.size * 100n >= whole.ipv4.size * ALIKE &&
    part.ipv6.size * 100n >= whole.ipv6.size * ALIKE
  );
}
