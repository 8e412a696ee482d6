import { resolve } from 'node:path';
import { loadTarget, loadTargetFolder, type Target } from '../targets/catalog.ts';
import { fitPolicy } from '../targets/fit.ts';
import { capabilitiesOf } from '../targets/manifest.ts';
import type { TargetPlan } from '../targets/plan.ts';
import { type Lock, readFitSettings } from './lock.ts';
import type { OutputTree } from './output-tree.ts';

/**
 * Loads the target that a lock names and fits the tree's policy to it again.
 * @throws ConfigurationError for a target that is not known any more; GuardRefusal as the fit does
 */
export async function planLockedTarget(
  tree: OutputTree,
  id: string,
  { template, ...locked }: Lock['targets'][string],
): Promise<{ readonly target: Target; readonly plan: TargetPlan }> {
  const target =
    template === undefined ? await loadTarget(id) : await loadTargetFolder(resolve(tree.where, template));
  const capabilities = capabilitiesOf(target.manifest, locked.options);
  return { target, plan: fitPolicy(tree.policy, capabilities, readFitSettings(locked)) };
}
