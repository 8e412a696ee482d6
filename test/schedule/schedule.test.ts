import { describe, expect, it } from 'vitest';
import { AllowlistError, ConfigurationError, EXIT_STATUS } from '../../src/problem.ts';
import { runOnSchedule } from '../../src/schedule/schedule.ts';

const EVERY_SECOND = '* * * * * *';

/** Runs a one-second schedule until `enough` says so, and returns what it reported. */
async function scheduled(
  job: (run: number, scheduledAt: Date, stop: () => void) => Promise<void>,
  onReport: (line: string, stop: () => void) => void = () => undefined,
): Promise<string[]> {
  const controller = new AbortController();
  const lines: string[] = [];
  const stop = (): void => controller.abort();
  let runs = 0;
  await runOnSchedule({
    cron: EVERY_SECOND,
    timeZone: 'Europe/Berlin',
    signal: controller.signal,
    report: (line) => {
      lines.push(line);
      onReport(line, stop);
    },
    job: (scheduledAt) => {
      runs += 1;
      return job(runs, scheduledAt, stop);
    },
  });
  return lines;
}

describe('runOnSchedule', () => {
  it('runs again and again, at whole seconds one after the other, until it is stopped', async () => {
    const times: number[] = [];
    const lines = await scheduled(async (run, scheduledAt, stop) => {
      times.push(scheduledAt.getTime());
      if (run === 3) stop();
    });
    expect(times).toHaveLength(3);
    expect(times.every((time) => time % 1000 === 0)).toBe(true);
    expect(new Set(times).size).toBe(3);
    expect(lines[0]).toMatch(/^next run at \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000\+0[12]:00$/);
  });

  it('goes on after a job that fails, and tells why', async () => {
    const lines = await scheduled(async (run, _at, stop) => {
      if (run === 1) throw new AllowlistError('the feed is away');
      if (run === 2) throw new TypeError('a defect');
      stop();
    });
    const failures = lines.filter((line) => line.includes('failed'));
    expect(failures[0]).toMatch(/^the run of \S+Z failed: the feed is away$/);
    expect(failures[1]).toContain('TypeError: a defect\n    at ');
    expect(failures).toHaveLength(2);
  });

  it('reports a job that throws before it returns a promise', async () => {
    const lines = await scheduled((run, _at, stop) => {
      if (run === 1) throw new AllowlistError('at once');
      stop();
      return Promise.resolve();
    });
    expect(lines.some((line) => line.endsWith('failed: at once'))).toBe(true);
  });

  it('never runs two at a time: what comes due meanwhile is reported and skipped', async () => {
    let finish = (): void => undefined;
    let started = 0;
    const lines = await scheduled(
      () => {
        started += 1;
        return new Promise((resolve) => {
          finish = resolve;
        });
      },
      (line, stop) => {
        if (!line.startsWith('skipped')) return;
        stop();
        finish();
      },
    );
    expect(started).toBe(1);
    expect(lines.filter((line) => line.startsWith('skipped'))).toHaveLength(1);
  });

  it('waits for the running job when it is stopped', async () => {
    let ended = false;
    const lines = await scheduled(async (_run, _at, stop) => {
      stop();
      await new Promise((resolve) => setTimeout(resolve, 200));
      ended = true;
    });
    expect(ended).toBe(true);
    expect(lines).toContain('stopping when the running job has ended');
  });

  it('does not begin if it is stopped already', async () => {
    const job = (): Promise<void> => Promise.reject(new Error('must not run'));
    const lines: string[] = [];
    const report = (line: string): void => void lines.push(line);
    await runOnSchedule({ cron: EVERY_SECOND, job, signal: AbortSignal.abort(), report });
    expect(lines).toEqual([]);
  });

  it.each([
    ['not cron', undefined],
    ['', undefined],
    ['* * *', undefined],
    ['61 * * * *', undefined],
    ['0 0 30 2 *', undefined],
    ['2026-01-01T00:00:00Z', undefined],
    ['0 6 * * 2', 'Europe/Nowhere'],
    ['0 6 * * 2', ''],
  ])('refuses %j in time zone %j', async (cron, timeZone) => {
    const signal = AbortSignal.timeout(5_000);
    const job = (): Promise<void> => Promise.resolve();
    const options = { cron, job, signal, report: () => undefined };
    const error = await runOnSchedule(timeZone === undefined ? options : { ...options, timeZone }).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(ConfigurationError);
    expect((error as ConfigurationError).exitStatus).toBe(EXIT_STATUS.configuration);
    expect((error as Error).message).toContain(JSON.stringify(cron));
  });
});
