import { join } from 'node:path';
import type { DualStackSet } from '../net/dual-stack-set.ts';
import { PrefixListError, parsePrefixList } from '../net/prefix-list.ts';
import { AllowlistError } from '../problem.ts';
import { fileDigest, type OutputTree } from './output-tree.ts';

/**
 * The addresses of all tags of the feed that the tree was made from, selected or not: what the next change
 * gains beyond them is new to Azure. Neither a snapshot, which lies in a folder, nor a target's folder, whose
 * name has no dot, can have this name.
 */
export const AZURE_SPACE_FILE = 'azure-space.txt';

/** The file's text: the exact cover, a prefix a line, IPv4 first, in numeric order. */
export function formatAzureSpace(space: DualStackSet): string {
  return space
    .toStrings()
    .map((prefix) => `${prefix}\n`)
    .join('');
}

/**
 * The addresses that a tree's file holds; undefined for a tree of an earlier version, which has none.
 * @throws AllowlistError for a file that is missing, or is not as it was generated
 */
export function azureSpaceOf({ where, lock, files }: OutputTree): DualStackSet | undefined {
  const digest = lock.files[AZURE_SPACE_FILE];
  if (digest === undefined) return undefined;
  const path = join(where, AZURE_SPACE_FILE);
  const text = files.get(AZURE_SPACE_FILE);
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
