import type { JobRequest, JobResult } from '../job.ts';
import { AllowlistError, EXIT_STATUS } from '../problem.ts';
import type { WholeChange } from './alike.ts';
import type { SitePlan } from './plan-site.ts';
import type { Planned, SitePlanner } from './planner.ts';
import type { SiteEnd, SitesRequest } from './result.ts';
import type { Site } from './select.ts';

/** A site whose sources are loaded. */
export interface SiteJob {
  readonly site: Site;
  readonly request: JobRequest;
}

export interface PlannedSite {
  readonly one: SiteJob;
  readonly plan: SitePlan;
}

/** A site whose tree was written. */
export interface WrittenSite extends PlannedSite {
  readonly change: JobResult['change'];
}

/** The sites of a run: plans them, and keeps how each ends. */
export class SitePlans {
  /** How each site ended. */
  readonly ends = new Map<Site, SiteEnd>();
  /** The change of the first site of each kind, by kind. */
  readonly wholes = new Map<string, WholeChange>();
  readonly #planner: SitePlanner;
  readonly #reportOf: SitesRequest['reportOf'];
  /** Texts of files, each once: those of sites that are configured alike are the same. */
  readonly #texts = new Map<string, string>();

  constructor(planner: SitePlanner, reportOf: SitesRequest['reportOf']) {
    this.#planner = planner;
    this.#reportOf = reportOf;
  }

  /** Does the work of one site; what goes wrong is its end, and no other's. */
  async each<T>(
    site: Site,
    job: () => JobRequest | undefined,
    work: () => Promise<T>,
  ): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof AllowlistError)) throw error;
      this.ends.set(site, {
        site,
        job: job(),
        outcome: error.exitStatus === EXIT_STATUS.refused ? 'refused' : 'failed',
        error,
      });
      return undefined;
    }
  }

  /**
   * Plans sites, as many at a time as the planner likes, and does with each what is to be done, in their order.
   * @param done with a plan; its first of a kind is told whole by then
   * @param place of the tree that a site is compared with; what is to be done before it is read
   */
  async eachPlan(
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
      await this.each(
        one.site,
        () => one.request,
        async () => {
          const { notes, result } = await underWay[index]!;
          for (const note of notes) this.#reportOf(one.site, note);
          if (result instanceof Error) throw result;
          try {
            const { told } = result;
            const isShown = !result.unchanged || told.changesDevices;
            if (isShown && !this.wholes.has(told.kind))
              this.wholes.set(told.kind, await planner.tell(one.site));
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
  kept({ one, plan }: PlannedSite): PlannedSite {
    const files = [...plan.files].map(([path, text]) => {
      const same = this.#texts.get(text) ?? text;
      this.#texts.set(same, same);
      return [path, same] as const;
    });
    return { one, plan: { ...plan, files: new Map(files) } };
  }

  end(
    { one, plan }: PlannedSite,
    outcome: JobResult['outcome'],
    rest: Pick<JobResult, 'change'> & Partial<Pick<JobResult, 'commit' | 'branch' | 'pullRequest'>>,
  ): void {
    const { digest, told, document, findings } = plan;
    this.ends.set(one.site, {
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
