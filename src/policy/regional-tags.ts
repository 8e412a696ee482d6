import type { RuleConfig } from '../config/config.ts';
import type { ServiceTag } from '../feed/snapshot.ts';
import { DualStackSet } from '../net/dual-stack-set.ts';
import { digits } from '../numbers.ts';

type Tags = ReadonlyMap<string, ServiceTag>;

/** The addresses of a service that none of its regional tags has: a regional tag is no slice of the global one. */
export function addressesOfNoRegion(
  name: string,
  tags: ReadonlyMap<string, ServiceTag>,
): DualStackSet | undefined {
  const service = name.split('.')[0]!;
  const global = tags.get(service);
  const regional = [...tags.values()].filter(
    (tag) => tag.region !== '' && tag.name.startsWith(`${service}.`),
  );
  if (global === undefined || regional.length === 0) return undefined;
  return global.addresses.difference(DualStackSet.union(regional.map(({ addresses }) => addresses)));
}

/** How many ranges a note spells out. */
const SHOWN = 3;

/**
 * What rules with regional tags should know: that addresses of the service belong to no region, and that these tags lack them.
 * A rule that takes the global tag as well has them.
 */
export function regionalTagNotes(
  rules: readonly Pick<RuleConfig, 'name' | 'serviceTags'>[],
  tags: Tags,
): string[] {
  return rules.flatMap(({ name, serviceTags }) => {
    const services = new Map<string, string[]>();
    for (const taken of serviceTags) {
      const service = taken.split('.')[0]!;
      if ((tags.get(taken)?.region ?? '') !== '' && !serviceTags.includes(service))
        services.set(service, [...(services.get(service) ?? []), taken]);
    }
    return [...services].flatMap(([service, taken]) => {
      const lacking = addressesOfNoRegion(service, tags);
      if (lacking === undefined || lacking.ipv4.isEmpty) return [];
      const ranges = lacking.toStrings();
      const more = ranges.length - SHOWN;
      return [
        `rule ${name} takes ${taken.join(', ')}: ${digits(lacking.ipv4.size)} of the ${digits(tags.get(service)!.addresses.ipv4.size)} IPv4 addresses of ${service} belong to no region, and no regional tag has them: ${ranges.slice(0, SHOWN).join(' ')}${more > 0 ? ` and ${more} more` : ''}`,
      ];
    });
  });
}
