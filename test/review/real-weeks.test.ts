import pc from 'picocolors';
import { describe, expect, it } from 'vitest';
import { reviewFeeds } from '../../src/review/feeds.ts';
import type { PageData } from '../../src/review/html/page-data.ts';
import { writeHtml } from '../../src/review/html/write-html.ts';
import { writeJson } from '../../src/review/json.ts';
import type { ReviewDocument } from '../../src/review/json-shape.ts';
import { writeMarkdown } from '../../src/review/markdown.ts';
import { writeText } from '../../src/review/text.ts';
import { feedsAvailable } from '../support/feeds.ts';
import { lacks } from '../support/programs.ts';
import {
  type OracleChange,
  type OracleSet,
  type WeekDifference,
  weekDifference,
} from '../support/week-difference.ts';
import { realWeek } from './weeks.ts';

const SELECTED = ['AzureCloud', 'ServiceBus', 'AzureDataLake', 'WindowsVirtualDesktop'];

const PAIRS = [
  ['20250714', '20250721'],
  ['20230123', '20230130'],
  ['20220502', '20220509'],
  ['20220509', '20220516'],
  ['20240108', '20240115'],
  ['20200824', '20200827'],
] as const;

const NET64 = 2n ** 64n;
const SIDES = ['gained', 'lost'] as const;

// The figures of Python, in the words of the review; none of the review's own wording is called.

const figure = (size: bigint) => size.toLocaleString('en-US');
const unit = (size: bigint, one: string, many: string) => `${figure(size)} ${size === 1n ? one : many}`;

function inWords({ ipv4, ipv6 }: Record<'ipv4' | 'ipv6', bigint>): string {
  const parts = [
    ipv4 === 0n ? '' : unit(ipv4, 'IPv4 address', 'IPv4 addresses'),
    ipv6 === 0n
      ? ''
      : ipv6 < NET64
        ? unit(ipv6, 'IPv6 address', 'IPv6 addresses')
        : `${ipv6 % NET64 === 0n ? '' : 'about '}${unit(ipv6 / NET64, 'IPv6 /64 network', 'IPv6 /64 networks')}`,
  ];
  return parts.filter((part) => part !== '').join(' and ');
}

const sizesOf = ({ ipv4, ipv6 }: OracleSet) => ({
  ipv4: BigInt(ipv4.addresses),
  ipv6: BigInt(ipv6.addresses),
});
const setInWords = (set: OracleSet) => inWords(sizesOf(set));
const coverOf = ({ ipv4, ipv6 }: OracleSet) => [...ipv4.prefixes, ...ipv6.prefixes];
const isEmpty = (set: OracleSet) => coverOf(set).length === 0;

function cell(gained: bigint, lost: bigint, format: (size: bigint) => string = figure): string {
  const parts = [gained > 0n ? `+${format(gained)}` : '', lost > 0n ? `−${format(lost)}` : ''];
  return parts.filter((part) => part !== '').join(' ') || '±0';
}

function ipv6Cell(size: bigint): string {
  return size < NET64 ? figure(size) : `${size % NET64 === 0n ? '' : '~'}${figure(size / NET64)} /64`;
}

/** What a reader finds in a form. */
interface Found {
  readonly sentence: string;
  readonly addresses: string;
  /** Tag, region, prefixes, IPv4 addresses, IPv6, in the order of the form. */
  readonly rows: readonly (readonly string[])[];
  /** Lines about addresses that moved between the tags, or that stay allowed. */
  readonly moves: readonly string[];
  readonly covered: readonly string[];
  /** The summary, and every prefix that is spelled out with a count of those that are not. */
  readonly gained: { readonly summary: string; readonly values: readonly string[] } | undefined;
  readonly lost: Found['gained'];
}

/** @param shown how many prefixes of a list the form spells out */
function expected({ space, now, tags, moves, covered }: WeekDifference, shown: number): Found {
  const { gained, lost } = space;
  const sentence = [
    ...(isEmpty(gained) ? [] : [`Entered the service tags: ${setInWords(gained)}`]),
    ...(isEmpty(lost) ? [] : [`${isEmpty(gained) ? 'L' : 'l'}eft the service tags: ${setInWords(lost)}`]),
  ].join('; ');
  const fold = (word: string, set: OracleSet): Found['gained'] => {
    const all = coverOf(set);
    if (all.length === 0) return undefined;
    const hidden = all.length - shown;
    return {
      summary: `${word}: ${setInWords(set)} in ${unit(BigInt(all.length), 'prefix', 'prefixes')} (the fewest that hold exactly these)`,
      values: [
        ...all.slice(0, shown),
        ...(hidden > 0 ? [`… and ${unit(BigInt(hidden), 'more prefix', 'more prefixes')}`] : []),
      ],
    };
  };
  const size = ({ gained: came, lost: went }: OracleChange, family: 'ipv4' | 'ipv6') =>
    BigInt(came[family].addresses) + BigInt(went[family].addresses);
  const rows = Object.entries(tags)
    .sort(([a, x], [b, y]) => {
      const [ipv4, ipv6] = (['ipv4', 'ipv6'] as const).map(
        (family) => size(y.space, family) - size(x.space, family),
      );
      const order = ipv4 !== 0n ? ipv4! : ipv6!;
      return order > 0n ? 1 : order < 0n ? -1 : a < b ? -1 : 1;
    })
    .map(([tag, { gained: came, lost: went, space: own }]) => {
      const [more, less] = [sizesOf(own.gained), sizesOf(own.lost)];
      return [
        tag,
        '–',
        cell(BigInt(came.length), BigInt(went.length)),
        cell(more.ipv4, less.ipv4),
        cell(more.ipv6, less.ipv6, ipv6Cell),
      ];
    });
  return {
    sentence: `${sentence}.`,
    addresses: `Addresses: ${isEmpty(gained) ? '' : `+ ${setInWords(gained)}, `}${isEmpty(lost) ? '' : `− ${setInWords(lost)}, `}now ${inWords({ ipv4: BigInt(now.ipv4), ipv6: BigInt(now.ipv6) })}.`,
    rows,
    moves: moves.map(({ from, to, addresses }) => `${setInWords(addresses)} moved from ${from} to ${to}`),
    covered: covered.map(({ tag, addresses }) => `${tag}: ${setInWords(addresses)}`),
    gained: fold('Gained', gained),
    lost: fold('Lost', lost),
  };
}

/** Puts the parts of a form, each found by a pattern of the form's, into one order for all forms. */
function find(
  lines: readonly string[],
  rows: Found['rows'],
  valuesAfter: (index: number) => string[],
): Found {
  const begins = (start: RegExp) => lines.find((line) => start.test(line)) ?? '';
  const fold = (word: string) => {
    const index = lines.findIndex((line) => line.startsWith(`${word}: `) && line.includes('the fewest'));
    return index < 0 ? undefined : { summary: lines[index]!, values: valuesAfter(index) };
  };
  return {
    sentence: begins(/^(Entered|Left) the service tags: /),
    addresses: begins(/^Addresses: /),
    rows,
    moves: lines.filter((line) => line.includes(' moved from ')),
    covered: lines.filter((line) => /^\w+: [\d,a-z ]+(IPv4|IPv6)[\w ,/]+$/.test(line)),
    gained: fold('Gained'),
    lost: fold('Lost'),
  };
}

function findInText(text: string): Found {
  const lines = text.split('\n').map((line) => line.trim());
  const head = lines.findIndex((line) => line.startsWith('Service tag '));
  const end = lines.findIndex((line, index) => index > head && !/ {2}/.test(line));
  const rows = lines.slice(head + 1, end).map((line) => line.split(/ {2,}/));
  return find(lines, rows, (index) => {
    const next = lines[index + 2] ?? '';
    return [...lines[index + 1]!.split(' '), ...(next.startsWith('… and ') ? [next] : [])];
  });
}

function findInMarkdown(text: string): Found {
  const plain = text
    .replaceAll('**', '')
    .replaceAll('`', '')
    .replaceAll(/\\(.)/g, '$1')
    .replaceAll(/<\/?(details|summary)>/g, '');
  const lines = plain.split('\n').map((line) => line.replace(/^- /, ''));
  const table = lines.filter((line) => line.startsWith('| ')).slice(2);
  const rows = table.map((line) =>
    line
      .split('|')
      .slice(1, 6)
      .map((part) => part.trim()),
  );
  return find(lines, rows, (index) => {
    const start = lines.indexOf('text', index) + 1;
    return lines.slice(start, lines.indexOf('', start));
  });
}

function textOfHtml(html: string): string {
  return html
    .replaceAll(/<[^>]*>/g, '')
    .replaceAll(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)));
}

function dataOfHtml(html: string): PageData {
  return JSON.parse(/<script type="application\/json" id="data">(.*?)<\/script>/s.exec(html)![1]!);
}

function findInHtml(html: string): Found {
  const main = /<main[\s\S]*<\/main>/.exec(html)![0];
  const rows = [...main.matchAll(/<tr>(<th scope="row"[\s\S]*?)<\/tr>/g)].map(([, row]) =>
    [...row!.matchAll(/<t[hd][^>]*>(.*?)<\/t[hd]>/g)].slice(0, 5).map(([, inner]) => textOfHtml(inner!)),
  );
  const blocks = [...main.matchAll(/<(p|li|summary|pre)\b[^>]*>([\s\S]*?)<\/\1>/g)].map(([, , inner]) =>
    textOfHtml(inner!),
  );
  return find(blocks, rows, (index) => blocks[index + 1]!.split('\n'));
}

/** The JSON form has no words: it is compared figure by figure. */
function expectJson(json: string, answer: WeekDifference): void {
  const [rule, ...others] = (JSON.parse(json) as ReviewDocument).rules;
  expect(others).toEqual([]);
  const side = ({ ipv4, ipv6 }: OracleSet) => ({
    ipv4: { addresses: ipv4.addresses, prefixes: ipv4.prefixes },
    ipv6: { addresses: ipv6.addresses, prefixes: ipv6.prefixes },
  });
  const bare = ({ ipv4, ipv6 }: ReviewDocument['rules'][number]['space']['gained']) => ({
    ipv4: { addresses: ipv4.addresses, prefixes: ipv4.prefixes },
    ipv6: { addresses: ipv6.addresses, prefixes: ipv6.prefixes },
  });
  for (const key of SIDES) expect(bare(rule!.space[key])).toEqual(side(answer.space[key]));
  expect(rule!.tags.map(({ tag }) => tag)).toEqual(Object.keys(answer.tags));
  for (const tag of rule!.tags) {
    const wanted = answer.tags[tag.tag]!;
    expect(tag.prefixes).toEqual({ gained: wanted.gained, lost: wanted.lost });
    for (const key of SIDES) expect(bare(tag.space[key])).toEqual(side(wanted.space[key]));
  }
  expect(rule!.moves.map(({ from, to, addresses }) => [from, to, bare(addresses)])).toEqual(
    answer.moves.map(({ from, to, addresses }) => [from, to, side(addresses)]),
  );
  expect(rule!.covered.map(({ tag, addresses }) => [tag, bare(addresses)])).toEqual(
    answer.covered.map(({ tag, addresses }) => [tag, side(addresses)]),
  );
}

/** What the page's script draws: the table of changes, the map and the bars. */
function expectPageData(data: PageData, answer: WeekDifference): void {
  const effects = {
    '+': { all: 'new to the tags', part: 'partly new', nothing: 'was in another tag' },
    '-': { all: 'left the tags', part: 'partly left', nothing: 'still in a tag' },
  } as const;
  const rows = Object.entries(answer.tags).flatMap(([tag, { gained, lost, gainedParts, lostParts }]) => [
    ...gained.map((prefix, index) => [tag, '+', prefix, effects['+'][gainedParts[index]!]]),
    ...lost.map((prefix, index) => [tag, '-', prefix, effects['-'][lostParts[index]!]]),
  ]);
  const shown = data.rows.map(([group, sign, what, effect]) => [
    data.groups[group]!.source,
    sign,
    what,
    data.effects[effect],
  ]);
  expect(shown.map(String).sort()).toEqual(rows.map(String).sort());
  const ranges = ({ ipv4 }: OracleSet) => ipv4.ranges.flat().map(Number);
  expect(data.map).toEqual({
    kept: ranges(answer.kept),
    gained: ranges(answer.space.gained),
    lost: ranges(answer.space.lost),
  });
  const bar = (set: OracleSet) => ({
    ipv4: Number(set.ipv4.addresses),
    ipv6: Number(set.ipv6.addresses) / 2 ** 64,
  });
  const bars = Object.entries(answer.tags)
    .map(([label, { space }]) => ({ label, gained: bar(space.gained), lost: bar(space.lost) }))
    .filter(({ gained, lost }) => gained.ipv4 + gained.ipv6 + lost.ipv4 + lost.ipv6 > 0);
  expect(new Map(data.bars.tags.map((one) => [one.label, one]))).toEqual(
    new Map(bars.map((one) => [one.label, one])),
  );
}

/** The figures at the top of the page. */
function expectTiles(html: string, { space }: WeekDifference): void {
  const tiles = [...html.matchAll(/<div><dt>([^<]*)<\/dt>(.*?)<\/div>/g)].map(([, name, values]) => [
    name,
    [...values!.matchAll(/<dd[^>]*>(.*?)<\/dd>/g)].map(([, value]) => textOfHtml(value!)).join(' '),
  ]);
  const [more, less] = [sizesOf(space.gained), sizesOf(space.lost)];
  expect(tiles).toEqual([
    ['IPv4 addresses', cell(more.ipv4, less.ipv4)],
    ['IPv6', cell(more.ipv6, less.ipv6, ipv6Cell)],
  ]);
}

describe.skipIf(!feedsAvailable)('the Markdown form of the largest week', () => {
  it('stays under 60,000 characters, folds its details, and counts what it leaves out', () => {
    const names = { before: '20200824', after: '20220502' };
    const review = reviewFeeds(realWeek('20200824'), realWeek('20220502'), names);
    const text = writeMarkdown(review);
    expect(text.length).toBeLessThan(60_000);
    expect(text.length).toBeGreaterThan(30_000);
    const [rule] = review.diff.rules;
    const count = (written: string | undefined) => Number((written ?? '0').replaceAll(',', ''));
    const cut = (noun: string, within = text) =>
      count(new RegExp(`… and ([\\d,]+) more ${noun}`).exec(within)?.[1]);
    const rows = text.match(/^\| `[^|]*` \| /gm)!.length;
    expect(rows + cut('tags')).toBe(rule!.tags.length);
    const moves = text.match(/^- .* moved from /gm)!.length;
    expect(moves + cut('moves')).toBe(rule!.moves.length);
    for (const [word, set] of [
      ['Gained', rule!.space.gained],
      ['Lost', rule!.space.lost],
    ] as const) {
      const [, fold] = new RegExp(`<details><summary>${word}: [^]*?\`\`\`text\n([^]*?)\`\`\``).exec(text)!;
      const shown = fold!.match(/^[0-9a-f.:]+\/\d+$/gm)!.length;
      expect(shown + cut('prefixes', fold)).toBe(set.toStrings().length);
    }
    expect(text.match(/<details>/g)!.length).toBe(text.match(/<\/details>/g)!.length);
  });
});

describe.skipIf(!feedsAvailable || lacks('python3'))('the review of real weeks, against Python', () => {
  it.each(PAIRS)('%s → %s: text, Markdown, JSON and HTML have its figures', (before, after) => {
    const answer = weekDifference(before, after, SELECTED);
    const review = reviewFeeds(realWeek(before), realWeek(after), { before, after }, new Set(SELECTED));
    // Nothing is compared with nothing.
    expect(Object.keys(answer.tags).length).toBeGreaterThan(0);

    const colors = pc.createColors(false);
    const text = findInText(writeText(review, { width: 100_000, colors }));
    expect(text).toEqual(expected(answer, 40));
    expect(findInMarkdown(writeMarkdown(review))).toEqual(expected(answer, 2_000));
    expectJson(writeJson(review), answer);
    const html = writeHtml(review, { script: '', style: '' });
    expect(findInHtml(html)).toEqual(expected(answer, 5_000));
    expectTiles(html, answer);
    expectPageData(dataOfHtml(html), answer);
  });
});
