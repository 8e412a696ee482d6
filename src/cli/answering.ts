import { resolve } from 'node:path';
import { planLockedTarget } from '../committed/locked-target.ts';
import { directoryReader, type OutputTree, readOutputTree } from '../committed/output-tree.ts';
import { loadConfig } from '../config/load.ts';
import { type Answering, prepareAnswers } from '../policy/answer.ts';
import { ConfigurationError } from '../problem.ts';

/** The output tree of the flag, or of the configuration. @throws ConfigurationError if there is none */
export async function openOutputTree({
  out,
  config,
}: {
  readonly out?: string;
  readonly config: string;
}): Promise<OutputTree> {
  const directory = out === undefined ? (await loadConfig(config)).output : resolve(out);
  const tree = await readOutputTree(directoryReader(directory));
  if (tree !== undefined) return tree;
  throw new ConfigurationError(
    `${directory} is not an output tree: there is no allowlist.lock.json in it. \`azure-allowlist run\` makes one.`,
  );
}

/** Answers by the policy of an output tree, and by what its targets make of it. */
export async function answersOf(tree: OutputTree): Promise<Answering> {
  const targets = [];
  for (const [id, locked] of Object.entries(tree.lock.targets)) {
    const { target, plan } = await planLockedTarget(tree, id, locked);
    // Settings of a program let nothing through, and say nothing of what was asked.
    if (plan.settings === true) continue;
    targets.push({ id, addressMatch: target.manifest.capabilities.addressMatch, ...plan });
  }
  return prepareAnswers(tree.policy, targets);
}
