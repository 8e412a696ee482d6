import { DualStackSet } from '../../net/dual-stack-set.ts';
import { comparePrefixes, type Prefix } from '../../net/prefix.ts';
import type { M365Provenance, TagAddresses } from '../policy.ts';
import { type Change, changeOfSpace, isUnchangedSpace, type SpaceChange } from './change.ts';

/** How a thing with a name differs between two weeks. */
export type Presence = 'added' | 'removed' | 'changed';

/** One service tag that differs. */
export interface TagDiff {
  readonly tag: string;
  /** As of the later week that has the tag. */
  readonly region: string;
  readonly presence: Presence;
  /** Present where it is an endpoint set of Microsoft 365 and not a service tag. */
  readonly m365?: M365Provenance;
  /** As published, in numeric order: what a line-by-line comparison of the feed would show. */
  readonly prefixes: Change<readonly Prefix[]>;
  /** How many prefixes are published. */
  readonly prefixCount: { readonly before: number; readonly after: number };
  /** The addresses that the prefixes cover: what matters. */
  readonly space: SpaceChange;
}

/** The tags that differ in prefixes, region or presence, by name. */
export function diffTags(before: Iterable<TagAddresses>, after: Iterable<TagAddresses>): TagDiff[] {
  const old = byName(before);
  const now = byName(after);
  const diffs: TagDiff[] = [];
  for (const name of [...new Set([...old.keys(), ...now.keys()])].sort()) {
    const diff = diffTag(name, old.get(name), now.get(name));
    if (diff !== undefined) diffs.push(diff);
  }
  return diffs;
}

/** Prefixes that one list has and the other has not, each in numeric order. */
export function diffPrefixes(before: readonly Prefix[], after: readonly Prefix[]): Change<readonly Prefix[]> {
  const [old, now] = [inOrder(before), inOrder(after)];
  return { gained: without(now, old), lost: without(old, now) };
}

function diffTag(
  tag: string,
  before: TagAddresses | undefined,
  after: TagAddresses | undefined,
): TagDiff | undefined {
  const prefixes = diffPrefixes(before?.prefixes ?? [], after?.prefixes ?? []);
  const samePrefixes = prefixes.gained.length === 0 && prefixes.lost.length === 0;
  if (before !== undefined && after !== undefined && samePrefixes && before.region === after.region)
    return undefined;
  const m365 = (after ?? before)?.m365;
  return {
    tag,
    region: (after ?? before)?.region ?? '',
    presence: before === undefined ? 'added' : after === undefined ? 'removed' : 'changed',
    ...(m365 === undefined ? {} : { m365 }),
    prefixes,
    prefixCount: { before: before?.prefixes.length ?? 0, after: after?.prefixes.length ?? 0 },
    space: changeOfSpace(before?.addresses ?? DualStackSet.empty, after?.addresses ?? DualStackSet.empty),
  };
}

/** Whether the tag's published lines differ although its addresses do not. */
export function isRespelt({ presence, space, prefixes }: TagDiff): boolean {
  return (
    presence === 'changed' &&
    isUnchangedSpace(space) &&
    (prefixes.gained.length > 0 || prefixes.lost.length > 0)
  );
}

/** Both in numeric order: one walk along the two. */
function without(prefixes: readonly Prefix[], others: readonly Prefix[]): Prefix[] {
  let at = 0;
  return prefixes.filter((prefix) => {
    while (at < others.length && comparePrefixes(others[at]!, prefix) < 0) at++;
    return at === others.length || comparePrefixes(others[at]!, prefix) !== 0;
  });
}

/** The list itself where it is in order already, as it mostly is. */
function inOrder(prefixes: readonly Prefix[]): readonly Prefix[] {
  return prefixes.every((prefix, at) => at === 0 || comparePrefixes(prefixes[at - 1]!, prefix) <= 0)
    ? prefixes
    : prefixes.toSorted(comparePrefixes);
}

function byName(tags: Iterable<TagAddresses>): Map<string, TagAddresses> {
  return new Map([...tags].map((tag) => [tag.tag, tag]));
}
