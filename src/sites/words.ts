import { createHash } from 'node:crypto';
import pc from 'picocolors';
import { type CommitMessage, LINES, messageText, trailersOf, WIDTH } from '../review/commit-message.ts';
import { writeMarkdownBlocks } from '../review/markdown.ts';
import { type Block, outside, paragraph } from '../review/outline.ts';
import { blocksText } from '../review/text.ts';
import { counted, enumerate } from '../review/wording.ts';
import { type AlikeSites, alikeSites, type SiteReview, type WholeChange } from './alike.ts';

/** The longest commit subject that git tools show whole. */
const SUBJECT_LENGTH = 72;

/** `3 sites: Azure allowlist of 2026-01-12: +512 IPv4`; of one site, its own headline. */
export function summariseSites(groups: readonly AlikeSites[]): string {
  const count = countOf(groups);
  const [first] = groups;
  if (first === undefined) return 'Azure allowlist: no change at any site';
  const { headline } = first.told;
  if (count === 1) return headline;
  const candidates = [
    ...(groups.length === 1 ? [`${count} sites: ${headline}`] : []),
    ...(groups.length === 1 ? [`${count} sites: ${headline.replace(/^Azure allowlist of /, '')}`] : []),
    `Azure allowlist${week(first)}: ${count} sites change${groups.length === 1 ? ' alike' : ` in ${groups.length} ways`}`,
    `${count} sites change`,
  ];
  return candidates.find((text) => text.length <= SUBJECT_LENGTH)!;
}

function countOf(groups: readonly AlikeSites[]): number {
  return groups.reduce((sum, { names }) => sum + names.length, 0);
}

function week({ told }: AlikeSites): string {
  const { fileDate } = told.week;
  return fileDate === undefined ? '' : ` of ${fileDate}`;
}

/**
 * The commit of several sites: those that change alike are told together. Under 60 lines; the whole review of each is
 * committed beside its files.
 * @param wholes the change of the first site of each kind, by kind
 */
export function sitesMessage(
  sites: readonly SiteReview[],
  wholes: ReadonlyMap<string, WholeChange>,
): CommitMessage {
  const groups = alikeSites(sites, wholes);
  const { told, whole } = groups[0]!;
  const digests = sites.map(({ digest }) => digest).sort();
  const digest = digests.every((one) => one === digests[0])
    ? digests[0]!
    : createHash('sha256').update(digests.join('\n')).digest('hex');
  const trailers = trailersOf(told.week, digest).join('\n');
  if (sites.length === 1)
    return { subject: summariseSites(groups), body: `${messageText(whole.message)}\n\n${trailers}\n` };
  const lines: string[] = [];
  const each = Math.max(6, Math.floor(LINES / groups.length) - 3);
  for (const [index, group] of groups.entries()) {
    const left = groups.length - index;
    const text = [...nameLines(group), ...messageText(group.whole.message, each).split('\n')];
    if (lines.length + text.length + 3 > LINES) {
      lines.push(`${counted(left, 'more group')} of sites: REVIEW.md of each site has everything.`, '');
      break;
    }
    lines.push(...text, '');
  }
  return { subject: summariseSites(groups), body: `${lines.join('\n').trimEnd()}\n\n${trailers}\n` };
}

/** How many sites are named; more are counted. */
const NAMES_SHOWN = 3;

/** `berlin, paris, rome and 12 more` */
export function sitesNamed(names: readonly string[]): string {
  return enumerate(names, NAMES_SHOWN);
}

/** The sites of a group, in lines of a commit's width. */
function nameLines(group: AlikeSites): string[] {
  return blocksText([paragraph(`${headOf(group)}:`)], { width: WIDTH, colors: pc.createColors(false) })
    .trim()
    .split('\n');
}

/** `berlin, paris, rome and 12 more (15 sites)` */
export function headOf({ names }: AlikeSites): string {
  return names.length === 1 ? names[0]! : `${sitesNamed(names)} (${names.length} sites)`;
}

/** A site that a guard refused, or that failed. */
export interface SiteProblem {
  readonly name: string;
  readonly outcome: 'refused' | 'failed';
  readonly message: string;
}

/**
 * One review of many sites as Markdown, for pull requests and the summaries of jobs: a table of what changes where, then
 * the whole review of each kind of change.
 */
export function writeSitesMarkdown(
  groups: readonly AlikeSites[],
  { total, problems }: { readonly total: number; readonly problems: readonly SiteProblem[] },
): string {
  const blocks: Block[] = [
    { kind: 'heading', level: 1, line: ['Azure allowlist: ', sitesInWords(groups, total)] },
    ...(groups.length === 0
      ? []
      : [
          {
            kind: 'table',
            columns: [
              { title: 'Sites', align: 'left' },
              { title: 'Change', align: 'left' },
              { title: 'Verdict', align: 'left' },
            ],
            rows: groups.map((group) => [
              [outside(headOf(group))],
              [group.told.headline],
              [group.told.verdict.text],
            ]),
            of: ['group of sites', 'groups of sites'],
          } satisfies Block,
        ]),
    ...(problems.length === 0
      ? []
      : [
          { kind: 'heading', level: 2, line: ['Not published'] } satisfies Block,
          {
            kind: 'list',
            of: ['site', 'sites'],
            items: problems.map(({ name, outcome, message }) => [
              outside(name),
              `: ${outcome}: `,
              outside(message.replace(/\s+/g, ' ')),
            ]),
          } satisfies Block,
        ]),
    ...groups.flatMap((group): Block[] => {
      const [, ...rest] = group.whole.blocks;
      return [
        { kind: 'heading', level: 2, line: [outside(headOf(group))] },
        ...(group.names.length > 4
          ? [
              {
                kind: 'fold',
                summary: [`All ${group.names.length} sites`],
                blocks: [
                  { kind: 'list', of: ['site', 'sites'], items: group.names.map((name) => [outside(name)]) },
                ],
              } satisfies Block,
            ]
          : []),
        ...rest.map(demoted),
      ];
    }),
  ];
  return writeMarkdownBlocks(blocks);
}

/** `3 of 200 sites change, in 2 ways` */
export function sitesInWords(groups: readonly AlikeSites[], total: number): string {
  const count = countOf(groups);
  const ways = groups.length > 1 ? `, in ${groups.length} ways` : count > 1 ? ', all alike' : '';
  return `${count} of ${counted(total, 'site')} ${count === 1 ? 'changes' : 'change'}${ways}`;
}

/** One level deeper: the heading of its sites stands above. */
function demoted(block: Block): Block {
  return block.kind === 'heading' ? { ...block, level: block.level === 1 ? 2 : 3 } : block;
}
