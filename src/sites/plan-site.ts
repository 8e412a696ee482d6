import pc from 'picocolors';
import type { JobRequest, PreparedJob } from '../job.ts';
import type { RunPlan } from '../pipeline.ts';
import { writeBrief } from '../review/brief.ts';
import { reviewDocument } from '../review/json.ts';
import type { Review } from '../review/review.ts';
import { writeText } from '../review/text.ts';
import { type ToldSite, tellSite, tellWhole, type WholeChange } from './alike.ts';
import { reviewPath, type SitesOptions } from './request.ts';

/** What a run would publish at a site: plain data, which goes from one thread to another. */
export interface SitePlan extends Pick<RunPlan, 'findings' | 'unchanged' | 'files' | 'managed'> {
  /** Of the policy. */
  readonly digest: string;
  readonly told: ToldSite;
  /** The review as a document, where it is asked for. */
  readonly document: object | undefined;
}

/** A plan, and the review that it is told by. */
export interface PlannedReview {
  readonly plan: SitePlan;
  readonly review: Review;
}

/** Plans a site, compared with what is in force in a directory. @throws RunRefused by a guard */
export async function planSite(
  { plan }: PreparedJob,
  directory: string,
  { json }: Pick<SitesOptions, 'json'>,
): Promise<PlannedReview> {
  const { policy, review, findings, unchanged, files, managed } = await plan(directory);
  const document = json ? reviewDocument(review) : undefined;
  return {
    plan: { digest: policy.digest, told: tellSite(review), findings, unchanged, files, managed, document },
    review,
  };
}

/** Tells a change whole, as reviewers, commits and the terminal show it. */
export function tellChange(
  review: Review,
  request: Pick<JobRequest, 'config'>,
  { terminal: { width, colours, details } }: Pick<SitesOptions, 'terminal'>,
): WholeChange {
  const options = { width, colors: pc.createColors(colours) };
  return tellWhole(
    review,
    details ? writeText(review, options) : writeBrief(review, reviewPath(request), options),
  );
}
