import { createHash } from 'node:crypto';
import type { TargetInForce } from './in-force.ts';
import type { OutputTree } from './output-tree.ts';
import { Remembered } from './remembered.ts';

/** A tree, and what its rule files let through. */
export interface ReadTree {
  readonly tree: OutputTree;
  readonly inForce: ReadonlyMap<string, TargetInForce>;
}

/** How many trees are remembered: sites are of few kinds, and what a kind comes to is large. */
const MOST = 16;

/** Trees that were read, by what their files say: those of sites that are alike are read back once. */
export class KnownTrees {
  readonly #trees = new Remembered<ReadTree>(MOST);
  readonly #contents = new WeakMap<OutputTree, string>();

  /** Reads a tree, or takes one of the same files, with its own name. @param files by path */
  async read(
    where: string,
    files: ReadonlyMap<string, string>,
    read: () => Promise<ReadTree | undefined>,
  ): Promise<ReadTree | undefined> {
    // A format of a user's own stands where the tree says, seen from the tree.
    if ([...files].some(([path, text]) => path.endsWith('.lock.json') && text.includes('"template":')))
      return read();
    const content = contentOf(files);
    const remembered = this.#trees.get(content);
    const known = remembered ?? (await read());
    if (known === undefined) return undefined;
    if (remembered === undefined) this.#trees.offer(content, known);
    const tree = { ...known.tree, where };
    this.#contents.set(tree, content);
    return { tree, inForce: known.inForce };
  }

  /** A digest of what the files of a tree say; undefined for one that was not read here. */
  contentOf(tree: OutputTree): string | undefined {
    return this.#contents.get(tree);
  }
}

function contentOf(files: ReadonlyMap<string, string>): string {
  const hash = createHash('sha256');
  for (const [path, text] of [...files].sort(([a], [b]) => (a < b ? -1 : 1)))
    hash.update(`${path.length} ${text.length} ${path}`).update(text);
  return hash.digest('hex');
}
