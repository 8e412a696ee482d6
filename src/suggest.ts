import { distance } from 'fastest-levenshtein';

/** A word this many edits away, per letter of the longer one, is no longer a plausible slip of the pen. */
const TOLERANCE = 0.4;

/**
 * The candidates that `word` was most likely meant to be, best first, at most `limit` of them (3).
 * Upper and lower case do not matter. A candidate qualifies by few edits (Levenshtein) or by containing the word;
 * of equally near ones the alphabetically first is first, so that messages do not depend on the candidates' order.
 */
export function closest(word: string, candidates: Iterable<string>, limit = 3): string[] {
  const wanted = word.toLowerCase();
  const near: { readonly candidate: string; readonly edits: number }[] = [];
  for (const candidate of new Set(candidates)) {
    const text = candidate.toLowerCase();
    const edits = distance(wanted, text);
    const contains = wanted.length >= 3 && text.includes(wanted);
    if (contains || edits <= Math.max(wanted.length, text.length) * TOLERANCE)
      near.push({ candidate, edits });
  }
  near.sort((a, b) => a.edits - b.edits || (a.candidate < b.candidate ? -1 : 1));
  return near.slice(0, limit).map(({ candidate }) => candidate);
}
