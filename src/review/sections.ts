import type { DualStackSet } from '../net/dual-stack-set.ts';
import { formatPrefix } from '../net/prefix.ts';
import { bySizeDown } from '../policy/diff/change.ts';
import { noteworthy } from '../policy/diff/notes.ts';
import { riskOfRule } from '../policy/diff/risk.ts';
import type { RuleDiff } from '../policy/diff/rules.ts';
import { isRespelt, type TagDiff } from '../policy/diff/tags.ts';
import type { CoverageRow, Passage } from './coverage.ts';
import { type Block, type Column, type Line, outside, PREFIXES, type Tone, toned } from './outline.ts';
import type { FeedWeek, Review } from './review.ts';
import { signedLine } from './signed-line.ts';
import { sentence } from './summary.ts';
import type { DeclaredReview, TargetReview } from './targets.ts';
import { isLoud, type VerdictLevel, verdict } from './verdict.ts';
import {
  addressesOf,
  counted,
  digits,
  enumerate,
  ipv6Size,
  namesInWords,
  signed,
  spaceInWords,
} from './wording.ts';

const VERDICT_TONE: Readonly<Record<VerdictLevel, Tone>> = {
  nothing: 'good',
  routine: 'good',
  look: 'attention',
  refused: 'loss',
};

/** The whole review as blocks, most important first. */
export function outline(review: Review): Block[] {
  return [
    ...head(review),
    ...noteSection(review),
    ...guardSection(review),
    ...review.diff.rules.flatMap(review.scope === 'feeds' ? feedSection : ruleSection),
    ...(review.diff.reordered ? [paragraph('The order of the rules changed.')] : []),
    ...targetSection(review.targets),
    ...coverageSection(review.coverage),
  ];
}

function head(review: Review): Block[] {
  const { before, after } = review.feed;
  const { level, text } = verdict(review);
  return [
    {
      kind: 'heading',
      level: 1,
      line: [
        review.scope === 'feeds' ? 'Azure service tags, ' : 'Azure allowlist, ',
        ...(before === undefined ? [] : [outside(weekName(before)), ' → ']),
        outside(weekName(after)),
      ],
    },
    paragraph(sentence(review)),
    { kind: 'paragraph', line: [toned('Verdict', 'faint'), ': ', toned(text, VERDICT_TONE[level])] },
    {
      kind: 'list',
      of: ['week', 'weeks'],
      items: [...(before === undefined ? [] : [weekLine('before', before)]), weekLine('after', after)],
    },
  ];
}

/** How many notes stand open; the loudest come first. */
const NOTES_OPEN = 10;

export function noteSection({ diff, context, scope }: Review): Block[] {
  const notes = noteworthy(diff, context);
  if (notes.length === 0) return [];
  const items = [...notes.filter(isLoud), ...notes.filter((note) => !isLoud(note))].map(
    ({ rule, tag, text, addresses }): Line => [
      ...(scope === 'feeds' ? [] : [outside(rule), tag === '' ? ' ' : ', ']),
      ...(tag === '' ? [] : [outside(tag), ' ']),
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

export function weekName({ fileDate, name }: FeedWeek): string {
  return fileDate ?? name;
}

export function weekLine(when: string, { cloud, name, changeNumber }: FeedWeek): Line {
  return [`${when}: `, outside(name), `, ${cloud} cloud, change number ${changeNumber}`];
}

export function guardSection({ guards, acceptances }: Review): Block[] {
  if (guards.length === 0 && acceptances.length === 0) return [];
  const passed = guards.filter(({ outcome }) => outcome === 'passed');
  const loud = guards.filter(({ outcome }) => outcome !== 'passed');
  const recorded = acceptances.filter(
    (acceptance) =>
      !guards.some(({ guard, outcome }) => guard === acceptance.guard && outcome === 'accepted'),
  );
  return [
    { kind: 'heading', level: 2, line: ['Guards'] },
    {
      kind: 'list',
      of: ['finding', 'findings'],
      items: [
        ...loud.map(
          ({ guard, outcome, message }): Line => [
            toned(outcome, outcome === 'refused' ? 'loss' : 'attention'),
            ' ',
            outside(guard),
            ': ',
            message,
          ],
        ),
        ...recorded.map(
          ({ guard, message }): Line => [
            toned('acceptance', 'attention'),
            ' ',
            outside(guard),
            ': ',
            message,
          ],
        ),
        ...(passed.length === 0
          ? []
          : [[toned('passed', 'good'), ` ${enumerate(passed.map(({ guard }) => guard))}`] satisfies Line]),
      ],
    },
  ];
}

export function feedSection(diff: RuleDiff): Block[] {
  return [{ kind: 'heading', level: 2, line: ['Service tags'] }, ...addressBlocks(diff)];
}

export function ruleSection(diff: RuleDiff): Block[] {
  const presence = { added: 'new rule, ', removed: 'rule removed, ', changed: '' }[diff.presence];
  return [
    {
      kind: 'heading',
      level: 2,
      line: ['Rule ', outside(diff.rule), ` (${presence}${RISK_WORDS[riskOfRule(diff)]})`],
    },
    ...(diff.reason === undefined
      ? []
      : [paragraph('Reason: ', outside(diff.reason.before), ' is now ', outside(diff.reason.after), '.')]),
    ...(diff.addressUse === undefined
      ? []
      : [paragraph(`Addresses: ${diff.addressUse.before} is now ${diff.addressUse.after}.`)]),
    ...nameBlocks(diff),
    ...portBlocks(diff),
    ...addressBlocks(diff),
  ];
}

const RISK_WORDS = {
  widening: 'lets more through',
  narrowing: 'lets less through',
  exchange: 'lets some more and some less through',
  move: 'space moved between tags',
  metadata: 'lets the same through',
} as const;

function nameBlocks({ names, rows }: RuleDiff): Block[] {
  const gained = namesInWords(names.gained);
  const lost = namesInWords(names.lost);
  const silent = gained.length === 0 && lost.length === 0 ? rows.gained.length + rows.lost.length : 0;
  return [
    ...(gained.length === 0 && lost.length === 0
      ? []
      : [
          {
            kind: 'list',
            of: ['name', 'names'],
            items: [
              ...gained.map((name): Line => [toned('+', 'gain'), ' ', outside(name, 'gain')]),
              ...lost.map((name): Line => [toned('−', 'loss'), ' ', outside(name, 'loss')]),
            ],
          } satisfies Block,
        ]),
    ...(silent === 0
      ? []
      : [paragraph(`${counted(silent, 'table row')} came or went without changing a name or port.`)]),
  ];
}

function portBlocks({ ports, presence }: RuleDiff): Block[] {
  if (presence !== 'changed' || (ports.gained.isEmpty && ports.lost.isEmpty)) return [];
  return [
    paragraph(
      'Ports of the addresses: ',
      ...(ports.gained.isEmpty ? [] : [toned(`+${ports.gained}`, 'gain')]),
      ...(ports.gained.isEmpty || ports.lost.isEmpty ? [] : [' ']),
      ...(ports.lost.isEmpty ? [] : [toned(`−${ports.lost}`, 'loss')]),
      '.',
    ),
  ];
}

function addressBlocks(diff: RuleDiff): Block[] {
  const { space, tags, prefixes, moves, covered } = diff;
  const touched = tags.length + prefixes.gained.length + prefixes.lost.length > 0;
  if (!touched && space.gained.isEmpty && space.lost.isEmpty) return [];
  return [
    paragraph(
      'Addresses: ',
      ...(space.gained.isEmpty ? [] : [toned(`+ ${spaceInWords(space.gained)}`, 'gain'), ', ']),
      ...(space.lost.isEmpty ? [] : [toned(`− ${spaceInWords(space.lost)}`, 'loss'), ', ']),
      `now ${spaceInWords(space.after)}.`,
    ),
    ...tagTable(tags),
    ...(prefixes.gained.length + prefixes.lost.length === 0
      ? []
      : [
          {
            kind: 'list',
            of: ['configured prefix', 'configured prefixes'],
            items: [
              ...prefixes.gained.map(
                (prefix): Line => [toned('+', 'gain'), ' configured ', outside(formatPrefix(prefix), 'gain')],
              ),
              ...prefixes.lost.map(
                (prefix): Line => [toned('−', 'loss'), ' configured ', outside(formatPrefix(prefix), 'loss')],
              ),
            ],
          } satisfies Block,
        ]),
    ...(moves.length === 0
      ? []
      : [
          {
            kind: 'list',
            of: ['move', 'moves'],
            items: [...moves]
              .sort((a, b) => bySizeDown(a.addresses, b.addresses))
              .map(
                ({ from, to, addresses }): Line => [
                  `${spaceInWords(addresses)} moved from `,
                  outside(from),
                  ' to ',
                  outside(to),
                ],
              ),
          } satisfies Block,
        ]),
    ...(covered.length === 0
      ? []
      : [
          {
            kind: 'fold',
            summary: [`${counted(covered.length, 'tag')} lost addresses that stay allowed`],
            blocks: [
              {
                kind: 'list',
                of: ['tag', 'tags'],
                items: [...covered]
                  .sort((a, b) => bySizeDown(a.addresses, b.addresses))
                  .map(({ tag, addresses }): Line => [outside(tag), `: ${spaceInWords(addresses)}`]),
              },
            ],
          } satisfies Block,
        ]),
    ...spaceFold('Gained', space.gained, 'gain'),
    ...spaceFold('Lost', space.lost, 'loss'),
  ];
}

function spaceFold(word: string, set: DualStackSet, tone: Tone): Block[] {
  if (set.isEmpty) return [];
  const values = set.toStrings();
  return [
    {
      kind: 'fold',
      summary: [
        `${word}: ${spaceInWords(set)} in ${counted(values.length, ...PREFIXES)} (the fewest that hold exactly these)`,
      ],
      blocks: [{ kind: 'values', values, tone, of: PREFIXES }],
    },
  ];
}

function tagTable(tags: readonly TagDiff[]): Block[] {
  if (tags.length === 0) return [];
  return [
    {
      kind: 'table',
      of: ['tag', 'tags'],
      columns: [
        { title: 'Service tag', align: 'left' },
        { title: 'Region', align: 'left' },
        { title: 'Prefixes as published', align: 'right' },
        { title: 'IPv4 addresses', align: 'right' },
        { title: 'IPv6', align: 'right' },
        { title: '', align: 'left' },
      ],
      rows: [...tags].sort(byImportance).map(tagRow),
    },
  ];
}

function tagRow(diff: TagDiff): Line[] {
  const { tag, region, prefixes, space } = diff;
  return [
    [outside(tag)],
    [region === '' ? '–' : outside(region)],
    [signed(BigInt(prefixes.gained.length), BigInt(prefixes.lost.length))],
    signedLine(space.gained.ipv4.size, space.lost.ipv4.size, digits),
    signedLine(space.gained.ipv6.size, space.lost.ipv6.size, ipv6Size),
    [diff.presence === 'changed' ? (isRespelt(diff) ? 'respelt' : '') : diff.presence],
  ];
}

/** The tag whose IPv4 space changed most first, then by IPv6 space, then by name: what is cut matters least. */
function byImportance(a: TagDiff, b: TagDiff): number {
  return (
    bySizeDown(a.space.gained.union(a.space.lost), b.space.gained.union(b.space.lost)) ||
    (a.tag < b.tag ? -1 : 1)
  );
}

export function targetSection(targets: readonly TargetReview[]): Block[] {
  if (targets.length === 0) return [];
  return [
    { kind: 'heading', level: 2, line: ['Targets'] },
    {
      kind: 'table',
      of: ['target', 'targets'],
      columns: [
        { title: 'Target', align: 'left' },
        { title: 'Files changed', align: 'right' },
        { title: 'Lines', align: 'right' },
        { title: 'Address entries', align: 'right' },
        { title: 'Omissions', align: 'right' },
        { title: 'Widenings', align: 'right' },
      ],
      rows: targets.map(targetRow),
    },
    ...targets.flatMap(targetDetails),
  ];
}

function targetRow({ id, files, entries, omissions, widenings }: TargetReview): Line[] {
  const changed = files.filter(({ presence }) => presence !== 'unchanged');
  const lines = (of: 'added' | 'removed') => BigInt(files.reduce((sum, { lines }) => sum + lines[of], 0));
  const { before, after, limit } = entries;
  return [
    [outside(id)],
    [`${digits(changed.length)} of ${digits(files.length)}`],
    signedLine(lines('added'), lines('removed'), digits),
    [
      before === after || before === undefined ? '' : `${digits(before)} → `,
      after === undefined ? 'not configured' : digits(after),
      limit === undefined ? '' : ` of ${digits(limit)}`,
    ],
    [declaredCount(omissions)],
    [declaredCount(widenings)],
  ];
}

function declaredCount(declared: readonly DeclaredReview[]): string {
  const standing = declared.filter(({ presence }) => presence !== 'removed').length;
  const fresh = declared.filter(({ presence }) => presence === 'added').length;
  const gone = declared.length - standing;
  const notes = [fresh > 0 ? `${fresh} new` : '', gone > 0 ? `${gone} gone` : ''].filter(
    (note) => note !== '',
  );
  return `${standing}${notes.length === 0 ? '' : ` (${notes.join(', ')})`}`;
}

function targetDetails(target: TargetReview): Block[] {
  const changed = target.files.filter(({ presence }) => presence !== 'unchanged');
  const declared: [string, DeclaredReview][] = [
    ...target.omissions.map((one): [string, DeclaredReview] => ['omits', one]),
    ...target.widenings.map((one): [string, DeclaredReview] => ['admits beyond the rule', one]),
  ];
  if (changed.length === 0 && declared.length === 0) return [];
  return [
    {
      kind: 'fold',
      summary: [
        outside(target.id),
        `: ${counted(changed.length, 'changed file')}, ${counted(target.omissions.length, 'omission')}, ${counted(target.widenings.length, 'widening')}`,
      ],
      blocks: [
        {
          kind: 'list',
          of: ['file', 'files'],
          items: changed.map(
            ({ path, presence, lines }): Line => [
              `${presence}: `,
              outside(`${target.id}/${path}`),
              ', lines ',
              ...signedLine(BigInt(lines.added), BigInt(lines.removed), digits),
            ],
          ),
        },
        {
          kind: 'list',
          of: ['omission or widening', 'omissions and widenings'],
          items: declared.map(([verb, one]) => declaredLine(verb, one)),
        },
      ],
    },
  ];
}

/** How many names a line about an omission or widening spells out. */
const NAMES_SHOWN = 8;

function declaredLine(verb: string, { rule, kind, reason, presence, admission }: DeclaredReview): Line {
  const names = namesInWords(admission);
  const space = spaceInWords(addressesOf(admission));
  return [
    ...(presence === 'unchanged'
      ? []
      : [toned(`${{ added: 'new', removed: 'gone', changed: 'changed' }[presence]}`, 'attention'), ' ']),
    outside(rule),
    ` ${verb} (${kind})${admission.isEmpty ? '' : ': '}`,
    ...names.slice(0, NAMES_SHOWN).flatMap((name, index) => [index === 0 ? '' : ', ', outside(name)]),
    ...(names.length > NAMES_SHOWN ? [` and ${counted(names.length - NAMES_SHOWN, 'more name')}`] : []),
    ...(space === 'no addresses' ? [] : [`${names.length === 0 ? '' : '; '}${space}`]),
    ' — ',
    reason,
  ];
}

const PASSAGE: Readonly<Record<Passage, readonly [string, Tone]>> = {
  name: ['by name', 'good'],
  widened: ['by name, widened', 'attention'],
  address: ['by address', 'good'],
  partly: ['in part', 'attention'],
  uncovered: ['not covered', 'loss'],
};

/** A column a target; the hosts that a target does not let through, with what to do, are listed after it. */
export function coverageSection(rows: readonly CoverageRow[]): Block[] {
  if (rows.length === 0) return [];
  const targets = rows[0]!.targets.map(({ target }) => target);
  const open = rows.flatMap((row) =>
    row.targets
      .filter(({ how, detail }) => how !== 'name' && detail !== '')
      .map(({ target, how, detail }) => ({ row, target, how, detail })),
  );
  // Targets of one kind say the same of a host: one line for all of them.
  const grouped = new Map<string, { targets: string[]; one: (typeof open)[number] }>();
  for (const one of open) {
    const key = [one.row.rule, one.row.host, one.row.ports, one.how, one.detail].join('\n');
    const group = grouped.get(key) ?? { targets: [], one };
    group.targets.push(one.target);
    grouped.set(key, group);
  }
  const lacking = rows.filter((row) =>
    row.targets.some(({ how }) => how === 'uncovered' || how === 'partly'),
  );
  return [
    { kind: 'heading', level: 2, line: ['Required hosts'] },
    paragraph(
      lacking.length === 0
        ? `Every target lets all ${counted(rows.length, 'required host')} through.`
        : `Of ${counted(rows.length, 'required host')}, ${digits(lacking.length)} ${lacking.length === 1 ? 'is' : 'are'} not wholly let through by at least one target.`,
    ),
    {
      kind: 'fold',
      summary: [`How each target lets ${counted(rows.length, 'required host')} through`],
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
          items: [...grouped.values()].map(
            ({ targets: ids, one }): Line => [
              outside(one.row.host),
              ' on ',
              ...ids.flatMap((id, index) => [index === 0 ? '' : ', ', outside(id)]),
              ': ',
              toned(...PASSAGE[one.how]),
              ` — ${one.detail}`,
            ],
          ),
        },
      ],
    },
  ];
}

function paragraph(...line: Line): Block {
  return { kind: 'paragraph', line };
}
