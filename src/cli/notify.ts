import type { AllowlistConfig } from '../config/config.ts';
import type { JobResult } from '../job.ts';
import type { RunEnd } from '../notify/event.ts';
import { RunRefused } from '../pipeline.ts';

export type { RunEnd } from '../notify/event.ts';

/** How a run that failed ended. */
export function endOf(error: unknown): RunEnd {
  const message = error instanceof Error ? error.message : String(error);
  return error instanceof RunRefused
    ? { outcome: 'refused', message, findings: error.findings }
    : { outcome: 'failed', message };
}

/** How a run that came to its end ended. */
export function endOfResult({ outcome, review, pullRequest, findings }: JobResult): RunEnd {
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
