import type { Snapshot } from '../../feed/snapshot.ts';
import { DualStackSet } from '../../net/dual-stack-set.ts';
import { PortSet } from '../../net/ports.ts';
import { comparePrefixes } from '../../net/prefix.ts';
import { diffPolicies, type PolicyDiff } from '../diff.ts';
import type { Policy, TagAddresses } from '../policy.ts';

const ALL_PORTS = PortSet.allOf(['tcp']);

/** The name of the one rule in the difference of two feeds. */
export const FEED_RULE = 'service-tags';

/**
 * Compares two feeds without a configuration: as if one rule selected every tag, or the tags named.
 * @param tags exact tag names; one that neither week has differs in nothing
 */
export function diffSnapshots(before: Snapshot, after: Snapshot, tags?: ReadonlySet<string>): PolicyDiff {
  return diffPolicies(policyOfTags(before, tags), policyOfTags(after, tags));
}

/** A policy of one rule that admits the tags by address on every port. */
export function policyOfTags(snapshot: Snapshot, selected?: ReadonlySet<string>): Policy {
  const tags: TagAddresses[] = [...snapshot.tags.values()]
    .filter(({ name }) => selected === undefined || selected.has(name))
    .map((tag) => ({
      tag: tag.name,
      region: tag.region,
      prefixes: [...tag.prefixes].sort(comparePrefixes),
      addresses: tag.addresses,
    }));
  return {
    rules: [
      {
        name: FEED_RULE,
        reason: '',
        names: [],
        rows: [],
        tags,
        prefixes: [],
        addresses: DualStackSet.fromPrefixes(tags.flatMap(({ prefixes }) => prefixes)),
        addressPorts: ALL_PORTS,
        addressUse: 'always',
      },
    ],
    digest: '',
  };
}
