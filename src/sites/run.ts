import { join, sep } from 'node:path';
import { commitTrees, pushOrRetry, readyBranch, type WrittenTree } from '../commit-trees.ts';
import { openCommittedTrees } from '../committed/object-reader.ts';
import type { GitConfig, PullRequestConfig } from '../config/config.ts';
import type { Published } from '../forge/forge.ts';
import {
  clearAfterKilled,
  type JobRequest,
  type JobResult,
  loadSources,
  type Once,
  type OpenedJob,
  openJob,
  type PreparedJob,
  prepareJob,
} from '../job.ts';
import { type RunPlan, RunRefused } from '../pipeline.ts';
import type { Finding } from '../policy/guards/guard.ts';
import { AllowlistError, ConfigurationError, EXIT_STATUS, type Problem } from '../problem.ts';
import { type ProposalPlace, proposalPlace, proposeChange, tellRefusal } from '../propose.ts';
import { ciBranch } from '../publish/ci-branch.ts';
import { placeInRepository } from '../publish/place-in-repository.ts';
import { currentBranch } from '../publish/push.ts';
import { requireReady } from '../publish/ready.ts';
import { acquireRunLock, type RunLock } from '../publish/run-lock.ts';
import { planTree, publishTree, recoverTree } from '../publish/tree.ts';
import { verdict } from '../review/verdict.ts';
import { alikeSites, type SiteReview } from './alike.ts';
import type { Site } from './select.ts';
import { sitesMessage, summariseSites, writeSitesMarkdown } from './words.ts';

/** How the run of one site ended. */
export type SiteEnd =
  | ({ readonly site: Site; readonly job: JobRequest; readonly digest: string } & JobResult)
  | {
      readonly site: Site;
      /** Undefined where its configuration cannot be read. */
      readonly job: JobRequest | undefined;
      readonly outcome: 'refused' | 'failed';
      readonly error: AllowlistError;
    };

/** What came of a run of many sites. */
export interface SitesResult {
  /** In the order of the sites. */
  readonly ends: readonly SiteEnd[];
  readonly commits: readonly { readonly commit: string; readonly branch: string | undefined }[];
  readonly pullRequests: readonly Published[];
}

export interface SitesRequest {
  readonly sites: readonly Site[];
  /** Makes the request of a site. @throws ConfigurationError */
  readonly request: (site: Site) => Promise<JobRequest>;
  /** What names the sites on the command line, for the command that accepts a refusal. */
  readonly arguments: readonly string[];
  readonly report: (line: string) => void;
}

interface SiteJob extends PreparedJob {
  readonly site: Site;
}

interface PlannedSite {
  readonly one: SiteJob;
  readonly plan: Pick<RunPlan, 'review' | 'findings' | 'files' | 'managed'>;
  readonly digest: string;
}

/**
 * Runs the weekly job for many sites: one download and one parse of what they share, one commit and one pull request for
 * those of one repository. A site that is refused or fails does not stop the others.
 * @throws ConfigurationError where two sites write to one place
 */
export async function runSites(request: SitesRequest): Promise<SitesResult> {
  return new SitesRun(request).run();
}

class SitesRun {
  readonly #request: SitesRequest;
  readonly #ends = new Map<Site, SiteEnd>();
  readonly #commits: { commit: string; branch: string | undefined }[] = [];
  readonly #pullRequests: Published[] = [];

  constructor(request: SitesRequest) {
    this.#request = request;
  }

  async run(): Promise<SitesResult> {
    const { sites, request } = this.#request;
    const opened: { readonly site: Site; readonly job: OpenedJob }[] = [];
    for (const site of sites) {
      let asked: JobRequest | undefined;
      const job = await this.#each(
        site,
        () => asked,
        async () => {
          asked = await request(site);
          return openJob(asked);
        },
      );
      if (job !== undefined) opened.push({ site, job });
    }
    requireApart(opened.map(({ site, job }) => ({ name: site.name, output: job.request.config.output })));
    const once = onceByKey();
    const committed = openCommittedTrees();
    const prepared: SiteJob[] = [];
    for (const { site, job } of opened) {
      const ready = await this.#each(
        site,
        () => job.request,
        async () => prepareJob(job, await loadSources(job, once), committed.read),
      );
      if (ready !== undefined) prepared.push({ site, ...ready });
    }
    try {
      for (const group of await this.#groups(prepared)) await this.#runGroup(group);
    } finally {
      committed.close();
    }
    return {
      ends: sites.map((site) => this.#ends.get(site)!),
      commits: this.#commits,
      pullRequests: this.#pullRequests,
    };
  }

  /** Does the work of one site; what goes wrong is its end, and no other's. */
  async #each<T>(
    site: Site,
    job: () => JobRequest | undefined,
    work: () => Promise<T>,
  ): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof AllowlistError)) throw error;
      this.#ends.set(site, {
        site,
        job: job(),
        outcome: error.exitStatus === EXIT_STATUS.refused ? 'refused' : 'failed',
        error,
      });
      return undefined;
    }
  }

  /** Puts sites together whose changes go into one commit: one repository, and the same settings of git. */
  async #groups(jobs: readonly SiteJob[]): Promise<SiteJob[][]> {
    const groups = new Map<string, SiteJob[]>();
    for (const one of jobs) {
      const { git, when } = one.request.config.publish;
      const key =
        git === undefined || one.request.dryRun
          ? one.site.file
          : await this.#each(
              one.site,
              () => one.request,
              async () =>
                JSON.stringify([(await placeInRepository(one.request.config.output)).root, git, when]),
            );
      if (key !== undefined) groups.set(key, [...(groups.get(key) ?? []), one]);
    }
    return [...groups.values()];
  }

  async #runGroup(group: readonly SiteJob[]): Promise<void> {
    const git = group[0]!.request.config.publish.git;
    if (group[0]!.request.dryRun) return this.#dryRun(group[0]!);
    try {
      await (git === undefined
        ? this.#withLocks(group, async (jobs) => this.#publish(jobs))
        : this.#runGit(group, git));
    } catch (error) {
      // What stops the commit of all stops each of them.
      for (const one of group)
        if (!this.#ends.has(one.site))
          await this.#each(
            one.site,
            () => one.request,
            () => Promise.reject(error),
          );
    }
  }

  async #dryRun(one: SiteJob): Promise<void> {
    await this.#each(
      one.site,
      () => one.request,
      async () => {
        const { config } = one.request;
        const plan = await one.plan(config.output);
        this.#end({ one, plan, digest: plan.policy.digest }, plan.unchanged ? 'unchanged' : 'would-publish', {
          change: await planTree(config.output, plan.files, plan.managed),
        });
      },
    );
  }

  /** Without git: each tree for itself. */
  async #publish(jobs: readonly SiteJob[]): Promise<void> {
    await this.#plan(jobs, async (planned, isUnchanged, change) => {
      this.#end(planned, isUnchanged ? 'unchanged' : 'published', { change });
    });
  }

  async #runGit(group: readonly SiteJob[], git: GitConfig): Promise<void> {
    const [first] = group as [SiteJob];
    const { config, environment } = first.request;
    const { report } = this.#request;
    const { pullRequest } = git;
    const proposed = pullRequest === undefined ? undefined : { ...git, pullRequest };
    // Before the first byte: whatever stands in the way of commit and proposal.
    const place = proposed === undefined ? undefined : await this.#proposalPlace(first, proposed);
    const commits = proposed === undefined || config.publish.when === 'routine';
    const branch = commits ? await readyBranch(config.output, git, environment) : undefined;
    const { root } = await placeInRepository(config.output);
    await this.#withLocks(group, async (jobs) => {
      await clearAfterKilled(config.output, report);
      const written: (PlannedSite & { readonly change: JobResult['change'] })[] = [];
      const toPropose: PlannedSite[] = [];
      await this.#plan(
        jobs,
        async (planned, isUnchanged, change) => {
          if (isUnchanged) this.#end(planned, 'unchanged', { change, branch });
          else written.push({ ...planned, change });
        },
        place === undefined ? undefined : async (planned) => void toPropose.push(planned),
      );
      if (commits) {
        const commit =
          written.length === 0
            ? undefined
            : await commitTrees(root, await this.#trees(written), sitesMessage(written.map(reviewOf)));
        if (commit !== undefined) this.#commits.push({ commit, branch });
        for (const planned of written)
          this.#end(planned, 'published', { change: planned.change, commit, branch });
        if (git.push && branch !== undefined)
          await pushOrRetry(
            root,
            { remote: git.remote, branch },
            (elsewhere) => this.#again(jobs, elsewhere, branch),
            report,
          );
      }
      if (place !== undefined) {
        await this.#propose(toPropose, place, root, jobs);
        await this.#tellRefusals(group, place);
      }
    });
  }

  /** The run once more, compared with what somebody else has pushed: its commit is made upon theirs. */
  async #again(
    jobs: readonly SiteJob[],
    elsewhere: string,
    branch: string,
  ): Promise<{ readonly commit: string | undefined }> {
    const written: (PlannedSite & { readonly change: JobResult['change'] })[] = [];
    for (const one of jobs)
      await this.#each(
        one.site,
        () => one.request,
        async () => {
          const { below } = await placeInRepository(one.request.config.output);
          const directory = join(elsewhere, below);
          const plan = await one.plan(directory);
          const planned = { one, plan, digest: plan.policy.digest };
          const change = await publishTree(directory, plan.files, plan.managed);
          if (plan.unchanged) this.#end(planned, 'unchanged', { change, branch });
          else written.push({ ...planned, change });
        },
      );
    this.#commits.pop();
    if (written.length === 0) return { commit: undefined };
    const commit = await commitTrees(
      elsewhere,
      await this.#trees(written),
      sitesMessage(written.map(reviewOf)),
    );
    if (commit !== undefined) this.#commits.push({ commit, branch });
    for (const { change, ...planned } of written) this.#end(planned, 'published', { change, commit, branch });
    return { commit };
  }

  async #proposalPlace(
    { request: { config, environment } }: SiteJob,
    git: GitConfig & { readonly pullRequest: PullRequestConfig },
  ): Promise<ProposalPlace> {
    await requireReady(config.output, { mayBeDetached: true });
    const base = git.branch ?? (await currentBranch(config.output)) ?? ciBranch(environment);
    return proposalPlace(config, git, base, { environment, report: this.#request.report });
  }

  async #propose(
    toPropose: readonly PlannedSite[],
    place: ProposalPlace,
    root: string,
    jobs: readonly SiteJob[],
  ): Promise<void> {
    const groups = alikeSites(toPropose.map(reviewOf));
    const total = this.#request.sites.length;
    const changes = new Map<PlannedSite, JobResult['change']>();
    const { commit, pullRequest } = await proposeChange(
      place,
      toPropose.length === 0
        ? undefined
        : {
            reviews: toPropose.map(({ plan }) => plan.review),
            title: summariseSites(groups),
            body: writeSitesMarkdown(groups, { total, problems: [] }),
          },
      {
        directory: root,
        outputs: jobs.map(({ request }) => request.config.output),
        report: this.#request.report,
        write: async (elsewhere) => {
          const trees = await this.#trees(toPropose);
          for (const [index, { below, plan }] of trees.entries())
            changes.set(
              toPropose[index]!,
              await publishTree(join(elsewhere, below), plan.files, plan.managed),
            );
          return commitTrees(elsewhere, trees, sitesMessage(toPropose.map(reviewOf)));
        },
      },
    );
    if (pullRequest !== undefined) this.#pullRequests.push(pullRequest);
    for (const planned of toPropose)
      this.#end(planned, commit === undefined ? 'unchanged' : 'proposed', {
        change: changes.get(planned)!,
        commit,
        branch: commit === undefined ? undefined : place.settings.branch,
        pullRequest,
      });
  }

  /** One issue for all sites of the repository that were refused. */
  async #tellRefusals(group: readonly SiteJob[], place: ProposalPlace): Promise<void> {
    const refused = group.flatMap(({ site }) => {
      const end = this.#ends.get(site);
      return end !== undefined && 'error' in end && end.error instanceof RunRefused
        ? [{ name: site.name, findings: end.error.findings }]
        : [];
    });
    if (refused.length === 0) return;
    const findings = refused.flatMap(({ name, findings: own }) =>
      own.map((finding): Finding => ({ ...finding, message: `${name}: ${finding.message}` })),
    );
    const { report, arguments: words } = this.#request;
    await tellRefusal(place, findings, {
      arguments: [...words, ...refused.flatMap(({ name }) => ['--only', name])],
      report,
    });
  }

  async #trees(planned: readonly PlannedSite[]): Promise<WrittenTree[]> {
    return Promise.all(
      planned.map(async ({ one, plan }) => ({
        below: (await placeInRepository(one.request.config.output)).below,
        plan,
      })),
    );
  }

  /**
   * Plans each site and writes its tree, or leaves it to people where a pull request or `publish.when` says so.
   * @param propose where changes are proposed; without it what asks for a look is held
   */
  async #plan(
    jobs: readonly SiteJob[],
    done: (planned: PlannedSite, isUnchanged: boolean, change: JobResult['change']) => Promise<void>,
    propose?: (planned: PlannedSite) => Promise<void>,
  ): Promise<void> {
    for (const one of jobs)
      await this.#each(
        one.site,
        () => one.request,
        async () => {
          const { config } = one.request;
          const recovered = await recoverTree(config.output);
          if (recovered !== undefined) this.#request.report(recovered);
          const plan = await one.plan(config.output);
          const { review, findings, files, managed, policy, unchanged } = plan;
          const planned: PlannedSite = {
            one,
            plan: { review, findings, files, managed },
            digest: policy.digest,
          };
          const isRoutine = config.publish.when === 'routine';
          const isForPeople = isRoutine ? verdict(review).level === 'look' : propose !== undefined;
          if (isForPeople && !unchanged && propose !== undefined) return propose(planned);
          if (isForPeople && isRoutine && propose === undefined)
            return this.#end(planned, 'held', { change: await planTree(config.output, files, managed) });
          if (isForPeople && unchanged)
            return this.#end(planned, 'unchanged', { change: await planTree(config.output, files, managed) });
          await done(planned, unchanged, await publishTree(config.output, files, managed));
        },
      );
  }

  /** Holds the lock of each tree; a tree that another run holds is the end of its site. */
  async #withLocks(
    group: readonly SiteJob[],
    work: (jobs: readonly SiteJob[]) => Promise<void>,
  ): Promise<void> {
    const locks: RunLock[] = [];
    const jobs: SiteJob[] = [];
    try {
      for (const one of group) {
        const lock = await this.#each(
          one.site,
          () => one.request,
          () => acquireRunLock(one.request.config.output, { report: this.#request.report }),
        );
        if (lock === undefined) continue;
        locks.push(lock);
        jobs.push(one);
      }
      await work(jobs);
    } finally {
      for (const lock of locks.reverse()) await lock.release();
    }
  }

  #end(
    { one, plan, digest }: PlannedSite,
    outcome: JobResult['outcome'],
    rest: Pick<JobResult, 'change'> & Partial<Pick<JobResult, 'commit' | 'branch' | 'pullRequest'>>,
  ): void {
    this.#ends.set(one.site, {
      site: one.site,
      job: one.request,
      digest,
      outcome,
      review: plan.review,
      findings: plan.findings,
      commit: undefined,
      branch: undefined,
      ...rest,
    });
  }
}

function reviewOf({ one, plan, digest }: PlannedSite): SiteReview {
  return { name: one.site.name, review: plan.review, digest };
}

/** Loads each key once; what failed has failed for all that ask for it. */
function onceByKey(): Once {
  const found = new Map<string, Promise<unknown>>();
  return <T>(key: readonly unknown[], load: () => Promise<T>): Promise<T> => {
    const text = JSON.stringify(key, (_, value: unknown) => (typeof value === 'bigint' ? `${value}` : value));
    const known = found.get(text);
    if (known !== undefined) return known as Promise<T>;
    const made = load();
    // Each who asks for it is told; nobody else has to be.
    made.catch(() => undefined);
    found.set(text, made);
    return made;
  };
}

/** @throws ConfigurationError where two sites write to one directory, or one into the other's */
function requireApart(sites: readonly { readonly name: string; readonly output: string }[]): void {
  const sorted = sites.toSorted((one, other) => (`${one.output}${sep}` < `${other.output}${sep}` ? -1 : 1));
  const problems = sorted.flatMap(({ name, output }, index): Problem[] => {
    const last = sorted[index - 1];
    return last !== undefined && `${output}${sep}`.startsWith(`${last.output}${sep}`)
      ? [
          {
            where: name,
            what: `writes to ${output}, ${last.output === output ? 'as' : 'inside the output of'} ${last.name}${last.output === output ? ' does' : ''}`,
            next: 'give each site an output of its own',
          },
        ]
      : [];
  });
  if (problems.length > 0) throw new ConfigurationError('two sites write to one place', problems);
}
