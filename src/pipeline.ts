import { relative } from 'node:path';
import type { AllowlistConfig, TargetConfig } from './config/config.ts';
import type { EndpointTable } from './endpoints/endpoint-table.ts';
import type { LoadedFeed } from './feed/load.ts';
import type { FeedSource, Snapshot } from './feed/snapshot.ts';
import { diffPolicies } from './policy/diff.ts';
import { feedStale } from './policy/guards/feed-stale.ts';
import type { FeedTotals, Finding, GuardBaseline } from './policy/guards/guard.ts';
import { describeRefusal, judge } from './policy/guards/judge.ts';
import type { Policy, TagAddresses } from './policy/policy.ts';
import { makePolicy, resolvePolicy } from './policy/resolve.ts';
import { totalsOf } from './policy/totals.ts';
import { AllowlistError, GuardRefusal } from './problem.ts';
import {
  feedOfLock,
  formatLock,
  LOCK_FILE,
  type Lock,
  policyOfLock,
  snapshotFiles,
  targetOfLock,
} from './publish/lock.ts';
import { fileDigest, type OutputTree } from './publish/output-tree.ts';
import { targetSides, weekOfLock } from './publish/sides.ts';
import { coverage } from './review/coverage.ts';
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
  const policy = resolvePolicy(config.rules, input.tables, snapshot.tags);
  const totals = totalsOf(snapshot);
  const findings = guard(input, policy, totals);
  const outputs = buildAll(policy, input.targets);

  const files = new Map<string, string>(snapshotFiles(policy));
  for (const output of outputs)
    for (const { path, text } of output.files) files.set(`${output.id}/${path}`, text);

  const acceptances = findings
    .filter(({ outcome }) => outcome === 'accepted')
    .map(({ guard: name, message }) => ({ guard: name, message }));
  const lock: Omit<Lock, 'files'> = {
    version: 1,
    feed: feedOfLock(snapshot, source, totals),
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
    const { feed: lastFeed, acceptances: lastAcceptances } = baseline.lock;
    const text = formatLock({
      ...lock,
      feed: lastFeed,
      acceptances: lastAcceptances,
      files: digestsOf(files),
    });
    // Equal locks are equal rule files, snapshot, policy and targets: the lock keeps the week of the last change.
    if (text === formatLock(baseline.lock))
      return { ...planned, unchanged: true, files: files.set(LOCK_FILE, text) };
  }
  files.set(REVIEW_FILE, writeMarkdown(review));
  files.set(LOCK_FILE, formatLock({ ...lock, files: digestsOf(files) }));
  return { ...planned, unchanged: false, files };
}

function guard(input: RunInput, policy: Policy, totals: FeedTotals): Finding[] {
  const configuredTags = new Map<string, string[]>();
  for (const rule of input.config.rules)
    for (const tag of rule.serviceTags)
      configuredTags.set(tag, [...(configuredTags.get(tag) ?? []), rule.name]);
  const findings = judge(
    {
      limits: input.config.guards,
      today: input.today,
      snapshot: input.feed.snapshot,
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
    context: { currentTags: feedTags(input.feed.snapshot) },
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

/** All tags of the feed, of which the review says where lost addresses are now. */
function feedTags({ tags }: Snapshot): TagAddresses[] {
  return [...tags.values()].map(({ name, region, prefixes, addresses }) => ({
    tag: name,
    region,
    prefixes,
    addresses,
  }));
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
