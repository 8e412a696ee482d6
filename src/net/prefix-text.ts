import { LONGEST_PREFIX, writeIpv4Prefix, writeIpv6Prefix } from './prefix-bytes.ts';

const NEWLINE = 10;

/** A growing text of prefixes, one a line. */
export class PrefixText {
  #bytes: Uint8Array;
  #end = 0;

  /** @param capacity a guess, in bytes */
  constructor(capacity: number) {
    this.#bytes = new Uint8Array(LONGEST_PREFIX + 1 + capacity);
  }

  addIpv4(address: number, length: number): void {
    this.#makeRoom();
    const end = writeIpv4Prefix(this.#bytes, this.#end, address, length);
    this.#bytes[end] = NEWLINE;
    this.#end = end + 1;
  }

  /** The first address stands at `words[at]`. */
  addIpv6(words: Uint32Array, at: number, length: number): void {
    this.#makeRoom();
    const end = writeIpv6Prefix(this.#bytes, this.#end, words, at, length);
    this.#bytes[end] = NEWLINE;
    this.#end = end + 1;
  }

  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#end);
  }

  #makeRoom(): void {
    if (this.#end + LONGEST_PREFIX < this.#bytes.length) return;
    const larger = new Uint8Array(2 * this.#bytes.length);
    larger.set(this.#bytes);
    this.#bytes = larger;
  }
}
