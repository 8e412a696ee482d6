/** What one client last took of one file. */
export interface Pull {
  readonly client: string;
  readonly path: string;
  /** SHA-256 of the tree that it was of. */
  readonly digest: string;
  /** 304: the client had it already. */
  readonly status: number;
  /** ISO 8601, UTC. */
  readonly at: string;
}

/** How many pulls are remembered; the oldest are forgotten first. */
const REMEMBERED = 10_000;

/** Which device has taken which tree, as long as the server runs. */
export class Pulls {
  readonly #last = new Map<string, Pull>();

  record(pull: Pull): void {
    const key = `${pull.client} ${pull.path}`;
    this.#last.delete(key);
    this.#last.set(key, pull);
    if (this.#last.size > REMEMBERED) this.#last.delete(this.#last.keys().next().value!);
  }

  /** By client and path, in that order. */
  all(): readonly Pull[] {
    return [...this.#last.values()].sort((a, b) =>
      a.client === b.client ? compare(a.path, b.path) : compare(a.client, b.client),
    );
  }
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
