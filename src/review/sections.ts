import { type Block, paragraph } from './outline.ts';
import type { Review } from './review.ts';
import { coverageSection } from './sections/coverage.ts';
import { driftSection } from './sections/drift.ts';
import { guardSection } from './sections/guards.ts';
import { head } from './sections/head.ts';
import { noteSection } from './sections/notes.ts';
import { rehearsalSection } from './sections/rehearsal.ts';
import { feedSection, ruleSection } from './sections/rules.ts';
import { targetSection } from './sections/targets.ts';

/** The whole review as blocks, most important first. */
export function outline(review: Review): Block[] {
  return [
    ...head(review),
    ...driftSection(review.drift),
    ...noteSection(review),
    ...guardSection(review),
    ...background(review),
    ...review.diff.rules.flatMap(review.scope === 'feeds' ? feedSection : ruleSection),
    ...(review.diff.reordered ? [paragraph('The order of the rules changed.')] : []),
    ...targetSection(review.targets),
    ...rehearsalSection(review.rehearsals ?? []),
    ...coverageSection(review),
  ];
}

/** The rules' own changes stand behind what the devices do, and are marked so. */
function background({ scope, diff, targets }: Review): Block[] {
  if (scope === 'feeds' || targets.length === 0 || diff.rules.length === 0) return [];
  return [
    { kind: 'heading', level: 2, line: ['Background: what changed in the rules'] },
    paragraph('By rule and service tag, whichever target writes it; what the devices will do stands above.'),
  ];
}
