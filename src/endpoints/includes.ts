import { dirname, resolve } from 'node:path';
import { AllowlistError } from '../problem.ts';
import { readRegularText } from '../regular-file.ts';
import type { LintFinding } from './lint.ts';

/** A Markdown document with what it includes put in. */
export interface WholeDocument {
  readonly text: string;
  /** The line of the document itself, from 1, that a line of the text comes from: of what is included, the line that includes it. */
  readonly lineOf: (line: number) => number;
  /** Includes that were not read. */
  readonly findings: readonly LintFinding[];
}

/** How Microsoft's articles include a file: a line of its own. */
const INCLUDE = /^[\s>]*\[!INCLUDE\s*\[[^\]]*\]\(([^)\s]+)\)\]/i;

/** Includes within includes, far beyond any article. */
const DEEPEST = 4;

/** Characters of a document with all that it includes. */
const LONGEST = 5_000_000;

/**
 * Puts the files that a document includes in the place of the lines that include them.
 * @param path the document's own; undefined where it is no file, and nothing can be included
 */
export async function withIncludes(text: string, path: string | undefined): Promise<WholeDocument> {
  const lines: string[] = [];
  const origins: number[] = [];
  const findings: LintFinding[] = [];
  let length = 0;
  const add = async (own: string, file: string | undefined, depth: number, at: number | undefined) => {
    for (const [index, line] of own.split(/\r\n|\r|\n/).entries()) {
      const origin = at ?? index + 1;
      const included = INCLUDE.exec(line)?.[1];
      if (included === undefined) {
        length += line.length + 1;
        if (length > LONGEST)
          throw new AllowlistError(`${path} has over ${LONGEST} characters with what it includes`);
        lines.push(line);
        origins.push(origin);
        continue;
      }
      const place =
        file === undefined || included.startsWith('~') ? undefined : resolve(dirname(file), included);
      const found =
        place === undefined || depth >= DEEPEST
          ? undefined
          : await readRegularText(place).catch(() => undefined);
      if (found === undefined)
        findings.push({
          rule: 'unread',
          where: `line ${origin}`,
          what: `${JSON.stringify(included)} is included, and was not read`,
          next: 'give the document in a clone of its repository',
        });
      else await add(found, place, depth + 1, origin);
    }
  };
  await add(text, path, 0, undefined);
  return { text: lines.join('\n'), lineOf: (line) => origins[line - 1] ?? line, findings };
}
