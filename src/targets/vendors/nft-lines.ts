import { ReadBackError } from '../read-back.ts';
import type { RuleFile } from '../render.ts';

type Captures = Readonly<Record<string, string | undefined>>;

/** The statements of an nft file, taken one after the other; comment lines are passed over. */
export class NftLines {
  readonly #path: string;
  readonly #lines: readonly (readonly [number, string])[];
  #next = 0;

  constructor({ path, text }: RuleFile) {
    if (!text.endsWith('\n')) throw new ReadBackError(`${path}: the last line is not ended`);
    this.#path = path;
    this.#lines = [...text.slice(0, -1).split('\n').entries()].filter(([, line]) => !line.startsWith('#'));
  }

  /** Takes the next statement if it is of this form. */
  takeIf(pattern: RegExp): Captures | undefined {
    const match = pattern.exec(this.#lines[this.#next]?.[1] ?? '');
    if (match === null) return undefined;
    this.#next++;
    return match.groups ?? {};
  }

  take(pattern: RegExp): Captures {
    const found = this.takeIf(pattern);
    if (found !== undefined) return found;
    this.#next++;
    return this.fail(`expected ${pattern}`);
  }

  takeText(expected: string): void {
    if (this.#lines[this.#next++]?.[1] !== expected) this.fail(`expected ${JSON.stringify(expected)}`);
  }

  end(): void {
    if (this.#next++ < this.#lines.length) this.fail('expected the end');
  }

  /** What `parse` makes of the statement taken last, its errors told with the place. */
  parsed<T>(parse: () => T): T {
    try {
      return parse();
    } catch (error) {
      return this.fail((error as Error).message);
    }
  }

  /** Refuses the statement taken last. @throws ReadBackError */
  fail(what: string): never {
    const [index, line] = this.#lines[this.#next - 1] ?? [this.#lines.length, ''];
    throw new ReadBackError(`${this.#path}:${index + 1}: ${what}: ${JSON.stringify(line)}`);
  }
}
