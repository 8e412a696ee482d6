import { type Note, noteworthy } from '../policy/diff/notes.ts';
import { type Block, paragraph, toned } from './outline.ts';
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

/** How many entries a list may have, the most that fit first; the targets are always all there. */
const LENGTHS = Array.from({ length: 13 }, (_, index) => 12 - index);

/**
 * The review on one screen: the headline, the verdict, a line a target, drift, and of notes and guards those that ask
 * for a look. Ends with a line break.
 * @param where what is told in full stands, such as `allowlists/REVIEW.md`
 */
export function writeBrief(review: Review, where: string, options: TextOptions): string {
  const write = (blocks: readonly Block[], shown: number) =>
    blocks.length === 0 ? '' : blocksText(blocks, { ...options, shown });
  const head = write([...headline(review), ...deviceSection(review)], Number.POSITIVE_INFINITY);
  const last = `\n${write([readMore(review, where)], 1)}`;
  // Where it comes from gives way before what asks for a look does.
  for (const shown of LENGTHS)
    for (const less of LENGTHS) {
      if (less > shown) continue;
      const text = `${head}${write(attention(review), shown)}${write(originSection(review), less)}${last}`;
      if (text.split('\n').length - 1 <= SCREEN) return text;
    }
  // A very narrow terminal: the verdict names what asks for a look.
  return `${head}${last}`;
}

/** Notes that say where gains come from and losses go, and what of them is new to Azure, in a line each. */
function isOrigin(note: Note): boolean {
  const { kind } = note;
  return (
    kind === 'attribution' ||
    kind === 'withdrawn' ||
    kind === 'moved-away' ||
    (kind === 'new-space' && !isLoud(note))
  );
}

/** What asks for a look: drift, notes, and guards that did not pass. */
function attention(review: Review): Block[] {
  const notes = noteworthy(review.diff, review.context);
  const loud = notes.filter(isLoud);
  const guards = review.guards.filter(({ outcome }) => outcome !== 'passed' && outcome !== 'not judged');
  return [
    ...driftSection(review.drift),
    ...(loud.length === 0
      ? []
      : ([
          { kind: 'heading', level: 2, line: ['Look at'] },
          { kind: 'list', of: ['note', 'notes'], items: noteLines(review, loud) },
        ] satisfies Block[])),
    ...guardSection({ ...review, guards }),
  ];
}

/** Where gains come from and losses go. */
function originSection(review: Review): Block[] {
  const origins = noteworthy(review.diff, review.context).filter(isOrigin);
  return origins.length === 0
    ? []
    : [
        { kind: 'heading', level: 2, line: ['Where it comes from and goes'] },
        { kind: 'list', of: ['note', 'notes'], items: noteLines(review, origins) },
      ];
}

function readMore(review: Review, where: string): Block {
  const quiet = noteworthy(review.diff, review.context).filter(
    (note) => !isLoud(note) && !isOrigin(note),
  ).length;
  const rest = [
    ...(quiet > 0 ? [`${counted(quiet, 'more note')} (none asks for a look)`] : []),
    ...(review.diff.rules.length > 0 ? ['the changes of the service tags'] : []),
    ...(review.coverage.length > 0 ? ['how each required host gets through'] : []),
  ];
  const line =
    rest.length === 0
      ? `All of it: ${where}, or --details.`
      : `In ${where}, or with --details: ${rest.join(', ')}.`;
  return paragraph(toned(line, 'faint'));
}
