import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { realpath } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { AllowlistError } from '../problem.ts';
import { repositoryAbove } from './below-repository.ts';
import { openGit } from './git-read.ts';
import { type CommittedTree, findQuickly, readGitTree } from './git-tree.ts';
import { nearestFolder } from './nearest-folder.ts';

/** Reads directories as a revision has them; as `readGitTree` does. */
export type TreeOfRevision = (directory: string, revision: string) => Promise<CommittedTree | undefined>;

/** Reads many directories of few repositories, with one process a repository instead of three a directory. */
export interface CommittedTrees {
  /** All directories of a repository are read from the commit that the revision was when the first of them was. */
  readonly read: TreeOfRevision;
  /** Ends the processes. */
  readonly close: () => void;
}

/** Opens a reader; its owner closes it. */
export function openCommittedTrees(): CommittedTrees {
  const opened = new Map<string, Promise<Revision | undefined>>();
  return {
    read: async (directory, revision) => {
      const place = await nearestFolder(directory);
      const real = await realpath(place);
      const top = (await repositoryAbove(real))?.top;
      if (top === undefined) return readGitTree(directory, revision);
      const key = `${revision}\0${top}`;
      const found = opened.get(key) ?? openRevision(top, revision);
      opened.set(key, found);
      const of = await found;
      // Whatever stands in the way is explained there.
      if (of === undefined) return readGitTree(directory, revision);
      return of.read(relative(top, join(real, relative(place, directory))));
    },
    close: () => {
      for (const one of opened.values())
        one.then(
          (revision) => revision?.close(),
          () => undefined,
        );
      opened.clear();
    },
  };
}

async function openRevision(top: string, revision: string): Promise<Revision | undefined> {
  const found = await findQuickly(await openGit(top, {}), revision, '').catch(() => undefined);
  return found === undefined ? undefined : new Revision(top, found.commit, found.tree);
}

interface Entry {
  readonly mode: string;
  readonly object: string;
}

/** One commit of a repository, read object by object. */
class Revision {
  readonly #objects: ObjectReader;
  readonly #commit: string;
  readonly #tree: string;
  /** The folders on the way to the directories. */
  readonly #folders = new Map<string, Promise<ReadonlyMap<string, Entry>>>();

  constructor(top: string, commit: string, tree: string) {
    this.#objects = new ObjectReader(top);
    this.#commit = commit;
    this.#tree = tree;
  }

  async read(below: string): Promise<CommittedTree | undefined> {
    let tree = this.#tree;
    for (const name of below.split(sep).filter((part) => part !== '')) {
      const entry = (await this.#folder(tree)).get(name);
      if (entry === undefined || !isFolder(entry)) return undefined;
      tree = entry.object;
    }
    const files: [string, Promise<Buffer>][] = [];
    await this.#list(tree, '', files);
    const texts = await Promise.all(
      files.map(async ([path, bytes]): Promise<[string, string]> => [path, (await bytes).toString('utf8')]),
    );
    return { commit: this.#commit, files: new Map(texts.sort(([a], [b]) => (a < b ? -1 : 1))) };
  }

  close(): void {
    this.#objects.close();
  }

  #folder(tree: string): Promise<ReadonlyMap<string, Entry>> {
    const known = this.#folders.get(tree);
    if (known !== undefined) return known;
    const read = this.#objects.read(tree).then((bytes) => entriesOf(bytes, tree.length / 2));
    this.#folders.set(tree, read);
    return read;
  }

  async #list(tree: string, prefix: string, files: [string, Promise<Buffer>][]): Promise<void> {
    const entries = entriesOf(await this.#objects.read(tree), tree.length / 2);
    for (const [name, entry] of entries)
      if (isFolder(entry)) await this.#list(entry.object, `${prefix}${name}/`, files);
      else if (entry.mode.startsWith('100')) {
        const bytes = this.#objects.read(entry.object);
        // Whoever waits for all of them is told.
        bytes.catch(() => undefined);
        files.push([`${prefix}${name}`, bytes]);
      }
  }
}

const isFolder = ({ mode }: Entry): boolean => mode === '40000';

/** The entries of a folder as git keeps it: mode, name, the id in bytes. */
function entriesOf(bytes: Buffer, idLength: number): ReadonlyMap<string, Entry> {
  const entries = new Map<string, Entry>();
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(0x20, at);
    const end = bytes.indexOf(0, space);
    const next = end + 1 + idLength;
    entries.set(bytes.toString('utf8', space + 1, end), {
      mode: bytes.toString('latin1', at, space),
      object: bytes.toString('hex', end + 1, next),
    });
    at = next;
  }
  return entries;
}

interface Asked {
  readonly object: string;
  readonly done: (bytes: Buffer) => void;
  readonly fail: (error: AllowlistError) => void;
}

/** Objects of a repository by their ids, from one `git cat-file --batch`. */
class ObjectReader {
  readonly #directory: string;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #asked: Asked[] = [];
  #chunks: Buffer[] = [];
  #length = 0;
  /** How many bytes the next answer has with its head; unknown until that has come. */
  #wanted = 0;
  #said = '';
  #ended: AllowlistError | undefined;

  constructor(directory: string) {
    this.#directory = directory;
    this.#child = spawn('git', ['cat-file', '--batch'], { cwd: directory });
    this.#child.stdout.on('data', (chunk: Buffer) => this.#take(chunk));
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#said += text;
    });
    this.#child.stdin.on('error', () => undefined);
    this.#child.on('error', (error) => this.#end(error.message));
    this.#child.on('close', () => this.#end(this.#said.trim()));
  }

  read(object: string): Promise<Buffer> {
    return new Promise((done, fail) => {
      if (this.#ended !== undefined) {
        fail(this.#ended);
        return;
      }
      this.#asked.push({ object, done, fail });
      this.#child.stdin.write(`${object}\n`);
    });
  }

  close(): void {
    this.#child.stdin.end();
  }

  #take(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    if (this.#length < this.#wanted) return;
    let bytes = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks);
    for (;;) {
      this.#wanted = 0;
      const end = bytes.indexOf(10);
      if (end < 0) break;
      const head = bytes.toString('latin1', 0, end);
      const size = Number(/^[0-9a-f]+ (?:blob|tree) (\d+)$/.exec(head)?.[1]);
      if (!Number.isInteger(size)) {
        this.#end(head);
        this.#child.kill();
        return;
      }
      this.#wanted = end + 1 + size + 1;
      if (bytes.length < this.#wanted) break;
      this.#asked.shift()?.done(bytes.subarray(end + 1, end + 1 + size));
      bytes = bytes.subarray(this.#wanted);
    }
    this.#chunks = bytes.length === 0 ? [] : [bytes];
    this.#length = bytes.length;
  }

  #end(what: string): void {
    this.#ended ??= new AllowlistError(
      `git cannot read ${this.#directory}: ${what === '' ? 'it has ended' : what}`,
    );
    for (const { fail } of this.#asked.splice(0)) fail(this.#ended);
  }
}
