import { type Block, paragraph } from './outline.ts';
import type { Review } from './review.ts';
import { coverageSection } from './sections/coverage.ts';
import { guardSection } from './sections/guards.ts';
import { head } from './sections/head.ts';
import { noteSection } from './sections/notes.ts';
import { feedSection, ruleSection } from './sections/rules.ts';
import { targetSection } from './sections/targets.ts';

/** The whole review as blocks, most important first. */
export function outline(review: Review): Block[] {
  return [
    ...head(review),
    ...noteSection(review),
    ...guardSection(review),
    ...review.diff.rules.flatMap(review.scope === 'feeds' ? feedSection : ruleSection),
    ...(review.diff.reordered ? [paragraph('The order of the rules changed.')] : []),
    ...targetSection(review.targets),
    ...coverageSection(review.coverage),
  ];
}
