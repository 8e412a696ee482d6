import { relative } from 'node:path';
import pc from 'picocolors';
import { runJob } from '../job.ts';
import { RunRefused } from '../pipeline.ts';
import { EXIT_STATUS } from '../problem.ts';
import { reviewDocument } from '../review/json.ts';
import { writeText } from '../review/text.ts';
import type { Io } from './io.ts';
import { cacheDirectory, configOf, type FeedFlags } from './request.ts';

interface RunFlags extends FeedFlags {
  readonly out?: string;
  readonly dryRun?: boolean;
  readonly detailedExitcode?: boolean;
  readonly accept?: readonly string[];
  readonly json?: boolean;
}

/** The weekly job. */
export async function runCommand(flags: RunFlags, io: Io): Promise<void> {
  const config = await configOf(flags);
  const { outcome, review, change, commit } = await runJob({
    config,
    ...(flags.feed === undefined ? {} : { feed: flags.feed }),
    dryRun: flags.dryRun ?? false,
    accept: flags.accept ?? [],
    offline: flags.offline ?? false,
    cacheDirectory: cacheDirectory(flags, config, io),
    environment: io.environment,
    today: io.today(),
    report: io.err,
  }).catch((error: unknown) => {
    if (flags.json === true && error instanceof RunRefused)
      io.out(JSON.stringify({ outcome: 'refused', guards: error.findings }, null, 2));
    throw error;
  });
  const tail = commit === undefined ? '' : `; committed as ${commit.slice(0, 12)}`;
  if (flags.json === true)
    io.out(
      JSON.stringify(
        {
          outcome,
          output: config.output,
          commit: commit ?? null,
          files: change,
          review: reviewDocument(review),
        },
        null,
        2,
      ),
    );
  else {
    const place = nearest(config.output);
    io.out(writeText(review, { width: io.columns ?? 100, colors: pc.createColors(io.colours) }));
    for (const path of change.removed) io.out(`removed: ${path}`);
    const counts = `${change.written.length} files written, ${change.removed.length} removed, ${change.unchanged.length} unchanged`;
    if (outcome === 'unchanged' && change.written.length + change.removed.length === 0)
      io.out(`Nothing changed for the configured rules; ${place} stands as it is${tail}.`);
    else if (outcome === 'would-publish')
      io.out(
        `Dry run, nothing written to ${place}: ${counts.replace('written', 'to write').replace('removed', 'to remove')}.`,
      );
    else io.out(`${place}: ${counts}${tail}.`);
  }
  const differs = change.written.length + change.removed.length > 0;
  if (flags.dryRun === true && flags.detailedExitcode === true && differs) io.setStatus(EXIT_STATUS.differs);
}

/** A path as one would type it: relative where it is below the working directory. */
function nearest(path: string): string {
  const below = relative('', path);
  return below === '' || below.startsWith('..') ? path : below;
}
