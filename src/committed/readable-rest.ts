import type { Admission } from '../policy/admission.ts';
import { AllowlistError } from '../problem.ts';
import type { RuleFile } from '../targets/render.ts';
import { inOrder } from './any-order.ts';

/** A line of an edited rule file that its format does not know: what the device makes of it is not known. */
export interface UnreadLine {
  /** Relative to the folder of the target. */
  readonly path: string;
  /** From 1, in the file as it stands. */
  readonly line: number;
  readonly text: string;
}

/** What the lines of edited rule files let through that can be read. */
export interface ReadableRest {
  readonly admission: Admission;
  readonly unread: readonly UnreadLine[];
}

/** With more such lines a file is another file, and what is left of it says nothing. */
const MOST_UNREAD = 20;

/**
 * Reads the files of a target without the lines that its format does not know, one after the other as the reader names
 * them; undefined where the reader names no line, where a line of a file is concerned that nobody edited, or where they are too many.
 * @param isEdited whether a file is not as it was written
 * @param read the reader of the format, which throws `AllowlistError` with `FILE:LINE: …` for such a line
 */
export function readableRest(
  files: readonly RuleFile[],
  isEdited: (path: string) => boolean,
  read: (files: readonly RuleFile[]) => Admission,
): ReadableRest | undefined {
  // Prefixes in another order, or twice, are what a program takes and the reader does not.
  const inItsOrder = files.map((file) => (isEdited(file.path) ? inOrder(file) : file));
  return withoutUnread(inItsOrder, files, isEdited, read) ?? withoutUnread(files, files, isEdited, read);
}

function withoutUnread(
  files: readonly RuleFile[],
  asTheyStand: readonly RuleFile[],
  isEdited: (path: string) => boolean,
  read: (files: readonly RuleFile[]) => Admission,
): ReadableRest | undefined {
  let rest = files;
  const unread: UnreadLine[] = [];
  for (;;) {
    let failure: unknown;
    try {
      return { admission: read(rest), unread };
    } catch (error) {
      failure = error;
    }
    const place = placeOf(failure, rest);
    if (place === undefined || !isEdited(place.path) || unread.length === MOST_UNREAD) return undefined;
    const { path, index } = place;
    const lines = rest.find((file) => file.path === path)!.text.split('\n');
    const [text = ''] = lines.splice(index, 1);
    unread.push({ path, line: lineOf(text, path, asTheyStand, unread), text });
    rest = rest.map((file) => (file.path === path ? { ...file, text: lines.join('\n') } : file));
  }
}

/** The file and line that a reader's message begins with. */
function placeOf(
  error: unknown,
  files: readonly RuleFile[],
): { readonly path: string; readonly index: number } | undefined {
  if (!(error instanceof AllowlistError)) throw error;
  const [, path = '', line = ''] = /^(.+?):(\d+): /.exec(error.message) ?? [];
  const file = files.find((one) => one.path === path);
  const index = Number(line) - 1;
  return file === undefined || index < 0 || index >= file.text.split('\n').length
    ? undefined
    : { path, index };
}

/** Where a line stands in the file; of several alike, the first that was not named yet. */
function lineOf(
  text: string,
  path: string,
  files: readonly RuleFile[],
  named: readonly UnreadLine[],
): number {
  const taken = new Set(named.filter((one) => one.path === path).map(({ line }) => line));
  const lines = files.find((file) => file.path === path)!.text.split('\n');
  return lines.findIndex((one, index) => one === text && !taken.has(index + 1)) + 1;
}
