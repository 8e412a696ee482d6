import { readPublicKey } from '../committed/key-file.ts';
import type { Origin } from '../committed/origin.ts';
import { directoryReader, type OutputTree, readOutputTree } from '../committed/output-tree.ts';
import { unlistedFiles } from '../committed/unlisted.ts';
import { verifyTree } from '../committed/verify.ts';
import { DualStackSet } from '../net/dual-stack-set.ts';
import { counted } from '../numbers.ts';
import { AllowlistError, ConfigurationError } from '../problem.ts';
import { spaceInWords } from '../review/wording.ts';
import { feedOfTree } from './feed-of-tree.ts';
import type { Io } from './io.ts';
import { outputOf } from './request.ts';

interface VerifyFlags {
  /** The configuration that names the output tree, where the command line does not. */
  readonly config?: string;
  readonly json?: boolean;
  /** The weekly file that the tree must come from. */
  readonly feed?: string;
  /** A PEM file with the key that the lock must be signed by. */
  readonly publicKey?: string;
}

/** Proves a published tree. */
export async function verifyCommand(given: string | undefined, flags: VerifyFlags, io: Io): Promise<void> {
  const directory = given ?? (await outputOf(flags.config));
  const publicKey = flags.publicKey === undefined ? undefined : await readPublicKey(flags.publicKey);
  const tree = await readOutputTree(directoryReader(directory));
  if (tree === undefined)
    throw new ConfigurationError(`${directory} is not an output tree: there is no allowlist.lock.json in it`);
  const { files, targets, problems: found } = await verifyTree(tree, publicKey);
  const origin = flags.feed === undefined ? undefined : await originOf(tree, flags.feed, io);
  const problems = [
    ...found,
    ...(origin?.problems ?? []),
    ...(await unlistedFiles(directory, tree.lock)).map((path) => ({
      where: path,
      what: 'lies in the tree and is not in the lock: a program that takes in the folder would load it',
      next: 'move it away',
    })),
  ];
  const { name, fileDate } = tree.lock.feed;
  if (flags.json === true)
    io.out(
      JSON.stringify(
        { directory, files, targets, ...(origin === undefined ? {} : { sameFeed: origin.same }), problems },
        null,
        2,
      ),
    );
  if (problems.length > 0)
    throw new AllowlistError(
      `${directory} is not what ${found.length === 0 && origin !== undefined ? 'the feed' : 'its lock'} says`,
      problems,
    );
  if (flags.json !== true)
    io.out(
      `${directory}: ${counted(files, 'file')} as generated; ${targets.join(', ')} read back equal to the policy ${tree.policy.digest.slice(0, 12)}${publicKey === undefined ? '' : '; signed by the owner of the public key'}${
        origin === undefined
          ? ''
          : origin.same
            ? `; made from this feed (${fileDate ?? name})`
            : `; the tags in use are as in this feed, which is another than that of the lock (${fileDate ?? name})`
      }${heldInWords(tree)}`,
    );
}

/** What the files let through though no tag has it any more: no feed can say whether a tag had it. */
function heldInWords({ policy }: OutputTree): string {
  const held = policy.rules.flatMap((rule) => rule.held ?? []);
  if (held.length === 0) return '';
  const dates = held.map(({ until }) => until).sort();
  return `; ${spaceInWords(DualStackSet.union(held.map(({ addresses }) => addresses)))} that the tags have lost are held until ${dates.at(-1)}`;
}

async function originOf(tree: OutputTree, feed: string, io: Io): Promise<Origin> {
  const { verifyOrigin } = await import('../committed/origin.ts');
  return verifyOrigin(tree, await feedOfTree(tree, feed, io));
}
