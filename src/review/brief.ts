import { noteworthy } from '../policy/diff/notes.ts';
import { type Block, type Line, paragraph, toned } from './outline.ts';
import type { Review } from './review.ts';
import { deviceSection } from './sections/devices.ts';
import { driftSection } from './sections/drift.ts';
import { guardSection } from './sections/guards.ts';
import { headline } from './sections/head.ts';
import { noteLines } from './sections/notes.ts';
import { blocksText, type TextOptions } from './text.ts';
import { isLoud } from './verdict.ts';
import { counted } from './wording.ts';

/** Lines that a screen takes, with room for what the command says of the files it wrote. */
const SCREEN = 37;

/** How many entries a list may have, the most that fit first. */
const LENGTHS = [12, 8, 6, 4, 3, 2, 1] as const;

/**
 * The review on one screen: the headline, the verdict, a line a target, drift, and of notes and guards those that ask
 * for a look. Ends with a line break.
 * @param where what is told in full stands, such as `allowlists/REVIEW.md`
 */
export function writeBrief(review: Review, where: string, options: TextOptions): string {
  let text = '';
  for (const shown of LENGTHS) {
    text = blocksText(briefOutline(review, where, shown), { ...options, shown });
    if (text.split('\n').length - 1 <= SCREEN) return text;
  }
  return text;
}

function briefOutline(review: Review, where: string, shown: number): Block[] {
  const notes = noteworthy(review.diff, review.context);
  const loud = notes.filter(isLoud);
  const quiet = notes.length - loud.length;
  const guards = review.guards.filter(({ outcome }) => outcome !== 'passed');
  const rest = [
    ...(quiet > 0 ? [counted(quiet, 'more note')] : []),
    ...(review.diff.rules.length > 0 ? ['the changes of the service tags'] : []),
    ...(review.coverage.length > 0 ? ['how each required host gets through'] : []),
  ];
  return [
    ...headline(review),
    ...deviceSection(review),
    ...driftSection(review.drift),
    ...(loud.length === 0
      ? []
      : [
          { kind: 'heading', level: 2, line: ['Look at'] } satisfies Block,
          {
            kind: 'list',
            of: ['note', 'notes'],
            items: noteLines(review, loud).slice(0, Math.max(shown, 1)),
          } satisfies Block,
          ...(loud.length > shown ? [paragraph(`  … and ${counted(loud.length - shown, 'more note')}`)] : []),
        ]),
    ...guardSection({ ...review, guards }),
    { kind: 'heading', level: 2, line: [toned(readMore(rest, where), 'faint')] },
  ];
}

function readMore(rest: readonly string[], where: string): Line[number] & string {
  return rest.length === 0
    ? `All of it: ${where}, or --details.`
    : `In ${where}, or with --details: ${rest.join(', ')}.`;
}
