import { runJob } from '../job.ts';
import { AllowlistError, ConfigurationError } from '../problem.ts';
import { summarise } from '../review/summary.ts';
import { runOnSchedule } from '../schedule/schedule.ts';
import type { Io } from './io.ts';
import { cacheDirectory, configOf, type FeedFlags } from './request.ts';

interface ScheduleFlags extends FeedFlags {
  readonly out?: string;
  readonly cron?: string;
  readonly timeZone?: string;
}

/** Runs the job on a cron expression until SIGTERM or SIGINT; a run under way is finished first. */
export async function scheduleCommand(flags: ScheduleFlags, io: Io): Promise<void> {
  const { schedule } = await configOf(flags);
  const cron = flags.cron ?? schedule?.cron;
  if (cron === undefined)
    throw new ConfigurationError(
      'no schedule: give --cron, or `schedule: { cron: "0 6 * * 2" }` in the configuration',
    );
  const stop = new AbortController();
  const stopped = (signal: NodeJS.Signals) => {
    io.err(`${signal}: stopping`);
    stop.abort();
  };
  process.once('SIGTERM', stopped);
  process.once('SIGINT', stopped);
  await runOnSchedule({
    cron,
    timeZone: flags.timeZone ?? schedule?.timeZone ?? 'UTC',
    signal: stop.signal,
    report: io.err,
    job: async () => {
      // The configuration is read anew each time: a change takes effect at the next run.
      const config = await configOf(flags);
      try {
        const { outcome, review, commit } = await runJob({
          config,
          ...(flags.feed === undefined ? {} : { feed: flags.feed }),
          dryRun: false,
          accept: [],
          offline: false,
          cacheDirectory: cacheDirectory(flags, config, io),
          environment: io.environment,
          today: io.today(),
          report: io.err,
        });
        io.out(`${outcome}: ${summarise(review)}${commit === undefined ? '' : ` (${commit.slice(0, 12)})`}`);
      } catch (error) {
        if (error instanceof AllowlistError)
          throw new AllowlistError(`exit ${error.exitStatus}: ${error.message}`);
        throw error;
      }
    },
  });
}
