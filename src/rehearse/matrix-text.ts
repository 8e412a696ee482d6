import type { Rehearsal } from './rehearse.ts';

/** How many surprises are spelt out. */
const SHOWN = 20;
const NUMBER = new Intl.NumberFormat('en');

/** The matrix as Markdown, which reads as text too. */
export function writeMatrix({ target, inForce, rows, notSent, forOthers, surprises }: Rehearsal): string {
  const table = rows.map(
    ({ rule, family, ...row }) =>
      `| ${[rule, `IPv${family}`, ...[row.attempts, row.stayOpen, row.open, row.close, row.stayClosed].map((count) => NUMBER.format(count))].join(' | ')} |`,
  );
  return [
    `Rehearsal of ${target}: ${inForce === undefined ? 'the planned files' : 'the files in force, and the planned ones over them'}, in the kernel`,
    '',
    '| Rule | Family | Edges | Stay open | Open | Close | Stay closed |',
    '|---|---|--:|--:|--:|--:|--:|',
    ...table,
    '',
    ...(notSent === 0 ? [] : [`${NUMBER.format(notSent)} edges cannot be sent to and were not tried.`]),
    ...(forOthers.length === 0
      ? []
      : [`For other clients than the rehearsal's, which must be kept out: rule ${forOthers.join(', ')}.`]),
    surprises.length === 0
      ? 'Every packet fared as the files say.'
      : `${NUMBER.format(surprises.length)} packets fared otherwise than the files say:`,
    ...surprises
      .slice(0, SHOWN)
      .map(
        ({ rule, files, address, port, protocol, came }) =>
          `- ${address} ${protocol} port ${port} (rule ${rule}, files ${files}): ${came ? 'came through' : 'did not come through'}`,
      ),
    ...(surprises.length > SHOWN ? [`- … and ${NUMBER.format(surprises.length - SHOWN)} more`] : []),
    '',
  ].join('\n');
}
