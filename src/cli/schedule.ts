import type { AllowlistConfig } from '../config/config.ts';
import { runJob } from '../job.ts';
import { AllowlistError, ConfigurationError, EXIT_STATUS, FeedError } from '../problem.ts';
import { summarise } from '../review/summary.ts';
import type { SiteReport } from '../schedule/monitor.ts';
import { runOnSchedule } from '../schedule/schedule.ts';
import type { Io } from './io.ts';
import { listenPlace } from './listen-place.ts';
import { endOf, endOfResult, notifyOf, type RunEnd } from './notify.ts';
import { cacheDirectory, configOf, type FeedFlags } from './request.ts';
import { patternsOfSites } from './run-any.ts';

interface ScheduleFlags extends Omit<FeedFlags, 'config'> {
  /** The default as it is, or everything that was given. */
  readonly config: string | readonly string[];
  readonly only?: readonly string[];
  readonly shard?: string;
  readonly workers?: number;
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
        job: async () => {
          const patterns = await patternsOfSites(flags);
          const watched = { monitor, out, report };
          return patterns === undefined
            ? run(ofOne(flags), io, watched)
            : runMany(patterns, flags, io, watched);
        },
      });
    }
  } finally {
    await monitor.close();
  }
}

interface Watched extends Voices {
  readonly monitor: InstanceType<typeof import('../schedule/monitor.ts').Monitor>;
}

/** The flags where they speak of one configuration. */
function ofOne(flags: ScheduleFlags): ScheduleFlags & { readonly config: string } {
  return { ...flags, config: [flags.config].flat()[0]! };
}

/** The job of many sites. Where none of them got its feed, the schedule tries again. */
async function runMany(
  patterns: readonly string[],
  flags: ScheduleFlags,
  io: Io,
  { monitor, out, report }: Watched,
): Promise<void> {
  const begin = performance.now();
  const seconds = () => (performance.now() - begin) / 1000;
  const { runAndNotify, endsInWords, statusOf, stoppedByMessage } = await import('./run-sites.ts');
  const { sitesNamed } = await import('../sites/words.ts');
  const result = await runAndNotify(patterns, flags, { ...io, out, err: report }).catch((error: unknown) => {
    const exitStatus = error instanceof AllowlistError ? error.exitStatus : EXIT_STATUS.failed;
    monitor.record({ outcome: 'failed', exitStatus, seconds: seconds() });
    throw error;
  });
  const reports = result.ends.map((end): SiteReport => {
    const site = end.site.name;
    return 'error' in end
      ? { site, outcome: 'failed', exitStatus: end.error.exitStatus }
      : { site, outcome: end.outcome, told: end.told };
  });
  monitor.recordSites(reports, { status: statusOf(result.ends), seconds: seconds() });
  out(endsInWords(result));
  const errors = result.ends.map((end) => ('error' in end ? end.error : undefined));
  const [first] = errors;
  if (first !== undefined && errors.every((error) => error instanceof FeedError)) throw first;
  for (const [message, names] of stoppedByMessage(result)) report(`${sitesNamed(names)} failed: ${message}`);
}

async function run(
  flags: ScheduleFlags & { readonly config: string },
  io: Io,
  { monitor, out, report }: Watched,
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
  const schedule = await scheduleOf(flags);
  const cron = flags.cron ?? schedule?.cron;
  if (cron === undefined)
    throw new ConfigurationError(
      'no schedule: give --cron, or `schedule: { cron: "0 6 * * 2" }` in the configuration',
    );
  return { cron, timeZone: flags.timeZone ?? schedule?.timeZone ?? 'UTC' };
}

/** The schedule that is configured: of many sites the one that all of them have. */
async function scheduleOf(flags: ScheduleFlags): Promise<AllowlistConfig['schedule']> {
  const patterns = await patternsOfSites(flags);
  if (patterns === undefined) return (await configOf(ofOne(flags))).schedule;
  if (flags.out !== undefined)
    throw new ConfigurationError('--out is for one configuration, not for many sites');
  const { selectSites } = await import('../sites/select.ts');
  const sites = await selectSites(patterns, flags);
  if (flags.cron !== undefined) return undefined;
  const schedules = new Map<
    string,
    { readonly name: string; readonly schedule: AllowlistConfig['schedule'] }
  >();
  for (const { name, file } of sites) {
    const { schedule } = await configOf({ config: file });
    if (schedule !== undefined) schedules.set(JSON.stringify(schedule), { name, schedule });
  }
  const [first, other] = [...schedules.values()];
  if (other !== undefined)
    throw new ConfigurationError('the sites have different schedules', [
      {
        where: `${first!.name} and ${other.name}`,
        what: 'are to run at different times, and one run takes all sites',
        next: 'give --cron, or configure `schedule` once, in the file that they extend',
      },
    ]);
  return first?.schedule;
}
