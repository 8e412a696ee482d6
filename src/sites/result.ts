import type { Published } from '../forge/forge.ts';
import type { JobRequest, JobResult } from '../job.ts';
import type { AllowlistError } from '../problem.ts';
import type { WholeChange } from './alike.ts';
import type { SitePlan } from './plan-site.ts';
import type { SitesOptions } from './request.ts';
import type { Site } from './select.ts';

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
