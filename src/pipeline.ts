import { relative } from 'node:path';
import {
  AZURE_SPACE_FILE,
  EARLIER_SPACE_FILE,
  formatAzureSpace,
  knownSpaceOf,
  SPACE_FILES,
} from './committed/azure-space.ts';
import type { Baseline } from './committed/baseline.ts';
import { formatGitAttributes, GIT_ATTRIBUTES_FILE } from './committed/git-attributes.ts';
import {
  acceptedSizesOfLock,
  feedOfLock,
  formatLock,
  keptLock,
  LOCK_FILE,
  type Lock,
  leftOutOfLock,
  m365OfLock,
  parseLock,
  partsOfLock,
  policyOfLock,
  readAcceptedSizes,
  recentGainsOfLock,
  snapshotFiles,
  targetOfLock,
} from './committed/lock.ts';
import { fileDigest, type OutputTree } from './committed/output-tree.ts';
import { contextOfTree, targetSides, weekOfLock } from './committed/sides.ts';
import type { Signer } from './committed/signature.ts';
import type { AllowlistConfig, TargetConfig } from './config/config.ts';
import type { EndpointTable } from './endpoints/endpoint-table.ts';
import { m365OfFamilies, snapshotOfFamilies } from './feed/families.ts';
import type { ParsedFeed } from './feed/load.ts';
import type { M365Endpoints } from './feed/m365.ts';
import type { FeedSource, Snapshot } from './feed/snapshot.ts';
import { guard, guardBaseline, guardOutputs, isRefused, withKeptCuts, withReleased } from './judge-run.ts';
import { DualStackSet } from './net/dual-stack-set.ts';
import {
  type Constrained,
  type Constraints,
  constrain,
  declareCuts,
  NO_CONSTRAINTS,
} from './policy/constraints.ts';
import { familiarSpace } from './policy/diff/new-space.ts';
import { rememberGains } from './policy/diff/recent-gains.ts';
import { diffPolicies } from './policy/diff.ts';
import { rememberSizes, stepsBetween, withoutSizes } from './policy/guards/drift.ts';
import { feedStale } from './policy/guards/feed-stale.ts';
import type { Finding, PartsOfTags } from './policy/guards/guard.ts';
import { describeRefusal } from './policy/guards/judge.ts';
import type { KnownFigures } from './policy/guards/known-figures.ts';
import type { Origins } from './policy/guards/origins.ts';
import { forbiddenSpecialUse } from './policy/guards/special-use.ts';
import { holdRemovals } from './policy/hold.ts';
import type { Policy } from './policy/policy.ts';
import { regionalTagNotes, takeRegions } from './policy/regional-tags.ts';
import { makePolicy, resolvePolicy } from './policy/resolve.ts';
import { spaceOf, totalsOf } from './policy/totals.ts';
import { AllowlistError, GuardRefusal } from './problem.ts';
import { coverage, type PlannedTarget } from './review/coverage.ts';
import { deviceTexts } from './review/device-line.ts';
import { tagsOf } from './review/feeds.ts';
import { writeMarkdown } from './review/markdown.ts';
import type { RehearsedTarget } from './review/rehearsal.ts';
import type { FeedWeek, Review } from './review/review.ts';
import { reviewTarget, sideOfOutput } from './review/targets.ts';
import { buildTarget, type TargetOutput, type TargetRequest } from './targets/build.ts';
import { type PolicyInUse, policyInUse } from './targets/in-use.ts';

/** Where the review stands in the output tree. */
export const REVIEW_FILE = 'REVIEW.md';

/** Where the Atom feed of the changes is written, on request. */
export const ATOM_FILE = 'feed.xml';

/** What tells this program's files from others of the same name. */
export const FILE_MARKS: ReadonlyMap<string, string> = new Map([
  [REVIEW_FILE, '# Azure allowlist'],
  [ATOM_FILE, 'urn:azure-allowlist:'],
]);

/** What a run is made from: everything that was read before the pure part begins. */
export interface RunInput {
  readonly config: AllowlistConfig;
  readonly feed: ParsedFeed;
  readonly tables: ReadonlyMap<string, EndpointTable>;
  readonly targets: readonly TargetRequest[];
  /** The endpoint sets of Microsoft 365; needed where a rule takes some. */
  readonly m365?: M365Endpoints | undefined;
  /** What may never be let through, and what alone may be; nothing by default. */
  readonly constraints?: Constraints;
  /** The second source, where one is configured. */
  readonly origins?: Origins;
  /** What the cloud's weekly files ever had, in figures, for a tree that remembers no space. */
  readonly knownFigures?: KnownFigures | undefined;
  /** What is in force, as it was committed. */
  readonly baseline: Baseline;
  /** Signs the lock, where a key is configured. */
  readonly signer?: Signer;
  /** Adds a change to the Atom feed that was committed last. */
  readonly atom?: (last: string | undefined, review: Review, policyDigest: string) => string;
  /** What came of trying the planned files out; told in the review. */
  readonly rehearsals?: readonly RehearsedTarget[];
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
  /** No device would see a difference: every file stays as it was committed. */
  readonly unchanged: boolean;
  /** Every file of the output tree, by path. */
  readonly files: ReadonlyMap<string, string>;
  /** The files that earlier runs wrote there. */
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
export function planRun(published: RunInput): RunPlan {
  const asPublished = inRegions(ofConfiguredFamilies(published));
  const { input, cuts } = constrained(asPublished);
  const { config } = input;
  const { snapshot, source } = input.feed;
  const { tree: last, managed } = input.baseline;
  const whole = declareCuts(
    resolvePolicy(
      config.rules,
      input.tables,
      snapshot.tags,
      input.m365 === undefined
        ? undefined
        : { endpoints: input.m365, partialNames: config.feed.m365.partialNames ?? 'widen' },
    ),
    cuts,
  );
  const { policy: current, unused } = policyInUse(whole, input.targets);
  const policy = held(input, current);
  const space = spaceOf(snapshot);
  // Of the feed itself: what the constraints cut out of it, it has not lost.
  const totals = cuts.size === 0 ? totalsOf(snapshot, space) : totalsOf(asPublished.feed.snapshot);
  const leftOut = leftOutOf(policy, cuts);
  const before =
    last === undefined
      ? undefined
      : withReleased(guardBaseline(last, input.signer), snapshot.tags, last.leftOut.difference(leftOut));
  const week = withKeptCuts(
    { snapshot, m365: input.m365 },
    { published: asPublished.feed.snapshot.tags, cuts },
    before,
  );
  const judged = guard(input, policy, unused, { totals, space, week, baseline: before });
  const build = () =>
    buildAll(
      policy,
      input.targets.map((request) =>
        withInForce(
          { ...withoutForbidden(request, input.constraints), week: snapshot.fileDate },
          input.baseline,
        ),
      ),
    );
  if (isRefused(judged)) throw refusedRun(input, judged, build);
  const outputs = build();
  const findings = [...judged, ...guardOutputs(input, cuts, outputs)];
  if (isRefused(findings)) throw refusedRun(input, findings, () => outputs);

  const files = new Map<string, string>(snapshotFiles(policy));
  for (const output of outputs)
    for (const { path, text } of output.files) files.set(`${output.id}/${path}`, text);

  const acceptances = findings
    .filter(({ outcome }) => outcome === 'accepted')
    .map(({ guard: name, message }) => ({ guard: name, message }));
  const lock: Omit<MadeLock, 'files'> = {
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
  const review = makeReview(
    input,
    { whole, policy, unused, cuts, published: asPublished.feed.snapshot },
    outputs,
    findings,
    acceptances,
  );
  const planned = { review, findings, policy, outputs, managed };
  // An edited file that would be written as it stands is not what the lock says, and is told.
  const isUntouched = [...input.baseline.inForce.values()].every(({ edited }) => edited.length === 0);
  if (
    last !== undefined &&
    isUntouched &&
    isSame(last, inOneOrder({ ...lock, files: digestsOf(files) }), files)
  )
    return {
      ...planned,
      unchanged: true,
      files: new Map([...last.files, [LOCK_FILE, keptLock(last.lock, input.signer)]]),
    };
  files.set(REVIEW_FILE, writeMarkdown(review));
  if (input.atom !== undefined)
    files.set(ATOM_FILE, input.atom(last?.files.get(ATOM_FILE), review, policy.digest));
  const kept = spaceToKeep(last, snapshot.cloud, policy, space);
  files.set(AZURE_SPACE_FILE, formatAzureSpace(kept.now));
  if (!kept.earlier.isEmpty) files.set(EARLIER_SPACE_FILE, formatAzureSpace(kept.earlier));
  if (config.publish.git !== undefined && !input.baseline.hasOwnAttributes)
    files.set(GIT_ATTRIBUTES_FILE, formatGitAttributes());
  const gains = rememberGains(last?.recentGains ?? [], review.diff, snapshot.fileDate);
  const sizes = rememberSizes(
    last === undefined
      ? []
      : // What the constraints cut out from now on is no part of what a tag has come from.
        withoutSizes(readAcceptedSizes(last.lock), (tag) => week.keptOf({ tag }).ipv4.size),
    snapshot.fileDate,
    sizesOf(policy),
    before === undefined
      ? undefined
      : stepsBetween(
          before.tags,
          new Map(
            [...serviceTagsOf(policy)].map(([tag, addresses]) => [
              tag,
              addresses.union(week.keptOf({ tag })),
            ]),
          ),
        ),
  );
  files.set(
    LOCK_FILE,
    formatLock(
      {
        ...lock,
        ...recentGainsOfLock(gains),
        ...acceptedSizesOfLock(sizes),
        ...partsOfLock(partsOfTags(policy, snapshot)),
        ...leftOutOfLock(leftOut),
        files: digestsOf(files),
      },
      input.signer,
    ),
  );
  return { ...planned, unchanged: false, files };
}

/** What the constraints take out of the tags of a policy. */
function leftOutOf({ rules }: Policy, cuts: Constrained['cuts']): DualStackSet {
  const tags = cuts.size === 0 ? [] : rules.flatMap((rule) => rule.tags);
  return DualStackSet.union(
    tags.flatMap(({ tag, m365 }) => {
      const cut = cuts.get(m365?.id ?? tag);
      return cut === undefined ? [] : [cut.never, cut.outside];
    }),
  );
}

function ofConfiguredFamilies(input: RunInput): RunInput {
  const { families } = input.config;
  return {
    ...input,
    feed: { ...input.feed, snapshot: snapshotOfFamilies(input.feed.snapshot, families) },
    ...(input.m365 === undefined ? {} : { m365: m365OfFamilies(input.m365, families) }),
  };
}

/** The rules with the tags of the regions that they name. */
function inRegions(input: RunInput): RunInput {
  const { rules, tags } = takeRegions(input.config.rules, input.feed.snapshot.tags);
  return {
    ...input,
    config: { ...input.config, rules },
    feed: { ...input.feed, snapshot: { ...input.feed.snapshot, tags } },
  };
}

/** The policy with what its tags have lost since the week in force, where the configuration holds it for a while. */
function held({ config, feed, baseline, constraints, today }: RunInput, policy: Policy): Policy {
  if (config.holdDays === undefined || baseline.tree === undefined) return policy;
  const { never, within } = constraints ?? NO_CONSTRAINTS;
  return holdRemovals(policy, baseline.tree.policy, {
    days: config.holdDays,
    date: feed.snapshot.fileDate ?? today,
    never: never.union(forbiddenSpecialUse(config.guards)),
    within,
    families: config.families,
  });
}

/** The week as the constraints leave it, and what they take out. */
function constrained(input: RunInput): { readonly input: RunInput; readonly cuts: Constrained['cuts'] } {
  if (input.constraints === undefined) return { input, cuts: new Map() };
  const selected = new Set(input.config.rules.flatMap(({ serviceTags }) => serviceTags));
  const { snapshot, m365, cuts } = constrain(
    { snapshot: input.feed.snapshot, m365: input.m365 },
    selected,
    input.constraints,
  );
  return {
    input: { ...input, feed: { ...input.feed, snapshot }, ...(m365 === undefined ? {} : { m365 }) },
    cuts,
  };
}

/** A target whose budget does not widen over what the constraints forbid. */
function withoutForbidden(request: TargetRequest, constraints: Constraints | undefined): TargetRequest {
  const { budget } = request;
  if (budget === undefined || constraints === undefined || constraints.never.isEmpty) return request;
  return { ...request, budget: { ...budget, never: [...budget.never, ...constraints.never.cover()] } };
}

/**
 * A target whose format only adds gets the files in force: what left them has to be taken away; one that remembers keeps its dates. Before the text of one
 * that was edited stands what a run wrote, if that is known: devices may hold what either says, and it alone remembers
 * what those that missed weeks still hold.
 */
function withInForce(request: TargetRequest, { tree, asWritten }: Baseline): TargetRequest {
  const { additive, remembers } = request.target.manifest;
  if (tree === undefined || !(additive || remembers)) return request;
  const folder = `${request.id}/`;
  const paths = [...new Set([...tree.files.keys(), ...asWritten.keys()])].filter((path) =>
    path.startsWith(folder),
  );
  const texts = paths.map((path): [string, string] => [
    path.slice(folder.length),
    `${asWritten.get(path) ?? ''}${tree.files.get(path) ?? ''}`,
  ]);
  return { ...request, inForce: new Map(texts) };
}

/** How many IPv4 addresses the service tags of a policy have. */
function sizesOf(policy: Policy): ReadonlyMap<string, bigint> {
  return new Map([...serviceTagsOf(policy)].map(([tag, { ipv4 }]) => [tag, ipv4.size]));
}

/**
 * The space that the next week is compared with: that of this feed, and what earlier ones had. A feed comes to it only with
 * a run that is published: what a guard refused or the constraints cut out is new the next time as well.
 */
function spaceToKeep(
  last: OutputTree | undefined,
  cloud: string,
  policy: Policy,
  space: DualStackSet,
): { readonly now: DualStackSet; readonly earlier: DualStackSet } {
  const known = last === undefined || last.lock.feed.cloud !== cloud ? undefined : knownSpaceOf(last);
  const used = DualStackSet.union(serviceTagsOf(policy).values());
  const now = familiarSpace(space, known, used);
  return { now, earlier: (known ?? DualStackSet.empty).difference(now) };
}

/** The refusal, with a line a target: what the devices would do if it were accepted. */
function refusedRun(
  { baseline, targets }: RunInput,
  findings: readonly Finding[],
  build: () => readonly TargetOutput[],
): RunRefused {
  const sides = new Map(baseline.tree === undefined ? [] : targetSides(baseline.tree, baseline.inForce));
  const lines = (outputs: readonly TargetOutput[]) =>
    deviceTexts(
      outputs.map((output, index) =>
        reviewTarget(output.id, sides.get(output.id), sideOfOutput(output, targets[index]!)),
      ),
    );
  let devices: string[] = [];
  try {
    devices = lines(build());
  } catch (error) {
    // What no target can be built of has a reason of its own, told once the guards pass.
    if (!(error instanceof AllowlistError)) throw error;
  }
  return new RunRefused(describeRefusal(findings, devices)!, findings);
}

/** The parts that the service tags of a policy have in a feed: the regions of a global tag, with their IPv4 addresses. */
function partsOfTags(policy: Policy, { tags }: Snapshot): PartsOfTags {
  const all = [...tags.values()].filter(({ addresses }) => !addresses.isEmpty);
  return new Map(
    [...serviceTagsOf(policy).keys()]
      .map((tag) => {
        const parts = all
          .filter(({ name }) => name.startsWith(`${tag}.`))
          .map(({ name, addresses }) => [name.slice(tag.length + 1), addresses.ipv4.size] as const);
        return [tag, new Map(parts.sort(([a], [b]) => (a < b ? -1 : 1)))] as const;
      })
      .filter(([, parts]) => parts.size > 0),
  );
}

/** The addresses of the service tags of a policy. */
function serviceTagsOf({ rules }: Policy): ReadonlyMap<string, DualStackSet> {
  const tags = rules.flatMap((rule) => rule.tags.filter(({ m365 }) => m365 === undefined));
  return new Map(tags.map(({ tag, addresses }) => [tag, addresses]));
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

/**
 * Whether the tree in force stands: its rule files are those that would be written, and it was made by the same
 * configuration. What changed beside that, no device sees.
 */
function isSame({ lock, files }: OutputTree, next: MadeLock, planned: ReadonlyMap<string, string>): boolean {
  const isRuleFile = (path: string) => path.includes('/') && !path.startsWith('snapshot/');
  const paths = [...new Set([...Object.keys(lock.files), ...planned.keys()])].filter(isRuleFile);
  // Files in force that were edited do not count as they stand, and the review of the last change must be whole.
  const review = files.get(REVIEW_FILE);
  return (
    paths.every((path) => planned.has(path) && planned.get(path) === files.get(path)) &&
    review !== undefined &&
    fileDigest(review) === lock.files[REVIEW_FILE] &&
    SPACE_FILES.every((path) => lock.files[path] === undefined || files.has(path)) &&
    // Without a target nobody can say what a device sees: every change of the policy counts.
    (Object.keys(next.targets).length > 0 || lock.policy.digest === next.policy.digest) &&
    JSON.stringify(configurationOf(lock)) === JSON.stringify(configurationOf(next))
  );
}

/** A lock as it would be read back, its keys in the order of the schema. */
const inOneOrder = (lock: Lock): Lock => parseLock(formatLock(lock), LOCK_FILE);

/** A lock without what it remembers of weeks. */
type MadeLock = Omit<Lock, 'recentGains' | 'acceptedSizes' | 'parts' | 'leftOut'>;

/** What a lock was made by: everything in it that no week changes. */
function configurationOf({ feed, m365, policy, targets }: MadeLock) {
  const declared = (all: Lock['targets'][string]['omissions']) =>
    all.map(({ rule, kind, reason }) => ({ rule, kind, reason: kind === 'budget' ? '' : reason }));
  return {
    cloud: feed.cloud,
    instance: m365?.instance,
    // What is held stands in the widenings of the targets that let it through.
    rules: policy.rules.map(({ tags, total: _, held: __, ...rule }) => ({
      ...rule,
      tags: tags.map(({ tag }) => tag),
    })),
    targets: Object.entries(targets).map(([id, { entries: _, omissions, widenings, ...target }]) => ({
      id,
      ...target,
      omissions: declared(omissions),
      widenings: declared(widenings),
    })),
  };
}

function digestsOf(files: ReadonlyMap<string, string>): Lock['files'] {
  return Object.fromEntries(
    [...files].sort(([a], [b]) => (a < b ? -1 : 1)).map(([path, text]) => [path, fileDigest(text)]),
  );
}

function makeReview(
  input: RunInput,
  {
    whole,
    policy,
    unused,
    cuts,
    published,
  }: PolicyInUse & {
    readonly whole: Policy;
    readonly cuts: Constrained['cuts'];
    /** The feed before the constraints. */
    readonly published: Snapshot;
  },
  outputs: readonly TargetOutput[],
  findings: readonly Finding[],
  acceptances: Review['acceptances'],
): Review {
  const { tree, inForce, drift } = input.baseline;
  const sides = new Map(tree === undefined ? [] : targetSides(tree, inForce));
  const gone = [...sides.keys()].filter((id) => !outputs.some((output) => output.id === id));
  const currentTags = tagsOf(published);
  const cut = DualStackSet.union([...cuts.values()].map(({ never, outside }) => never.union(outside)));
  const addresses = addressesOfTags(input.feed.snapshot, whole);
  const covered = coverage(
    whole,
    outputs.map(({ id, plan }, index) => ({
      id,
      plan,
      addressMatch: input.targets[index]!.target.manifest.capabilities.addressMatch,
    })),
    addresses,
  );
  return {
    scope: 'policy',
    feed: {
      before: tree === undefined ? undefined : weekOfLock(tree.lock),
      after: weekOf(input.feed.snapshot, input.feed.source),
    },
    diff: diffPolicies(tree?.policy ?? makePolicy([]), policy),
    context: {
      ...(tree === undefined ? {} : contextOfTree(tree, input.feed.snapshot.fileDate)),
      currentTags,
      unused,
      ...(cut.isEmpty ? {} : { cut }),
    },
    targets: [
      ...outputs.map((output, index) =>
        reviewTarget(
          output.id,
          sides.get(output.id),
          sideOfOutput(output, input.targets[index]!),
          input.targets[index]!.target.manifest.limits.entries,
        ),
      ),
      ...gone.map((id) => reviewTarget(id, sides.get(id), undefined)),
    ],
    drift: drift.map((one) => ({
      ...one,
      planned: outputs.find(({ id }) => id === one.target)?.plan.admission,
    })),
    unused,
    lowConfidence: [...input.tables.values()]
      .filter(({ confidence }) => confidence === 'low')
      .map(({ id }) => id),
    regionalTags: regionalTagNotes(input.config.rules, input.feed.snapshot.tags),
    // The age of a feed is another tomorrow: it is told by the run, and kept out of what is committed.
    guards: findings.filter(({ guard: name, outcome }) => !(name === feedStale.name && outcome === 'noted')),
    acceptances,
    ...(input.rehearsals === undefined ? {} : { rehearsals: input.rehearsals }),
    coverage: covered,
    coverageStands:
      tree !== undefined &&
      JSON.stringify(coverage(tree.policy, plannedInForce(inForce), addresses)) === JSON.stringify(covered),
  };
}

/** The targets in force as their runs planned them; one whose format is not at hand is left out. */
function plannedInForce(inForce: Baseline['inForce']): PlannedTarget[] {
  return [...inForce].flatMap(([id, { plan, addressMatch }]) =>
    plan === undefined || addressMatch === undefined ? [] : [{ id, plan, addressMatch }],
  );
}

/** The addresses of the tags that the rows of endpoint tables name. */
function addressesOfTags({ tags }: Snapshot, { rules }: Policy): ReadonlyMap<string, DualStackSet> {
  const named = rules.flatMap(({ rows }) => rows.flatMap(({ coveredBy }) => coveredBy.map(({ tag }) => tag)));
  // Endpoint sets of Microsoft 365 are in no feed of service tags.
  const selected = new Map(rules.flatMap((rule) => rule.tags.map((tag) => [tag.tag, tag] as const)));
  return new Map(
    [...new Set(named)].flatMap((name) => {
      const tag = tags.get(name) ?? selected.get(name);
      return tag === undefined ? [] : [[name, tag.addresses] as const];
    }),
  );
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
