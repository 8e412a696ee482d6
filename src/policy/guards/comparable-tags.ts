import type { DualStackSet } from '../../net/dual-stack-set.ts';
import type { GuardContext } from './guard.ts';

/** A configured tag that both weeks have. */
export interface ComparableTag {
  readonly tag: string;
  /** The rules that name it. */
  readonly rules: readonly string[];
  readonly before: DualStackSet;
  readonly after: DualStackSet;
}

/** The configured tags that both weeks have; one without prefixes is `tag-empty`'s business. */
export function comparableTags({ configuredTags, snapshot, baseline }: GuardContext): ComparableTag[] {
  return [...configuredTags].flatMap(([tag, rules]) => {
    const before = baseline?.tags.get(tag);
    const after = snapshot.tags.get(tag);
    return before === undefined || after === undefined || after.prefixCount === 0
      ? []
      : [{ tag, rules, before, after: after.addresses }];
  });
}
