import { digits } from '../numbers.ts';
import type { Rehearsal } from './rehearse.ts';

/** How many surprises are spelt out. */
const SHOWN = 20;

/** The matrix as Markdown, which reads as text too. */
export function writeMatrix({
  target,
  tried,
  hadFiles,
  rows,
  notSent,
  forOthers,
  surprises,
}: Rehearsal): string {
  const table = rows.map(
    ({ rule, kind, ...row }) =>
      `| ${[rule, kind, ...[row.attempts, row.stayOpen, row.open, row.close, row.stayClosed].map(digits)].join(' | ')} |`,
  );
  return [
    `Rehearsal of ${target}: ${hadFiles ? 'the files in force, and then the planned ones' : 'the planned files'}, in ${tried}`,
    '',
    '| Rule | Edges of | Requests | Stay open | Open | Close | Stay closed |',
    '|---|---|--:|--:|--:|--:|--:|',
    ...table,
    '',
    ...(notSent === 0 ? [] : [`${digits(notSent)} edges cannot be sent to and were not tried.`]),
    ...(forOthers.length === 0
      ? []
      : [`For other clients than the rehearsal's, which must be kept out: rule ${forOthers.join(', ')}.`]),
    surprises.length === 0
      ? 'Every request fared as the files say.'
      : `${digits(surprises.length)} requests fared otherwise than the files say:`,
    ...surpriseLines(surprises),
    '',
  ].join('\n');
}

/** The first requests that fared otherwise than the files say, a line each, and how many more. */
export function surpriseLines(surprises: Rehearsal['surprises']): string[] {
  return [
    ...surprises
      .slice(0, SHOWN)
      .map(
        ({ rule, files, request, came }) =>
          `- ${request} (rule ${rule}, files ${files}): ${came ? 'came through' : 'did not come through'}`,
      ),
    ...(surprises.length > SHOWN ? [`- … and ${digits(surprises.length - SHOWN)} more`] : []),
  ];
}
