import { relative } from 'node:path';
import { AZURE_SPACE_FILE, formatAzureSpace } from './committed/azure-space.ts';
import {
  feedOfLock,
  formatLock,
  LOCK_FILE,
  type Lock,
  m365OfLock,
  policyOfLock,
  recentGainsOfLock,
  snapshotFiles,
  targetOfLock,
} from './committed/lock.ts';
import { fileDigest, type OutputTree } from './committed/output-tree.ts';
import { contextOfTree, targetSides, weekOfLock } from './committed/sides.ts';
import type { AllowlistConfig, TargetConfig } from './config/config.ts';
import type { EndpointTable } from './endpoints/endpoint-table.ts';
import type { LoadedFeed } from './feed/load.ts';
import type { M365Endpoints } from './feed/m365.ts';
import type { FeedSource, ServiceTag, Snapshot } from './feed/snapshot.ts';
import { rememberGains } from './policy/diff/recent-gains.ts';
import { diffPolicies } from './policy/diff.ts';
import { feedStale } from './policy/guards/feed-stale.ts';
import type { FeedTotals, Finding, GuardBaseline } from './policy/guards/guard.ts';
import { describeRefusal, judge } from './policy/guards/judge.ts';
import type { Policy, TagAddresses } from './policy/policy.ts';
import { makePolicy, resolvePolicy } from './policy/resolve.ts';
import { spaceOf, totalsOf } from './policy/totals.ts';
import { AllowlistError, GuardRefusal } from './problem.ts';
import { coverage } from './review/coverage.ts';
import { tagsOf } from './review/feeds.ts';
import { writeMarkdown } from './review/markdown.ts';
import type { FeedWeek, Review } from './review/review.ts';
import { reviewTarget } from './review/targets.ts';
import { buildTarget, type TargetOutput, type TargetRequest } from './targets/build.ts';

/** Where the review stands in the output tree. */
export const REVIEW_FILE = 'REVIEW.md';

/** What a run is made from: everything that was read before the pure part begins. */
export interface RunInput {
  readonly config: AllowlistConfig;
  readonly feed: LoadedFeed;
  readonly tables: ReadonlyMap<string, EndpointTable>;
  readonly targets: readonly TargetRequest[];
  /** The endpoint sets of Microsoft 365; needed where a rule takes some. */
  readonly m365?: M365Endpoints | undefined;
  /** The output tree in force; undefined on the first run. */
  readonly baseline: OutputTree | undefined;
  /** Guards whose refusal is accepted, this once. */
  readonly accept: readonly string[];
  /** YYYY-MM-DD. */
  readonly today: string;
}

/** What a run would publish. */
export interface RunPlan {
  readonly review: Review;
  /** Everything the guards found. The review leaves out what depends on the day the job runs. */
  readonly findings: readonly Finding[];
  readonly policy: Policy;
  /** What each configured target made of it, in configured order. */
  readonly outputs: readonly TargetOutput[];
  /** Nothing differs for the configured rules: the lock keeps the week of the last change. */
  readonly unchanged: boolean;
  /** Every file of the output tree, by path. */
  readonly files: ReadonlyMap<string, string>;
  /** The files that the baseline's lock names. */
  readonly managed: readonly string[];
}

/** A refusal by guards, with everything they found. */
export class RunRefused extends GuardRefusal {
  readonly findings: readonly Finding[];

  constructor(message: string, findings: readonly Finding[]) {
    super(message);
    this.findings = findings;
  }
}

/**
 * The line from the parsed feed to the bytes that are to be published: resolve, compare, guard, fit,
 * render, read back, review. A function of its arguments alone.
 * @throws RunRefused, GuardRefusal, ConfigurationError
 */
export function planRun(input: RunInput): RunPlan {
  const { config, baseline } = input;
  const { snapshot, source } = input.feed;
  const policy = resolvePolicy(
    config.rules,
    input.tables,
    snapshot.tags,
    input.m365 === undefined
      ? undefined
      : { endpoints: input.m365, partialNames: config.feed.m365.partialNames ?? 'widen' },
  );
  const totals = totalsOf(snapshot);
  const findings = guard(input, policy, totals);
  const outputs = buildAll(policy, input.targets);

  const files = new Map<string, string>(snapshotFiles(policy));
  for (const output of outputs)
    for (const { path, text } of output.files) files.set(`${output.id}/${path}`, text);

  const acceptances = findings
    .filter(({ outcome }) => outcome === 'accepted')
    .map(({ guard: name, message }) => ({ guard: name, message }));
  const lock: Omit<Lock, 'recentGains' | 'files'> = {
    version: 1,
    feed: feedOfLock(snapshot, source, totals),
    ...(input.m365 === undefined ? {} : { m365: m365OfLock(input.m365) }),
    acceptances,
    policy: policyOfLock(policy),
    targets: Object.fromEntries(
      outputs.map((output, index) => [
        output.id,
        targetOfLock(input.targets[index]!, output, templateOf(config, config.targets[index]!)),
      ]),
    ),
  };
  const review = makeReview(input, policy, outputs, findings, acceptances);
  const managed = baseline === undefined ? [] : [...Object.keys(baseline.lock.files), LOCK_FILE];
  const planned = { review, findings, policy, outputs, managed };
  const lastReview = baseline === undefined ? undefined : reviewInForce(baseline);
  if (baseline !== undefined && lastReview !== undefined) {
    files.set(REVIEW_FILE, lastReview);
    const lastSpace = baseline.files.get(AZURE_SPACE_FILE);
    if (lastSpace !== undefined) files.set(AZURE_SPACE_FILE, lastSpace);
    const { feed: lastFeed, m365: lastM365, acceptances: lastAcceptances } = baseline.lock;
    const text = formatLock({
      ...lock,
      feed: lastFeed,
      ...(lastM365 === undefined || lock.m365 === undefined ? {} : { m365: lastM365 }),
      acceptances: lastAcceptances,
      recentGains: baseline.lock.recentGains,
      files: digestsOf(files),
    });
    // Equal locks are equal rule files, snapshot, policy and targets: the tree keeps what it remembers of the week
    // of the last change.
    if (text === formatLock(baseline.lock))
      return { ...planned, unchanged: true, files: files.set(LOCK_FILE, text) };
  }
  files.set(REVIEW_FILE, writeMarkdown(review));
  files.set(AZURE_SPACE_FILE, formatAzureSpace(spaceOf(snapshot)));
  const gains = rememberGains(baseline?.recentGains ?? [], review.diff, snapshot.fileDate);
  files.set(LOCK_FILE, formatLock({ ...lock, ...recentGainsOfLock(gains), files: digestsOf(files) }));
  return { ...planned, unchanged: false, files };
}

function guard(input: RunInput, policy: Policy, totals: FeedTotals): Finding[] {
  const configuredTags = new Map<string, string[]>();
  for (const rule of input.config.rules)
    for (const tag of rule.serviceTags)
      configuredTags.set(tag, [...(configuredTags.get(tag) ?? []), rule.name]);
  const sets = m365Tags(input, policy);
  for (const [tag, { rules }] of sets) configuredTags.set(tag, rules);
  const { snapshot } = input.feed;
  const found = [...sets.values()].flatMap(({ tag }) => tag ?? []);
  const findings = judge(
    {
      limits: input.config.guards,
      today: input.today,
      snapshot: {
        ...snapshot,
        tags: new Map([...snapshot.tags, ...found.map((tag) => [tag.name, tag] as const)]),
      },
      totals,
      policy,
      configuredTags,
      baseline: input.baseline === undefined ? undefined : guardBaseline(input.baseline),
    },
    input.accept,
  );
  const refusal = describeRefusal(findings);
  if (refusal !== undefined) throw new RunRefused(refusal, findings);
  return findings;
}

/**
 * The endpoint sets of Microsoft 365 as the guards judge them, like service tags: those of the policy, and
 * those in force that the service does not have any more.
 */
function m365Tags(
  { m365, baseline }: RunInput,
  policy: Policy,
): ReadonlyMap<string, { readonly rules: string[]; readonly tag: ServiceTag | undefined }> {
  const sets = new Map<string, { readonly rules: string[]; readonly tag: ServiceTag | undefined }>();
  if (m365 === undefined) return sets;
  for (const { name, tags } of policy.rules)
    for (const tag of tags)
      if (tag.m365 !== undefined)
        sets.set(tag.tag, { rules: [...(sets.get(tag.tag)?.rules ?? []), name], tag: asServiceTag(tag) });
  const published = new Set(m365.rows.map(({ id }) => id));
  const instance = baseline?.lock.m365?.instance;
  for (const { name, tags } of instance === m365.instance ? (baseline?.policy.rules ?? []) : [])
    for (const { tag, m365: set } of tags)
      if (set !== undefined && !published.has(set.id))
        sets.set(tag, { rules: [...(sets.get(tag)?.rules ?? []), name], tag: undefined });
  return sets;
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
    addresses,
  };
}

function guardBaseline({ lock, policy }: OutputTree): GuardBaseline {
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
  };
}

/** Builds every target before the first failure is told, so that all of them are. */
function buildAll(policy: Policy, requests: readonly TargetRequest[]): TargetOutput[] {
  const outputs: TargetOutput[] = [];
  const refusals: AllowlistError[] = [];
  for (const request of requests)
    try {
      outputs.push(buildTarget(policy, request));
    } catch (error) {
      if (!(error instanceof AllowlistError)) throw error;
      refusals.push(error);
    }
  if (refusals.length === 1) throw refusals[0];
  if (refusals.length > 1) {
    const message = refusals.map((refusal) => refusal.message).join('\n');
    const Kind = refusals.every((refusal) => refusal instanceof GuardRefusal) ? GuardRefusal : AllowlistError;
    throw new Kind(message, [], { cause: refusals });
  }
  return outputs;
}

/** The review of the last change; undefined if it is gone or was edited, so that a new one is written. */
function reviewInForce({ files, lock }: OutputTree): string | undefined {
  const text = files.get(REVIEW_FILE);
  return text !== undefined && fileDigest(text) === lock.files[REVIEW_FILE] ? text : undefined;
}

function digestsOf(files: ReadonlyMap<string, string>): Lock['files'] {
  return Object.fromEntries(
    [...files].sort(([a], [b]) => (a < b ? -1 : 1)).map(([path, text]) => [path, fileDigest(text)]),
  );
}

function makeReview(
  input: RunInput,
  policy: Policy,
  outputs: readonly TargetOutput[],
  findings: readonly Finding[],
  acceptances: Review['acceptances'],
): Review {
  const { baseline } = input;
  const sides = new Map(baseline === undefined ? [] : targetSides(baseline));
  const gone = [...sides.keys()].filter((id) => !outputs.some((output) => output.id === id));
  return {
    scope: 'policy',
    feed: {
      before: baseline === undefined ? undefined : weekOfLock(baseline.lock),
      after: weekOf(input.feed.snapshot, input.feed.source),
    },
    diff: diffPolicies(baseline?.policy ?? makePolicy([]), policy),
    context: {
      ...(baseline === undefined ? {} : contextOfTree(baseline, input.feed.snapshot.fileDate)),
      currentTags: tagsOf(input.feed.snapshot),
    },
    targets: [
      ...outputs.map((output, index) =>
        reviewTarget(
          output.id,
          sides.get(output.id),
          output,
          input.targets[index]!.target.manifest.limits.entries,
        ),
      ),
      ...gone.map((id) => reviewTarget(id, sides.get(id), undefined)),
    ],
    // The age of a feed is another tomorrow: it is told by the run, and kept out of what is committed.
    guards: findings.filter(({ guard: name, outcome }) => !(name === feedStale.name && outcome === 'noted')),
    acceptances,
    coverage: coverage(
      policy,
      outputs.map(({ id, plan }, index) => ({
        id,
        plan,
        addressMatch: input.targets[index]!.target.manifest.capabilities.addressMatch,
      })),
    ),
  };
}

/** The week of a feed, as the review names it. */
export function weekOf(snapshot: Snapshot, source: FeedSource): FeedWeek {
  return {
    cloud: snapshot.cloud,
    name: source.name,
    fileDate: snapshot.fileDate,
    changeNumber: snapshot.changeNumber,
  };
}

/** A user's format as the lock names it: relative to the output tree, so that no path of the host gets in. */
function templateOf(config: AllowlistConfig, { template }: TargetConfig): string | undefined {
  return template === undefined ? undefined : relative(config.output, template).replaceAll('\\', '/');
}
