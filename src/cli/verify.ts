import { directoryReader, readOutputTree } from '../committed/output-tree.ts';
import { unlistedFiles } from '../committed/unlisted.ts';
import { verifyTree } from '../committed/verify.ts';
import { AllowlistError, ConfigurationError } from '../problem.ts';
import type { Io } from './io.ts';

/** Proves a published tree. */
export async function verifyCommand(
  directory: string,
  flags: { readonly json?: boolean },
  io: Io,
): Promise<void> {
  const tree = await readOutputTree(directoryReader(directory));
  if (tree === undefined)
    throw new ConfigurationError(`${directory} is not an output tree: there is no allowlist.lock.json in it`);
  const { files, targets, problems: found } = await verifyTree(tree);
  const problems = [
    ...found,
    ...(await unlistedFiles(directory, tree.lock)).map((path) => ({
      where: path,
      what: 'lies in a folder of the tree, and no run wrote it: a program that takes in the folder would load it',
      next: 'move it away',
    })),
  ];
  if (flags.json === true) io.out(JSON.stringify({ directory, files, targets, problems }, null, 2));
  if (problems.length > 0) throw new AllowlistError(`${directory} is not what its lock says`, problems);
  if (flags.json !== true)
    io.out(
      `${directory}: ${files} files as generated; ${targets.join(', ')} read back equal to the policy ${tree.policy.digest.slice(0, 12)}`,
    );
}
