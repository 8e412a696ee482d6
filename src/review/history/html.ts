import type { PageAssets } from '../html/assets.ts';
import { blocksHtml } from '../html/blocks.ts';
import { type Section, writeDocument } from '../html/document.ts';
import { escapeHtml } from '../html/escape-html.ts';
import type { Block } from '../outline.ts';
import { counted, digits } from '../wording.ts';
import { changeChart, lineChart, sparkline } from './chart.ts';
import type { History, Sizes, TagHistory } from './history.ts';
import { datesOf, historyOutline, historySentence } from './outline.ts';

/** How many tags have a line of their own. */
const SPARKLINES = 24;

const NET64 = 2 ** 64;

/** The history as one self-contained page, with its plots as SVG. */
export function writeHistoryHtml(history: History, assets: PageAssets): string {
  const { steps } = history;
  const dates = datesOf(steps);
  const title = steps.length === 0 ? 'History' : `History, ${dates[0]} → ${dates.at(-1)}`;
  return writeDocument(
    {
      title,
      heroClass: 'feeds',
      hero: `<p class="sentence">${escapeHtml(steps.length === 0 ? 'Nothing was published yet.' : historySentence(history))}</p>`,
      sections: steps.length === 0 ? [] : sections(history),
    },
    assets,
  );
}

function sections(history: History): Section[] {
  const parts = split(historyOutline(history));
  return [
    { id: 'space', name: 'Address space', html: spaceCharts(history) },
    ...parts.map(({ name, blocks }) => ({
      id: name.toLowerCase().replace(/[^a-z]+/g, '-'),
      name,
      html: `${name === 'Service tags' ? sparklines(history) : ''}${blocksHtml(blocks)}`,
    })),
  ];
}

/** The outline's own headings become the page's sections. */
function split(blocks: readonly Block[]): { name: string; blocks: Block[] }[] {
  const parts: { name: string; blocks: Block[] }[] = [];
  for (const block of blocks)
    if (block.kind === 'heading' && block.level === 2) parts.push({ name: block.line.join(''), blocks: [] });
    else parts.at(-1)?.blocks.push(block);
  return parts;
}

function spaceCharts({ steps }: History): string {
  const dates = datesOf(steps);
  const family = (name: keyof Sizes, unit: number) => ({
    line: steps.map(({ space }, index) => ({ date: dates[index]!, value: Number(space[name]) / unit })),
    bars: steps.map(({ change }, index) => ({
      date: dates[index]!,
      gained: Number(change?.addresses.gained[name] ?? 0n) / unit,
      lost: Number(change?.addresses.lost[name] ?? 0n) / unit,
    })),
  });
  // A history of single hosts has no whole /64 network to show.
  const byNetwork = steps.some(({ space }) => space.ipv6 >= BigInt(NET64));
  const ipv6Unit = byNetwork ? 'IPv6 /64 networks' : 'IPv6 addresses';
  const [ipv4, ipv6] = [family('ipv4', 1), family('ipv6', byNetwork ? NET64 : 1)];
  const figure = (caption: string, chart: string) =>
    chart === ''
      ? ''
      : `<figure><figcaption>${caption}</figcaption><div class="scroll" tabindex="0" role="region" aria-label="${caption}">${chart}</div></figure>`;
  return [
    figure('IPv4 addresses', lineChart('IPv4 addresses over time', ipv4.line, wholeDigits)),
    figure(
      'IPv4 addresses gained and lost (bars by the root of their size)',
      changeChart('IPv4 addresses gained and lost by revision', ipv4.bars),
    ),
    ipv6.line.some(({ value }) => value > 0)
      ? figure(ipv6Unit, lineChart(`${ipv6Unit} over time`, ipv6.line, wholeDigits))
      : '',
  ].join('\n');
}

function sparklines({ steps, tags }: History): string {
  const shown = tags.filter(({ changes }) => changes > 0).slice(0, SPARKLINES);
  if (shown.length === 0) return '';
  const dates = datesOf(steps);
  const item = ({ tag, points, changes }: TagHistory) => {
    // Tags without IPv4 show their prefixes.
    const byAddress = points.some((point) => point !== undefined && point.space.ipv4 > 0n);
    const line = points.map((point, index) => ({
      date: dates[index]!,
      value: point === undefined ? undefined : byAddress ? Number(point.space.ipv4) : point.prefixes,
    }));
    const what = byAddress ? 'IPv4 addresses' : 'prefixes';
    return `<li><span class="label">${escapeHtml(tag)}</span>${sparkline(`${what} of ${tag} over time`, line)}<span class="faint">${counted(changes, 'change')}, ${what}</span></li>`;
  };
  return `<ul class="sparks">${shown.map(item).join('')}</ul>${
    tags.length > shown.length
      ? `<p class="faint">The ${digits(shown.length)} tags that changed most often; the table has more.</p>`
      : ''
  }`;
}

function wholeDigits(value: number): string {
  return digits(Math.round(value));
}
