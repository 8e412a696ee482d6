import type { Prefix } from '../net/prefix.ts';
import { askedFor } from '../policy/asked-for.ts';
import { policyForClient } from '../policy/for-client.ts';
import type { Policy } from '../policy/policy.ts';
import type { Query } from '../policy/query.ts';
import { AllowlistError } from '../problem.ts';
import { type GitEnvironment, isBelowRepository, mayHaveRepository } from './below-repository.ts';
import { type FileHistory, historyOfFile } from './git-read.ts';
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

/** What is known of since when, and why not more. */
export interface SinceFound {
  /** Of a query that is not there nothing is known. */
  readonly since: ReadonlyMap<Query, Since>;
  /** Why it is not known, or only a lower bound; undefined where there is no history to be read. */
  readonly why: string | undefined;
}

/** So many revisions are read: two years of weeks. With all of AzureCloud each costs some 50 ms. */
const REVISIONS = 104;

/**
 * Since when each of the queries, all allowed by the tree as it is, has been asked for by its rules, by walking
 * back through the commits of its lock. Nothing is known where the tree is in no git repository, git does not
 * read it, or it was never committed.
 * @param environment git is started with it
 * @param options.limit revisions to read at most
 * @param options.client by whom; without it, by anybody
 */
export async function allowedSince(
  tree: OutputTree,
  queries: readonly Query[],
  environment: GitEnvironment,
  { limit = REVISIONS, client }: { readonly limit?: number; readonly client?: Prefix | undefined } = {},
): Promise<SinceFound> {
  const since = new Map<Query, Since>();
  if (queries.length === 0) return { since, why: undefined };
  const history = await historyOf(tree.where, environment);
  if (history === undefined || typeof history === 'string') return { since, why: history };
  const set = (query: Query, { feed }: Lock, commit: string | null) =>
    since.set(query, { fileDate: feed.fileDate ?? null, commit, atLeast: false });
  for (const query of queries) set(query, tree.lock, null);

  let pending = queries;
  let { policy } = tree;
  let why = history.complete
    ? undefined
    : 'the clone is shallow, its oldest revision need not be the first; `git fetch --unshallow` gets the rest';
  if (history.revisions.length > limit) why = `only the last ${limit} revisions are read`;
  const read = rememberingReader(history);
  for (const { commit } of history.revisions.slice(0, limit)) {
    if (pending.length === 0) break;
    const older = await revisionAt(tree.where, commit, read, policy);
    if (older === 'unreadable') {
      why = `this version cannot read the lock of commit ${commit.slice(0, 10)}`;
      break;
    }
    if (older === undefined) return { since, why: undefined };
    if (older.policy !== policy) {
      const asked = client === undefined ? older.policy : policyForClient(older.policy, client);
      pending = pending.filter((query) => askedFor(asked, query));
    }
    for (const query of pending) set(query, older.lock, commit);
    policy = older.policy;
  }
  if (why === undefined || pending.length === 0) return { since, why: undefined };
  for (const query of pending) since.set(query, { ...since.get(query)!, atLeast: true });
  return { since, why };
}

/** Undefined where there is none, as an output tree need not be in git; a reason where it cannot be read. */
async function historyOf(
  directory: string,
  environment: GitEnvironment,
): Promise<FileHistory | string | undefined> {
  if (!(await mayHaveRepository(directory, environment))) return undefined;
  try {
    const history = await historyOfFile(directory, LOCK_FILE);
    return history.revisions.length === 0 ? 'the output tree was never committed' : history;
  } catch (error) {
    if (!(error instanceof AllowlistError)) throw error;
    return (await isBelowRepository(directory)) ? error.message : undefined;
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
