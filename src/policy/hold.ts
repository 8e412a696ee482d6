import { addDays } from '../feed/file-date.ts';
import type { Family } from '../net/address.ts';
import { AddressSet } from '../net/address-set.ts';
import { DualStackSet } from '../net/dual-stack-set.ts';
import type { HeldAddresses, Policy, PolicyRule } from './policy.ts';
import { makePolicy } from './resolve.ts';

/** How long, and what, removed addresses are let through for. */
export interface HoldSettings {
  /** Days from the week that removed them. */
  readonly days: number;
  /** YYYY-MM-DD of the week. */
  readonly date: string;
  /** Never held. */
  readonly never: DualStackSet;
  /** Held inside these only; undefined: anywhere. */
  readonly within: DualStackSet | undefined;
  /** The other is not spoken of. */
  readonly families: readonly Family[];
}

/**
 * Adds to the rules what their service tags and endpoint sets had in force and have no longer, until a date: what is no
 * longer published may still be in use, and some of it comes back.
 *
 * What the configuration takes away is not held: only tags that the rule in force has too.
 * @param last the policy in force, with what it holds
 */
export function holdRemovals(policy: Policy, last: Policy, settings: HoldSettings): Policy {
  const inForce = new Map(last.rules.map((rule) => [rule.name, rule]));
  const rules = policy.rules.map((rule): PolicyRule => {
    const before = inForce.get(rule.name);
    const held = before === undefined ? [] : heldOf(rule, before, settings);
    return held.length === 0 ? rule : { ...rule, held };
  });
  return rules.every((rule, index) => rule === policy.rules[index]) ? policy : makePolicy(rules);
}

function heldOf(
  rule: PolicyRule,
  before: PolicyRule,
  { days, date, never, within, families }: HoldSettings,
): HeldAddresses[] {
  const last = addDays(date, days);
  const selected = new Map(rule.tags.map((tag) => [tag.tag, tag.addresses]));
  const removed = before.tags.flatMap(({ tag, addresses }): HeldAddresses[] => {
    const now = selected.get(tag);
    return now === undefined ? [] : [{ tag, until: last, addresses: addresses.difference(now) }];
  });
  const known = (before.held ?? [])
    .filter(({ tag, until }) => until > date && selected.has(tag))
    // A hold that the configuration has shortened ends sooner.
    .map((one) => ({ ...one, until: one.until < last ? one.until : last }));
  let taken = rule.addresses.union(never);
  const held: HeldAddresses[] = [];
  // What two tags have lost is held once, for as long as it is held at all.
  for (const { tag, until, addresses } of [...removed, ...known].sort((a, b) => compare(b.until, a.until))) {
    const beyond = addresses.difference(taken);
    const { ipv4, ipv6 } = within === undefined ? beyond : beyond.intersection(within);
    const kept = new DualStackSet(
      families.includes(4) ? ipv4 : AddressSet.empty(4),
      families.includes(6) ? ipv6 : AddressSet.empty(6),
    );
    if (kept.isEmpty) continue;
    taken = taken.union(kept);
    held.push({ tag, until, addresses: kept });
  }
  return held.sort((a, b) => compare(a.until, b.until) || compare(a.tag, b.tag));
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
