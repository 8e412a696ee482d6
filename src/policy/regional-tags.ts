import type { RuleConfig } from '../config/config.ts';
import type { ServiceTag, TagNames } from '../feed/snapshot.ts';
import { DualStackSet } from '../net/dual-stack-set.ts';
import { azureRegion } from '../net/regions.ts';
import { digits } from '../numbers.ts';

type Tags = ReadonlyMap<string, ServiceTag>;

/**
 * What the name of a tag ends in that holds what a service has in no region. The feed has no such tag: it is made from the
 * service's global and regional tags.
 */
const UNASSIGNED = '.Unassigned';

/** The addresses of a service that none of its regional tags has: a regional tag is no slice of the global one. */
export function addressesOfNoRegion(name: string, tags: Tags): DualStackSet | undefined {
  const service = serviceOf(name);
  const global = tags.get(service);
  const regional = regionalTags(service, tags);
  if (global === undefined || regional.length === 0) return undefined;
  return global.addresses.difference(DualStackSet.union(regional.map(({ addresses }) => addresses)));
}

function regionalTags(service: string, tags: Tags): ServiceTag[] {
  return [...tags.values()].filter((tag) => tag.region !== '' && tag.name.startsWith(`${service}.`));
}

type TagRule = Pick<RuleConfig, 'serviceTags' | 'regions' | 'unassigned'>;

/** The tags of the feed that rules are resolved from, those of all regions where a rule names regions. */
export function tagsInUse(rules: readonly TagRule[]): TagNames {
  const names = new Set(rules.flatMap(({ serviceTags }) => serviceTags));
  const services = new Set([
    ...rules.flatMap(({ serviceTags, regions }) => (regions === undefined ? [] : serviceTags)),
    ...[...names].filter(isUnassigned).map(serviceOf),
  ]);
  return { has: (name) => names.has(name) || services.has(serviceOf(name)) };
}

/**
 * The rules with the regional tags of the regions that they name in place of the services, and the tags with those of no
 * region that the rules take. A region that a service has no tag of stays as a tag that the feed lacks.
 */
export function takeRegions<Rule extends TagRule>(
  rules: readonly Rule[],
  tags: Tags,
): { readonly rules: readonly Rule[]; readonly tags: Tags } {
  const taken = rules.map((rule) =>
    rule.regions === undefined ? rule : { ...rule, serviceTags: tagsOfRegions(rule, rule.regions, tags) },
  );
  return {
    rules: taken,
    tags: withUnassigned(
      taken.flatMap(({ serviceTags }) => serviceTags),
      tags,
    ),
  };
}

function tagsOfRegions(
  { serviceTags, unassigned }: TagRule,
  regions: readonly string[],
  tags: Tags,
): string[] {
  return serviceTags.flatMap((service) => {
    const regional = regionalTags(service, tags);
    return [
      ...regions.map(
        (wanted) =>
          regional.find(({ region }) => azureRegion(region) === wanted)?.name ?? `${service}.${wanted}`,
      ),
      ...(unassigned === true ? [`${service}${UNASSIGNED}`] : []),
    ];
  });
}

/** The tags, and among those asked for the ones that hold what a service has in no region. */
export function withUnassigned(names: readonly string[], tags: Tags): Tags {
  const derived = [...new Set(names)].flatMap((name): ServiceTag[] => {
    const service = tags.get(serviceOf(name));
    if (!isUnassigned(name) || tags.has(name) || service === undefined) return [];
    const addresses = addressesOfNoRegion(name, tags);
    if (addresses === undefined) return [];
    const prefixes = addresses.cover();
    return [
      { ...service, name, region: '', prefixes, prefixCount: prefixes.length, addresses, derived: true },
    ];
  });
  return derived.length === 0 ? tags : new Map([...tags, ...derived.map((tag) => [tag.name, tag] as const)]);
}

function isUnassigned(name: string): boolean {
  return name.endsWith(UNASSIGNED);
}

function serviceOf(name: string): string {
  return name.split('.')[0]!;
}

/** How many ranges a note spells out. */
const SHOWN = 3;

/**
 * What rules with regional tags should know: that addresses of the service belong to no region, and that these tags lack them.
 * A rule that takes the global tag, or what belongs to no region, has them.
 */
export function regionalTagNotes(
  rules: readonly Pick<RuleConfig, 'name' | 'serviceTags'>[],
  tags: Tags,
): string[] {
  return rules.flatMap(({ name, serviceTags }) => {
    const services = new Map<string, string[]>();
    for (const taken of serviceTags) {
      const service = serviceOf(taken);
      const whole = [service, `${service}${UNASSIGNED}`];
      if ((tags.get(taken)?.region ?? '') !== '' && !whole.some((tag) => serviceTags.includes(tag)))
        services.set(service, [...(services.get(service) ?? []), taken]);
    }
    return [...services].flatMap(([service, taken]) => {
      const lacking = addressesOfNoRegion(service, tags);
      if (lacking === undefined || lacking.ipv4.isEmpty) return [];
      const ranges = lacking.toStrings();
      const more = ranges.length - SHOWN;
      return [
        `rule ${name} takes ${taken.join(', ')}: ${digits(lacking.ipv4.size)} of the ${digits(tags.get(service)!.addresses.ipv4.size)} IPv4 addresses of ${service} belong to no region, and no regional tag has them: ${ranges.slice(0, SHOWN).join(' ')}${more > 0 ? ` and ${more} more` : ''}; ${service}${UNASSIGNED} in serviceTags takes them`,
      ];
    });
  });
}
