import { type JobSources, type OpenedJob, prepareJob } from '../job.ts';
import { AllowlistError } from '../problem.ts';
import type { Review } from '../review/review.ts';
import { SharedWork } from '../shared-work.ts';
import type { WholeChange } from './alike.ts';
import { planSite, type SitePlan, tellChange } from './plan-site.ts';
import type { SitesOptions } from './request.ts';
import type { Site } from './select.ts';

/** What came of planning a site. */
export interface Planned {
  /** What was reported on the way, and is still to be told. */
  readonly notes: readonly string[];
  /** The plan, or why there is none. */
  readonly result: SitePlan | AllowlistError;
}

/** Plans sites, in this thread or in others. */
export interface SitePlanner {
  /** How many sites are worth asking for at a time. */
  readonly ahead: number;
  /** Makes a site known whose sources are loaded. */
  readonly add: (site: Site, job: OpenedJob, sources: JobSources) => void;
  /** Plans a site, compared with what is in force in a directory. */
  readonly plan: (site: Site, directory: string) => Promise<Planned>;
  /** Tells whole what was planned last for a site. @throws AllowlistError where that is not known any more */
  readonly tell: (site: Site) => Promise<WholeChange>;
  /** What was planned for a site will not be asked for any more. */
  readonly forget: (site: Site) => void;
  readonly close: () => Promise<void>;
}

/** Plans sites in this thread, one after the other. */
export class OwnThread implements SitePlanner {
  readonly ahead = 1;
  readonly #options: SitesOptions;
  readonly #jobs = new Map<Site, { readonly job: OpenedJob; readonly sources: JobSources }>();
  readonly #reviews = new Map<Site, Review>();
  readonly #shared = new SharedWork();

  constructor(options: SitesOptions) {
    this.#options = options;
  }

  add(site: Site, job: OpenedJob, sources: JobSources): void {
    this.#jobs.set(site, { job, sources });
  }

  async plan(site: Site, directory: string): Promise<Planned> {
    const { job, sources } = this.#jobs.get(site)!;
    try {
      const prepared = await prepareJob(job, sources, this.#shared);
      const { plan, review } = await planSite(prepared, directory, this.#options);
      this.#reviews.set(site, review);
      return { notes: [], result: plan };
    } catch (error) {
      if (!(error instanceof AllowlistError)) throw error;
      return { notes: [], result: error };
    }
  }

  async tell(site: Site): Promise<WholeChange> {
    return tellChange(this.#reviews.get(site)!, this.#jobs.get(site)!.job.request, this.#options);
  }

  forget(site: Site): void {
    this.#reviews.delete(site);
  }

  async close(): Promise<void> {
    this.#shared.close();
  }
}
