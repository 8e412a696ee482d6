import dns from 'node:dns';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { loadFeed } from '../../src/feed/load.ts';

/** Waits of hundredths of a second stand for seconds. */
const HTTP = { firstWaitSeconds: 0.01, retries: 4, totalSeconds: 20 };

/** Answers every look-up with an error. */
function noNames(code: string): { readonly asked: () => number } {
  const spy = vi.spyOn(dns, 'lookup').mockImplementation(((_: string, options: unknown, done: unknown) => {
    const callback = (typeof options === 'function' ? options : done) as (error: Error) => void;
    process.nextTick(
      callback,
      Object.assign(new Error(`getaddrinfo ${code}`), { code, syscall: 'getaddrinfo' }),
    );
  }) as typeof dns.lookup);
  return { asked: () => spy.mock.calls.length };
}

const messageOf = async (report: string[], http: Readonly<Record<string, number>> = HTTP): Promise<string> =>
  loadFeed({
    cloud: 'public',
    http,
    environment: {},
    today: '2026-01-13',
    report: (line) => report.push(line),
  }).then(
    () => '',
    (error: Error) => error.message,
  );

describe('a machine without a network', () => {
  afterEach(() => vi.restoreAllMocks());

  it('is told after three tries of the first document and one of each other', async () => {
    const { asked } = noNames('EAI_AGAIN');
    const report: string[] = [];
    const message = await messageOf(report);
    // Two pages, the latest file, the first date.
    expect(asked()).toBe(3 + 1 + 1 + 1);
    expect(report.filter((line) => line.includes('trying again')).length).toBe(2);
    expect(message).toContain('the host name cannot be resolved now (EAI_AGAIN) after 3 attempts');
    expect(message).toContain('use --offline for the newest cached one');
  });

  it('is not tried more often than the configuration says', async () => {
    const { asked } = noNames('EAI_AGAIN');
    await messageOf([], { ...HTTP, retries: 0 });
    expect(asked()).toBe(4);
  });

  it('differs from a server that cannot be reached, which each document waits for', async () => {
    const { asked } = noNames('EHOSTUNREACH');
    await messageOf([], { ...HTTP, retries: 1 });
    expect(asked()).toBe(8);
  });
});
