import type { CoverageRow, Passage } from '../coverage.ts';
import { type Block, type Column, type Line, outside, paragraph, type Tone, toned } from '../outline.ts';
import type { Review } from '../review.ts';
import { counted, digits, enumerate } from '../wording.ts';

const PASSAGE: Readonly<Record<Passage, readonly [string, Tone]>> = {
  name: ['by name', 'good'],
  widened: ['by name, widened', 'attention'],
  address: ['by address', 'good'],
  partly: ['in part', 'attention'],
  uncovered: ['not covered', 'loss'],
  unknown: ['not known', 'attention'],
  elsewhere: ['not on the way', 'faint'],
};

/** A column a target; the hosts that a target does not let through, with what to do, are listed after it. */
export function coverageSection({
  coverage: rows,
  coverageStands,
}: Pick<Review, 'coverage' | 'coverageStands'>): Block[] {
  if (rows.length === 0) return [];
  const targets = rows[0]!.targets.map(({ target }) => target);
  const opening: Block[] = [
    { kind: 'heading', level: 2, line: ['Required hosts'] },
    paragraph(
      coverageSentence(rows, targets),
      ...(coverageStands
        ? [' As before; ', outside('azure-allowlist check HOST'), ' says how a host gets through.']
        : []),
    ),
  ];
  if (coverageStands) return opening;
  const remarks = coverageRemarks(rows);
  return [
    ...opening,
    ...byTable(rows, targets),
    {
      kind: 'fold',
      summary: [`How each target allows ${counted(rows.length, 'required host')}`],
      blocks: [
        {
          kind: 'table',
          of: ['host', 'hosts'],
          columns: [
            { title: 'Host', align: 'left' },
            { title: 'Ports', align: 'left' },
            ...targets.map((title): Column => ({ title, align: 'left' })),
          ],
          rows: rows.map((row): Line[] => [
            [outside(row.host)],
            [row.ports],
            ...row.targets.map(({ how }): Line => [toned(...PASSAGE[how])]),
          ]),
        },
        {
          kind: 'list',
          of: ['remark', 'remarks'],
          items: remarks,
        },
      ],
    },
  ];
}

/** Where several tables ask for hosts: how many of each table's hosts each target lets through. */
function byTable(rows: readonly CoverageRow[], targets: readonly string[]): Block[] {
  const tables = [...new Set(rows.map(({ table }) => table))];
  if (tables.length < 2) return [];
  return [
    {
      kind: 'table',
      of: ['table', 'tables'],
      columns: [
        { title: 'Table', align: 'left' },
        { title: 'Hosts', align: 'right' },
        ...targets.map((title): Column => ({ title, align: 'left' })),
      ],
      rows: tables.map((table): Line[] => {
        const own = rows.filter((row) => row.table === table);
        return [[outside(table)], [digits(own.length)], ...targets.map((_, column) => passed(own, column))];
      }),
    },
  ];
}

function passed(rows: readonly CoverageRow[], column: number): Line {
  const count = (...passages: readonly Passage[]) =>
    rows.filter(({ targets }) => passages.includes(targets[column]!.how)).length;
  const lacking = count('uncovered');
  const partly = count('partly');
  const unknown = count('unknown');
  if (count('elsewhere') === rows.length) return [toned(...PASSAGE.elsewhere)];
  if (lacking + partly + unknown === 0) return [toned('all', 'good')];
  return [
    toned(
      [
        ...(lacking === 0 ? [] : [`${digits(lacking)} not covered`]),
        ...(partly === 0 ? [] : [`${digits(partly)} in part`]),
        ...(unknown === 0 ? [] : [`${digits(unknown)} not known`]),
      ].join(', '),
      lacking === 0 ? 'attention' : 'loss',
    ),
  ];
}

/** How many of the required hosts each target covers; targets that cover as many are named together. */
function coverageSentence(rows: readonly CoverageRow[], targets: readonly string[]): string {
  const byCount = new Map<number, string[]>();
  const onWay = targets.filter((_, column) =>
    rows.some(({ targets: of }) => of[column]!.how !== 'elsewhere'),
  );
  if (onWay.length === 0) return 'No target is on the way of the required hosts.';
  for (const [column, id] of targets.entries()) {
    if (!onWay.includes(id)) continue;
    const covered = rows.filter(({ targets: of }) => !LACKING.includes(of[column]!.how)).length;
    byCount.set(covered, [...(byCount.get(covered) ?? []), id]);
  }
  const whole = byCount.get(rows.length) ?? [];
  const all = counted(rows.length, 'required host');
  if (whole.length === onWay.length)
    return `Every target${onWay.length < targets.length ? ' on their way' : ''} fully covers all ${all}.`;
  const partial = [...byCount].filter(([covered]) => covered < rows.length);
  const said = partial.map(
    ([covered, ids], index) =>
      `${enumerate(ids)} fully ${ids.length === 1 ? 'covers' : 'cover'} ${digits(covered)}${index === 0 ? ` of ${all}` : ''}`,
  );
  const others = whole.length === 1 ? 'the other target covers' : 'the other targets cover';
  return `${said.join(', ')}${whole.length === 0 ? '' : `; ${others} all`}.`;
}

const LACKING: readonly Passage[] = ['uncovered', 'partly'];

/** What there is to say beyond the table; hosts and targets of which the same is said share a line. */
function coverageRemarks(rows: readonly CoverageRow[]): Line[] {
  const byHost = new Map<string, { how: Passage; detail: string; targets: string[]; host: string }>();
  for (const { host, ports, targets } of rows)
    for (const { target, how, detail } of targets) {
      if (detail === '') continue;
      const key = [host, ports, how, detail].join('\n');
      const known = byHost.get(key) ?? { how, detail, targets: [], host: `${host}:${ports}` };
      byHost.set(key, known);
      if (!known.targets.includes(target)) known.targets.push(target);
    }
  const said = new Map<string, { how: Passage; detail: string; targets: string[]; hosts: string[] }>();
  for (const { how, detail, targets, host } of byHost.values()) {
    const key = [how, detail, ...targets].join('\n');
    const known = said.get(key) ?? { how, detail, targets, hosts: [] };
    said.set(key, known);
    known.hosts.push(host);
  }
  const listed = (texts: readonly string[]): Line =>
    texts.flatMap((text, index) => [index === 0 ? '' : ', ', outside(text)]);
  return [...said.values()].map(
    ({ how, detail, targets, hosts }): Line => [
      ...listed(targets),
      ', ',
      toned(...PASSAGE[how]),
      ': ',
      ...listed(hosts),
      ` — ${detail}`,
    ],
  );
}
