import { type Block, type Line, outside, toned } from '../outline.ts';
import { signedLine } from '../signed-line.ts';
import type { DeclaredReview, TargetReview } from '../targets.ts';
import { addressesOf, counted, digits, namesInWords, spaceInWords } from '../wording.ts';

/** What the change means for each target, and what each leaves out or admits beyond. */
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
