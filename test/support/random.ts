/** A small seeded generator (mulberry32): tests that draw at random can be run again with their seed. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let word = Math.imul(state ^ (state >>> 15), state | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return ((word ^ (word >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A whole number from 0, below `bound`. */
export function below(random: () => number, bound: number): number {
  return Math.floor(random() * bound);
}
