/** How many seeded cases each property takes; mutation runs, which repeat the tests many times, take fewer. */
export const CASES = Number(process.env.NET_CASES ?? 100_000);

/** A reproducible source of random numbers (mulberry32). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** An unsigned 32-bit number. */
  word(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  }

  /** A whole number from 0 to `limit` − 1. */
  below(limit: number): number {
    return Math.floor((this.word() / 2 ** 32) * limit);
  }

  chance(oneIn: number): boolean {
    return this.below(oneIn) === 0;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)]!;
  }

  bits(count: number): bigint {
    let value = 0n;
    for (let got = 0; got < count; got += 32) value = (value << 32n) | BigInt(this.word());
    return BigInt.asUintN(count, value);
  }

  shuffle<T>(items: T[]): T[] {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [items[i], items[j]] = [items[j]!, items[i]!];
    }
    return items;
  }
}

/**
 * Runs the property once a case, each with its own seed, and says the seed of the case that fails.
 * Properties throw or call `agree`: a call of `expect` costs more than most of the operations under test.
 */
export function forSeeds(cases: number, property: (random: Random, seed: number) => void): void {
  for (let seed = 1; seed <= cases; seed++) {
    try {
      property(new Random(seed * 0x9e3779b1), seed);
    } catch (error) {
      throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}`, {
        cause: error,
      });
    }
  }
}

/** Both must print alike. */
export function agree(what: string, actual: unknown, expected: unknown): void {
  if (Object.is(actual, expected)) return;
  const [left, right] = [show(actual), show(expected)];
  if (left !== right) throw new Error(`${what} is ${left}, expected ${right}`);
}

function show(value: unknown): string {
  return (
    JSON.stringify(value, (_, item: unknown) => (typeof item === 'bigint' ? `${item}n` : item)) ?? 'undefined'
  );
}
