import type { RuleDiff } from '../../policy/diff/rules.ts';
import { byPorts, type Parts } from '../other-ports.ts';
import type { Review } from '../review.ts';
import { coverageSection } from '../sections/coverage.ts';
import { deviceSection } from '../sections/devices.ts';
import { driftSection } from '../sections/drift.ts';
import { guardSection } from '../sections/guards.ts';
import { titleOf } from '../sections/head.ts';
import { noteSection } from '../sections/notes.ts';
import { feedSection, ruleSection } from '../sections/rules.ts';
import { targetSection } from '../sections/targets.ts';
import { changedFiles, partsOfReview, sentence } from '../summary.ts';
import { verdict } from '../verdict.ts';
import { addressesOf, digits, ipv6Size, nameCount, sizeInShort } from '../wording.ts';
import type { PageAssets } from './assets.ts';
import { blocksHtml } from './blocks.ts';
import { type Section, writeDocument } from './document.ts';
import { escapeHtml } from './escape-html.ts';
import { makePageData } from './make-page-data.ts';

/**
 * The review as one self-contained page: no request leaves it, and its policy lets no other script or style
 * run than its own.
 */
export function writeHtml(review: Review, assets: PageAssets): string {
  const { scope } = review;
  const title = titleOf(review);
  const { level, text } = verdict(review);
  return writeDocument(
    {
      title,
      heroClass: scope === 'feeds' ? 'feeds' : level,
      hero: `<p class="verdict">${scope === 'feeds' ? '' : `<span class="badge">${LEVEL_WORDS[level]}</span> `}${escapeHtml(withoutLevel(text))}</p>
<p class="sentence">${escapeHtml(sentence(review))}</p>
${tiles(review)}
${devices(review)}
${weeks(review)}`,
      sections: sectionsOf(review),
      data: makePageData(review),
      withoutScripts:
        'Without scripts, the table of changes, the map, the bars and the lines of the rule files are missing; the rest of the review is complete.',
    },
    assets,
  );
}

const LEVEL_WORDS = {
  nothing: 'Nothing to do',
  routine: 'Routine',
  look: 'Review required',
  refused: 'Refused',
} as const;

/** The badge says the first words already. */
function withoutLevel(text: string): string {
  const rest = text.replace(/^(Routine|Review required): /, '');
  return rest.charAt(0).toUpperCase() + rest.slice(1);
}

/** The places that the script fills carry an id and nothing else. */
function sectionsOf(review: Review): Section[] {
  const { diff, scope } = review;
  const notes = [
    ...driftSection(review.drift),
    ...withoutHeading(noteSection(review)),
    ...guardSection(review),
  ];
  const targets = withoutHeading(targetSection(review.targets));
  const required = withoutHeading(coverageSection(review));
  const changed = diff.rules.length > 0;
  return [
    ...(notes.length === 0 ? [] : [{ id: 'notes', name: 'Notes', html: blocksHtml(notes) }]),
    ...(changed
      ? [
          {
            id: 'rules',
            name: scope === 'feeds' ? 'Tags' : 'Rules',
            html: diff.rules
              .map(
                (rule) =>
                  `<article>${blocksHtml(scope === 'feeds' ? withoutHeading(feedSection(rule)) : ruleSection(rule))}</article>`,
              )
              .join('\n'),
          },
          { id: 'where', name: 'By tag and region', html: '<div id="bars"></div>' },
          {
            id: 'map',
            name: 'Map of IPv4',
            html: diff.rules.some(changesIpv4)
              ? '<div id="hilbert"></div>'
              : '<p class="faint">No IPv4 address came or went.</p>',
          },
          { id: 'changes', name: 'Changes', html: '<div id="table"></div>' },
        ]
      : []),
    ...(required.length === 0 ? [] : [{ id: 'hosts', name: 'Required hosts', html: blocksHtml(required) }]),
    ...(targets.length === 0 ? [] : [{ id: 'targets', name: 'Targets', html: blocksHtml(targets) }]),
    ...(changedFiles(review) === 0
      ? []
      : [{ id: 'files', name: 'Rule files', html: '<div id="file-list"></div>' }]),
  ];
}

/** Where nothing changed, a map would be a screen of nothing. */
function changesIpv4({ space }: RuleDiff): boolean {
  return !space.gained.ipv4.isEmpty || !space.lost.ipv4.isEmpty;
}

function withoutHeading(blocks: ReturnType<typeof noteSection>): typeof blocks {
  return blocks[0]?.kind === 'heading' ? blocks.slice(1) : blocks;
}

function tiles(review: Review): string {
  const { whole, ports } = partsOfReview(review);
  const { gained, lost } = whole;
  const [more, less] = [addressesOf(gained), addressesOf(lost)];
  const names = (admission: typeof gained) => BigInt(nameCount(admission));
  const all = review.targets.reduce((sum, { files }) => sum + files.length, 0);
  return `<dl class="tiles">${[
    tile('IPv4 addresses', more.ipv4.size, less.ipv4.size, digits),
    tile('IPv6', more.ipv6.size, less.ipv6.size, ipv6Size),
    ...(review.scope === 'feeds'
      ? []
      : [
          tile('Names', names(gained), names(lost), digits),
          ...portTile('Newly on ports', ports.gained),
          ...portTile('No longer on ports', ports.lost),
          `<div><dt>Rule files</dt><dd>${digits(changedFiles(review))} <small>of ${digits(all)} change</small></dd></div>`,
        ]),
  ].join('')}</dl>`;
}

/** What is let through anyway, and on which ports, or by which method, it is newly, or no longer. */
function portTile(label: string, changed: Parts['ports']['gained']): string[] {
  const lines = byPorts(changed).map(
    ({ inWords, admission }) => `<dd>${sizeInShort(admission)} <small>${inWords}</small></dd>`,
  );
  return lines.length === 0 ? [] : [`<div><dt>${label}</dt>${lines.join('')}</div>`];
}

function devices(review: Review): string {
  const blocks = deviceSection(review);
  return blocks.length === 0 ? '' : `<div class="devices">${blocksHtml(blocks)}</div>`;
}

function tile(label: string, gained: bigint, lost: bigint, format: (size: bigint) => string): string {
  const value =
    gained === 0n && lost === 0n
      ? '<dd class="faint">±0</dd>'
      : `${gained > 0n ? `<dd class="gain">+${format(gained)}</dd>` : ''}${lost > 0n ? `<dd class="loss">−${format(lost)}</dd>` : ''}`;
  return `<div><dt>${label}</dt>${value}</div>`;
}

function weeks({ feed }: Review): string {
  const line = (when: string, week: typeof feed.after) =>
    `<li>${when} <code>${escapeHtml(week.name)}</code>, ${escapeHtml(week.cloud)} cloud, change number ${week.changeNumber}</li>`;
  return `<ul class="weeks">${feed.before === undefined ? '' : line('before', feed.before)}${line('after', feed.after)}</ul>`;
}
