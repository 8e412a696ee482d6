/** The text of src/net/kernel-module.ts. @throws Error with the compiler's messages */
export function compileKernel(): Promise<string>;
