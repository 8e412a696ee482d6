import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FeedError } from '../../src/problem.ts';
import { runOnSchedule, type ScheduleOptions } from '../../src/schedule/schedule.ts';

const START = Date.parse('2026-01-06T05:30:00Z');
const MINUTE = 60_000;

beforeEach(() => {
  vi.useFakeTimers({
    now: START,
    toFake: ['setTimeout', 'setInterval', 'clearTimeout', 'clearInterval', 'Date'],
  });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A schedule at six o'clock every day, under a clock that the test moves. */
function daily(job: (run: number) => Promise<void>, more: Partial<ScheduleOptions> = {}) {
  const controller = new AbortController();
  const lines: string[] = [];
  const runs: string[] = [];
  const ended = runOnSchedule({
    cron: '0 6 * * *',
    timeZone: 'UTC',
    signal: controller.signal,
    report: (line) => lines.push(line),
    job: () => {
      runs.push(new Date().toISOString().slice(8, 16));
      return job(runs.length);
    },
    ...more,
  });
  return {
    lines,
    runs,
    pass: (milliseconds: number) => vi.advanceTimersByTimeAsync(milliseconds),
    stop: async () => {
      controller.abort();
      await vi.advanceTimersByTimeAsync(10);
      await ended;
    },
  };
}

describe('a schedule under a clock of its own', () => {
  it('backs off while the source is down for ten ticks, and goes back to its times when it returns', async () => {
    const schedule = daily(async (run) => {
      if (run <= 10) throw new FeedError('the source is down');
    });
    await schedule.pass(9 * 60 * MINUTE);
    expect(schedule.runs).toEqual([
      ...['06T06:00', '06T06:01', '06T06:03', '06T06:08', '06T06:23', '06T07:23', '06T08:23'],
      ...['06T09:23', '06T10:23', '06T11:23', '06T12:23'],
    ]);
    expect(schedule.lines).toContain('trying again in 15 min');
    await schedule.pass(24 * 60 * MINUTE);
    expect(schedule.runs.slice(11)).toEqual(['07T06:00']);
    await schedule.stop();
  });

  it('does not try again what no waiting helps', async () => {
    const schedule = daily(() => Promise.reject(new TypeError('a defect')));
    await schedule.pass(3 * 60 * MINUTE);
    expect(schedule.runs).toEqual(['06T06:00']);
    await schedule.stop();
  });

  it('makes up once for what came due while the machine slept', async () => {
    const schedule = daily(async () => undefined);
    await schedule.pass(MINUTE);
    // Asleep: time passes, and no timer runs.
    vi.setSystemTime(Date.parse('2026-01-09T11:00:00Z'));
    await schedule.pass(5000);
    expect(schedule.runs).toEqual(['09T11:00']);
    expect(schedule.lines.join('\n')).toContain(
      'the run due at 2026-01-06T06:00:00.000Z was missed; it is made up for now',
    );
    await schedule.stop();
  });

  it('runs at once where it is asked to, and puts runs off by chance', async () => {
    const schedule = daily(async () => undefined, { atStart: true, jitter: 600, random: () => 0.5 });
    await schedule.pass(4 * MINUTE);
    expect(schedule.runs).toEqual([]);
    await schedule.pass(2 * MINUTE);
    expect(schedule.runs).toEqual(['06T05:35']);
    await schedule.pass(40 * MINUTE);
    expect(schedule.runs).toEqual(['06T05:35', '06T06:05']);
    await schedule.stop();
  });

  it('stops at any moment, also while it waits', async () => {
    for (let moment = 0; moment < 50; moment++) {
      const schedule = daily(
        async (run) => {
          if (run % 2 === 1) throw new FeedError('away');
          await new Promise((resolve) => setTimeout(resolve, 5));
        },
        { atStart: true, jitter: 30, random: () => moment / 50 },
      );
      await schedule.pass(moment * 7_919);
      const { length } = schedule.runs;
      await schedule.stop();
      await schedule.pass(48 * 60 * MINUTE);
      expect(schedule.runs).toHaveLength(length);
    }
  });
});
