import type { DualStackSet } from '../../net/dual-stack-set.ts';
import { formatPrefix } from '../../net/prefix.ts';
import { clientsInWords } from '../../policy/clients.ts';
import { bySizeDown } from '../../policy/diff/change.ts';
import { riskOfRule } from '../../policy/diff/risk.ts';
import type { RuleDiff } from '../../policy/diff/rules.ts';
import { isRespelt, type TagDiff } from '../../policy/diff/tags.ts';
import { type Block, type Line, outside, PREFIXES, paragraph, type Tone, toned } from '../outline.ts';
import { signedLine } from '../signed-line.ts';
import { counted, digits, ipv6Size, namesInWords, spaceInWords } from '../wording.ts';

/** The service tags that differ between two feeds. */
export function feedSection(diff: RuleDiff): Block[] {
  return [{ kind: 'heading', level: 2, line: ['Service tags'] }, ...addressBlocks(diff)];
}

/** One rule that differs: names, ports, addresses and tags. */
export function ruleSection(diff: RuleDiff): Block[] {
  const presence = {
    added: 'new rule, ',
    removed: 'rule removed, ',
    changed: diff.renamedFrom === undefined ? '' : `${diff.renamedFrom} before, `,
  }[diff.presence];
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
    ...(diff.clients === undefined
      ? []
      : [
          paragraph(
            'Clients: ',
            ...(diff.presence === 'added'
              ? []
              : [outside(clientsInWords(diff.clients.before)), ' before, now ']),
            outside(clientsInWords(diff.clients.after)),
            '.',
          ),
        ]),
    ...(diff.scenario === undefined
      ? []
      : [
          paragraph(
            'Scenario: ',
            ...(diff.presence === 'added' ? [] : [outside(diff.scenario.before ?? 'none'), ' before, now ']),
            outside(diff.scenario.after ?? 'none'),
            '.',
          ),
        ]),
    ...(diff.proxies === undefined
      ? []
      : [
          paragraph(
            'Proxies: ',
            ...(diff.presence === 'added' ? [] : [outside(proxies(diff.proxies.before)), ' before, now ']),
            outside(proxies(diff.proxies.after)),
            '.',
          ),
        ]),
    ...nameBlocks(diff),
    ...portBlocks(diff),
    ...addressBlocks(diff),
  ];
}

function proxies(set: DualStackSet | undefined): string {
  return set === undefined ? 'none named' : clientsInWords(set);
}

const RISK_WORDS = {
  widening: 'allows more',
  narrowing: 'allows less',
  exchange: 'adds and removes access',
  move: 'space moved between tags',
  metadata: 'allows the same',
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
    ...moveBlocks(moves),
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

/** How many moves stand open; the largest come first. */
const MOVES_OPEN = 10;

function moveBlocks(moves: RuleDiff['moves']): Block[] {
  const items = [...moves]
    .sort((a, b) => bySizeDown(a.addresses, b.addresses))
    .map(
      ({ from, to, addresses }): Line => [
        `${spaceInWords(addresses)} moved from `,
        outside(from),
        ' to ',
        outside(to),
      ],
    );
  if (items.length === 0) return [];
  const list = (some: readonly Line[]): Block => ({ kind: 'list', of: ['move', 'moves'], items: some });
  const hidden = items.slice(MOVES_OPEN);
  return [
    list(items.slice(0, MOVES_OPEN)),
    ...(hidden.length === 0
      ? []
      : [
          {
            kind: 'fold',
            summary: [counted(hidden.length, 'more move')],
            blocks: [list(hidden)],
          } satisfies Block,
        ]),
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
  const sorted = [...tags].sort(byImportance);
  const remarks = sorted.map(remarkOf);
  const remarked = remarks.some((remark) => remark !== '');
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
        ...(remarked ? [{ title: '', align: 'left' } as const] : []),
      ],
      rows: sorted.map((tag, index) => [...tagRow(tag), ...(remarked ? [[remarks[index]!]] : [])]),
    },
  ];
}

function tagRow({ tag, region, prefixes, space }: TagDiff): Line[] {
  return [
    [outside(tag)],
    [region === '' ? '–' : outside(region)],
    signedLine(BigInt(prefixes.gained.length), BigInt(prefixes.lost.length), digits),
    signedLine(space.gained.ipv4.size, space.lost.ipv4.size, digits),
    signedLine(space.gained.ipv6.size, space.lost.ipv6.size, ipv6Size),
  ];
}

/** What the figures of a tag do not show; '' for nearly all. */
function remarkOf(diff: TagDiff): string {
  if (diff.presence !== 'changed') return diff.presence;
  return isRespelt(diff) ? 'respelt' : '';
}

/** The tag whose IPv4 space changed most first, then by IPv6 space, then by name: what is cut matters least. */
function byImportance(a: TagDiff, b: TagDiff): number {
  return (
    bySizeDown(a.space.gained.union(a.space.lost), b.space.gained.union(b.space.lost)) ||
    (a.tag < b.tag ? -1 : 1)
  );
}
