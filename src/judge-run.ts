import { knownSpaceOf } from './committed/azure-space.ts';
import { readAcceptedSizes, readParts, stateOfLock } from './committed/lock.ts';
import type { OutputTree } from './committed/output-tree.ts';
import type { Signer } from './committed/signature.ts';
import type { AllowlistConfig } from './config/config.ts';
import { matchesM365, selectM365Rows } from './feed/m365.ts';
import type { ServiceTag, Snapshot } from './feed/snapshot.ts';
import { DualStackSet } from './net/dual-stack-set.ts';
import type { Prefix } from './net/prefix.ts';
import type { RunInput } from './pipeline.ts';
import { Admission } from './policy/admission.ts';
import { type Constrained, NO_CONSTRAINTS } from './policy/constraints.ts';
import type { FeedTotals, Finding, GuardBaseline } from './policy/guards/guard.ts';
import { CONSTRAINTS, findingsOf, judge, MUST_HAVE } from './policy/guards/judge.ts';
import { type M365Week, m365IdsOf } from './policy/guards/m365-sets.ts';
import { judgeMustHaves, type MustHave } from './policy/guards/must-have.ts';
import type { Policy, TagAddresses } from './policy/policy.ts';
import { GuardRefusal } from './problem.ts';
import { addressesOf, spaceInWords } from './review/wording.ts';
import type { TargetOutput } from './targets/build.ts';
import type { UnusedTags } from './targets/in-use.ts';

/**
 * Judges what the targets let through: nothing that may never be, and everything that has to be.
 * @throws GuardRefusal if a target lets something through that the constraints forbid; no acceptance passes it
 */
export function guardOutputs(
  { config, tables, constraints = NO_CONSTRAINTS, baseline, accept }: RunInput,
  cuts: Constrained['cuts'],
  outputs: readonly TargetOutput[],
): Finding[] {
  for (const { id, plan } of outputs) {
    const forbidden = addressesOf(plan.admission).intersection(constraints.never);
    if (!forbidden.isEmpty)
      throw new GuardRefusal(
        `constraints: target ${id} would let ${forbidden.toStrings()[0]} through, which constraints.never forbids`,
      );
  }
  const outside = [...cuts].flatMap(([name, cut]) =>
    cut.outside.isEmpty
      ? []
      : [
          {
            refuse: true,
            message: `${typeof name === 'number' ? `endpoint set ${name}` : name} has ${spaceInWords(cut.outside)} outside constraints.within, ${cut.outside.toStrings()[0]} first`,
          },
        ],
  );
  const reaches = outputs
    .filter(({ plan }) => plan.settings !== true)
    .map(({ id, plan }) => ({
      target: id,
      // What goes another way need not be reachable here.
      planned: Admission.union([
        plan.admission,
        ...plan.omissions.filter(({ kind }) => kind === 'scenario').map(({ omitted }) => omitted),
      ]),
      inForce: baseline.inForce.get(id)?.admission,
    }));
  return [
    ...(constraints.outside === 'refuse' ? findingsOf(CONSTRAINTS, outside, accept) : []),
    ...findingsOf(MUST_HAVE, judgeMustHaves(mustHavesOf(config, tables), reaches), accept),
  ];
}

/** What the configuration requires, and what the endpoint tables in use say must stay. */
function mustHavesOf({ require, families }: AllowlistConfig, tables: RunInput['tables']): MustHave[] {
  const ofFamilies = (prefixes: readonly Prefix[]) =>
    DualStackSet.fromPrefixes(prefixes.filter(({ family }) => families.includes(family)));
  return [
    ...require.map(
      ({ host, addresses, ports }, index): MustHave => ({
        where: `require[${index}]`,
        host,
        addresses: ofFamilies(addresses),
        ports,
        strength: 'always',
      }),
    ),
    ...[...tables.values()].flatMap(({ id, mustHaves }) =>
      mustHaves.flatMap(({ host, addresses, ports }) =>
        // Each range by itself: one that was never let through protects nothing of the others.
        addresses.map(
          (prefix): MustHave => ({
            where: `endpoint table ${id}`,
            host,
            addresses: ofFamilies([prefix]),
            ports,
            strength: 'kept',
          }),
        ),
      ),
    ),
  ];
}

/** Judges the week against what is in force: the guards of the feed, its tags and the endpoint sets of Microsoft 365. */
export function guard(
  input: RunInput,
  policy: Policy,
  unused: readonly UnusedTags[],
  {
    totals,
    space,
    week,
    baseline,
  }: {
    readonly totals: FeedTotals;
    readonly space: DualStackSet;
    readonly week: JudgedWeek;
    readonly baseline: GuardBaseline | undefined;
  },
): Finding[] {
  const idle = new Set(unused.map(({ rule }) => rule));
  const configuredTags = new Map<string, string[]>();
  for (const rule of input.config.rules)
    if (!idle.has(rule.name))
      for (const tag of rule.serviceTags)
        configuredTags.set(tag, [...(configuredTags.get(tag) ?? []), rule.name]);
  const sets = m365Tags(input, policy, (tag) => week.keptOf(tag));
  for (const [tag, { rules }] of sets) configuredTags.set(tag, rules);
  const { snapshot } = week;
  const found = [...sets.values()].flatMap(({ tag }) => tag ?? []);
  return judge(
    {
      limits: input.config.guards,
      today: input.today,
      snapshot:
        found.length === 0
          ? snapshot
          : {
              ...snapshot,
              tags: new Map([...snapshot.tags, ...found.map((tag) => [tag.name, tag] as const)]),
            },
      totals,
      space,
      policy,
      configuredTags,
      m365: m365Week({ ...input, m365: week.m365 }),
      origins: input.origins,
      knownFigures: input.knownFigures,
      baseline,
    },
    input.accept,
  );
}

/** Whether a guard refuses the run, and no acceptance passes it. */
export function isRefused(findings: readonly Finding[]): boolean {
  return findings.some(({ outcome }) => outcome === 'refused');
}

/** A week as the guards judge it. */
export interface JudgedWeek extends Pick<Constrained, 'snapshot' | 'm365'> {
  /** What the constraints cut out of a tag and was in force before. */
  readonly keptOf: (tag: Pick<TagAddresses, 'tag' | 'm365'>) => DualStackSet;
}

/**
 * The week as the guards judge it: with what the constraints cut out and was in force before. The feed has not lost it; what
 * was not in force is no gain of this week either.
 */
export function withKeptCuts(
  { snapshot, m365 }: Pick<Constrained, 'snapshot' | 'm365'>,
  { published, cuts }: { readonly published: Snapshot['tags']; readonly cuts: Constrained['cuts'] },
  baseline: GuardBaseline | undefined,
): JudgedWeek {
  const kept = (name: string, key: string | number) => {
    const cut = cuts.get(key);
    const before = baseline?.tags.get(name);
    return cut === undefined || before === undefined
      ? DualStackSet.empty
      : cut.never.union(cut.outside).intersection(before);
  };
  const tags = new Map(
    [...snapshot.tags].map(([name, tag]) => {
      if (!cuts.has(name)) return [name, tag] as const;
      const { prefixes } = published.get(name)!;
      const addresses = tag.addresses.union(kept(name, name));
      return [name, { ...tag, prefixes, prefixCount: prefixes.length, addresses }] as const;
    }),
  );
  const names = new Map(
    (baseline?.policy?.rules ?? []).flatMap((rule) =>
      rule.tags.flatMap(({ tag, m365: set }) => (set === undefined ? [] : [[set.id, tag] as const])),
    ),
  );
  const rows = m365?.rows.map((row) => {
    const name = names.get(row.id);
    const own = name === undefined ? DualStackSet.empty : kept(name, row.id);
    return own.isEmpty ? row : { ...row, prefixes: [...row.prefixes, ...own.cover()] };
  });
  return {
    snapshot: cuts.size === 0 ? snapshot : { ...snapshot, tags },
    m365: m365 === undefined || rows === undefined ? m365 : { ...m365, rows },
    keptOf: ({ tag, m365: set }) => kept(tag, set?.id ?? tag),
  };
}

/** What is in force as the guards compare with it: with what the constraints let through from now on, as the feed had it. */
export function withReleased(
  baseline: GuardBaseline,
  tags: Snapshot['tags'],
  released: DualStackSet,
): GuardBaseline {
  if (released.isEmpty) return baseline;
  return {
    ...baseline,
    tags: new Map(
      [...baseline.tags].map(([name, addresses]) => {
        const now = tags.get(name)?.addresses;
        return [name, now === undefined ? addresses : addresses.union(now.intersection(released))];
      }),
    ),
  };
}

/**
 * The endpoint sets of Microsoft 365 as the guards judge them, like service tags: those of the policy, and
 * those in force that the service does not have any more.
 */
function m365Tags(
  { config, m365, baseline }: RunInput,
  policy: Policy,
  keptOf: JudgedWeek['keptOf'],
): ReadonlyMap<string, { readonly rules: string[]; readonly tag: ServiceTag | undefined }> {
  const sets = new Map<string, { readonly rules: string[]; readonly tag: ServiceTag | undefined }>();
  if (m365 === undefined) return sets;
  for (const { name, tags } of policy.rules)
    for (const tag of tags)
      if (tag.m365 !== undefined)
        sets.set(tag.tag, {
          rules: [...(sets.get(tag.tag)?.rules ?? []), name],
          tag: asServiceTag({ ...tag, addresses: tag.addresses.union(keptOf(tag)) }),
        });
  const published = new Map(m365.rows.map((row) => [row.id, row]));
  const selectors = config.rules.flatMap((rule) => rule.m365);
  const instance = baseline.tree?.lock.m365?.instance;
  for (const { name, tags } of instance === m365.instance ? (baseline.tree?.policy.rules ?? []) : [])
    for (const { tag, m365: set } of tags) {
      if (set === undefined) continue;
      const rules = [...(sets.get(tag)?.rules ?? []), name];
      const row = published.get(set.id);
      if (row === undefined) sets.set(tag, { rules, tag: undefined });
      // It is still there, and has lost every address: what is judged is what was, against nothing.
      else if (row.prefixes.length === 0 && selectors.some((selector) => matchesM365(row, selector)))
        sets.set(tag, {
          rules,
          tag: asServiceTag({ tag, region: '', prefixes: [], addresses: DualStackSet.empty }),
        });
    }
  return sets;
}

/** What the guards of the Microsoft 365 service look at: the selected sets, and those in force that it has withdrawn. */
function m365Week({ m365, config, baseline }: RunInput): M365Week | undefined {
  if (m365 === undefined) return undefined;
  const selectors = config.rules.flatMap((rule) => rule.m365);
  const published = new Set(m365.rows.map(({ id }) => id));
  const { tree } = baseline;
  const inForce = tree?.lock.m365?.instance === m365.instance ? m365IdsOf(tree.policy) : [];
  const asked = new Set(selectors.flatMap(({ ids = [] }) => ids));
  const { rows, instance, version } = m365;
  return {
    instance,
    version,
    selected: new Map(selectM365Rows(rows, selectors).map((row) => [row.id, row])),
    // Which sets a selector without numbers meant, only their rows could say: the set in force was one of them.
    withdrawn: inForce.filter(
      (id) => !published.has(id) && (asked.has(id) || selectors.some(({ ids }) => ids === undefined)),
    ),
  };
}

function asServiceTag({ tag, prefixes, addresses }: TagAddresses): ServiceTag {
  return {
    name: tag,
    id: tag,
    changeNumber: 0,
    region: '',
    systemService: '',
    platform: '',
    prefixes,
    prefixCount: prefixes.length,
    addresses,
  };
}

/** What the guards compare with, of a tree that is in force. */
export function guardBaseline(tree: OutputTree, signer: Signer | undefined): GuardBaseline {
  const { lock, policy } = tree;
  const { totals, cloud, fileDate, changeNumber, contentSha256 } = lock.feed;
  return {
    cloud,
    fileDate,
    changeNumber,
    contentSha256,
    totals: {
      tags: totals.tags,
      prefixes: totals.prefixes,
      ipv4Addresses: BigInt(totals.ipv4Addresses),
      ipv6Addresses: BigInt(totals.ipv6Addresses),
    },
    tags: new Map(policy.rules.flatMap(({ tags }) => tags.map(({ tag, addresses }) => [tag, addresses]))),
    space: knownSpaceOf(tree),
    accepted: readAcceptedSizes(lock),
    parts: readParts(lock),
    policy,
    lock: stateOfLock(lock, tree.lockText, signer?.hasSigned),
    m365: lock.m365,
  };
}
