import { FIRST_FILES } from '../device-line.ts';
import { type Block, type Column, type Line, outside, toned } from '../outline.ts';
import { signedLine } from '../signed-line.ts';
import { counted, digits, enumerate, ipv6Size, signed, sizeParts } from '../wording.ts';
import type { FirstFiles, History, OnPorts, Sizes, Step, TagHistory } from './history.ts';

/** How many edited files a line names. */
const SHOWN_FILES = 5;

/** A history as blocks, newest change first. */
export function historyOutline(history: History): Block[] {
  const { steps, tags, returned } = history;
  const [first, last] = [steps[0], steps.at(-1)];
  if (first === undefined || last === undefined)
    return [{ kind: 'paragraph', line: ['Nothing was published yet.'] }];
  return [
    {
      kind: 'heading',
      level: 1,
      line: ['History, ', outside(datesOf(steps)[0]!), ' → ', outside(datesOf(steps).at(-1)!)],
    },
    { kind: 'paragraph', line: [historySentence(history)] },
    { kind: 'heading', level: 2, line: ['Timeline'] },
    ...timeline(steps),
    ...portBlocks(steps),
    ...targetBlocks(steps),
    ...editedBlocks(steps),
    ...acceptanceBlocks(steps),
    { kind: 'heading', level: 2, line: ['Service tags'] },
    tagTable(tags),
    { kind: 'heading', level: 2, line: ['Removed and returned'] },
    returned.length === 0
      ? { kind: 'paragraph', line: ['No prefix left a tag and came back.'] }
      : {
          kind: 'list',
          of: ['prefix', 'prefixes'],
          items: [...returned]
            .reverse()
            .map(
              ({ tag, prefix, removed, returned: back, days }): Line => [
                outside(tag),
                ' ',
                outside(prefix),
                `: gone on ${removed}, back on ${back} (${counted(days, 'day')})`,
              ],
            ),
        },
  ];
}

/**
 * The day that each revision stands for: that of its week, as several may be committed on one day; that of
 * its commit where several are of one week, or a week has no date or goes back.
 */
export function datesOf(steps: readonly Step[]): string[] {
  const weeks = steps.flatMap(({ week }) => week.fileDate ?? []);
  const goOn = weeks.every((week, index) => index === 0 || weeks[index - 1]! < week);
  return weeks.length === steps.length && goOn ? weeks : steps.map(({ date }) => date);
}

/** The whole history in one sentence. */
export function historySentence({ steps, returned }: History): string {
  const first = steps[0]!;
  const last = steps.at(-1)!;
  const changed = steps.filter(({ change }) => change !== undefined && !isQuiet(change)).length;
  const growth = (family: 'ipv4' | 'ipv6', format: (size: bigint) => string) =>
    `${format(first.space[family])} → ${format(last.space[family])}`;
  const some = (moves: (change: NonNullable<Step['change']>) => boolean) =>
    steps.some(({ change }) => change !== undefined && moves(change));
  const kinds = [
    'addresses',
    'names',
    ...(some(movesPorts) ? ['ports'] : []),
    ...(some(movesTargets) ? ['targets'] : []),
  ];
  const things = `${kinds.slice(0, -1).join(', ')} or ${kinds.at(-1)}`;
  return `${counted(steps.length, 'revision')}, ${digits(changed)} with changes of ${things}; ${enumerate([
    `IPv4 addresses ${growth('ipv4', digits)}`,
    `IPv6 ${growth('ipv6', ipv6Size)}`,
  ])}; ${counted(returned.length, 'prefix', 'prefixes')} left a tag and came back.`;
}

/** Whether nothing came or went: no address, no name, no port, no target. */
export function isQuiet(change: NonNullable<Step['change']>): boolean {
  const { addresses, names } = change;
  const { gained, lost } = addresses;
  return (
    !movesTargets(change) &&
    !movesPorts(change) &&
    gained.ipv4 + gained.ipv6 + lost.ipv4 + lost.ipv6 === 0n &&
    names.gained.length + names.lost.length === 0
  );
}

function movesPorts({ ports }: NonNullable<Step['change']>): boolean {
  return ports.gained.length + ports.lost.length > 0;
}

function movesTargets({ targets }: NonNullable<Step['change']>): boolean {
  return targets.added.length + targets.removed.length > 0;
}

/** A row a revision, but for those that changed nothing: they are counted. */
function timeline(steps: readonly Step[]): Block[] {
  const told = steps.filter(
    ({ change, edited, acceptances }) => !isSame(change) || edited.length > 0 || acceptances.length > 0,
  );
  const left = steps.length - told.length;
  return [
    ...(left === 0
      ? []
      : [
          {
            kind: 'paragraph',
            line: [
              `${counted(left, 'revision')} that changed nothing ${left === 1 ? 'is' : 'are'} left out here.`,
            ],
          } satisfies Block,
        ]),
    timelineTable(told),
  ];
}

/** Whether not even a published prefix came or went; the first revision has no change, and is told. */
function isSame(change: Step['change']): boolean {
  if (change === undefined || !isQuiet(change)) return false;
  const { tags, prefixes } = change;
  return tags.added.length + tags.removed.length + tags.changed + prefixes.gained + prefixes.lost === 0;
}

function timelineTable(steps: readonly Step[]): Block {
  // A feed's name says no more than its date.
  const commits = steps.some(({ id }) => isCommit(id));
  const targets = steps.some(({ change }) => change !== undefined && movesTargets(change));
  const columns: readonly Column[] = [
    { title: 'Week', align: 'left' },
    ...(commits
      ? (['Committed', 'Commit'] as const).map((title) => ({ title, align: 'left' }) as const)
      : []),
    { title: 'IPv4 addresses', align: 'right' },
    { title: 'IPv6', align: 'right' },
    { title: 'Names', align: 'right' },
    { title: 'Tags', align: 'right' },
    { title: 'Prefixes', align: 'right' },
    ...(targets ? [{ title: 'Targets', align: 'left' } as const] : []),
    { title: 'IPv4 in all', align: 'right' },
  ];
  return {
    kind: 'table',
    of: ['revision', 'revisions'],
    columns,
    rows: [...steps]
      .reverse()
      .map(({ id, date, week, change, space }): Line[] => [
        [outside(week.fileDate ?? week.name)],
        ...(commits ? [[outside(date)], [outside(shortId(id))]] : []),
        ...(change === undefined
          ? [['first'], [], [], [], []]
          : [
              signedLine(change.addresses.gained.ipv4, change.addresses.lost.ipv4, digits),
              signedLine(change.addresses.gained.ipv6, change.addresses.lost.ipv6, ipv6Size),
              signedLine(BigInt(change.names.gained.length), BigInt(change.names.lost.length), digits),
              tagsLine(change.tags),
              signedLine(BigInt(change.prefixes.gained), BigInt(change.prefixes.lost), digits),
            ]),
        ...(targets ? [targetsLine(change)] : []),
        [digits(space.ipv4)],
      ]),
  };
}

/** Targets that came, with a plus, and that left, with a minus. */
function targetsLine(change: Step['change']): Line {
  if (change === undefined || !movesTargets(change)) return [];
  const { added, removed } = change.targets;
  const all = [...added.map(({ target }) => `+${target}`), ...removed.map((target) => `−${target}`)];
  return [outside(all.join(' '))];
}

function tagsLine({ added, removed, changed }: NonNullable<Step['change']>['tags']): Line {
  const presence = signed(BigInt(added.length), BigInt(removed.length));
  if (changed === 0) return [added.length + removed.length === 0 ? toned('±0', 'faint') : presence];
  return [added.length + removed.length === 0 ? '' : `${presence}, `, `${digits(changed)} changed`];
}

/** A commit as people write it; a file's name whole. */
export function shortId(id: string): string {
  return isCommit(id) ? id.slice(0, 10) : id;
}

function isCommit(id: string): boolean {
  return /^[0-9a-f]{40}$/.test(id);
}

/** What opens or closes on ports while it is let through on others, which the timeline does not count. */
function portBlocks(steps: readonly Step[]): Block[] {
  const found = steps.filter(({ change }) => change !== undefined && movesPorts(change));
  if (found.length === 0) return [];
  return [
    { kind: 'heading', level: 2, line: ['Other ports for what was allowed'] },
    {
      kind: 'list',
      of: ['revision', 'revisions'],
      items: found.map(({ id, date, change }): Line => {
        const { gained, lost } = change!.ports;
        const parts = [
          ...gained.map((one) => `newly on ${one.ports}: ${onPortsInWords(one)}`),
          ...lost.map((one) => `no longer on ${one.ports}: ${onPortsInWords(one)}`),
        ];
        return [outside(date), ' ', outside(shortId(id)), ' ', outside(parts.join('; '))];
      }),
    },
  ];
}

function onPortsInWords({ addresses, names }: OnPorts): string {
  return enumerate([...(names.length === 0 ? [] : [counted(names.length, 'name')]), ...sizeParts(addresses)]);
}

/** Targets that came into the configuration or left it: what they let through is in no other row. */
function targetBlocks(steps: readonly Step[]): Block[] {
  const found = steps.filter(({ change }) => change !== undefined && movesTargets(change));
  if (found.length === 0) return [];
  return [
    { kind: 'heading', level: 2, line: ['Targets that came or left'] },
    {
      kind: 'list',
      of: ['revision', 'revisions'],
      items: found.map(({ id, date, change }): Line => {
        const { added, removed } = change!.targets;
        const parts = [
          ...added.map((one) => `${FIRST_FILES} of ${one.target}: ${firstFilesInWords(one)}`),
          ...(removed.length === 0
            ? []
            : [`${enumerate(removed)} ${removed.length === 1 ? 'is' : 'are'} no longer configured`]),
        ];
        return [outside(date), ' ', outside(shortId(id)), ' ', outside(parts.join('; '))];
      }),
    },
  ];
}

function firstFilesInWords({ addresses, names }: FirstFiles): string {
  const parts = [...(names === 0 ? [] : [counted(names, 'name')]), ...sizeParts(addresses)];
  return parts.length === 0 ? 'allow nothing' : enumerate(parts);
}

/** Commits in which rule files say something else than a run wrote. */
function editedBlocks(steps: readonly Step[]): Block[] {
  const found = steps.filter(({ edited }) => edited.length > 0);
  if (found.length === 0) return [];
  return [
    { kind: 'heading', level: 2, line: ['Edited outside a run'] },
    {
      kind: 'list',
      of: ['revision', 'revisions'],
      items: found.map(
        ({ id, date, edited }): Line => [
          outside(date),
          ' ',
          outside(shortId(id)),
          ' ',
          toned('edited', 'attention'),
          ' ',
          outside(edited.slice(0, SHOWN_FILES).join(' ')),
          edited.length > SHOWN_FILES ? ` and ${edited.length - SHOWN_FILES} more` : '',
        ],
      ),
    },
  ];
}

function acceptanceBlocks(steps: readonly Step[]): Block[] {
  const given = steps.flatMap(({ id, date, acceptances }) =>
    acceptances.map((acceptance) => ({ id, date, ...acceptance })),
  );
  if (given.length === 0) return [];
  return [
    { kind: 'heading', level: 2, line: ['Acceptances'] },
    {
      kind: 'list',
      of: ['acceptance', 'acceptances'],
      items: given.map(
        ({ id, date, guard, message }): Line => [
          outside(date),
          ' ',
          outside(shortId(id)),
          ' ',
          toned('accepted', 'attention'),
          ' ',
          outside(guard),
          ': ',
          message,
        ],
      ),
    },
  ];
}

function tagTable(tags: readonly TagHistory[]): Block {
  return {
    kind: 'table',
    of: ['tag', 'tags'],
    columns: [
      { title: 'Service tag', align: 'left' },
      { title: 'Changes', align: 'right' },
      { title: 'Prefixes', align: 'right' },
      { title: 'IPv4 addresses', align: 'right' },
      { title: 'IPv4 churn', align: 'right' },
      { title: 'IPv6 churn', align: 'right' },
    ],
    rows: tags.map((history): Line[] => {
      const there = history.points.filter((point) => point !== undefined);
      const [from, to] = [there[0], there.at(-1)];
      return [
        [outside(history.tag)],
        [digits(history.changes)],
        [from === undefined || to === undefined ? '' : `${digits(from.prefixes)} → ${digits(to.prefixes)}`],
        [
          from === undefined || to === undefined
            ? ''
            : `${digits(from.space.ipv4)} → ${digits(to.space.ipv4)}`,
        ],
        churn(history, 'ipv4', digits),
        churn(history, 'ipv6', ipv6Size),
      ];
    }),
  };
}

function churn({ gained, lost }: TagHistory, family: keyof Sizes, format: (size: bigint) => string): Line {
  return signedLine(gained[family], lost[family], format);
}
