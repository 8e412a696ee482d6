import { join, relative } from 'node:path';
import {
  type ApprovedPlan,
  type PlanOrigin,
  planDocument,
  requireApproved,
  writePlan,
} from './approved-plan.ts';
import { commitTrees, pushOrRetry, readyBranch } from './commit-trees.ts';
import { SPACE_FILES } from './committed/azure-space.ts';
import { type Baseline, feedInForce, readBaseline } from './committed/baseline.ts';
import { GIT_ATTRIBUTES_FILE } from './committed/git-attributes.ts';
import { readSigner } from './committed/key-file.ts';
import { keptLock, LOCK_FILE } from './committed/lock.ts';
import { fileDigest } from './committed/output-tree.ts';
import type { Signer } from './committed/signature.ts';
import { unlistedFiles } from './committed/unlisted.ts';
import type { AllowlistConfig, GitConfig, PullRequestConfig } from './config/config.ts';
import { invalid, withLines } from './config/load.ts';
import { loadConstraints } from './config/range-files.ts';
import { loadKnownFigures } from './feed/known-space.ts';
import { type LoadedFeed, loadFeed } from './feed/load.ts';
import { loadM365Endpoints } from './feed/load-m365.ts';
import type { M365Endpoints } from './feed/m365.ts';
import { loadOrigins } from './feed/origins.ts';
import type { TagNames } from './feed/snapshot.ts';
import type { Published } from './forge/forge.ts';
import { DualStackSet } from './net/dual-stack-set.ts';
import {
  ATOM_FILE,
  FILE_MARKS,
  planRun,
  REVIEW_FILE,
  type RunInput,
  type RunPlan,
  RunRefused,
} from './pipeline.ts';
import { checkAcceptances } from './policy/guards/judge.ts';
import { m365IdsOf } from './policy/guards/m365-sets.ts';
import type { Origins } from './policy/guards/origins.ts';
import { m365Problems } from './policy/m365-rules.ts';
import { regionalTagNotes, tagsInUse, takeRegions } from './policy/regional-tags.ts';
import { AllowlistError, ConfigurationError, FeedError, type Problem } from './problem.ts';
import { type ConfigWithTables, loadTables, requireRegions } from './products.ts';
import { proposalPlace, proposeChange, tellRefusal } from './propose.ts';
import { ciBranch } from './publish/ci-branch.ts';
import { takeBackCommit } from './publish/git.ts';
import { requireNotForeign, requireOurs } from './publish/ours.ts';
import { currentBranch, ProtectedBranch } from './publish/push.ts';
import { requireReady } from './publish/ready.ts';
import { withRunLock } from './publish/run-lock.ts';
import { clearScratch } from './publish/scratch.ts';
import { rememberTree, type TakeBack } from './publish/take-back.ts';
import { planTree, publishTree, recoverTree, type TreeChange } from './publish/tree.ts';
import { commitMessage } from './review/commit-message.ts';
import { writeMarkdown } from './review/markdown.ts';
import type { Review } from './review/review.ts';
import { summarise } from './review/summary.ts';
import { tellReview } from './review/told.ts';
import { verdict } from './review/verdict.ts';
import type { SharedWork } from './shared-work.ts';
import type { TargetRequest } from './targets/build.ts';
import { bundledTargets, loadTarget, loadTargetFolder } from './targets/catalog.ts';
import { resolveOptions } from './targets/options.ts';

/** One run of the weekly job, as the command line or the schedule asks for it. */
export interface JobRequest {
  readonly config: AllowlistConfig;
  /** `--feed FILE|URL` */
  readonly feed?: string;
  readonly dryRun: boolean;
  /** Where the plan of a dry run is written to. */
  readonly planFile?: string;
  /** Only just this may be published. */
  readonly approved?: ApprovedPlan;
  readonly accept: readonly string[];
  readonly offline: boolean;
  readonly cacheDirectory: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** YYYY-MM-DD */
  readonly today: string;
  readonly report: (line: string) => void;
}

/** What came of a run. */
export interface JobResult {
  /** `held`: a person must look at it, and nothing was written. */
  readonly outcome: 'published' | 'proposed' | 'unchanged' | 'would-publish' | 'held';
  readonly review: Review;
  /** Everything the guards found. */
  readonly findings: RunPlan['findings'];
  readonly change: TreeChange;
  /** The commit's id, where the tree was committed. */
  readonly commit: string | undefined;
  /** The branch that holds it. */
  readonly branch: string | undefined;
  /** Where people are asked to approve it. */
  readonly pullRequest?: Published | undefined;
}

/** A run whose configuration, tables and targets are known; nothing is fetched yet. */
export interface OpenedJob {
  /** With the rules that products become. */
  readonly request: JobRequest;
  readonly tables: ConfigWithTables['tables'];
  readonly regions: ConfigWithTables['regions'];
  readonly targets: readonly TargetRequest[];
  readonly signer: Signer | undefined;
}

/** Everything that a run fetches or reads beside the configuration. */
export interface JobSources {
  readonly feed: LoadedFeed;
  readonly m365: M365Endpoints | undefined;
  readonly origins: Origins | undefined;
  readonly constraints: Awaited<ReturnType<typeof loadConstraints>>;
  readonly knownFigures: Awaited<ReturnType<typeof loadKnownFigures>>;
}

/** Loads what has the same key once for several runs. */
export type Once = <T>(key: readonly unknown[], load: () => Promise<T>) => Promise<T>;

/** A run that can be planned against any directory that holds its output tree. */
export interface PreparedJob {
  readonly request: JobRequest;
  /** Compares with what is in force there. @throws RunRefused by a guard */
  readonly plan: (directory: string) => Promise<RunPlan>;
  /** What the last plan was made of. */
  readonly origin: () => PlanOrigin;
}

/**
 * The weekly job: everything is fetched, rendered and read back before the output tree changes.
 * @throws AllowlistError; the previous output stands
 */
export async function runJob(asked: JobRequest): Promise<JobResult> {
  const opened = await openJob(asked);
  return publishJob(await prepareJob(opened, await loadSources(opened)));
}

/** Reads what a run needs beside its sources. @throws ConfigurationError listing every problem */
export async function openJob(asked: JobRequest): Promise<OpenedJob> {
  // Before anything is fetched.
  checkAcceptances(asked.accept);
  const { sign } = asked.config;
  const signer = sign === undefined ? undefined : await readSigner(sign, asked.environment);
  const [{ config, tables, regions }, targets] = await together(
    asked.config.file,
    loadTables(asked.config),
    loadTargets(asked.config),
  );
  await requireRehearsable(config);
  for (const { id, confidence, title } of tables.values())
    if (confidence === 'low')
      asked.report(
        `noted: the endpoint table ${id} (${title}) is of low confidence: check its rows before you rely on them`,
      );
  return { request: { ...asked, config }, tables, regions, targets, signer };
}

/** @throws ConfigurationError for targets whose files no program here can try out */
async function requireRehearsable({ file, publish: { rehearse } }: AllowlistConfig): Promise<void> {
  if (rehearse.length === 0) return;
  const { whyNotRehearsed } = await import('./rehearse/rehearse.ts');
  const problems = rehearse.flatMap((id, index): Problem[] => {
    const what = whyNotRehearsed(id);
    return what === undefined ? [] : [{ where: `publish.rehearse[${index}]`, what }];
  });
  if (problems.length > 0) throw invalid(file, await withLines(file, problems));
}

/** Both, or what is wrong with either: a configuration's mistakes are told at once. */
async function together<A, B>(file: string, first: Promise<A>, second: Promise<B>): Promise<[A, B]> {
  const [a, b] = await Promise.allSettled([first, second]);
  if (a.status === 'fulfilled' && b.status === 'fulfilled') return [a.value, b.value];
  const reasons = [a, b].flatMap((one): unknown[] => (one.status === 'rejected' ? [one.reason] : []));
  const problems = reasons.flatMap((one) => (one instanceof ConfigurationError ? one.problems : []));
  if (reasons.length === 1 || problems.length === 0) throw reasons[0];
  throw invalid(file, problems);
}

/**
 * Fetches the feed and the other sources of a run.
 * @param shared where several runs take their sources together
 * @throws FeedError, ConfigurationError
 */
export async function loadSources({ request }: OpenedJob, shared?: Once): Promise<JobSources> {
  const once: Once = shared ?? ((_, load) => load());
  const { config, offline, cacheDirectory } = request;
  const { http } = config.feed;
  const origins = await once(['origins', config.origins, http], () => loadSecondSource(request));
  const constraints = await loadConstraints(config.constraints, config.rules, origins);
  const takesM365 = config.rules.some((rule) => rule.m365.length > 0);
  const m365 = takesM365 ? await once(['m365', config.feed.m365, http], () => loadM365(request)) : undefined;
  const { cloud, source, cache } = config.feed;
  const used = tagsInUse(config.rules);
  const feed = await once(['feed', cloud, source, http, cache.keep, cacheDirectory], () =>
    loadFeed({
      cloud,
      source,
      http,
      offline,
      environment: request.environment,
      today: request.today,
      report: request.report,
      inForce: () => feedInForce(config.output, request.environment),
      // What is wrong in a tag of one run is no fault of the others.
      used: shared === undefined ? used : NO_TAGS,
      ...(cache.keep === undefined ? {} : { cachedFiles: cache.keep }),
      ...(request.feed === undefined ? {} : { override: request.feed }),
      ...(cacheDirectory === undefined ? {} : { cacheDirectory }),
    }),
  );
  requireUsable(feed, used);
  const knownFigures = await once(['known space', cloud], () => loadKnownFigures(cloud));
  return { feed, m365, origins, constraints, knownFigures };
}

const NO_TAGS: TagNames = { has: () => false };

/** @throws FeedError where something is wrong in a tag that is used */
export function requireUsable({ snapshot, source }: LoadedFeed, used: TagNames): void {
  const wrong = (snapshot.quarantined ?? []).filter(({ tag }) => tag !== undefined && used.has(tag));
  if (wrong.length > 0)
    throw new FeedError(
      `${source.name} is not a usable feed`,
      wrong.map(({ problem }) => problem),
    );
}

/** Makes a run ready to be planned. @param shared what many runs in one thread have in common @throws ConfigurationError for what the feed does not know */
export async function prepareJob(
  { request, tables, regions, targets, signer }: OpenedJob,
  { feed, m365, origins, constraints, knownFigures }: JobSources,
  shared?: SharedWork,
): Promise<PreparedJob> {
  const { config, report } = request;
  await requireRegions(config.file, [...regions, ...regionsOfRules(config.rules)], feed.snapshot);
  const regional = takeRegions(config.rules, feed.snapshot.tags);
  for (const note of regionalTagNotes(regional.rules, regional.tags)) report(`noted: regional-tag: ${note}`);
  const own = await ownPlaces(targets);
  const atom = config.publish.atom === undefined ? undefined : await atomWriter(config.publish.atom);
  let inForce: string | undefined;
  const origin = (): PlanOrigin => ({
    baseline: inForce,
    feed: {
      name: feed.source.name,
      fileDate: feed.snapshot.fileDate ?? null,
      contentSha256: feed.snapshot.contentSha256,
    },
  });
  const plan = async (directory: string): Promise<RunPlan> => {
    const baseline = await readBaseline(directory, {
      targets: targets.map(({ id }) => id),
      toCommit: config.publish.git !== undefined,
      environment: request.environment,
      report,
      ...(shared === undefined ? {} : { committed: shared.committed.read, trees: shared.trees }),
    });
    inForce = baseline.tree === undefined ? undefined : fileDigest(keptLock(baseline.tree.lock));
    if (signer === undefined && baseline.tree?.lock.signature !== undefined)
      report(
        'noted: the tree in force is signed, and no key is configured (sign.key): what changes from now on is not signed',
      );
    await checkM365(request, m365, baseline);
    for (const path of baseline.tree === undefined ? [] : await unlistedFiles(directory, baseline.tree.lock))
      report(
        `noted: ${join(directory, path)}: is not in the lock, and a program that takes in the folder would load it`,
      );
    const input: RunInput = {
      config,
      feed,
      tables,
      targets,
      m365,
      constraints,
      knownFigures,
      ...(origins === undefined ? {} : { origins }),
      ...(atom === undefined ? {} : { atom }),
      ...(signer === undefined ? {} : { signer }),
      baseline,
      accept: request.accept,
      today: request.today,
    };
    const first = shared === undefined ? planRun(input) : shared.plan(input, planRun);
    const planned = await rehearsed(input, first, request.environment);
    for (const { guard, outcome, message } of planned.findings)
      if (outcome === 'noted' || outcome === 'accepted') report(`${outcome}: ${guard}: ${message}`);
    if (request.approved !== undefined) requireApproved(request.approved, planned, origin());
    const removed = planned.managed.filter((path) => !planned.files.has(path));
    await requireOurs(directory, removed, { digests: baseline.digests, own }, fileDigest);
    const marks = [...FILE_MARKS].filter(([path]) => planned.files.has(path));
    await requireNotForeign(directory, new Map(marks), baseline.digests);
    return planned;
  };
  return { request, plan, origin };
}

/** Tries the planned files out where that is asked for, and puts what came of it into the review. */
async function rehearsed(
  input: RunInput,
  planned: RunPlan,
  environment: JobRequest['environment'],
): Promise<RunPlan> {
  if (planned.unchanged || input.config.publish.rehearse.length === 0) return planned;
  const { rehearseOutputs } = await import('./rehearse/rehearse-run.ts');
  const rehearsals = await rehearseOutputs(
    input.config.publish.rehearse,
    { outputs: planned.outputs, targets: input.targets, baseline: input.baseline },
    environment,
  );
  return rehearsals.length === 0 ? planned : planRun({ ...input, rehearsals });
}

/** Publishes a run as its configuration asks: into the directory, as a commit, or as a pull request. */
async function publishJob({ request, plan, origin }: PreparedJob): Promise<JobResult> {
  const { config, report } = request;
  if (request.dryRun) {
    const planned = await plan(config.output);
    const { review, unchanged, files, managed } = planned;
    if (request.planFile !== undefined)
      await writePlan(
        request.planFile,
        planDocument(planned, origin(), request.accept, writeMarkdown(review)),
      );
    const change = await planTree(config.output, files, managed);
    return {
      outcome: unchanged ? 'unchanged' : 'would-publish',
      review,
      findings: planned.findings,
      change,
      commit: undefined,
      branch: undefined,
    };
  }
  const { git, when } = config.publish;
  // What was approved was looked at.
  if (when === 'routine' && request.approved === undefined) {
    const { review, findings, files, managed } = await plan(config.output);
    const { level } = verdict(review);
    if (level === 'look' && git?.pullRequest === undefined)
      return {
        outcome: 'held',
        review,
        findings,
        change: await planTree(config.output, files, managed),
        commit: undefined,
        branch: undefined,
      };
    if (level === 'look') return propose(request, { ...git!, pullRequest: git!.pullRequest! }, plan);
  } else if (git?.pullRequest !== undefined)
    return propose(request, { ...git, pullRequest: git.pullRequest }, plan);
  const branch = git === undefined ? undefined : await readyBranch(config.output, git, request.environment);
  return withRunLock(config.output, { report }, async () => {
    const recovered = await recoverTree(config.output);
    if (recovered !== undefined) report(recovered);
    await clearAfterKilled(config.output, report);
    const planned = await plan(config.output);
    const takeBack =
      git === undefined
        ? undefined
        : await rememberTree(config.output, [...planned.files.keys(), ...planned.managed]);
    const change = await publishTree(config.output, planned.files, planned.managed);
    // What is in force was committed: git is asked even where nothing was written, as an earlier run may have
    // published the same files and failed to commit.
    const commit = git === undefined ? undefined : await commitOutput(config.output, planned, takeBack);
    const done = { review: planned.review, findings: planned.findings, change, commit, branch };
    // A commit that an earlier run could not push goes with this one's.
    const pushed =
      git?.push === true && branch !== undefined
        ? await pushOrRetry(
            config.output,
            { remote: git.remote, branch },
            async (elsewhere) => {
              const again = await plan(elsewhere);
              const written = await publishTree(elsewhere, again.files, again.managed);
              return { review: again.review, change: written, commit: await commitOutput(elsewhere, again) };
            },
            report,
          ).catch(async (error: unknown) => {
            // No later run could push it either.
            if (!(error instanceof ProtectedBranch) || commit === undefined || takeBack === undefined)
              throw error;
            if (!(await takeBackCommit(config.output, commit))) throw error;
            await takeBack();
            throw new AllowlistError(
              `nothing was published: ${git.remote} does not take commits to ${branch}, and this one was taken back`,
              error.problems.map((problem) => ({
                ...problem,
                next: 'have changes proposed (publish.git.pullRequest), or let this account push to the branch',
              })),
              { cause: error },
            );
          })
        : undefined;
    if (pushed !== undefined)
      return { ...done, ...pushed, outcome: pushed.commit === undefined ? 'unchanged' : 'published' };
    return { ...done, outcome: planned.unchanged ? 'unchanged' : 'published' };
  });
}

/** Writes the Atom feed of the changes; its XML library is loaded where it is asked for only. */
async function atomWriter(
  options: NonNullable<AllowlistConfig['publish']['atom']>,
): Promise<NonNullable<Parameters<typeof planRun>[0]['atom']>> {
  const { addToAtom } = await import('./review/atom.ts');
  return (last, review, digest) => addToAtom(last, review, { digest, ...options });
}

type Planner = (directory: string) => Promise<RunPlan>;

/** Proposes the change to people instead of committing it to the branch that is checked out. */
async function propose(
  { config, environment, report }: JobRequest,
  git: GitConfig & { readonly pullRequest: PullRequestConfig },
  plan: Planner,
): Promise<JobResult> {
  const directory = config.output;
  await requireReady(directory, { mayBeDetached: true });
  const base = git.branch ?? (await currentBranch(directory)) ?? ciBranch(environment);
  const place = await proposalPlace(config, git, base, { environment, report });
  return withRunLock(directory, { report }, async () => {
    await clearAfterKilled(directory, report);
    const planned = await plan(directory).catch(async (error: unknown) => {
      if (error instanceof RunRefused)
        await tellRefusal(place, error.findings, { arguments: ['-c', relative('', config.file)], report });
      throw error;
    });
    const { review, files, unchanged } = planned;
    let change: TreeChange = { written: [], removed: [], unchanged: [...files.keys()] };
    const { commit, pullRequest } = await proposeChange(
      place,
      unchanged
        ? undefined
        : { reviews: [tellReview(review)], title: summarise(review), body: files.get(REVIEW_FILE) ?? '' },
      {
        directory,
        outputs: [directory],
        report,
        write: async (elsewhere) => {
          change = await publishTree(elsewhere, files, planned.managed);
          return commitOutput(elsewhere, planned);
        },
      },
    );
    return {
      outcome: commit === undefined ? 'unchanged' : 'proposed',
      review: planned.review,
      findings: planned.findings,
      change,
      commit,
      branch: commit === undefined ? undefined : git.pullRequest.branch,
      pullRequest,
    };
  });
}

/** Removes what killed runs have left in git's directory, and says so. */
export async function clearAfterKilled(directory: string, report: (line: string) => void): Promise<void> {
  for (const folder of await clearScratch(directory))
    report(`removed the scratch folder of a run that has died: ${folder}`);
}

/** The regions that rules of the configuration name, with their places. */
function regionsOfRules(rules: AllowlistConfig['rules']): { where: string; name: string }[] {
  return rules.flatMap(({ regions = [] }, index) =>
    regions.map((name, at) => ({ where: `rules[${index}].regions[${at}]`, name })),
  );
}

/** The files and folders of an output tree in which a run may remove something. */
async function ownPlaces(targets: readonly TargetRequest[]): Promise<ReadonlySet<string>> {
  const files = [LOCK_FILE, REVIEW_FILE, ATOM_FILE, ...SPACE_FILES, GIT_ATTRIBUTES_FILE];
  return new Set([...files, 'snapshot', ...(await bundledTargets()), ...targets.map(({ id }) => id)]);
}

/** Reads what networks announce, where a second source is configured; one that cannot be fetched is a value, no error. */
async function loadSecondSource({
  config,
  environment,
  report,
  offline,
  cacheDirectory,
}: JobRequest): Promise<Origins | undefined> {
  if (config.origins === undefined) return undefined;
  const { refuse, maximumDays } = config.origins;
  const found = await loadOrigins({
    config: config.origins,
    http: config.feed.http,
    offline,
    environment,
    now: Date.now(),
    report,
    cacheDirectory,
  });
  return { found, refuse, maximumDays };
}

/**
 * Gets the endpoint sets of Microsoft 365 where a rule takes some.
 * @throws FeedError
 */
async function loadM365(request: JobRequest): Promise<M365Endpoints | undefined> {
  const { config, environment, report, offline, cacheDirectory } = request;
  if (config.rules.every((rule) => rule.m365.length === 0)) return undefined;
  const endpoints = await loadM365Endpoints({
    config: config.feed.m365,
    http: config.feed.http,
    offline,
    environment,
    now: Date.now(),
    report,
    ...(cacheDirectory === undefined ? {} : { cacheDirectory }),
  });
  return endpoints;
}

/** @throws ConfigurationError listing every selector that selects nothing, given what is in force */
async function checkM365(
  { config }: JobRequest,
  endpoints: M365Endpoints | undefined,
  { tree }: Baseline,
): Promise<void> {
  if (endpoints === undefined) return;
  const inForce = tree?.lock.m365?.instance === endpoints.instance ? m365IdsOf(tree.policy) : [];
  const problems = m365Problems(config.rules, endpoints, inForce);
  if (problems.length > 0) throw invalid(config.file, await withLines(config.file, problems));
}

/** Loads the configured targets and checks their options. @throws ConfigurationError listing every problem */
export async function loadTargets(config: AllowlistConfig): Promise<TargetRequest[]> {
  const requests: TargetRequest[] = [];
  const problems: Problem[] = [];
  for (const { id, template, addressUse, clients, budget, options } of config.targets)
    try {
      const target = template === undefined ? await loadTarget(id) : await loadTargetFolder(template);
      requests.push({
        id,
        target,
        options: resolveOptions(target.manifest, options, `targets.${id}`),
        ...(addressUse === undefined ? {} : { addressUse }),
        ...(clients === undefined ? {} : { clients: DualStackSet.fromPrefixes(clients) }),
        ...(budget === undefined ? {} : { budget }),
      });
    } catch (error) {
      if (!(error instanceof ConfigurationError)) throw error;
      const found =
        error.problems.length > 0 ? error.problems : [{ where: `targets.${id}`, what: error.message }];
      // What is wrong in a user's template is told by its own lines.
      const isOwn = found.every(({ where }) => where.startsWith(`targets.${id}`));
      problems.push(...(isOwn ? await withLines(config.file, found) : found));
    }
  if (problems.length > 0) throw invalid(config.file, problems);
  return requests;
}

/** Commits one output tree, with its review in the message. */
function commitOutput(directory: string, plan: RunPlan, takeBack?: TakeBack): Promise<string | undefined> {
  return commitTrees(
    directory,
    [{ below: '', plan }],
    commitMessage(plan.review, plan.policy.digest),
    takeBack,
  );
}
