import { join } from 'node:path';
import { commitTrees, pushOrRetry, readyBranch, type WrittenTree } from '../commit-trees.ts';
import type { GitConfig, PullRequestConfig } from '../config/config.ts';
import type { Published } from '../forge/forge.ts';
import {
  clearAfterKilled,
  type JobRequest,
  type JobResult,
  loadSources,
  type OpenedJob,
  openJob,
} from '../job.ts';
import { RunRefused } from '../pipeline.ts';
import type { Finding } from '../policy/guards/guard.ts';
import { type ProposalPlace, proposalPlace, proposeChange, tellRefusal } from '../propose.ts';
import { ciBranch } from '../publish/ci-branch.ts';
import { placeInRepository } from '../publish/place-in-repository.ts';
import { currentBranch } from '../publish/push.ts';
import { requireReady } from '../publish/ready.ts';
import { acquireRunLock, type RunLock } from '../publish/run-lock.ts';
import { planTree, publishTree, recoverTree } from '../publish/tree.ts';
import { alikeSites, type SiteReview } from './alike.ts';
import type { SitePlanner } from './planner.ts';
import { requestOf } from './request.ts';
import type { SitesRequest, SitesResult } from './result.ts';
import type { Site } from './select.ts';
import { type PlannedSite, type SiteJob, SitePlans, type WrittenSite } from './site-plans.ts';
import { onceByKey, requireApart } from './together.ts';
import { sitesMessage, summariseSites, writeSitesMarkdown } from './words.ts';
import { openPlanner } from './worker-pool.ts';

/**
 * Runs the weekly job for many sites: one download and one parse of what they share, one commit and one pull request for
 * those of one repository. A site that is refused or fails does not stop the others.
 * @throws ConfigurationError where two sites write to one place
 */
export async function runSites(request: SitesRequest): Promise<SitesResult> {
  const planner = openPlanner(request.workers, request.sites.length, request.options);
  try {
    return await new SitesRun(request, planner).run();
  } finally {
    await planner.close();
  }
}

class SitesRun {
  readonly #request: SitesRequest;
  readonly #planner: SitePlanner;
  readonly #sites: SitePlans;
  readonly #commits: { commit: string; branch: string | undefined }[] = [];
  readonly #pullRequests: Published[] = [];

  constructor(request: SitesRequest, planner: SitePlanner) {
    this.#request = request;
    this.#planner = planner;
    this.#sites = new SitePlans(planner, request.reportOf);
  }

  async run(): Promise<SitesResult> {
    const { sites } = this.#request;
    const jobs = await this.#load(sites);
    for (const group of await this.#groups(jobs)) await this.#runGroup(group);
    return {
      ends: sites.map((site) => this.#sites.ends.get(site)!),
      wholes: this.#sites.wholes,
      commits: this.#commits,
      pullRequests: this.#pullRequests,
    };
  }

  /** Reads all configurations, then what they share, once. */
  async #load(sites: readonly Site[]): Promise<SiteJob[]> {
    const { options, reportOf } = this.#request;
    const opened: { readonly site: Site; readonly job: OpenedJob }[] = [];
    for (const site of sites) {
      let asked: JobRequest | undefined;
      const job = await this.#sites.each(
        site,
        () => asked,
        async () => {
          const wanted = await requestOf(site, options, (line) => reportOf(site, line));
          asked = wanted;
          return openJob(wanted);
        },
      );
      if (job !== undefined) opened.push({ site, job });
    }
    requireApart(opened.map(({ site, job }) => ({ name: site.name, output: job.request.config.output })));
    const once = onceByKey();
    const loaded: SiteJob[] = [];
    for (const { site, job } of opened) {
      const sources = await this.#sites.each(
        site,
        () => job.request,
        () => loadSources(job, once),
      );
      if (sources === undefined) continue;
      this.#planner.add(site, job, sources);
      loaded.push({ site, request: job.request });
    }
    return loaded;
  }

  /** Puts sites together whose changes go into one commit: one repository, and the same settings of git. */
  async #groups(jobs: readonly SiteJob[]): Promise<SiteJob[][]> {
    const groups = new Map<string, SiteJob[]>();
    for (const one of jobs) {
      const { git, when } = one.request.config.publish;
      const key =
        git === undefined || one.request.dryRun
          ? ''
          : await this.#sites.each(
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
    if (group[0]!.request.dryRun) return this.#dryRun(group);
    try {
      await (git === undefined
        ? this.#withLocks(group, async (jobs) => this.#publish(jobs))
        : this.#runGit(group, git));
    } catch (error) {
      // What stops the commit, the push or the proposal of all stops each of them that has a part in it.
      const isIn = (outcomes: readonly unknown[]) => (one: SiteJob) =>
        outcomes.includes(this.#sites.ends.get(one.site)?.outcome);
      const stopped = group.filter(isIn([undefined, 'published', 'proposed']));
      // Where nothing changes, what was not pushed is an earlier commit, of which all may have a part.
      for (const one of stopped.length > 0 ? stopped : group.filter(isIn(['unchanged'])))
        await this.#sites.each(
          one.site,
          () => one.request,
          () => Promise.reject(error),
        );
    }
  }

  /** A dry run changes nothing: all sites are one group, and none is locked. */
  async #dryRun(jobs: readonly SiteJob[]): Promise<void> {
    await this.#sites.eachPlan(jobs, async ({ one, plan }) => {
      const change = await planTree(one.request.config.output, plan.files, plan.managed);
      this.#sites.end({ one, plan }, plan.unchanged ? 'unchanged' : 'would-publish', { change });
    });
  }

  /** Without git: each tree for itself. */
  async #publish(jobs: readonly SiteJob[]): Promise<void> {
    await this.#plan(jobs, async (planned, isUnchanged, change) => {
      this.#sites.end(planned, isUnchanged ? 'unchanged' : 'published', { change });
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
      const written: WrittenSite[] = [];
      const toPropose: PlannedSite[] = [];
      await this.#plan(
        jobs,
        async (planned, isUnchanged, change) => {
          if (isUnchanged) this.#sites.end(planned, 'unchanged', { change, branch });
          else written.push({ ...this.#sites.kept(planned), change });
        },
        place === undefined ? undefined : async (planned) => void toPropose.push(this.#sites.kept(planned)),
      );
      if (commits) {
        const commit =
          written.length === 0
            ? undefined
            : await commitTrees(
                root,
                await this.#trees(written),
                sitesMessage(written.map(reviewOf), this.#sites.wholes),
              );
        if (commit !== undefined) this.#commits.push({ commit, branch });
        for (const planned of written)
          this.#sites.end(planned, 'published', { change: planned.change, commit, branch });
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
    const written: WrittenSite[] = [];
    const places = new Map<SiteJob, string>();
    for (const one of jobs)
      places.set(one, join(elsewhere, (await placeInRepository(one.request.config.output)).below));
    await this.#sites.eachPlan(
      jobs,
      async (planned) => {
        const { files, managed, unchanged } = planned.plan;
        const change = await publishTree(places.get(planned.one)!, files, managed);
        if (unchanged) this.#sites.end(planned, 'unchanged', { change, branch });
        else written.push({ ...this.#sites.kept(planned), change });
      },
      async (one) => places.get(one)!,
    );
    this.#commits.pop();
    if (written.length === 0) return { commit: undefined };
    const commit = await commitTrees(
      elsewhere,
      await this.#trees(written),
      sitesMessage(written.map(reviewOf), this.#sites.wholes),
    );
    if (commit !== undefined) this.#commits.push({ commit, branch });
    for (const { change, ...planned } of written)
      this.#sites.end(planned, 'published', { change, commit, branch });
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
    const groups = alikeSites(toPropose.map(reviewOf), this.#sites.wholes);
    const total = this.#request.sites.length;
    const changes = new Map<PlannedSite, JobResult['change']>();
    const { commit, pullRequest } = await proposeChange(
      place,
      toPropose.length === 0
        ? undefined
        : {
            reviews: toPropose.map(({ plan }) => plan.told),
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
          return commitTrees(elsewhere, trees, sitesMessage(toPropose.map(reviewOf), this.#sites.wholes));
        },
      },
    );
    if (pullRequest !== undefined) this.#pullRequests.push(pullRequest);
    for (const planned of toPropose)
      this.#sites.end(planned, commit === undefined ? 'unchanged' : 'proposed', {
        change: changes.get(planned)!,
        commit,
        branch: commit === undefined ? undefined : place.settings.branch,
        pullRequest,
      });
  }

  /** One issue for all sites of the repository that were refused. */
  async #tellRefusals(group: readonly SiteJob[], place: ProposalPlace): Promise<void> {
    const refused = group.flatMap(({ site }) => {
      const end = this.#sites.ends.get(site);
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
    await this.#sites.eachPlan(
      jobs,
      async (planned) => {
        const { config } = planned.one.request;
        const { told, files, managed, unchanged } = planned.plan;
        const isRoutine = config.publish.when === 'routine';
        const isForPeople = isRoutine ? told.verdict.level === 'look' : propose !== undefined;
        if (isForPeople && !unchanged && propose !== undefined) return propose(planned);
        if (isForPeople && isRoutine && propose === undefined)
          return this.#sites.end(planned, 'held', { change: await planTree(config.output, files, managed) });
        if (isForPeople && unchanged)
          return this.#sites.end(planned, 'unchanged', {
            change: await planTree(config.output, files, managed),
          });
        await done(planned, unchanged, await publishTree(config.output, files, managed));
      },
      async ({ request: { config } }) => {
        const recovered = await recoverTree(config.output);
        if (recovered !== undefined) this.#request.report(recovered);
        return config.output;
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
        const lock = await this.#sites.each(
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
}

function reviewOf({ one, plan }: PlannedSite): SiteReview {
  return { name: one.site.name, told: plan.told, digest: plan.digest };
}
