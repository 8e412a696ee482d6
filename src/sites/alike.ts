import { messageText } from '../review/commit-message.ts';
import type { Review } from '../review/review.ts';
import { summarise } from '../review/summary.ts';
import { verdict } from '../review/verdict.ts';

/** What changes at one site. */
export interface SiteReview {
  readonly name: string;
  readonly review: Review;
  /** Of the policy. */
  readonly digest: string;
}

/** Sites of which a reviewer would read the same. */
export interface AlikeSites {
  /** In alphabetical order. */
  readonly names: readonly string[];
  readonly summary: string;
  /** Of the first of them. */
  readonly review: Review;
}

/** Puts sites together that change alike: those that ask for a look first, then the largest group. */
export function alikeSites(sites: readonly SiteReview[]): AlikeSites[] {
  const byText = new Map<string, SiteReview[][]>();
  for (const site of sites) {
    const text = messageText(site.review);
    const groups = byText.get(text) ?? [];
    byText.set(text, groups);
    // Figures alone may be the same by chance.
    const group = groups.find(([first]) => hasSameEffect(first!.review, site.review));
    if (group === undefined) groups.push([site]);
    else group.push(site);
  }
  const isLook = ({ review }: AlikeSites) => verdict(review).level === 'look';
  return [...byText.values()]
    .flat()
    .map((group): AlikeSites => {
      const { review } = group[0]!;
      return { names: group.map(({ name }) => name).sort(), summary: summarise(review), review };
    })
    .sort(
      (one, other) =>
        Number(isLook(other)) - Number(isLook(one)) ||
        other.names.length - one.names.length ||
        (one.names[0]! < other.names[0]! ? -1 : 1),
    );
}

function hasSameEffect(one: Review, other: Review): boolean {
  return (
    one.targets.length === other.targets.length &&
    one.targets.every(({ id, presence, effect }, index) => {
      const its = other.targets[index]!;
      if (id !== its.id || presence !== its.presence) return false;
      if (effect === undefined || its.effect === undefined) return effect === its.effect;
      return effect.gained.equals(its.effect.gained) && effect.lost.equals(its.effect.lost);
    })
  );
}
