import type { Family } from '../../net/address.ts';
import type { AddressSet } from '../../net/address-set.ts';
import { DualStackSet } from '../../net/dual-stack-set.ts';
import type { HostPattern } from '../../net/host-pattern.ts';
import type { PortSet } from '../../net/ports.ts';
import { ReverseIndex } from '../../net/reverse-index.ts';
import type { Admission } from '../admission.ts';
import type { Policy, PolicyRule, TagAddresses } from '../policy.ts';
import { PublishedPrefixes } from './published-prefixes.ts';

/** What answers must know of a target: its id and its plan, as the fit decided it. */
export interface TargetAdmission {
  readonly id: string;
  /** `literal`: addresses match only a host that is written as one, so never the traffic of a name. */
  readonly addressMatch: 'destination' | 'literal';
  readonly rules: readonly {
    readonly name: string;
    readonly addresses: { readonly ports: PortSet } | undefined;
  }[];
  readonly omissions: readonly {
    readonly rule: string;
    readonly kind?: string;
    readonly omitted: Admission;
    readonly reason: string;
  }[];
  readonly widenings: readonly {
    readonly rule: string;
    readonly kind: string;
    readonly admitted: Admission;
    readonly reason: string;
  }[];
  readonly admission: Admission;
}

/** A rule, with its own prefixes and its host patterns made ready for look-ups. */
export interface RegisteredRule {
  readonly rule: PolicyRule;
  readonly hosts: readonly HostPattern[];
  readonly published: PublishedPrefixes;
}

/** A selected tag, with the rules that it stands in. */
export interface RegisteredTag {
  readonly tag: TagAddresses;
  readonly rules: readonly string[];
  readonly published: PublishedPrefixes;
}

/** A policy and its targets, made ready for many look-ups. */
export class Register {
  readonly rules: readonly RegisteredRule[];
  readonly tags: readonly RegisteredTag[];
  readonly targets: readonly TargetAdmission[];
  // What only look-ups of addresses need is made at the first of them: that of a name needs nothing of it.
  #addresses: DualStackSet | undefined;
  #rulesOf: ReverseIndex<RegisteredRule> | undefined;
  #tagsOf: ReverseIndex<RegisteredTag> | undefined;
  #admittedOf: ReverseIndex<{ readonly target: TargetAdmission; readonly ports: PortSet }> | undefined;

  constructor({ rules }: Policy, targets: readonly TargetAdmission[]) {
    this.rules = rules.map((rule) => ({
      rule,
      hosts: rule.names.flatMap(({ hosts }) => hosts.patterns().include),
      published: new PublishedPrefixes(() => rule.prefixes),
    }));
    this.tags = registerTags(rules);
    this.targets = targets;
  }

  /** The addresses of all rules. */
  get addresses(): DualStackSet {
    this.#addresses ??= DualStackSet.union(this.rules.map(({ rule }) => rule.addresses));
    return this.#addresses;
  }

  /** The rules that have the address, narrowest first. */
  rulesOf(family: Family, value: bigint): readonly RegisteredRule[] {
    this.#rulesOf ??= new ReverseIndex(this.rules.map((entry) => [entry, entry.rule.addresses]));
    return lookUp(this.#rulesOf, family, value);
  }

  /** The tags that contain the address, narrowest first. */
  tagsOf(family: Family, value: bigint): readonly RegisteredTag[] {
    this.#tagsOf ??= new ReverseIndex(this.tags.map((entry) => [entry, entry.tag.addresses]));
    return lookUp(this.#tagsOf, family, value);
  }

  /** Which targets let the address through, on which ports; a target may be named more than once. */
  admittedOf(family: Family, value: bigint) {
    this.#admittedOf ??= new ReverseIndex(
      this.targets.flatMap((target) =>
        target.admission.grants.map(({ addresses, ports }) => [{ target, ports }, addresses] as const),
      ),
    );
    return lookUp(this.#admittedOf, family, value);
  }
}

export function ofFamily(set: DualStackSet, family: Family): AddressSet {
  return family === 4 ? set.ipv4 : set.ipv6;
}

function lookUp<T>(index: ReverseIndex<T>, family: Family, value: bigint): readonly T[] {
  return family === 4 ? index.ofIpv4(Number(value)) : index.ofAddress(6, value);
}

function registerTags(rules: readonly PolicyRule[]): RegisteredTag[] {
  const tags = new Map<string, { tag: TagAddresses; rules: string[]; published: PublishedPrefixes }>();
  for (const rule of rules)
    for (const tag of rule.tags) {
      const known = tags.get(tag.tag);
      if (known !== undefined) known.rules.push(rule.name);
      else
        tags.set(tag.tag, { tag, rules: [rule.name], published: new PublishedPrefixes(() => tag.prefixes) });
    }
  // Of tags of one size, the look-ups name the alphabetically first first.
  return [...tags.values()].sort((a, b) => (a.tag.tag < b.tag.tag ? -1 : 1));
}
