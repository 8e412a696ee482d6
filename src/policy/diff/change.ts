import { DualStackSet } from '../../net/dual-stack-set.ts';

/** What came and what went of one kind of thing. */
export interface Change<T> {
  readonly gained: T;
  readonly lost: T;
}

/** An address space before and after, and the exact difference; `gained` and `lost` are disjoint. */
export interface SpaceChange extends Change<DualStackSet> {
  readonly before: DualStackSet;
  readonly after: DualStackSet;
}

/** A value that was replaced by another. */
export interface Replacement<T> {
  readonly before: T;
  readonly after: T;
}

export function changeOfSpace(before: DualStackSet, after: DualStackSet): SpaceChange {
  return { before, after, gained: after.difference(before), lost: before.difference(after) };
}

export const NO_SPACE_CHANGE: SpaceChange = changeOfSpace(DualStackSet.empty, DualStackSet.empty);

export function isUnchangedSpace({ gained, lost }: Change<DualStackSet>): boolean {
  return gained.isEmpty && lost.isEmpty;
}

/** Order by size, the larger first: by IPv4 addresses, then by IPv6. */
export function bySizeDown(a: DualStackSet, b: DualStackSet): number {
  return compareDown(a.ipv4.size, b.ipv4.size) || compareDown(a.ipv6.size, b.ipv6.size);
}

function compareDown(a: bigint, b: bigint): number {
  return a > b ? -1 : a < b ? 1 : 0;
}
