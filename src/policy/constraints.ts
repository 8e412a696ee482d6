import type { M365Endpoints } from '../feed/m365.ts';
import type { ServiceTag, Snapshot } from '../feed/snapshot.ts';
import { DualStackSet } from '../net/dual-stack-set.ts';
import type { Prefix } from '../net/prefix.ts';
import type { Policy, PolicyRule, RuleOmission } from './policy.ts';
import { makePolicy } from './resolve.ts';

/** What an organisation says of addresses, whatever is published. */
export interface Constraints {
  /** May not be admitted by any target. */
  readonly never: DualStackSet;
  /** Published addresses outside are left out; undefined: all may be published. */
  readonly within: DualStackSet | undefined;
  /** Whether addresses outside are cut out and declared, or refuse the run. */
  readonly outside: 'cut' | 'refuse';
}

/** What the constraints take out of one tag or endpoint set. */
export interface Cut {
  readonly never: DualStackSet;
  readonly outside: DualStackSet;
}

/** Published addresses as the constraints leave them. */
export interface Constrained {
  readonly snapshot: Snapshot;
  readonly m365: M365Endpoints | undefined;
  /** By service tag, and by the number of an endpoint set; only where something is taken out. */
  readonly cuts: ReadonlyMap<string | number, Cut>;
}

export const NO_CONSTRAINTS: Constraints = {
  never: DualStackSet.empty,
  within: undefined,
  outside: 'cut',
};

/** How many ranges a declaration names. */
const SHOWN = 3;

/** Takes out of the selected tags, and of all endpoint sets, what the constraints forbid. */
export function constrain(
  { snapshot, m365 }: { readonly snapshot: Snapshot; readonly m365: M365Endpoints | undefined },
  selected: ReadonlySet<string>,
  constraints: Constraints,
): Constrained {
  const cuts = new Map<string | number, Cut>();
  if (constraints.never.isEmpty && constraints.within === undefined) return { snapshot, m365, cuts };
  const tags = new Map<string, ServiceTag>();
  for (const [name, tag] of snapshot.tags) {
    const cut = selected.has(name) ? cutOf(tag.addresses, constraints) : undefined;
    if (cut === undefined) tags.set(name, tag);
    else {
      cuts.set(name, cut);
      const prefixes = without(tag.prefixes, cut);
      tags.set(name, {
        ...tag,
        prefixes,
        prefixCount: prefixes.length,
        addresses: DualStackSet.fromPrefixes(prefixes),
      });
    }
  }
  const rows = m365?.rows.map((row) => {
    const cut = cutOf(DualStackSet.fromPrefixes(row.prefixes), constraints);
    if (cut === undefined) return row;
    cuts.set(row.id, cut);
    return { ...row, prefixes: without(row.prefixes, cut) };
  });
  return {
    snapshot: { ...snapshot, tags },
    m365: m365 === undefined || rows === undefined ? m365 : { ...m365, rows },
    cuts,
  };
}

/** Declares in every rule what the constraints took out of its tags and endpoint sets. */
export function declareCuts(policy: Policy, cuts: Constrained['cuts']): Policy {
  if (cuts.size === 0) return policy;
  return makePolicy(
    policy.rules.map((rule): PolicyRule => {
      const omitted = rule.tags.flatMap(({ tag, m365 }) => {
        const cut = cuts.get(m365?.id ?? tag);
        return cut === undefined ? [] : cutInWords(tag, cut);
      });
      return omitted.length === 0 ? rule : { ...rule, omitted: [...(rule.omitted ?? []), ...omitted] };
    }),
  );
}

/** `constraints.never leaves out of AzureCloud: 203.0.113.0/24`. */
function cutInWords(tag: string, { never, outside }: Cut): RuleOmission[] {
  const say = (key: string, set: DualStackSet): RuleOmission[] => {
    if (set.isEmpty) return [];
    const ranges = set.toStrings();
    const more = ranges.length > SHOWN ? ` and ${ranges.length - SHOWN} more ranges` : '';
    return [
      {
        kind: 'constraint',
        reason: `${key} leaves out of ${tag}: ${ranges.slice(0, SHOWN).join(', ')}${more}`,
      },
    ];
  };
  return [...say('constraints.never', never), ...say('constraints.within', outside)];
}

function cutOf(addresses: DualStackSet, { never, within }: Constraints): Cut | undefined {
  const forbidden = addresses.intersection(never);
  const outside = within === undefined ? DualStackSet.empty : addresses.difference(within).difference(never);
  return forbidden.isEmpty && outside.isEmpty ? undefined : { never: forbidden, outside };
}

/** The prefixes as they were published, but for those that have to be cut up. */
function without(prefixes: readonly Prefix[], { never, outside }: Cut): Prefix[] {
  const taken = never.union(outside);
  return prefixes.flatMap((prefix) => {
    const whole = DualStackSet.fromPrefixes([prefix]);
    return whole.intersection(taken).isEmpty ? [prefix] : whole.difference(taken).cover();
  });
}
