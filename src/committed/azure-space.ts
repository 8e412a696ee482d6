import { join } from 'node:path';
import { DualStackSet } from '../net/dual-stack-set.ts';
import { PrefixListError, parsePrefixList } from '../net/prefix-list.ts';
import { AllowlistError } from '../problem.ts';
import { fileDigest, type OutputTree } from './output-tree.ts';

/**
 * The addresses of all tags of the feed that the tree was made from, selected or not: what the next change
 * gains beyond them is new to Azure. Neither a snapshot, which lies in a folder, nor a target's folder, whose
 * name has no dot, can have this name.
 */
export const AZURE_SPACE_FILE = 'azure-space.txt';

/**
 * The addresses that earlier feeds had, as far back as the tree goes, and the one that it was made from has not: what
 * comes back is not new to Azure. A file of its own, as the other is proved against a weekly file; without such addresses
 * there is none.
 */
export const EARLIER_SPACE_FILE = 'azure-space-earlier.txt';

/** The files of a tree by which it remembers address space. */
export const SPACE_FILES: readonly string[] = [AZURE_SPACE_FILE, EARLIER_SPACE_FILE];

/** The file's text: the exact cover, a prefix a line, IPv4 first, in numeric order. */
export function formatAzureSpace(space: DualStackSet): string {
  return space
    .toStrings()
    .map((prefix) => `${prefix}\n`)
    .join('');
}

/**
 * The addresses of the feed that a tree was made from; undefined for a tree of an earlier version, which does not tell them.
 * @throws AllowlistError for a file that is missing, or is not as it was generated
 */
export function azureSpaceOf(tree: OutputTree): DualStackSet | undefined {
  return readSpace(tree, AZURE_SPACE_FILE);
}

/**
 * The addresses that any feed had which a tree was made from, as far back as it tells; undefined for a tree of an earlier
 * version, which tells none.
 * @throws AllowlistError for a file that is missing, or is not as it was generated
 */
export function knownSpaceOf(tree: OutputTree): DualStackSet | undefined {
  const earlier = readSpace(tree, EARLIER_SPACE_FILE);
  return readSpace(tree, AZURE_SPACE_FILE)?.union(earlier ?? DualStackSet.empty);
}

/**
 * What one of the files of space holds; undefined where the lock names no such file.
 * @throws AllowlistError for a file that is missing, or is not as it was generated
 */
export function readSpace({ where, lock, files }: OutputTree, name: string): DualStackSet | undefined {
  const digest = lock.files[name];
  if (digest === undefined) return undefined;
  const path = join(where, name);
  const text = files.get(name);
  if (text === undefined)
    throw new AllowlistError(`${path} is missing, but the lock names it; restore it from the repository`);
  if (fileDigest(text) !== digest)
    throw new AllowlistError(`${path} was edited after it was generated; restore it from the repository`);
  const space = parse(text, path);
  if (formatAzureSpace(space) !== text)
    throw new AllowlistError(
      `${path} is not an exact cover, a prefix a line in numeric order; restore it from the repository`,
    );
  return space;
}

function parse(text: string, path: string): DualStackSet {
  try {
    return parsePrefixList(Buffer.from(text));
  } catch (error) {
    if (!(error instanceof PrefixListError)) throw error;
    throw new AllowlistError(`${path}: ${error.message}; restore it from the repository`, [], {
      cause: error,
    });
  }
}
