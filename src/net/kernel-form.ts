import { KERNEL_MODULE } from './kernel-module.ts';
import { countIpv4Cover, countIpv6Cover, ipv4Cover, ipv6Cover } from './portable/cover-walk.ts';
import { writeIpv4Lines, writeIpv6Lines } from './portable/prefix-writer.ts';
import { readArrays, readLines } from './portable/range-list.ts';
import { mergeIpv4, mergeIpv6 } from './portable/range-merge.ts';
import { areSorted, sortRecords } from './portable/record-sort.ts';

/**
 * The portable functions in one of two forms. As plain JavaScript they take typed arrays and need no set-up.
 * As WebAssembly they take addresses in a memory of their own: what is worth copying there runs at full speed
 * from the first call, whereas V8 interprets a JavaScript function before it compiles it, and a weekly job is
 * over by then. Three quarters of the time of one that aggregates a feed went into that.
 */
export interface KernelForm<Bytes, Words> {
  /** Room for so many bytes or words, until the job ends; content undefined. */
  bytes(length: number): Bytes;
  words(length: number): Words;
  /** The content; to be used up before more room is asked for, which may move it. */
  viewBytes(at: Bytes, length: number): Uint8Array;
  viewWords(at: Words, length: number): Uint32Array;
  readonly call: PortableFunctions<Bytes, Words>;
}

/** What both forms have; explained at each function. WebAssembly knows no booleans: 0 or 1. */
interface PortableFunctions<Bytes, Words> {
  readLines(bytes: Bytes, length: number, limit: number, ipv4: Words, ipv6: Words, state: Words): number;
  readArrays(
    bytes: Bytes,
    length: number,
    limit: number,
    key: Bytes,
    keyLength: number,
    ipv4: Words,
    ipv6: Words,
    state: Words,
  ): number;
  areSorted(records: Words, count: number, stride: number, words: number): boolean | number;
  sortRecords(
    records: Words,
    spare: Words,
    places: Words,
    count: number,
    stride: number,
    words: number,
  ): boolean | number;
  mergeIpv4(ranges: Words, count: number): number;
  mergeIpv6(ranges: Words, count: number): number;
  countIpv4Cover(flips: Words, count: number, scratch: Words): number;
  countIpv6Cover(flips: Words, count: number, scratch: Words): number;
  ipv4Cover(flips: Words, count: number, prefixes: Words): number;
  ipv6Cover(flips: Words, count: number, prefixes: Words): number;
  writeIpv4Lines(prefixes: Words, count: number, bytes: Bytes, at: number): number;
  writeIpv6Lines(prefixes: Words, count: number, bytes: Bytes, at: number): number;
}

/** The portable functions as they stand. */
export const plainForm: KernelForm<Uint8Array, Uint32Array> = {
  bytes: (length) => new Uint8Array(length),
  words: (length) => new Uint32Array(length),
  viewBytes: (at, length) => at.subarray(0, length),
  viewWords: (at, length) => at.subarray(0, length),
  call: {
    readLines,
    readArrays,
    areSorted,
    sortRecords,
    mergeIpv4,
    mergeIpv6,
    countIpv4Cover,
    countIpv6Cover,
    ipv4Cover,
    ipv6Cover,
    writeIpv4Lines,
    writeIpv6Lines,
  },
};

/** As much of `WebAssembly` as is used here; the types of Node 20 leave it out. */
interface WebAssemblyApi {
  readonly Module: new (code: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
}
const webAssembly = (globalThis as { readonly WebAssembly?: WebAssemblyApi }).WebAssembly;

/** A WebAssembly memory has at most 4 GB. */
class NoRoom extends RangeError {
  override readonly name = 'NoRoom';
}

/** The portable functions as WebAssembly; one job at a time. */
class CompiledForm implements KernelForm<number, number> {
  readonly call: PortableFunctions<number, number>;
  readonly #memory: { readonly buffer: ArrayBuffer };
  readonly #allocate: (bytes: number) => number;
  readonly #release: () => void;

  constructor({ Module, Instance }: WebAssemblyApi) {
    const { exports } = new Instance(new Module(Buffer.from(KERNEL_MODULE, 'base64')));
    const { memory, allocate, release, ...functions } = exports as unknown as KernelExports;
    this.#memory = memory;
    this.#allocate = allocate;
    this.#release = release;
    this.call = functions;
  }

  bytes(length: number): number {
    const at = this.#allocate(length);
    if (at === 0 || length > MOST_BYTES) throw new NoRoom(`no room for ${length} bytes`);
    // An unsigned number, which WebAssembly hands out as a signed one.
    return at >>> 0;
  }

  words(length: number): number {
    return this.bytes(4 * length);
  }

  viewBytes(at: number, length: number): Uint8Array {
    return new Uint8Array(this.#memory.buffer, at, length);
  }

  viewWords(at: number, length: number): Uint32Array {
    return new Uint32Array(this.#memory.buffer, at, length);
  }

  /** Takes all room back. */
  release(): void {
    this.#release();
  }

  /** Whether the memory, which never shrinks, is small enough to keep for the next job. */
  get isSmall(): boolean {
    return this.#memory.buffer.byteLength <= KEPT_BYTES;
  }
}

const MOST_BYTES = 2 ** 32 - 1;
const KEPT_BYTES = 2 ** 26;

interface KernelExports extends PortableFunctions<number, number> {
  readonly memory: { readonly buffer: ArrayBuffer };
  allocate(bytes: number): number;
  release(): void;
}

/**
 * From so many bytes on, a job is worth compiling the module, which takes about a millisecond; and from so
 * many on, copying its input, once the module is there.
 */
const WORTH_COMPILING = 2 ** 15;
const WORTH_COPYING = 2 ** 12;

let compiled: CompiledForm | undefined;

/** Does a job of about so many bytes in the form that is quicker for it. The job may not start another. */
export function inQuickerForm<T>(bytes: number, job: <Bytes, Words>(form: KernelForm<Bytes, Words>) => T): T {
  const worth = compiled === undefined ? WORTH_COMPILING : WORTH_COPYING;
  return bytes < worth ? job(plainForm) : inCompiledForm(job);
}

/** Does it as WebAssembly, if there is such a thing (`node --jitless` has none) and it has room enough. */
export function inCompiledForm<T>(job: <Bytes, Words>(form: KernelForm<Bytes, Words>) => T): T {
  if (webAssembly === undefined) return job(plainForm);
  compiled ??= new CompiledForm(webAssembly);
  try {
    return job(compiled);
  } catch (error) {
    if (error instanceof NoRoom) return job(plainForm);
    throw error;
  } finally {
    if (compiled.isSmall) compiled.release();
    else compiled = undefined;
  }
}
