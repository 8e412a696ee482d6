// AssemblyScript's names for the numbers that a WebAssembly machine has. In TypeScript all are `number`:
// what a portable function computes must come out the same in 32 bits and in a double.
declare type i32 = number;
declare type u32 = number;
declare type bool = boolean;
