import { type Block, outside, paragraph } from '../outline.ts';
import type { RehearsedTarget } from '../rehearsal.ts';
import { counted, digits } from '../wording.ts';

/** A table a rehearsed target: what the program itself allowed and denied at the edges of each rule. */
export function rehearsalSection(rehearsals: readonly RehearsedTarget[]): Block[] {
  if (rehearsals.length === 0) return [];
  return [
    { kind: 'heading', level: 2, line: ['Rehearsal'] },
    paragraph(
      'The files in force, where there are any, and then the planned ones were loaded in network namespaces. A request was sent to both sides of every edge of every rule; all fared as the files say.',
    ),
    ...rehearsals.flatMap(({ target, tried, rows, notSent }): Block[] => [
      { kind: 'heading', level: 3, line: [outside(target), `, in ${tried}`] },
      {
        kind: 'table',
        of: ['row', 'rows'],
        columns: [
          { title: 'Rule', align: 'left' },
          { title: 'Edges of', align: 'left' },
          { title: 'Requests', align: 'right' },
          { title: 'Stay open', align: 'right' },
          { title: 'Open', align: 'right' },
          { title: 'Close', align: 'right' },
          { title: 'Stay closed', align: 'right' },
        ],
        rows: rows.map(({ rule, kind, attempts, stayOpen, open, close, stayClosed }) => [
          [outside(rule)],
          [kind],
          ...[attempts, stayOpen, open, close, stayClosed].map((count) => [digits(count)]),
        ]),
      },
      ...(notSent === 0
        ? []
        : [paragraph(`${counted(notSent, 'edge')} cannot be sent to (loopback, multicast, link-local).`)]),
    ]),
  ];
}
