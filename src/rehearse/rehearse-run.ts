import type { Baseline } from '../committed/baseline.ts';
import { AllowlistError } from '../problem.ts';
import type { RehearsedTarget } from '../review/rehearsal.ts';
import type { TargetOutput, TargetRequest } from '../targets/build.ts';
import { surpriseLines } from './matrix-text.ts';
import type { Environment } from './namespace.ts';
import { rehearseSides } from './rehearse.ts';
import type { Side } from './trial.ts';

/** What a run would publish, and over what. */
interface PlannedRun {
  readonly outputs: readonly TargetOutput[];
  /** In the order of the outputs. */
  readonly targets: readonly TargetRequest[];
  readonly baseline: Baseline;
}

/**
 * Rehearses the targets of a run whose files change.
 * @throws AllowlistError where a program does otherwise than the planned files say, or they cannot be tried out
 */
export async function rehearseOutputs(
  ids: readonly string[],
  { outputs, targets, baseline }: PlannedRun,
  environment: Environment,
): Promise<RehearsedTarget[]> {
  const rehearsed: RehearsedTarget[] = [];
  for (const id of ids) {
    const index = outputs.findIndex((output) => output.id === id);
    const { files, plan } = outputs[index]!;
    const inForce = sideInForce(baseline, id);
    if (inForce !== undefined && isSame(files, inForce.files)) continue;
    const { target, tried, rows, notSent, surprises } = await rehearseSides(
      { planned: { files, plan, options: targets[index]!.options }, inForce },
      { target: id, xtables: undefined, environment },
    );
    if (surprises.length > 0)
      throw new AllowlistError(
        `publish.rehearse: ${id} does not do what its files say, in ${tried}; nothing was written\n${surpriseLines(surprises).join('\n')}`,
      );
    rehearsed.push({ target, tried, rows, notSent });
  }
  return rehearsed;
}

/** The files in force; undefined where there are none that a run wrote. */
function sideInForce({ tree, inForce }: Baseline, id: string): Side | undefined {
  const found = inForce.get(id);
  const locked = tree?.lock.targets[id];
  if (tree === undefined || locked?.template !== undefined) return undefined;
  if (found?.plan === undefined || locked === undefined || found.edited.length > 0) return undefined;
  return {
    plan: found.plan,
    options: locked.options,
    files: [...tree.files].flatMap(([path, text]) =>
      path.startsWith(`${id}/`) ? [{ path: path.slice(id.length + 1), text }] : [],
    ),
  };
}

function isSame(planned: Side['files'], inForce: Side['files']): boolean {
  const texts = new Map(inForce.map(({ path, text }) => [path, text]));
  return planned.length === inForce.length && planned.every(({ path, text }) => texts.get(path) === text);
}
