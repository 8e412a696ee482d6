import { DualStackSet } from '../net/dual-stack-set.ts';
import { formatPrefix, type Prefix, readPrefixText } from '../net/prefix.ts';
import type { RuleFile } from '../targets/render.ts';

/** A prefix, or an address, between blanks, quotes or the ends of a line. */
const PREFIX = /(?<=^|[\s"'])(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f]*:[0-9a-f:.]*)(?:\/\d{1,3})?(?=$|[\s"';,])/i;

/**
 * A rule file whose lines of prefixes a hand left in any order, overlapping or twice, as the program would take them
 * and the strict reader can: lines that differ in their prefix alone are written as the exact cover of them all.
 */
export function inOrder({ path, text }: RuleFile): RuleFile {
  const lists = new Map<string, { readonly at: number; readonly prefixes: string[] }>();
  const kept: (string | undefined)[] = [];
  for (const line of text.replace(/\r/g, '').replace(/\n$/, '').split('\n')) {
    const match = line.startsWith('#') ? null : PREFIX.exec(line);
    // What looks like a prefix and is none is the reader's to name.
    if (match === null || prefixOf(match[0]) === undefined) {
      kept.push(line);
      continue;
    }
    const family = match[0].includes(':') ? '6' : '4';
    const key = `${family}\n${line.slice(0, match.index)}\n${line.slice(match.index + match[0].length)}`;
    const known = lists.get(key) ?? { at: kept.push(undefined) - 1, prefixes: [] };
    lists.set(key, known);
    known.prefixes.push(match[0]);
  }
  const written = new Map<number, string[]>();
  for (const [key, { at, prefixes }] of lists) {
    const [, before = '', after = ''] = key.split('\n');
    const cover = DualStackSet.fromPrefixes(prefixes.map((prefix) => prefixOf(prefix)!)).cover();
    written.set(
      at,
      cover.map((prefix) => `${before}${formatPrefix(prefix)}${after}`),
    );
  }
  const lines = kept.flatMap((line, index) => (line === undefined ? (written.get(index) ?? []) : [line]));
  return { path, text: `${lines.join('\n')}\n` };
}

function prefixOf(text: string): Prefix | undefined {
  return readPrefixText(text.includes('/') ? text : `${text}/${text.includes(':') ? 128 : 32}`);
}
