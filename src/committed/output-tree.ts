import { join } from 'node:path';
import type { DualStackSet } from '../net/dual-stack-set.ts';
import type { RecentGain } from '../policy/diff/recent-gains.ts';
import type { Policy } from '../policy/policy.ts';
import { AllowlistError } from '../problem.ts';
import { readOwnText } from '../regular-file.ts';
import { sha256 } from '../sha256.ts';
import {
  LOCK_FILE,
  type Lock,
  parseLock,
  parseSnapshotFile,
  readLeftOut,
  readRecentGains,
  snapshotPath,
} from './lock.ts';
import { readPolicy } from './policy-document.ts';

/** Reads one file of an output tree, wherever it is kept; undefined if it is not there. */
export interface TreeReader {
  readonly where: string;
  readonly read: (path: string) => Promise<string | undefined>;
}

/** An output tree as it was published: its lock, the policy it describes, and the files it names. */
export interface OutputTree {
  readonly where: string;
  readonly lock: Lock;
  readonly lockText: string;
  readonly policy: Policy;
  readonly recentGains: readonly RecentGain[];
  /** What the constraints took out of the tags in use. */
  readonly leftOut: DualStackSet;
  /** By path; a file that the lock names and that is gone is not here. */
  readonly files: ReadonlyMap<string, string>;
}

export function directoryReader(directory: string): TreeReader {
  return {
    where: directory,
    read: async (path) => {
      try {
        return await readOwnText(directory, path);
      } catch (error) {
        if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
        throw new AllowlistError(`cannot read ${join(directory, path)}: ${(error as Error).message}`, [], {
          cause: error,
        });
      }
    },
  };
}

/** Reads files that are held in memory, as a run plans them. */
export function filesReader(where: string, files: ReadonlyMap<string, string>): TreeReader {
  return { where, read: async (path) => files.get(path) };
}

/**
 * Reads an output tree; undefined if there is no lock, that is, nothing was published there yet.
 * @throws AllowlistError for a lock or a snapshot that cannot be read or that contradict each other
 */
export async function readOutputTree(reader: TreeReader): Promise<OutputTree | undefined> {
  const text = await reader.read(LOCK_FILE);
  if (text === undefined) return undefined;
  const path = join(reader.where, LOCK_FILE);
  const lock = parseLock(text, path);
  const recentGains = readRecentGains(lock, path);
  const leftOut = readLeftOut(lock, path);
  const files = new Map<string, string>();
  for (const file of Object.keys(lock.files)) {
    const content = await reader.read(file);
    if (content !== undefined) files.set(file, content);
  }
  return {
    where: reader.where,
    lock,
    lockText: text,
    recentGains,
    leftOut,
    files,
    policy: policyOf(lock, files, reader.where),
  };
}

/** SHA-256, in hex, of a file's text. */
export function fileDigest(text: string): string {
  return sha256(text);
}

/** What helps where a checkout has changed the line ends of generated files. */
export const CHECK_OUT_AGAIN =
  'check it out again with core.autocrlf=false, or with `* text eol=lf` in the .gitattributes of the output tree, which a run with publish.git writes';

/** Whether a text differs from what was generated in its line ends alone, as core.autocrlf=true makes them. */
export function hasOtherLineEnds(text: string, digest: string | undefined): boolean {
  return text.includes('\r\n') && fileDigest(text.replaceAll('\r\n', '\n')) === digest;
}

function policyOf(lock: Lock, files: ReadonlyMap<string, string>, where: string): Policy {
  const policy = readPolicy(lock.policy, (tag) => {
    const path = snapshotPath(tag);
    const text = files.get(path);
    if (text === undefined)
      throw new AllowlistError(
        `${join(where, path)} is missing, but the lock names it; restore it from the repository, or where its last commit is so, go back to the one before (git revert)`,
      );
    if (hasOtherLineEnds(text, lock.files[path]))
      throw new AllowlistError(`${where} has other line ends than a run wrote`, [
        {
          where: path,
          what: 'its lines end with CR LF, as core.autocrlf=true makes them',
          next: CHECK_OUT_AGAIN,
        },
      ]);
    return parseSnapshotFile(text, join(where, path));
  });
  if (policy.digest !== lock.policy.digest) {
    const edited = [...files].filter(
      ([path, text]) => path.startsWith('snapshot/') && fileDigest(text) !== lock.files[path],
    );
    throw new AllowlistError(
      `${where}: the snapshot does not give the policy that the lock names; restore it from the repository`,
      edited.map(([path]) => ({ where: path, what: 'was edited after it was generated' })),
    );
  }
  return policy;
}
