import type { AllowlistConfig } from '../config/config.ts';
import type { JobResult } from '../job.ts';
import type { RunEnd } from '../notify/event.ts';
import type { NamedEnd } from '../notify/notify.ts';
import { RunRefused } from '../pipeline.ts';
import { type ToldReview, tellReview } from '../review/told.ts';
import type { SiteEnd } from '../sites/result.ts';
import type { Io } from './io.ts';
import { cacheDirectory, type FeedFlags } from './request.ts';

export type { RunEnd } from '../notify/event.ts';

/** How a run that failed ended. */
export function endOf(error: unknown): RunEnd {
  const message = error instanceof Error ? error.message : String(error);
  return error instanceof RunRefused
    ? { outcome: 'refused', message, findings: error.findings }
    : { outcome: 'failed', message };
}

/** How a run that came to its end ended. */
export function endOfResult({ review, ...rest }: JobResult): RunEnd {
  return endOfTold({ ...rest, review: tellReview(review) });
}

/** How a run ended whose review is in words already. */
export function endOfTold({
  outcome,
  review,
  pullRequest,
  findings,
}: Pick<JobResult, 'outcome' | 'pullRequest' | 'findings'> & { readonly review: ToldReview }): RunEnd {
  if (outcome === 'would-publish') throw new TypeError('a dry run notifies nobody');
  const stale = findings.find(
    ({ guard, outcome: found }) => guard === 'feed-stale' && found !== 'passed' && found !== 'not judged',
  );
  return { outcome, review, pullRequest, stale: stale?.message };
}

/** Notifies those whom the configuration names; loads nothing where it names nobody. */
export async function notifyOf(
  { notify: config, feed, output }: AllowlistConfig,
  end: RunEnd,
  directory: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
  report: (line: string) => void,
): Promise<void> {
  if (config === undefined) return;
  const { notify } = await import('../notify/notify.ts');
  await notify(config, end, { output, directory, environment, report, http: feed.http });
}

/** Notifies of many sites: those who are named by several configurations hear of all of them together. */
export async function notifySites(
  ends: readonly SiteEnd[],
  flags: Pick<FeedFlags, 'cache'>,
  io: Io,
): Promise<void> {
  const groups = new Map<string, { readonly config: AllowlistConfig; readonly ends: NamedEnd[] }>();
  for (const end of ends) {
    const config = end.job?.config;
    if (config?.notify === undefined) continue;
    const key = JSON.stringify([config.notify, config.feed.http]);
    const group = groups.get(key) ?? { config, ends: [] };
    group.ends.push({
      name: end.site.name,
      output: config.output,
      end: 'error' in end ? endOf(end.error) : endOfTold({ ...end, review: end.told }),
    });
    groups.set(key, group);
  }
  for (const { config, ends: named } of groups.values()) {
    const { notifyOfMany } = await import('../notify/notify.ts');
    await notifyOfMany(config.notify!, named, {
      directory: cacheDirectory({ ...flags, config: config.file }, config, io),
      environment: io.environment,
      report: io.err,
      http: config.feed.http,
    });
  }
}
