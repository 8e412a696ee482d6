import type { AddressSet } from '../../net/address-set.ts';
import { DualStackSet } from '../../net/dual-stack-set.ts';
import { formatPrefix, type Prefix } from '../../net/prefix.ts';
import { bySizeDown } from '../../policy/diff/change.ts';
import type { RuleDiff } from '../../policy/diff/rules.ts';
import type { TagDiff } from '../../policy/diff/tags.ts';
import { diffLines, hunksOf } from '../line-diff.ts';
import type { Review } from '../review.ts';
import type { FileReview } from '../targets.ts';
import { namesInWords } from '../wording.ts';
import type { Bar, PageData, PageFile, PageLine, Ranges, Row, RowGroup } from './page-data.ts';

/** Changed lines of one rule file that the page holds; the rest are counted. */
const LINES_SHOWN = 4_000;

/** Longest line that the page holds; a PAC file has whole tables on one. */
const LINE_LENGTH = 400;

export function makePageData(review: Review): PageData {
  const { rules } = review.diff;
  const groups: RowGroup[] = [];
  const rows: Row[] = [];
  for (const rule of rules) addRows(rule, groups, rows);
  return {
    groups,
    rows,
    effects: review.scope === 'feeds' ? FEED_EFFECTS : EFFECTS,
    map: {
      kept: ranges(unite(rules, ({ space }) => space.before.intersection(space.after)).ipv4),
      gained: ranges(unite(rules, ({ space }) => space.gained).ipv4),
      lost: ranges(unite(rules, ({ space }) => space.lost).ipv4),
    },
    bars: { tags: tagBars(rules), regions: regionBars(rules) },
    files: changedFiles(review),
  };
}

/** In the order of `effectOf`. */
const EFFECTS = [
  'newly allowed',
  'partly new',
  'was allowed already',
  'no longer allowed',
  'partly still allowed',
  'still allowed',
] as const;
const FEED_EFFECTS = [
  'new to the tags',
  'partly new',
  'was in another tag',
  'left the tags',
  'partly left',
  'still in a tag',
] as const;

function addRows(rule: RuleDiff, groups: RowGroup[], rows: Row[]): void {
  const group = (source: string, region: string) => groups.push({ rule: rule.rule, source, region }) - 1;
  const names = group('names', '');
  for (const name of namesInWords(rule.names.gained)) rows.push([names, '+', name, 0]);
  for (const name of namesInWords(rule.names.lost)) rows.push([names, '-', name, 3]);
  const sources: { source: string; region: string; prefixes: TagDiff['prefixes'] }[] = [
    { source: 'configured', region: '', prefixes: rule.prefixes },
    ...[...rule.tags]
      .sort((a, b) => bySizeDown(a.space.gained.union(a.space.lost), b.space.gained.union(b.space.lost)))
      .map(({ tag, region, prefixes }) => ({ source: tag, region, prefixes })),
  ];
  for (const { source, region, prefixes } of sources) {
    if (prefixes.gained.length + prefixes.lost.length === 0) continue;
    const index = group(source, region);
    for (const prefix of prefixes.gained)
      rows.push([index, '+', formatPrefix(prefix), effectOf(prefix, rule.space.gained)]);
    for (const prefix of prefixes.lost)
      rows.push([index, '-', formatPrefix(prefix), 3 + effectOf(prefix, rule.space.lost)]);
  }
}

/** 0: all of the prefix is in the set; 1: a part; 2: nothing. */
function effectOf(prefix: Prefix, set: DualStackSet): 0 | 1 | 2 {
  if (set.containsPrefix(prefix)) return 0;
  const family = prefix.family === 4 ? set.ipv4 : set.ipv6;
  // The first address of the set at or above the prefix's own shows whether they meet.
  const near = family.nearestAtOrAbove(prefix.first);
  const size = 1n << BigInt((prefix.family === 4 ? 32 : 128) - prefix.length);
  return near !== undefined && near < prefix.first + size ? 1 : 2;
}

function unite(rules: readonly RuleDiff[], of: (rule: RuleDiff) => DualStackSet): DualStackSet {
  return DualStackSet.union(rules.map(of));
}

function ranges(set: AddressSet): Ranges {
  return [...set.ranges()].flatMap(({ first, last }) => [Number(first), Number(last)]);
}

function tagBars(rules: readonly RuleDiff[]): Bar[] {
  const byTag = new Map<string, TagDiff[]>();
  for (const { tags } of rules)
    for (const tag of tags) byTag.set(tag.tag, [...(byTag.get(tag.tag) ?? []), tag]);
  return bars(byTag);
}

/** United within a region: tags of one region overlap. */
function regionBars(rules: readonly RuleDiff[]): Bar[] {
  const byRegion = new Map<string, TagDiff[]>();
  for (const { tags } of rules)
    for (const tag of tags) {
      const region = tag.region === '' ? 'no region' : tag.region;
      byRegion.set(region, [...(byRegion.get(region) ?? []), tag]);
    }
  return bars(byRegion);
}

function bars(groups: ReadonlyMap<string, readonly TagDiff[]>): Bar[] {
  return [...groups]
    .map(([label, tags]) => {
      const gained = DualStackSet.union(tags.map(({ space }) => space.gained));
      const lost = DualStackSet.union(tags.map(({ space }) => space.lost));
      return { label, gained: sizes(gained), lost: sizes(lost), size: gained.union(lost) };
    })
    .filter(({ size }) => !size.isEmpty)
    .sort((a, b) => bySizeDown(a.size, b.size) || (a.label < b.label ? -1 : 1))
    .map(({ label, gained, lost }) => ({ label, gained, lost }));
}

function sizes({ ipv4, ipv6 }: DualStackSet): Bar['gained'] {
  return { ipv4: Number(ipv4.size), ipv6: Number(ipv6.size) / 2 ** 64 };
}

function changedFiles({ targets }: Review): PageFile[] {
  return targets.flatMap(({ id, files }) =>
    files
      .filter(({ presence }) => presence !== 'unchanged')
      .map((file) => pageFile(`${id}/${file.path}`, file)),
  );
}

function pageFile(path: string, { before = '', after = '' }: FileReview): PageFile {
  const hunks: PageLine[][] = [];
  let room = LINES_SHOWN;
  let hidden = 0;
  for (const hunk of hunksOf(diffLines(before, after))) {
    const lines: PageLine[] = [];
    for (const line of hunk) {
      if (room > 0) {
        lines.push([line.sign, line.before ?? 0, line.after ?? 0, shorten(line.text)]);
        room--;
      } else if (line.sign !== ' ') hidden++;
    }
    if (lines.length > 0) hunks.push(lines);
  }
  return { path, hunks, hidden };
}

function shorten(text: string): string {
  return text.length <= LINE_LENGTH ? text : `${text.slice(0, LINE_LENGTH)} … (${text.length} characters)`;
}
