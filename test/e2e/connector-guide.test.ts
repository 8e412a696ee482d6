import { execFileSync } from 'node:child_process';
import { appendFileSync, copyFileSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { azureAllowlist, workplace } from './command.ts';
import { SAMPLE_RANGES, SAMPLE_WEEKS } from './configurations.ts';

const GUIDE = fileURLToPath(new URL('../../docs/connector.md', import.meta.url));

/** Lines as a guide may show them: `…` stands for any number of lines. */
function expectShown(shown: readonly string[], printed: readonly string[], command: string): void {
  const cut = shown.indexOf('…');
  if (cut < 0) expect(printed, command).toEqual(shown);
  else {
    const tail = shown.slice(cut + 1);
    expect(printed.slice(0, cut), command).toEqual(shown.slice(0, cut));
    expect(printed.slice(-tail.length), command).toEqual(tail);
  }
}

it('the guide shows what its commands print, in its order', async () => {
  const cwd = workplace();
  for (const week of SAMPLE_WEEKS) copyFileSync(week, join(cwd, basename(week)));
  const blocks = [...readFileSync(GUIDE, 'utf8').matchAll(/```console\n([\s\S]*?)```/g)].map(
    ([, text]) => text!,
  );
  const steps = blocks.flatMap((block) => block.split(/^\$ /m).slice(1));
  expect(steps.length).toBeGreaterThan(9);
  for (const step of steps) {
    const [command = '', ...shown] = step.trimEnd().split('\n');
    if (command.startsWith('printf ')) {
      execFileSync('sh', ['-c', command], { cwd });
      continue;
    }
    const [program, ...args] = command.split(' ');
    expect(program).toBe('azure-allowlist');
    const { stdout } = await azureAllowlist(args, { cwd });
    expectShown(shown, stdout.trimEnd().split('\n'), command);
    if (args[0] === 'init')
      appendFileSync(
        join(cwd, 'allowlist.yaml'),
        `guards: { special-use: { allow: ${JSON.stringify(SAMPLE_RANGES)} } }\n`,
      );
  }
});
