// Compiles the portable functions of the kernel, src/net/portable/, to WebAssembly and writes the module as
// a TypeScript file, so that nothing has to be read from disk at run time: `npm run kernel` after a change there.
import { readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const PORTABLE = new URL('../src/net/portable/', import.meta.url);
const MODULE = new URL('../src/net/kernel-module.ts', import.meta.url);

/** What the module exports: all that these files export. */
const ENTRIES = [
  'range-list.ts',
  'record-sort.ts',
  'range-merge.ts',
  'cover-walk.ts',
  'prefix-writer.ts',
  'machine.ts',
];

/** The text of src/net/kernel-module.ts: the same sources give the same bytes. */
export async function compileKernel() {
  let wasm;
  let messages = '';
  const { error } = await asc.main(
    [
      ...ENTRIES,
      ...['--outFile', 'kernel.wasm', '--noAssert', '--use', 'abort='],
      // No objects are made: a runtime with nothing in it will do.
      ...['--runtime', 'no-runtime'],
      ...['--optimizeLevel', '3', '--shrinkLevel', '0', '--converge'],
    ],
    {
      readFile: (name) => readPortable(name),
      writeFile: (_, content) => {
        wasm = content;
      },
      listFiles: () => [],
      stderr: {
        write: (text) => {
          messages += text;
        },
      },
    },
  );
  if (error !== null) throw new Error(`the portable functions do not compile:\n${messages}`);
  return [
    '// Written by scripts/compile-kernel.js from src/net/portable/: `npm run kernel`.',
    '',
    '/** The portable functions as a WebAssembly module, in base64. */',
    'export const KERNEL_MODULE =',
    `  '${Buffer.from(wasm).toString('base64')}';`,
    '',
  ].join('\n');
}

/**
 * What AssemblyScript writes otherwise: it has no `import type`, no array that might be shorter than its index,
 * and another machine.
 */
function readPortable(name) {
  if (name === 'no-runtime.ts') return '';
  if (!/^[a-z-]+\.ts$/.test(name)) return null;
  try {
    return readFileSync(new URL(name === 'machine.ts' ? 'machine.wasm.ts' : name, PORTABLE), 'utf8')
      .replaceAll('import type {', 'import {')
      .replaceAll(']!', ']')
      .replaceAll(/(?<=import \{[^}]*)\btype /g, '');
  } catch {
    return null;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const text = await compileKernel();
  if (text !== (await readFile(MODULE, 'utf8').catch(() => ''))) await writeFile(MODULE, text);
}
