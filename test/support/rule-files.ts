import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import type { Policy } from '../../src/policy/policy.ts';
import { AllowlistError } from '../../src/problem.ts';
import {
  buildTarget,
  proveReadBack,
  proveSettings,
  settingsIn,
  type TargetOutput,
} from '../../src/targets/build.ts';
import { loadTarget, type Target } from '../../src/targets/catalog.ts';
import { resolveOptions } from '../../src/targets/options.ts';
import type { RuleFile } from '../../src/targets/render.ts';
import { below, seededRandom } from './random.ts';

/** Builds a bundled target as a run does: options checked, rendered, read back. */
export async function buildBundled(
  id: string,
  policy: Policy,
  options: Readonly<Record<string, unknown>> = {},
): Promise<TargetOutput & { readonly target: Target }> {
  const target = await loadTarget(id);
  const values = resolveOptions(target.manifest, options, `targets.${id}`);
  return { ...buildTarget(policy, { id, target, options: values }), target };
}

/** Compares with `test/golden/<folder>/…`. */
export async function expectGolden(folder: string, files: readonly RuleFile[]): Promise<void> {
  for (const { path, text } of files)
    await expect(text).toMatchFileSnapshot(
      fileURLToPath(new URL(`../golden/${folder}/${path}`, import.meta.url)),
    );
}

/** One hand's edit of one line of a rule file. */
export interface Edit {
  readonly path: string;
  readonly kind: 'digit' | 'character' | 'drop' | 'double' | 'exchange';
  readonly before: string;
  /** Empty where the line was dropped. */
  readonly after: string;
}

/**
 * Makes single random edits of rule files and returns those that reading back does not catch.
 * Comment lines (`comment` matches them) and files for readers (`prose` matches their paths) are not edited.
 */
export function uncaughtEdits(
  output: TargetOutput & { readonly target: Target },
  {
    count,
    seed,
    comment,
    prose = /^$/,
  }: { readonly count: number; readonly seed: number; readonly comment: RegExp; readonly prose?: RegExp },
): Edit[] {
  const random = seededRandom(seed);
  const uncaught: Edit[] = [];
  for (let done = 0; done < count; done++) {
    const { files, edit } = editOnce(output.files, random, comment, prose);
    if (!catches(output, files)) uncaught.push(edit);
  }
  return uncaught;
}

function catches(output: TargetOutput & { readonly target: Target }, files: readonly RuleFile[]): boolean {
  try {
    const { target, plan } = output;
    const settings = settingsIn(target, output.files);
    return proveReadBack(target, plan, files).length > 0 || proveSettings(target, settings, files).length > 0;
  } catch (error) {
    // Anything but the product's own error would be a crash, not a finding.
    if (error instanceof AllowlistError) return true;
    throw error;
  }
}

const KINDS = ['digit', 'character', 'drop', 'double', 'exchange'] as const;

function editOnce(
  files: readonly RuleFile[],
  random: () => number,
  comment: RegExp,
  prose: RegExp,
): { files: RuleFile[]; edit: Edit } {
  for (;;) {
    const file = files[below(random, files.length)]!;
    const lines = file.text.slice(0, -1).split('\n');
    const index = below(random, lines.length);
    const before = lines[index]!;
    const next = lines[index + 1];
    if (before === '' || comment.test(before) || prose.test(file.path)) continue;
    const kind = KINDS[below(random, KINDS.length)]!;
    const after = (() => {
      if (kind === 'drop') return [];
      if (kind === 'double') return [before, before];
      if (kind === 'exchange') return next === undefined ? [before] : [next, before];
      return [retyped(before, kind, random)];
    })();
    const taken = kind === 'exchange' && next !== undefined ? 2 : 1;
    if (after.join('\n') === lines.slice(index, index + taken).join('\n')) continue;
    lines.splice(index, taken, ...after);
    const text = lines.map((line) => `${line}\n`).join('');
    return {
      files: files.map((other) => (other === file ? { path: file.path, text } : other)),
      edit: { path: file.path, kind, before, after: after.join('\n') },
    };
  }
}

function retyped(line: string, kind: 'digit' | 'character', random: () => number): string {
  const places = [...line.matchAll(kind === 'digit' ? /\d/g : /[A-Za-z0-9]/g)].map(({ index }) => index);
  const at = places[below(random, places.length)];
  if (at === undefined) return line;
  const alphabet = kind === 'digit' ? '0123456789' : 'abcdefghijklmnopqrstuvwxyz0123456789';
  return line.slice(0, at) + alphabet[below(random, alphabet.length)] + line.slice(at + 1);
}
