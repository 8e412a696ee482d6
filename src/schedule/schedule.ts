import { CronJob } from 'cron';
import { AllowlistError, ConfigurationError } from '../problem.ts';

export interface ScheduleOptions {
  /** Five fields, or six with seconds first, as package `cron` reads them. */
  readonly cron: string;
  /** IANA name (`Europe/Berlin`); the system's own if not given. */
  readonly timeZone?: string;
  readonly job: (scheduledAt: Date) => Promise<void>;
  readonly signal: AbortSignal;
  /** Told what a person who watches the schedule wants to know, a line at a time. */
  readonly report: (line: string) => void;
}

/**
 * Runs a job on a cron expression until the signal aborts, and resolves when the running job has ended.
 *
 * A job that fails is reported and does not end the schedule. A job that is still running when it is due again is
 * not started twice: that time is reported and skipped. Throws `ConfigurationError` for an expression or a time
 * zone that cannot be read, or an expression that never comes due.
 */
export async function runOnSchedule(options: ScheduleOptions): Promise<void> {
  const { signal, report } = options;
  let running: Promise<void> | undefined;

  const tick = (): void => {
    // A timer fires up to some milliseconds late; cron's own resolution is the second.
    const scheduledAt = new Date(Math.floor(Date.now() / 1000) * 1000);
    if (running !== undefined) {
      report(`skipped the run due at ${scheduledAt.toISOString()}: the one before it is still at work`);
      return;
    }
    running = runJob(options, scheduledAt).finally(() => {
      running = undefined;
      if (!signal.aborted) report(`next run at ${nextRun(cron)}`);
    });
  };

  const cron = createJob(options, tick);
  if (signal.aborted) return;
  const stopped = new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  cron.start();
  report(`next run at ${nextRun(cron)}`);
  await stopped;
  void cron.stop();
  if (running !== undefined) report('stopping when the running job has ended');
  await running;
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

async function runJob({ job, report }: ScheduleOptions, scheduledAt: Date): Promise<void> {
  try {
    await job(scheduledAt);
  } catch (error) {
    report(`the run of ${scheduledAt.toISOString()} failed: ${describe(error)}`);
  }
}

/** What the product explains is told in its own words; a defect is told with its stack. */
function describe(error: unknown): string {
  if (error instanceof AllowlistError) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
