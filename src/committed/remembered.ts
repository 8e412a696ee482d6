/**
 * What the last few keys stand for. What is asked for once is not kept: it would be large, and of no use where no two are
 * alike.
 */
export class Remembered<Value> {
  readonly #most: number;
  readonly #values = new Map<string, Value>();
  readonly #askedFor = new Set<string>();

  /** @param most how many values are kept */
  constructor(most: number) {
    this.#most = most;
  }

  get(key: string): Value | undefined {
    const value = this.#values.get(key);
    if (value === undefined) return undefined;
    // The one that was asked for last goes last.
    this.#values.delete(key);
    this.#values.set(key, value);
    return value;
  }

  /** Keeps a value whose key was asked for before. */
  offer(key: string, value: Value): void {
    if (!this.#askedFor.has(key)) {
      this.#askedFor.add(key);
      return;
    }
    this.#values.set(key, value);
    if (this.#values.size > this.#most) this.#values.delete(this.#values.keys().next().value!);
  }
}
