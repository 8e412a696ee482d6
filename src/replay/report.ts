import { GUARDS } from '../policy/guards/judge.ts';
import { isLoud } from '../review/verdict.ts';
import { digits, ipv6Size, signed } from '../review/wording.ts';
import { formatTable } from '../text-table.ts';
import type { ReplayedWeek } from './replay.ts';

/** A table of the report; `right` are the columns of figures. */
export interface ReportTable {
  readonly title: string;
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly right: readonly number[];
}

/** How many findings of a week the report spells out; the rest are counted, and all are in the JSON. */
const SHOWN = 5;

/** The tables of a replay: guards by weeks, changes and cost by weeks, notes by kinds, churn by targets. */
export function replayTables(weeks: readonly ReplayedWeek[]): ReportTable[] {
  return [guardTable(weeks), weekTable(weeks), noteTable(weeks), churnTable(weeks)].filter(
    ({ rows }) => rows.length > 0,
  );
}

/** Guards by weeks: `·` passed, `–` not judged, else what the guard had to say, and how often. */
export function guardTable(weeks: readonly ReplayedWeek[]): ReportTable {
  return {
    title: 'Guards',
    header: ['week', 'outcome', ...GUARDS.map(({ name }) => name)],
    rows: weeks.map((week) => [week.date, week.outcome, ...guardCells(week)]),
    right: [],
  };
}

/** What each guard had to say of one week, in the order of the guards. */
export function guardCells({ findings }: ReplayedWeek): string[] {
  return GUARDS.map(({ name }) => {
    const outcomes = findings.filter(({ guard }) => guard === name).map(({ outcome }) => outcome);
    if (outcomes.length === 0) return '';
    if (outcomes.includes('not judged')) return '–';
    return (
      (['refused', 'accepted', 'noted'] as const)
        .map((outcome) => [outcome, outcomes.filter((other) => other === outcome).length] as const)
        .filter(([, count]) => count > 0)
        .map(([outcome, count]) => (count === 1 ? outcome : `${outcome} ${digits(count)}`))
        .join(', ') || '·'
    );
  });
}

function weekTable(weeks: readonly ReplayedWeek[]): ReportTable {
  const ids = targetIds(weeks);
  return {
    title: 'Changes and cost',
    header: [
      'week',
      'days',
      'outcome',
      'prefixes',
      'IPv4 addresses',
      'IPv6',
      ...ids.map((id) => `${id} lines (fewest)`),
      'ms',
      'peak MB',
    ],
    rows: weeks.map(({ churn, cost, gained, lost, prefixes, ...week }) => [
      week.date,
      week.days === undefined ? '' : String(week.days),
      week.outcome,
      signed(BigInt(prefixes.added), BigInt(prefixes.removed)),
      signed(gained.ipv4.size, lost.ipv4.size),
      signed(gained.ipv6.size, lost.ipv6.size, ipv6Size),
      ...ids.map((id) => {
        const target = churn?.find((other) => other.id === id);
        if (target === undefined) return '';
        const lines = signed(BigInt(target.lines.added), BigInt(target.lines.removed));
        return `${lines} (${digits(target.fewestLines)})`;
      }),
      digits(Math.round(cost.milliseconds)),
      digits(Math.round(cost.peakMemory / 1_000_000)),
    ]),
    right: [1, 3, 4, 5, ...ids.map((_, index) => 6 + index), 6 + ids.length, 7 + ids.length],
  };
}

/** How many weeks' reviews carry each kind of note, and whether it asks for a look. */
function noteTable(weeks: readonly ReplayedWeek[]): ReportTable {
  const all = weeks.flatMap(({ notes }) => notes);
  return {
    title: 'Notes of the reviews',
    header: ['note', 'weeks', 'notes', 'asks for a look'],
    rows: [...new Set(all.map(({ kind }) => kind))].sort().map((kind) => {
      const own = all.filter((note) => note.kind === kind);
      return [
        kind,
        digits(weeks.filter(({ notes }) => notes.some((note) => note.kind === kind)).length),
        digits(own.length),
        own.some(isLoud) ? 'yes' : 'no',
      ];
    }),
    right: [1, 2],
  };
}

/** Lines changed over all weeks against the fewest possible, by target. */
export function churnTable(weeks: readonly ReplayedWeek[]): ReportTable {
  return {
    title: 'Lines of rule files changed, against the fewest possible',
    header: ['target', 'weeks with changes', 'lines', 'fewest', 'ratio'],
    rows: targetIds(weeks).map((id) => {
      const own = weeks.flatMap(({ churn }) => churn?.filter((target) => target.id === id) ?? []);
      const lines = own.reduce((sum, target) => sum + target.lines.added + target.lines.removed, 0);
      const fewest = own.reduce((sum, target) => sum + target.fewestLines, 0);
      return [
        id,
        digits(own.filter(({ files }) => files > 0).length),
        digits(lines),
        digits(fewest),
        fewest === 0 ? '' : (lines / fewest).toFixed(2),
      ];
    }),
    right: [1, 2, 3, 4],
  };
}

/** What the guards said and what was refused, a line each. */
export function replayRemarks(weeks: readonly ReplayedWeek[]): string[] {
  return weeks.flatMap(({ date, findings, message }) => {
    const said = findings.filter(({ outcome }) => outcome !== 'passed' && outcome !== 'not judged');
    // What is refused comes first: it must not be among those that are only counted.
    const order = ['refused', 'accepted', 'noted'];
    const sorted = said.toSorted((a, b) => order.indexOf(a.outcome) - order.indexOf(b.outcome));
    return [
      ...(said.length === 0 && message !== undefined ? [`${date} ${message}`] : []),
      ...sorted
        .slice(0, SHOWN)
        .map((finding) => `${date} ${finding.outcome}: ${finding.guard}: ${finding.message}`),
      ...(said.length > SHOWN ? [`${date} … and ${digits(said.length - SHOWN)} more`] : []),
    ];
  });
}

/** One sentence on the weeks, one on what they cost. */
export function replaySummary(weeks: readonly ReplayedWeek[]): string[] {
  const count = (outcome: ReplayedWeek['outcome']) => weeks.filter((week) => week.outcome === outcome).length;
  const outcomes = (['first', 'changed', 'unchanged', 'refused', 'unusable'] as const)
    .map((outcome) => `${digits(count(outcome))} ${outcome}`)
    .join(', ');
  const times = weeks.map(({ cost }) => cost.milliseconds).sort((a, b) => a - b);
  const median = times[Math.floor(times.length / 2)] ?? 0;
  const peak = Math.max(0, ...weeks.map(({ cost }) => cost.peakMemory));
  return [
    `${digits(weeks.length)} weeks: ${outcomes}.`,
    `A week takes ${digits(Math.round(median))} ms (median; the longest ${digits(Math.round(times.at(-1) ?? 0))} ms) and ${digits(Math.round(peak / 1_000_000))} MB of memory at most.`,
  ];
}

/** The whole report as text. */
export function writeReplayText(weeks: readonly ReplayedWeek[]): string {
  return [
    ...replayTables(weeks).map(
      ({ title, header, rows, right }) => `${title}\n${formatTable([header, ...rows], right)}\n`,
    ),
    ...replayRemarks(weeks),
    '',
    ...replaySummary(weeks),
  ].join('\n');
}

/** The whole report as Markdown. */
export function writeReplayMarkdown(weeks: readonly ReplayedWeek[]): string {
  return [
    ...replaySummary(weeks),
    ...replayTables(weeks).map((table) => `\n## ${table.title}\n\n${markdownTable(table)}`),
    '\n## What the guards said\n',
    ...replayRemarks(weeks).map((remark) => `- ${escapeCell(remark).replaceAll('\n', '\n  ')}`),
    '',
  ].join('\n');
}

/** One table as Markdown. */
export function markdownTable({ header, rows, right }: ReportTable): string {
  const line = (cells: readonly string[]) => `| ${cells.map(escapeCell).join(' | ')} |`;
  const rule = header.map((_, column) => (right.includes(column) ? '---:' : '---'));
  return [line(header), `| ${rule.join(' | ')} |`, ...rows.map(line)].join('\n');
}

function escapeCell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('*', '\\*').replaceAll('<', '&lt;');
}

function targetIds(weeks: readonly ReplayedWeek[]): string[] {
  return [...new Set(weeks.flatMap(({ churn }) => churn?.map(({ id }) => id) ?? []))];
}
