import { askedFor } from '../policy/asked-for.ts';
import type { Policy } from '../policy/policy.ts';
import type { Query } from '../policy/query.ts';
import { AllowlistError } from '../problem.ts';
import { type FileHistory, historyOfFile } from './git.ts';
import { LOCK_FILE, type Lock, parseLock } from './lock.ts';
import { type OutputTree, readOutputTree } from './output-tree.ts';

/** Since when the rules of an output tree have asked for something without interruption. */
export interface Since {
  /** YYYY-MM-DD, of the feed of that revision; null where it has none. */
  readonly fileDate: string | null;
  /** Null where only the working tree has it. */
  readonly commit: string | null;
  /** It may have been longer: the history is longer than is read, cut off (a shallow clone), or not readable. */
  readonly atLeast: boolean;
}

/** So many revisions are read: two years of weeks. With all of AzureCloud each costs some 50 ms. */
const REVISIONS = 104;

/**
 * Since when each of the queries, all allowed by the tree as it is, has been asked for by its rules, by walking
 * back through the commits of its lock. Empty where the tree is in no git repository or was never committed.
 * @param limit revisions to read at most
 */
export async function allowedSince(
  tree: OutputTree,
  queries: readonly Query[],
  limit = REVISIONS,
): Promise<ReadonlyMap<Query, Since>> {
  const since = new Map<Query, Since>();
  const history = queries.length === 0 ? undefined : await historyOf(tree.where);
  if (history === undefined) return since;
  const set = (query: Query, { feed }: Lock, commit: string | null) =>
    since.set(query, { fileDate: feed.fileDate ?? null, commit, atLeast: false });
  for (const query of queries) set(query, tree.lock, null);

  let pending = queries;
  let { policy } = tree;
  let cut = history.revisions.length > limit || !history.complete;
  const read = rememberingReader(history);
  for (const { commit } of history.revisions.slice(0, limit)) {
    if (pending.length === 0) break;
    const older = await revisionAt(tree.where, commit, read, policy);
    if (older === 'unreadable') {
      cut = true;
      break;
    }
    if (older === undefined) return since;
    if (older.policy !== policy) pending = pending.filter((query) => askedFor(older.policy, query));
    for (const query of pending) set(query, older.lock, commit);
    policy = older.policy;
  }
  if (cut) for (const query of pending) since.set(query, { ...since.get(query)!, atLeast: true });
  return since;
}

/** Undefined where there is none: an output tree need not be in git. */
async function historyOf(directory: string): Promise<FileHistory | undefined> {
  try {
    const history = await historyOfFile(directory, LOCK_FILE);
    return history.revisions.length === 0 ? undefined : history;
  } catch (error) {
    if (error instanceof AllowlistError) return undefined;
    throw error;
  }
}

/** Reads a file at a commit, whose SHA-256 the lock of that commit tells. */
type DigestReader = (commit: string, path: string, digest: string | undefined) => Promise<string | undefined>;

/** Most tags do not change from week to week: a file is read only where it differs from when it was read last. */
function rememberingReader({ read }: FileHistory): DigestReader {
  const last = new Map<string, { readonly digest: string; readonly text: string }>();
  return async (commit, path, digest) => {
    const known = last.get(path);
    if (known !== undefined && known.digest === digest) return known.text;
    const text = await read(commit, path);
    if (text !== undefined && digest !== undefined) last.set(path, { digest, text });
    return text;
  };
}

/** The lock and the policy of a revision; undefined where a commit removed the tree. */
async function revisionAt(
  directory: string,
  commit: string,
  read: DigestReader,
  newer: Policy,
): Promise<{ readonly lock: Lock; readonly policy: Policy } | undefined | 'unreadable'> {
  const where = `${commit.slice(0, 10)}:${directory}`;
  try {
    const text = await read(commit, LOCK_FILE, undefined);
    if (text === undefined) return undefined;
    const lock = parseLock(text, where);
    // The same rules with the same addresses: there is nothing else to read.
    if (lock.policy.digest === newer.digest) return { lock, policy: newer };
    return await readOutputTree({
      where,
      // The lock and the snapshot say all.
      read: async (path) => {
        if (path === LOCK_FILE) return text;
        return path.startsWith('snapshot/') ? read(commit, path, lock.files[path]) : undefined;
      },
    });
  } catch (error) {
    if (error instanceof AllowlistError) return 'unreadable';
    throw error;
  }
}
