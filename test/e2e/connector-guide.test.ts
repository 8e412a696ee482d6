import { execFileSync } from 'node:child_process';
import { appendFileSync, copyFileSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { azureAllowlist, workplace } from './command.ts';
import { SAMPLE_RANGES, SAMPLE_WEEKS } from './configurations.ts';

const GUIDE = fileURLToPath(new URL('../../docs/connector.md', import.meta.url));

/** So many lines of an output are shown, then `…` and the last. */
const SHOWN = 14;

/** Written anew with `npx vitest run test/e2e/connector-guide.test.ts -u`. */
it('the guide shows what its commands print, in its order', async () => {
  const cwd = workplace();
  for (const week of SAMPLE_WEEKS) copyFileSync(week, join(cwd, basename(week)));
  const run = async (command: string): Promise<readonly string[]> => {
    if (command.startsWith('printf ')) {
      execFileSync('sh', ['-c', command], { cwd });
      return [];
    }
    const [program, ...args] = command.split(' ');
    expect(program).toBe('azure-allowlist');
    const { stdout } = await azureAllowlist(args, { cwd });
    if (args[0] === 'init')
      appendFileSync(
        join(cwd, 'allowlist.yaml'),
        `guards: { special-use: { allow: ${JSON.stringify(SAMPLE_RANGES)} } }\n`,
      );
    const lines = stdout.trimEnd().split('\n');
    return lines.length > SHOWN + 2 ? [...lines.slice(0, SHOWN), '…', lines.at(-1)!] : lines;
  };
  const [head = '', ...blocks] = readFileSync(GUIDE, 'utf8').split('```console\n');
  let text = head;
  for (const block of blocks) {
    const end = block.indexOf('```');
    text += '```console\n';
    for (const line of block.slice(0, end).split('\n'))
      if (line.startsWith('$ '))
        text += [line, ...(await run(line.slice(2)))].map((one) => `${one}\n`).join('');
    text += block.slice(end);
  }
  expect(blocks.length).toBeGreaterThan(7);
  await expect(text).toMatchFileSnapshot(GUIDE);
});
