import { join, sep } from 'node:path';
import { commitTrees, pushOrRetry, readyBranch, type WrittenTree } from '../commit-trees.ts';
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
} from '../job.ts';
import { RunRefused } from '../pipeline.ts';
import type { Finding } from '../policy/guards/guard.ts';
import { AllowlistError, ConfigurationError, EXIT_STATUS, type Problem } from '../problem.ts';
import { type ProposalPlace, proposalPlace, proposeChange, tellRefusal } from '../propose.ts';
import { ciBranch } from '../publish/ci-branch.ts';
import { placeInRepository } from '../publish/place-in-repository.ts';
import { currentBranch } from '../publish/push.ts';
import { requireReady } from '../publish/ready.ts';
import { acquireRunLock, type RunLock } from '../publish/run-lock.ts';
import { planTree, publishTree, recoverTree } from '../publish/tree.ts';
import { alikeSites, type SiteReview, type WholeChange } from './alike.ts';
import type { SitePlan } from './plan-site.ts';
import type { Planned, SitePlanner } from './planner.ts';
import { requestOf, type SitesOptions } from './request.ts';
import type { Site } from './select.ts';
import { sitesMessage, summariseSites, writeSitesMarkdown } from './words.ts';
import { openPlanner } from './worker-pool.ts';

/** How the run of one site ended. */
export type SiteEnd =
  | ({
      readonly site: Site;
      readonly job: JobRequest;
    } & Pick<SitePlan, 'digest' | 'told' | 'document' | 'findings'> &
      Pick<JobResult, 'outcome' | 'change' | 'commit' | 'branch' | 'pullRequest'>)
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
  /** The change of the first site of each kind, by kind. */
  readonly wholes: ReadonlyMap<string, WholeChange>;
  readonly commits: readonly { readonly commit: string; readonly branch: string | undefined }[];
  readonly pullRequests: readonly Published[];
}

export interface SitesRequest {
  readonly sites: readonly Site[];
  readonly options: SitesOptions;
  /** How many threads plan them, where that was asked for. */
  readonly workers: number | undefined;
  /** What names the sites on the command line, for the command that accepts a refusal. */
  readonly arguments: readonly string[];
  readonly report: (line: string) => void;
  /** Told what is reported of one site. */
  readonly reportOf: (site: Site, line: string) => void;
}

/** A site whose sources are loaded. */
interface SiteJob {
  readonly site: Site;
  readonly request: JobRequest;
}

interface PlannedSite {
  readonly one: SiteJob;
  readonly plan: SitePlan;
}

/** A site whose tree was written. */
interface WrittenSite extends PlannedSite {
  readonly change: JobResult['change'];
}

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
  readonly #ends = new Map<Site, SiteEnd>();
  readonly #wholes = new Map<string, WholeChange>();
  /** Texts of files, each once: those of sites that are configured alike are the same. */
  readonly #texts = new Map<string, string>();
  readonly #commits: { commit: string; branch: string | undefined }[] = [];
  readonly #pullRequests: Published[] = [];

  constructor(request: SitesRequest, planner: SitePlanner) {
    this.#request = request;
    this.#planner = planner;
  }

  async run(): Promise<SitesResult> {
    const { sites } = this.#request;
    const jobs = await this.#load(sites);
    for (const group of await this.#groups(jobs)) await this.#runGroup(group);
    return {
      ends: sites.map((site) => this.#ends.get(site)!),
      wholes: this.#wholes,
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
      const job = await this.#each(
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
      const sources = await this.#each(
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
          ? ''
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
    if (group[0]!.request.dryRun) return this.#dryRun(group);
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

  /** A dry run changes nothing: all sites are one group, and none is locked. */
  async #dryRun(jobs: readonly SiteJob[]): Promise<void> {
    await this.#eachPlan(jobs, async ({ one, plan }) => {
      const change = await planTree(one.request.config.output, plan.files, plan.managed);
      this.#end({ one, plan }, plan.unchanged ? 'unchanged' : 'would-publish', { change });
    });
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
      const written: WrittenSite[] = [];
      const toPropose: PlannedSite[] = [];
      await this.#plan(
        jobs,
        async (planned, isUnchanged, change) => {
          if (isUnchanged) this.#end(planned, 'unchanged', { change, branch });
          else written.push({ ...this.#kept(planned), change });
        },
        place === undefined ? undefined : async (planned) => void toPropose.push(this.#kept(planned)),
      );
      if (commits) {
        const commit =
          written.length === 0
            ? undefined
            : await commitTrees(
                root,
                await this.#trees(written),
                sitesMessage(written.map(reviewOf), this.#wholes),
              );
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
    const written: WrittenSite[] = [];
    const places = new Map<SiteJob, string>();
    for (const one of jobs)
      places.set(one, join(elsewhere, (await placeInRepository(one.request.config.output)).below));
    await this.#eachPlan(
      jobs,
      async (planned) => {
        const { files, managed, unchanged } = planned.plan;
        const change = await publishTree(places.get(planned.one)!, files, managed);
        if (unchanged) this.#end(planned, 'unchanged', { change, branch });
        else written.push({ ...this.#kept(planned), change });
      },
      async (one) => places.get(one)!,
    );
    this.#commits.pop();
    if (written.length === 0) return { commit: undefined };
    const commit = await commitTrees(
      elsewhere,
      await this.#trees(written),
      sitesMessage(written.map(reviewOf), this.#wholes),
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
    const groups = alikeSites(toPropose.map(reviewOf), this.#wholes);
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
          return commitTrees(elsewhere, trees, sitesMessage(toPropose.map(reviewOf), this.#wholes));
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
    await this.#eachPlan(
      jobs,
      async (planned) => {
        const { config } = planned.one.request;
        const { told, files, managed, unchanged } = planned.plan;
        const isRoutine = config.publish.when === 'routine';
        const isForPeople = isRoutine ? told.verdict.level === 'look' : propose !== undefined;
        if (isForPeople && !unchanged && propose !== undefined) return propose(planned);
        if (isForPeople && isRoutine && propose === undefined)
          return this.#end(planned, 'held', { change: await planTree(config.output, files, managed) });
        if (isForPeople && unchanged)
          return this.#end(planned, 'unchanged', { change: await planTree(config.output, files, managed) });
        await done(planned, unchanged, await publishTree(config.output, files, managed));
      },
      async ({ request: { config } }) => {
        const recovered = await recoverTree(config.output);
        if (recovered !== undefined) this.#request.report(recovered);
        return config.output;
      },
    );
  }

  /**
   * Plans sites, as many at a time as the planner likes, and does with each what is to be done, in their order.
   * @param done with a plan; its first of a kind is told whole by then
   * @param place of the tree that a site is compared with; what is to be done before it is read
   */
  async #eachPlan(
    jobs: readonly SiteJob[],
    done: (planned: PlannedSite) => Promise<void>,
    place: (one: SiteJob) => Promise<string> = async ({ request }) => request.config.output,
  ): Promise<void> {
    const planner = this.#planner;
    const begin = async (one: SiteJob) => planner.plan(one.site, await place(one));
    const underWay: (Promise<Planned> | undefined)[] = [];
    for (const [index, one] of jobs.entries()) {
      while (underWay.length < Math.min(jobs.length, index + planner.ahead)) {
        const next = begin(jobs[underWay.length]!);
        // Told where it is waited for.
        next.catch(() => undefined);
        underWay.push(next);
      }
      await this.#each(
        one.site,
        () => one.request,
        async () => {
          const { notes, result } = await underWay[index]!;
          for (const note of notes) this.#request.reportOf(one.site, note);
          if (result instanceof Error) throw result;
          try {
            const { told } = result;
            const isShown = !result.unchanged || told.changesDevices;
            if (isShown && !this.#wholes.has(told.kind))
              this.#wholes.set(told.kind, await planner.tell(one.site));
          } finally {
            planner.forget(one.site);
          }
          await done({ one, plan: result });
        },
      );
      // What was planned is as large as what it wrote.
      underWay[index] = undefined;
    }
  }

  /** A plan that is kept until all are committed, with each text once. */
  #kept({ one, plan }: PlannedSite): PlannedSite {
    const files = [...plan.files].map(([path, text]) => {
      const same = this.#texts.get(text) ?? text;
      this.#texts.set(same, same);
      return [path, same] as const;
    });
    return { one, plan: { ...plan, files: new Map(files) } };
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
    { one, plan }: PlannedSite,
    outcome: JobResult['outcome'],
    rest: Pick<JobResult, 'change'> & Partial<Pick<JobResult, 'commit' | 'branch' | 'pullRequest'>>,
  ): void {
    const { digest, told, document, findings } = plan;
    this.#ends.set(one.site, {
      site: one.site,
      job: one.request,
      ...{ digest, told, document, findings },
      outcome,
      commit: undefined,
      branch: undefined,
      ...rest,
    });
  }
}

function reviewOf({ one, plan }: PlannedSite): SiteReview {
  return { name: one.site.name, told: plan.told, digest: plan.digest };
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
