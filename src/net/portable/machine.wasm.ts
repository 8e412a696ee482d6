// Stands in for machine.ts when scripts/compile-kernel.js compiles the portable functions to WebAssembly.
// AssemblyScript, not TypeScript: `load` and `store` are machine instructions, and an unmanaged class is an
// address and nothing else.

@unmanaged
export class Bytes {
  @operator('[]') get(index: i32): i32 {
    return load<u8>(changetype<usize>(this) + index);
  }
  @operator('[]=') set(index: i32, value: i32): void {
    store<u8>(changetype<usize>(this) + index, value);
  }
}

@unmanaged
export class Words {
  @operator('[]') get(index: i32): u32 {
    return load<u32>(changetype<usize>(this) + ((<usize>index) << 2));
  }
  @operator('[]=') set(index: i32, value: u32): void {
    store<u32>(changetype<usize>(this) + ((<usize>index) << 2), value);
  }
}

export function leadingZeros(word: u32): i32 {
  return clz<u32>(word);
}

let top: usize = __heap_base;

/** The address of so many bytes, content undefined, or 0 if there is no such room. All are given back at once. */
export function allocate(bytes: u32): usize {
  const at = (top + 15) & ~15;
  const end = <u64>at + bytes;
  const missing = <i64>end - ((<i64>memory.size()) << 16);
  if (missing > 0 && memory.grow(<i32>((missing + 0xffff) >> 16)) < 0) return 0;
  top = <usize>end;
  return at;
}

export function release(): void {
  top = __heap_base;
}
