import { noteworthy } from '../../policy/diff/notes.ts';
import { type Block, type Line, outside } from '../outline.ts';
import type { Review } from '../review.ts';
import { isLoud } from '../verdict.ts';
import { counted, spaceInWords } from '../wording.ts';

/** How many notes stand open; the loudest come first. */
const NOTES_OPEN = 10;

/** What a reviewer should know, the loudest first. */
export function noteSection({ diff, context, scope }: Review): Block[] {
  const notes = noteworthy(diff, context);
  if (notes.length === 0) return [];
  const items = [...notes.filter(isLoud), ...notes.filter((note) => !isLoud(note))].map(
    ({ rule, tag, text, addresses }): Line => [
      ...(scope === 'feeds' ? [] : [outside(rule), tag === '' ? ' ' : ', ']),
      ...(tag === '' ? (scope === 'feeds' ? ['the selection '] : []) : [outside(tag), ' ']),
      text,
      ...(addresses === undefined ? [] : [` (${spaceInWords(addresses)})`]),
    ],
  );
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
