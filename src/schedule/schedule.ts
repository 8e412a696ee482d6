import { CronJob } from 'cron';
import { AllowlistError, ConfigurationError, FeedError } from '../problem.ts';

export interface ScheduleOptions {
  /** Five fields, or six with seconds first, as package `cron` reads them. */
  readonly cron: string;
  /** IANA name (`Europe/Berlin`); the system's own if not given. */
  readonly timeZone?: string;
  /** Whether the first run begins at once. */
  readonly atStart?: boolean;
  /** Seconds up to which each run is put off, by chance, so that many installations do not ask at the same moment. */
  readonly jitter?: number;
  readonly job: (scheduledAt: Date) => Promise<void>;
  readonly signal: AbortSignal;
  /** Told what a person who watches the schedule wants to know, a line at a time. */
  readonly report: (line: string) => void;
  /** For tests: chance from 0 to 1. */
  readonly random?: () => number;
}

/** Minutes to wait after the first, second … failure to get the feed; the next due time ends the waiting. */
const WAITS = [1, 2, 5, 15, 60];

/** Milliseconds between two looks at the clock: what came due while the machine slept is made up for. */
const LOOK = 1000;

/** Milliseconds that a due time may be past before it was missed. */
const MISSED = 2000;

/**
 * Runs a job on a cron expression until the signal aborts, and resolves when the running job has ended.
 *
 * A job that fails is reported and does not end the schedule; one that cannot get the feed is tried again in growing
 * intervals until the next time that it is due. A job that is still running when it is due again is not started twice:
 * that time is reported and skipped. A time that passed while the machine slept is made up for once.
 * @throws ConfigurationError for an expression or a time zone that cannot be read, or one that never comes due
 */
export async function runOnSchedule(options: ScheduleOptions): Promise<void> {
  const { signal, report, atStart = false, jitter = 0, random = Math.random } = options;
  let running: Promise<void> | undefined;
  let failures = 0;
  let retry: NodeJS.Timeout | undefined;
  let due = 0;

  const start = (scheduledAt: Date): void => {
    clearTimeout(retry);
    if (running !== undefined) {
      report(`skipped the run due at ${scheduledAt.toISOString()}: the one before it is still at work`);
      return;
    }
    running = wait(jitter * random() * 1000, signal)
      .then(() => (signal.aborted ? undefined : runJob(options, scheduledAt)))
      .then((error) => {
        failures = error instanceof FeedError ? failures + 1 : 0;
      })
      .finally(() => {
        running = undefined;
        if (signal.aborted) return;
        const minutes = WAITS[Math.min(failures, WAITS.length) - 1];
        if (minutes !== undefined && Date.now() + minutes * 60_000 < due) {
          report(`trying again in ${minutes} min`);
          retry = setTimeout(() => start(new Date()), minutes * 60_000);
        } else report(`next run at ${nextRun(cron)}`);
      });
  };

  const tick = (): void => {
    due = cron.nextDate().toMillis();
    // A timer fires up to some milliseconds late; cron's own resolution is the second.
    start(new Date(Math.floor(Date.now() / 1000) * 1000));
  };

  const cron = createJob(options, tick);
  if (signal.aborted) return;
  const stopped = new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  cron.start();
  due = cron.nextDate().toMillis();
  const clock = setInterval(() => {
    if (Date.now() < due + MISSED) return;
    report(`the run due at ${new Date(due).toISOString()} was missed; it is made up for now`);
    tick();
  }, LOOK);
  if (atStart) start(new Date());
  else report(`next run at ${nextRun(cron)}`);
  await stopped;
  clearInterval(clock);
  clearTimeout(retry);
  void cron.stop();
  if (running !== undefined) report('stopping when the running job has ended');
  await running;
}

function wait(milliseconds: number, signal: AbortSignal): Promise<void> {
  if (milliseconds <= 0) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener(
      'abort',
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
}

function createJob({ cron, timeZone }: ScheduleOptions, onTick: () => void): CronJob {
  try {
    // cron takes an empty name for the system's own zone.
    if (timeZone !== undefined) new Intl.DateTimeFormat('en', { timeZone });
    const job = CronJob.from({ cronTime: cron, onTick, start: false, timeZone: timeZone ?? null });
    // Finds out about dates that never come, such as 30 February.
    job.nextDate();
    return job;
  } catch (cause) {
    const what = cause instanceof Error ? cause.message : String(cause);
    const zone = timeZone === undefined ? '' : ` in time zone ${JSON.stringify(timeZone)}`;
    throw new ConfigurationError(
      'the schedule cannot be used',
      [
        {
          where: `${JSON.stringify(cron)}${zone}`,
          what,
          next: 'give five fields (minute hour day month weekday), and an IANA time zone such as Europe/Berlin',
        },
      ],
      { cause },
    );
  }
}

function nextRun(cron: CronJob): string {
  return cron.nextDate().toISO() ?? cron.nextDate().toString();
}

/** @returns what it failed with; undefined where it did not */
async function runJob({ job, report }: ScheduleOptions, scheduledAt: Date): Promise<unknown> {
  try {
    await job(scheduledAt);
    return undefined;
  } catch (error) {
    report(`the run of ${scheduledAt.toISOString()} failed: ${describe(error)}`);
    return error;
  }
}

/** What the product explains is told in its own words; a defect is told with its stack. */
function describe(error: unknown): string {
  if (error instanceof AllowlistError) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
