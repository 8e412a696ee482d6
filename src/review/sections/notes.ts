import { type Note, noteworthy } from '../../policy/diff/notes.ts';
import { type Block, type Line, outside } from '../outline.ts';
import type { Review } from '../review.ts';
import { isLoud } from '../verdict.ts';
import { counted, spaceInWords } from '../wording.ts';

/** One line a note. */
export function noteLines({ scope }: Review, notes: readonly Note[]): Line[] {
  return notes.map(({ rule, tag, text, detail, addresses }) => [
    ...(scope === 'feeds' ? [] : [outside(rule), tag === '' ? ' ' : ': ']),
    ...(tag === '' ? (scope === 'feeds' ? ['the selection '] : []) : [outside(tag), ' ']),
    text,
    ...(addresses === undefined ? [] : [` (${spaceInWords(addresses)})`]),
    ...(detail === undefined ? [] : [`: ${detail}`]),
  ]);
}

/** How many notes stand open; the loudest come first. */
const NOTES_OPEN = 10;

/** What a reviewer should know, the loudest first. */
export function noteSection(review: Review): Block[] {
  const notes = noteworthy(review.diff, review.context);
  const items = [
    ...(review.lowConfidence ?? []).map(
      (table): Line => [
        'the endpoint table ',
        outside(table),
        ' is of low confidence: check its rows before you rely on them',
      ],
    ),
    ...noteLines(review, notes.filter(isLoud)),
    ...noteLines(
      review,
      notes.filter((note) => !isLoud(note)),
    ),
    ...(review.regionalTags ?? []).map((text): Line => [text]),
    ...review.unused.map(
      ({ rule, tags }): Line => [
        outside(rule),
        ' selects ',
        ...tags.flatMap((tag, index): Line => [index === 0 ? '' : ', ', outside(tag)]),
        ', used by no target: every target allows the same traffic by name',
      ],
    ),
  ];
  if (items.length === 0) return [];
  const list = (some: readonly Line[]): Block => ({ kind: 'list', of: ['note', 'notes'], items: some });
  const hidden = items.slice(NOTES_OPEN);
  return [
    { kind: 'heading', level: 2, line: ['Notes'] },
    list(items.slice(0, NOTES_OPEN)),
    ...(hidden.length === 0
      ? []
      : [
          {
            kind: 'fold',
            summary: [counted(hidden.length, 'more note')],
            blocks: [list(hidden)],
          } satisfies Block,
        ]),
  ];
}
