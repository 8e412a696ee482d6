/** Whether the long forms of tests run: `npm run test:long`. */
export const LONG = process.env.LONG_TESTS !== undefined;

/** How often a test repeats something: a few times in every run, more in the long form. */
export function times(usual: number, long: number): number {
  return LONG ? long : usual;
}

/** All of a list in the long form; else so many of it at even distances, the first and the last among them. */
export function some<T>(all: readonly T[], count: number): T[] {
  if (LONG || all.length <= count) return [...all];
  return Array.from(
    { length: count },
    (_, index) => all[Math.round((index * (all.length - 1)) / (count - 1))]!,
  );
}
