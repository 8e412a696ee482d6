import { counted } from '../numbers.ts';
import { AllowlistError } from '../problem.ts';
import { writeMatrix } from '../rehearse/matrix-text.ts';
import { rehearse } from '../rehearse/rehearse.ts';
import type { Io } from './io.ts';

interface RehearseFlags {
  readonly target: string;
  readonly xtables?: string;
  readonly json?: boolean;
}

/** Tries the planned files, and those in force before them, in network namespaces. */
export async function rehearseCommand(
  planned: string,
  inForce: string | undefined,
  flags: RehearseFlags,
  io: Io,
): Promise<void> {
  const rehearsal = await rehearse({
    planned,
    inForce,
    target: flags.target,
    xtables: flags.xtables,
    environment: io.environment,
    report: io.err,
  });
  io.out(flags.json === true ? JSON.stringify(rehearsal, null, 2) : writeMatrix(rehearsal));
  if (rehearsal.surprises.length > 0)
    throw new AllowlistError(
      `${flags.target} does not do what its files say (${counted(rehearsal.surprises.length, 'request')})`,
    );
}
