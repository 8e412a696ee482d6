import { resolve } from 'node:path';
import { planLockedTarget } from '../committed/locked-target.ts';
import { directoryReader, type OutputTree, readOutputTree } from '../committed/output-tree.ts';
import { loadConfig } from '../config/load.ts';
import type { DualStackSet } from '../net/dual-stack-set.ts';
import type { Prefix } from '../net/prefix.ts';
import { type Answering, prepareAnswers } from '../policy/answer.ts';
import { readClientTexts } from '../policy/clients.ts';
import { forOthersOnly, policyForClient, targetForClient } from '../policy/for-client.ts';
import { ConfigurationError } from '../problem.ts';
import { isProxy } from '../targets/manifest.ts';

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

/** The sets of clients that an output tree tells apart: of its rules, and of its targets. */
export function clientSets({ policy, lock }: OutputTree): DualStackSet[] {
  return [
    ...policy.rules.flatMap(({ clients, proxies }) => [clients ?? [], proxies ?? []].flat()),
    ...Object.values(lock.targets).flatMap(({ clients }) =>
      clients === undefined ? [] : readClientTexts(clients),
    ),
  ];
}

/**
 * Answers by the policy of an output tree, and by what its targets make of it.
 * @param client answers for it alone, or for all of a prefix; without it what somebody may reach is allowed
 * @param device `proxy`: by the targets that are proxies alone, where there is one
 */
export async function answersOf(
  tree: OutputTree,
  client?: Prefix,
  device: 'any' | 'proxy' = 'any',
): Promise<Answering> {
  const planned = [];
  for (const [id, locked] of Object.entries(tree.lock.targets)) {
    const { target, plan } = await planLockedTarget(tree, id, locked);
    // Settings of a program let nothing through, and say nothing of what was asked.
    if (plan.settings === true) continue;
    const { capabilities } = target.manifest;
    planned.push({
      isProxy: isProxy(capabilities),
      of: { id, addressMatch: capabilities.addressMatch, ...plan },
    });
  }
  const proxies = device === 'proxy' ? planned.filter(({ isProxy }) => isProxy) : [];
  const targets = (proxies.length > 0 ? proxies : planned).map(({ of }) => of);
  if (client === undefined) return prepareAnswers(tree.policy, targets);
  const own = prepareAnswers(
    policyForClient(tree.policy, client),
    targets.map((target) => targetForClient(target, client)),
  );
  const all = prepareAnswers(tree.policy, targets);
  return {
    brief: own.brief,
    answer: (query) => {
      const found = own.answer(query);
      const others = found.rules.length > 0 ? [] : all.answer(query).rules;
      return others.length === 0 ? found : { ...found, forOthers: true, hint: forOthersOnly(others) };
    },
  };
}
