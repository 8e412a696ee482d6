import { Script } from 'node:vm';

/**
 * Does something that may take for ever, such as matching a pattern that a user wrote, and ends it after a time. The work
 * must not wait for anything.
 * @param seconds the longest that it may take
 * @param tooLong makes the error that is thrown then
 */
export function withinTime<Result>(work: () => Result, seconds: number, tooLong: () => Error): Result {
  const outer = shared[WORK];
  shared[WORK] = work;
  try {
    return SCRIPT.runInThisContext({ timeout: seconds * 1000 }) as Result;
  } catch (error) {
    if ((error as { code?: unknown } | null)?.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw tooLong();
    throw error;
  } finally {
    shared[WORK] = outer;
  }
}

/** Where the script finds the work: a context of its own would take some 30 ms to make. */
const WORK = Symbol.for('azure-allowlist.work');
const shared = globalThis as unknown as Record<symbol, unknown>;

/** A script that ends also ends what it calls, matching included. */
const SCRIPT = new Script("globalThis[Symbol.for('azure-allowlist.work')]()");
