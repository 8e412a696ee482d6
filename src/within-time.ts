import { type Context, createContext, Script } from 'node:vm';

let context: Context | undefined;

/**
 * Does something that may take for ever, such as matching a pattern that a user wrote, and ends it after a time. The work
 * must not wait for anything.
 * @param seconds the longest that it may take
 * @param tooLong makes the error that is thrown then
 */
export function withinTime<Result>(work: () => Result, seconds: number, tooLong: () => Error): Result {
  context ??= createContext({ work: undefined });
  const outer = context.work;
  context.work = work;
  try {
    return SCRIPT.runInContext(context, { timeout: seconds * 1000 }) as Result;
  } catch (error) {
    // The error is of the context's own realm: no instance of Error here.
    if ((error as { code?: unknown } | null)?.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw tooLong();
    throw error;
  } finally {
    context.work = outer;
  }
}

/** A script that ends also ends what it calls, matching included. */
const SCRIPT = new Script('work()');
