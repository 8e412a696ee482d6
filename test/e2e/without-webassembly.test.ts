import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { expect, it } from 'vitest';
import { workplace } from './command.ts';

/** Says whether there is WebAssembly, and what the kernel makes of a list that is worth compiling for. */
const program = (kernel: string) => `
import { parsePrefixList } from ${JSON.stringify(pathToFileURL(kernel).href)};
const lines = Array.from({ length: 20000 }, (_, i) =>
  i % 3 === 0 ? '2001:db8:' + ((i * 7919) % 65536).toString(16) + '::/48' : '10.' + (i % 199) + '.' + (i % 251) + '.0/24');
const { ipv4, ipv6 } = parsePrefixList(Buffer.from(lines.join('\\n')));
console.log(typeof WebAssembly);
console.log(new TextDecoder().decode(ipv4.coverBytes()) + new TextDecoder().decode(ipv6.coverBytes()));
`;

it('a node without WebAssembly gives the same answers', async () => {
  const kernel = join(workplace(), 'kernel.mjs');
  await build({
    entryPoints: [fileURLToPath(new URL('../../src/net/prefix-list.ts', import.meta.url))],
    ...{ outfile: kernel, bundle: true, format: 'esm', platform: 'node', logLevel: 'warning' },
  });
  const run = (...flags: readonly string[]) => {
    const output = execFileSync(process.execPath, [...flags, '--input-type=module', '-e', program(kernel)], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: 120_000,
    });
    const [webAssembly, ...cover] = output.split('\n');
    return { webAssembly, cover };
  };
  const [usual, jitless] = [run(), run('--jitless')];
  expect([usual.webAssembly, jitless.webAssembly]).toEqual(['object', 'undefined']);
  expect(usual.cover.length).toBeGreaterThan(1000);
  expect(jitless.cover).toEqual(usual.cover);
});
