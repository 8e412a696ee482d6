import { DualStackSet } from '../net/dual-stack-set.ts';
import type { Policy, PolicyRule } from '../policy/policy.ts';
import { makePolicy } from '../policy/resolve.ts';
import type { TargetRequest } from './build.ts';
import { usedAddressPorts } from './fit.ts';
import { capabilitiesOf } from './manifest.ts';

/** Service tags and endpoint sets that a rule selects and no target uses. */
export interface UnusedTags {
  readonly rule: string;
  readonly tags: readonly string[];
}

/** The part of a policy that some target writes, or declares that it cannot. */
export interface PolicyInUse {
  readonly policy: Policy;
  /** What was left out: every target allows the same traffic by name. */
  readonly unused: readonly UnusedTags[];
}

/**
 * Leaves the tags out of every rule whose addresses no target is asked for: no device sees whether they change. Of a
 * policy without targets everything counts as used.
 */
export function policyInUse(policy: Policy, targets: readonly TargetRequest[]): PolicyInUse {
  if (targets.length === 0) return { policy, unused: [] };
  const isUsed = (rule: PolicyRule) =>
    targets.some(
      ({ target, options, addressUse }) =>
        !usedAddressPorts(rule, capabilitiesOf(target.manifest, options), addressUse ?? rule.addressUse)
          .isEmpty,
    );
  const idle = new Set(policy.rules.filter((rule) => rule.tags.length > 0 && !isUsed(rule)));
  if (idle.size === 0) return { policy, unused: [] };
  return {
    policy: makePolicy(
      policy.rules.map((rule) =>
        idle.has(rule) ? { ...rule, tags: [], addresses: DualStackSet.fromPrefixes(rule.prefixes) } : rule,
      ),
    ),
    unused: [...idle].map(({ name, tags }) => ({ rule: name, tags: tags.map(({ tag }) => tag) })),
  };
}
