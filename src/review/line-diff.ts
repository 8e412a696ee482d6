/** One line of a difference: kept, added or removed, with its number (from 1) where it stands. */
export interface DiffLine {
  readonly sign: ' ' | '+' | '-';
  readonly text: string;
  readonly before: number | undefined;
  readonly after: number | undefined;
}

/**
 * The difference of two texts, line by line, by patience: lines that occur once on both sides and keep their
 * order are the anchors; what lies between two anchors is removed and added. Rule files are sorted lists
 * whose lines are nearly all unique, for which this is exact and takes no more than a sort.
 */
export function diffLines(before: string, after: string): DiffLine[] {
  const old = linesOf(before);
  const now = linesOf(after);
  const result: DiffLine[] = [];
  walk(old, now, { from: 0, to: old.length }, { from: 0, to: now.length }, result);
  return result;
}

/** A run of changed lines with `context` kept lines around it. */
export type Hunk = readonly DiffLine[];

/** The changed lines in runs; runs that lie closer than twice the context are one. */
export function hunksOf(lines: readonly DiffLine[], context = 3): Hunk[] {
  const hunks: DiffLine[][] = [];
  let end = -1;
  for (const [index, line] of lines.entries()) {
    if (line.sign === ' ') continue;
    const start = Math.max(index - context, 0);
    if (hunks.length > 0 && start <= end) hunks.at(-1)!.push(...lines.slice(end, index + context + 1));
    else hunks.push(lines.slice(start, index + context + 1));
    end = Math.max(end, Math.min(index + context + 1, lines.length));
  }
  return hunks;
}

interface Span {
  readonly from: number;
  readonly to: number;
}

function walk(old: readonly string[], now: readonly string[], a: Span, b: Span, result: DiffLine[]): void {
  let [from, to] = [a.from, a.to];
  let [start, end] = [b.from, b.to];
  while (from < to && start < end && old[from] === now[start]) keep(old[from++]!, from, ++start, result);
  const tail: [string, number, number][] = [];
  while (from < to && start < end && old[to - 1] === now[end - 1]) tail.push([old[to - 1]!, to--, end--]);
  const anchors = findAnchors(old, now, { from, to }, { from: start, to: end });
  if (anchors.length === 0) {
    for (let i = from; i < to; i++)
      result.push({ sign: '-', text: old[i]!, before: i + 1, after: undefined });
    for (let i = start; i < end; i++)
      result.push({ sign: '+', text: now[i]!, before: undefined, after: i + 1 });
  } else {
    for (const [i, j] of anchors) {
      walk(old, now, { from, to: i }, { from: start, to: j }, result);
      keep(old[i]!, i + 1, j + 1, result);
      from = i + 1;
      start = j + 1;
    }
    walk(old, now, { from, to }, { from: start, to: end }, result);
  }
  for (const [text, before, after] of tail.reverse()) keep(text, before, after, result);
}

function keep(text: string, before: number, after: number, result: DiffLine[]): void {
  result.push({ sign: ' ', text, before, after });
}

/** Pairs of equal lines, each unique in its span, that keep their order: the longest such chain. */
function findAnchors(old: readonly string[], now: readonly string[], a: Span, b: Span): [number, number][] {
  const places = new Map<string, { old: number; now: number }>();
  const note = (lines: readonly string[], { from, to }: Span, side: 'old' | 'now') => {
    for (let i = from; i < to; i++) {
      const place = places.get(lines[i]!) ?? { old: -1, now: -1 };
      place[side] = place[side] === -1 ? i : -2;
      places.set(lines[i]!, place);
    }
  };
  note(old, a, 'old');
  note(now, b, 'now');
  const pairs = [...places.values()].filter((place) => place.old >= 0 && place.now >= 0);
  pairs.sort((x, y) => x.old - y.old);
  return longestIncreasing(pairs);
}

/** The longest chain in which `now` increases, by piles of cards. */
function longestIncreasing(pairs: readonly { old: number; now: number }[]): [number, number][] {
  const piles: number[] = [];
  const previous: number[] = [];
  for (const [index, { now }] of pairs.entries()) {
    let low = 0;
    let high = piles.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (pairs[piles[middle]!]!.now < now) low = middle + 1;
      else high = middle;
    }
    previous[index] = low > 0 ? piles[low - 1]! : -1;
    piles[low] = index;
  }
  const chain: [number, number][] = [];
  for (let index = piles.at(-1) ?? -1; index >= 0; index = previous[index]!)
    chain.push([pairs[index]!.old, pairs[index]!.now]);
  return chain.reverse();
}

function linesOf(text: string): string[] {
  return text === '' ? [] : text.replace(/\n$/, '').split('\n');
}
