import { runJob } from '../job.ts';
import { AllowlistError, ConfigurationError, EXIT_STATUS } from '../problem.ts';
import { summarise } from '../review/summary.ts';
import { runOnSchedule } from '../schedule/schedule.ts';
import type { Io } from './io.ts';
import { listenPlace } from './listen-place.ts';
import { endOf, endOfResult, notifyOf, type RunEnd } from './notify.ts';
import { cacheDirectory, configOf, type FeedFlags } from './request.ts';

interface ScheduleFlags extends FeedFlags {
  readonly out?: string;
  readonly cron?: string;
  readonly timeZone?: string;
  readonly atStart?: boolean;
  readonly jitter?: number;
  readonly listen?: string;
  readonly log?: 'text' | 'json';
}

/**
 * Runs the job on a cron expression until SIGTERM or SIGINT; a run under way is finished first. SIGHUP reads the
 * configuration again: one that cannot be used is reported, and the schedule goes on with what it had.
 */
export async function scheduleCommand(flags: ScheduleFlags, io: Io): Promise<void> {
  const stop = new AbortController();
  let place = await placeOf(flags);
  const { out, report } = await voices(flags, io);
  const { Monitor } = await import('../schedule/monitor.ts');
  const monitor = new Monitor();
  if (flags.listen !== undefined) {
    const { host, port } = listenPlace(flags.listen);
    report(`health and metrics at ${await monitor.listen(host, port)}`);
  }
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.once(signal, () => {
      report(`${signal}: stopping`);
      stop.abort();
    });
  let again = new AbortController();
  process.on('SIGHUP', () => {
    placeOf(flags).then(
      (next) => {
        place = next;
        report('SIGHUP: the configuration was read again');
        again.abort();
      },
      (error: Error) => report(`SIGHUP: the schedule goes on with what it had: ${error.message}`),
    );
  });
  try {
    for (let first = true; !stop.signal.aborted; first = false) {
      again = new AbortController();
      await runOnSchedule({
        ...place,
        atStart: first && (flags.atStart ?? false),
        jitter: flags.jitter ?? 0,
        signal: AbortSignal.any([stop.signal, again.signal]),
        report,
        job: () => run(flags, io, { monitor, out, report }),
      });
    }
  } finally {
    await monitor.close();
  }
}

async function run(
  flags: ScheduleFlags,
  io: Io,
  {
    monitor,
    out,
    report,
  }: Voices & { readonly monitor: InstanceType<typeof import('../schedule/monitor.ts').Monitor> },
): Promise<void> {
  const begin = performance.now();
  const seconds = () => (performance.now() - begin) / 1000;
  let config: Awaited<ReturnType<typeof configOf>> | undefined;
  const tell = async (end: RunEnd) => {
    if (config !== undefined)
      await notifyOf(config, end, cacheDirectory(flags, config, io), io.environment, report);
  };
  try {
    // The configuration is read anew each time: a change takes effect at the next run.
    config = await configOf(flags);
    const result = await runJob({
      config,
      ...(flags.feed === undefined ? {} : { feed: flags.feed }),
      dryRun: false,
      accept: [],
      offline: false,
      cacheDirectory: cacheDirectory(flags, config, io),
      environment: io.environment,
      today: io.today(),
      report,
    });
    const { outcome, review, commit, pullRequest } = result;
    monitor.record({ outcome, review, seconds: seconds() });
    await tell(endOfResult(result));
    const where = pullRequest?.url ?? commit?.slice(0, 12);
    out(`${outcome}: ${summarise(review)}${where === undefined ? '' : ` (${where})`}`);
  } catch (error) {
    const exitStatus = error instanceof AllowlistError ? error.exitStatus : EXIT_STATUS.failed;
    monitor.record({ outcome: 'failed', exitStatus, seconds: seconds() });
    await tell(endOf(error));
    if (error instanceof AllowlistError) error.message = `exit ${exitStatus}: ${error.message}`;
    throw error;
  }
}

interface Voices {
  readonly out: (line: string) => void;
  readonly report: (line: string) => void;
}

/** Lines for people, or for programs: one JSON object a line, as pino writes them. */
async function voices({ log }: ScheduleFlags, io: Io): Promise<Voices> {
  if (log !== 'json') return { out: io.out, report: io.err };
  const { pino } = await import('pino');
  const logger = pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime }, { write: io.out });
  return {
    out: (line) => logger.info({ kind: 'result' }, line),
    report: (line) =>
      / failed: /.test(line) ? logger.error({ kind: 'failure' }, line) : logger.info({ kind: 'note' }, line),
  };
}

async function placeOf(flags: ScheduleFlags): Promise<{ readonly cron: string; readonly timeZone: string }> {
  const { schedule } = await configOf(flags);
  const cron = flags.cron ?? schedule?.cron;
  if (cron === undefined)
    throw new ConfigurationError(
      'no schedule: give --cron, or `schedule: { cron: "0 6 * * 2" }` in the configuration',
    );
  return { cron, timeZone: flags.timeZone ?? schedule?.timeZone ?? 'UTC' };
}
