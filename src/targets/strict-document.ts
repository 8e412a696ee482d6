import { parse } from 'yaml';
import type { z } from 'zod';
import type { PortRange, PortSet as Ports } from '../net/ports.ts';
import { PortSet } from '../net/ports.ts';
import { ReadBackError, readAt } from './read-back.ts';
import type { RuleFile } from './render.ts';

/**
 * Reads a file that is one YAML or JSON document, and holds it to just what the target writes.
 * @throws ReadBackError for what is no such document, naming the field
 */
export function readDocument<T>({ path, text }: RuleFile, schema: z.ZodType<T>): T {
  const document: unknown = readAt(path, () => parse(text, { strict: true, uniqueKeys: true }));
  const parsed = schema.safeParse(document);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new ReadBackError(`${path}: ${issue!.path.join('.')}: ${issue!.message}`);
}

/** Ports as a document lists them, apart from each other. @throws RangeError for some that overlap or touch */
export function portsApart(ranges: readonly PortRange[]): Ports {
  const set = PortSet.fromRanges(ranges);
  if (set.ranges.length !== ranges.length) throw new RangeError('ports that overlap or touch');
  return set;
}

/** The settings that all files must share. @throws ReadBackError where two differ */
export function sharedSettings<T extends object>(all: readonly T[], differ: string): T | undefined {
  const found = new Map(all.map((settings) => [JSON.stringify(settings), settings]));
  if (found.size > 1) throw new ReadBackError(differ);
  return [...found.values()][0];
}

/**
 * The one document of a target that has no place for comments, beside the `about.txt` that has them.
 * @throws ReadBackError for other files, and for a line of `about.txt` that is no comment
 */
export function documentBesideAbout(files: readonly RuleFile[], path: string): RuleFile {
  const paths = files.map((file) => file.path).sort();
  if (paths.join() !== ['about.txt', path].sort().join())
    throw new ReadBackError(`about.txt and ${path} are expected, not ${paths.join(', ')}`);
  commentsIn(files, 'about.txt');
  return files.find((file) => file.path === path)!;
}

/** @throws ReadBackError where a file that only has comments is not there, or has a line that is none */
export function commentsIn(files: readonly RuleFile[], path: string): void {
  if (!/^(#.*\n)*$/.test(files.find((file) => file.path === path)?.text ?? '-'))
    throw new ReadBackError(`${path}: holds a line that is no comment`);
}
