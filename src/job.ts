import { join, relative } from 'node:path';
import {
  type ApprovedPlan,
  type PlanOrigin,
  planDocument,
  requireApproved,
  writePlan,
} from './approved-plan.ts';
import { SPACE_FILES } from './committed/azure-space.ts';
import { type Baseline, feedInForce, readBaseline } from './committed/baseline.ts';
import { driftInForce } from './committed/drift.ts';
import { GIT_ATTRIBUTES_FILE } from './committed/git-attributes.ts';
import { readInForce } from './committed/in-force.ts';
import { readSigner } from './committed/key-file.ts';
import { keptLock, LOCK_FILE } from './committed/lock.ts';
import { nearestFolder } from './committed/nearest-folder.ts';
import { fileDigest, filesReader, readOutputTree } from './committed/output-tree.ts';
import { unlistedFiles } from './committed/unlisted.ts';
import type { AllowlistConfig, GitConfig, PullRequestConfig } from './config/config.ts';
import { loadConstraints } from './config/range-files.ts';
import { loadKnownFigures } from './feed/known-space.ts';
import { loadFeed } from './feed/load.ts';
import { loadM365Endpoints } from './feed/load-m365.ts';
import type { M365Endpoints } from './feed/m365.ts';
import { loadOrigins } from './feed/origins.ts';
import type { Published } from './forge/forge.ts';
import { DualStackSet } from './net/dual-stack-set.ts';
import { ATOM_FILE, FILE_MARKS, planRun, REVIEW_FILE, type RunPlan, RunRefused } from './pipeline.ts';
import { m365IdsOf } from './policy/guards/m365-sets.ts';
import type { Origins } from './policy/guards/origins.ts';
import { m365Problems } from './policy/m365-rules.ts';
import { regionalTagNotes, tagsInUse, takeRegions } from './policy/regional-tags.ts';
import { AllowlistError, ConfigurationError, type Problem } from './problem.ts';
import { loadTables, requireRegions } from './products.ts';
import { proposalPlace, proposeChange, tellRefusal } from './propose.ts';
import { ciBranch } from './publish/ci-branch.ts';
import { type Altered, requireCommitted } from './publish/committed-bytes.ts';
import { commitTree } from './publish/git.ts';
import { requireNotForeign, requireOurs } from './publish/ours.ts';
import {
  BehindRemote,
  currentBranch,
  fetchForRetry,
  moveTo,
  type PushTarget,
  push,
  settleOnBranch,
} from './publish/push.ts';
import { requireReady } from './publish/ready.ts';
import { withRunLock } from './publish/run-lock.ts';
import { clearScratch } from './publish/scratch.ts';
import { planTree, publishTree, recoverTree, type TreeChange } from './publish/tree.ts';
import { withWorkTree } from './publish/work-tree.ts';
import { commitMessage } from './review/commit-message.ts';
import { writeMarkdown } from './review/markdown.ts';
import type { Review } from './review/review.ts';
import { differenceInWords } from './review/sections/drift.ts';
import { verdict } from './review/verdict.ts';
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

/**
 * The weekly job: everything is fetched, rendered and read back before the output tree changes.
 * @throws AllowlistError; the previous output stands
 */
export async function runJob(asked: JobRequest): Promise<JobResult> {
  const { sign } = asked.config;
  const signer = sign === undefined ? undefined : await readSigner(sign, asked.environment);
  const { config, tables, regions } = await loadTables(asked.config);
  const request = { ...asked, config };
  const { report } = request;
  const targets = await loadTargets(config);
  for (const { id, confidence, title } of tables.values())
    if (confidence === 'low')
      report(
        `noted: the endpoint table ${id} (${title}) is of low confidence: check its rows before you rely on them`,
      );
  const origins = await loadSecondSource(request);
  const constraints = await loadConstraints(config.constraints, config.rules, origins);
  const m365 = await loadM365(request);
  const feed = await loadFeed({
    cloud: config.feed.cloud,
    source: config.feed.source,
    http: config.feed.http,
    offline: request.offline,
    environment: request.environment,
    today: request.today,
    report,
    inForce: () => feedInForce(config.output),
    used: tagsInUse(config.rules),
    ...(config.feed.cache.keep === undefined ? {} : { cachedFiles: config.feed.cache.keep }),
    ...(request.feed === undefined ? {} : { override: request.feed }),
    ...(request.cacheDirectory === undefined ? {} : { cacheDirectory: request.cacheDirectory }),
  });
  await requireRegions(config.file, [...regions, ...regionsOfRules(config.rules)], feed.snapshot);
  const regional = takeRegions(config.rules, feed.snapshot.tags);
  for (const note of regionalTagNotes(regional.rules, regional.tags)) report(`noted: regional-tag: ${note}`);
  const knownFigures = await loadKnownFigures(config.feed.cloud);
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
    const baseline = await readBaseline(directory, { targets: targets.map(({ id }) => id), report });
    inForce = baseline.tree === undefined ? undefined : fileDigest(keptLock(baseline.tree.lock));
    if (signer === undefined && baseline.tree?.lock.signature !== undefined)
      report(
        'noted: the tree in force is signed, and no key is configured (sign.key): what changes from now on is not signed',
      );
    checkM365(request, m365, baseline);
    for (const path of baseline.tree === undefined ? [] : await unlistedFiles(directory, baseline.tree.lock))
      report(
        `noted: ${join(directory, path)}: no run wrote it, and a program that takes in the folder would load it`,
      );
    const planned = planRun({
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
    });
    for (const { guard, outcome, message } of planned.findings)
      if (outcome === 'noted' || outcome === 'accepted') report(`${outcome}: ${guard}: ${message}`);
    if (request.approved !== undefined) requireApproved(request.approved, planned, origin());
    const removed = planned.managed.filter((path) => !planned.files.has(path));
    await requireOurs(directory, removed, { digests: baseline.digests, own }, fileDigest);
    const marks = [...FILE_MARKS].filter(([path]) => planned.files.has(path));
    await requireNotForeign(directory, new Map(marks), baseline.digests);
    return planned;
  };
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
    const change = await publishTree(config.output, planned.files, planned.managed);
    // What is in force was committed: git is asked even where nothing was written, as an earlier run may have
    // published the same files and failed to commit.
    const commit = git === undefined ? undefined : await commitOutput(config.output, planned);
    const done = { review: planned.review, findings: planned.findings, change, commit, branch };
    // A commit that an earlier run could not push goes with this one's.
    const pushed =
      git?.push === true && branch !== undefined
        ? await pushOrRetry(config.output, { remote: git.remote, branch }, plan, report)
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
        await tellRefusal(place, error, { configuration: relative('', config.file), report });
      throw error;
    });
    const { commit, change, pullRequest } = await proposeChange(place, planned, {
      directory,
      report,
      write: async (elsewhere) => {
        const written = await publishTree(elsewhere, planned.files, planned.managed);
        return { commit: await commitOutput(elsewhere, planned), change: written };
      },
    });
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
async function clearAfterKilled(directory: string, report: (line: string) => void): Promise<void> {
  for (const folder of await clearScratch(directory))
    report(`removed the scratch folder of a run that has died: ${folder}`);
}

/** How often a push is tried again that others were faster than. */
const PUSH_RETRIES = 3;

/**
 * Pushes the commit of this run. Where somebody else has pushed, the run is compared with what they pushed, and its
 * commit is made anew upon theirs; nothing is forced.
 * @returns what became of it then; undefined where the first push was taken
 * @throws BehindRemote where people have to bring both together
 */
async function pushOrRetry(
  directory: string,
  target: PushTarget,
  plan: Planner,
  report: (line: string) => void,
): Promise<Pick<JobResult, 'review' | 'change' | 'commit'> | undefined> {
  let behind: BehindRemote;
  try {
    await push(directory, target);
    return undefined;
  } catch (error) {
    if (!(error instanceof BehindRemote)) throw error;
    behind = error;
  }
  for (let attempt = 1; attempt <= PUSH_RETRIES; attempt++) {
    const head = await fetchForRetry(directory, target);
    if (head === undefined) throw behind;
    report(
      `${target.remote}, branch ${target.branch}: somebody else has pushed; compared with ${head.slice(0, 12)} anew`,
    );
    try {
      const result = await withWorkTree(directory, head, async (elsewhere) => {
        const planned = await plan(elsewhere);
        const change = await publishTree(elsewhere, planned.files, planned.managed);
        const commit = await commitOutput(elsewhere, planned);
        if (commit !== undefined) await push(elsewhere, target);
        return { review: planned.review, change, commit };
      });
      await moveTo(directory, result.commit ?? head);
      return result;
    } catch (error) {
      if (!(error instanceof BehindRemote)) throw error;
      behind = error;
    }
  }
  throw behind;
}

/**
 * Checks that a commit will be possible, and puts a detached HEAD on the configured branch, or the CI's.
 * @returns the branch that the commit will be on
 * @throws AllowlistError before the first byte is written
 */
async function readyBranch(
  directory: string,
  { branch: wanted }: GitConfig,
  environment: JobRequest['environment'],
): Promise<string | undefined> {
  await requireReady(directory, { mayBeDetached: true });
  const place = await nearestFolder(directory);
  const branch = await settleOnBranch(place, wanted ?? ciBranch(environment));
  if (branch === undefined) await requireReady(directory);
  if (wanted !== undefined && branch !== wanted)
    throw new AllowlistError('nothing was written: another branch is checked out', [
      {
        where: place,
        what: `HEAD is on ${branch}, publish.git.branch is ${wanted}`,
        next: `git switch ${wanted}`,
      },
    ]);
  return branch;
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

/** Commits exactly what the tool manages: the files of this run, and those that earlier runs wrote. */
async function commitOutput(directory: string, plan: RunPlan): Promise<string | undefined> {
  const { review, policy, files, managed } = plan;
  const result = await commitTree(directory, commitMessage(review, policy.digest), {
    paths: [...new Set([...files.keys(), ...managed])].sort(),
  });
  const commit = 'commit' in result ? result : undefined;
  await requireCommitted(directory, { files, removed: managed, commit }, (altered) =>
    effectsOf(directory, plan, altered),
  );
  return commit?.commit;
}

/** What altered rule files let through beyond, or lack of, what was planned, by target. */
async function effectsOf(directory: string, { files }: RunPlan, altered: readonly Altered[]) {
  const planned = await readOutputTree(filesReader(directory, files));
  if (planned === undefined) return new Map<string, string>();
  const found = new Map(files);
  for (const { path, committed } of altered)
    if (committed === undefined) found.delete(path);
    else found.set(path, committed);
  const drift = driftInForce(await readInForce({ ...planned, files: found }), 'committed');
  return new Map(drift.map((one) => [one.target, differenceInWords(one)]));
}

/** Reads what networks announce, where a second source is configured; one that cannot be had is a value, no error. */
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
function checkM365({ config }: JobRequest, endpoints: M365Endpoints | undefined, { tree }: Baseline): void {
  if (endpoints === undefined) return;
  const inForce = tree?.lock.m365?.instance === endpoints.instance ? m365IdsOf(tree.policy) : [];
  const problems = m365Problems(config.rules, endpoints, inForce);
  if (problems.length > 0)
    throw new ConfigurationError(`${config.file} is not a valid configuration`, problems);
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
      problems.push(
        ...(error.problems.length > 0 ? error.problems : [{ where: `targets.${id}`, what: error.message }]),
      );
    }
  if (problems.length > 0)
    throw new ConfigurationError(`${config.file} is not a valid configuration`, problems);
  return requests;
}
