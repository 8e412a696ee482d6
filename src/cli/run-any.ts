import type { Io } from './io.ts';
import { type RunFlags, runCommand } from './run.ts';

/** The flags of `run`: of one configuration, or of many sites. */
export interface RunAnyFlags extends Omit<RunFlags, 'config'> {
  /** The default as it is, or everything that was given. */
  readonly config: string | readonly string[];
  readonly only?: readonly string[];
  readonly shard?: string;
  /** How many threads plan the sites. */
  readonly workers?: number;
}

/** The weekly job of one configuration, or of many sites where the command line speaks of several. */
export async function runAnyCommand(flags: RunAnyFlags, io: Io): Promise<void> {
  const patterns = await patternsOfSites(flags);
  if (patterns !== undefined) return (await import('./run-sites.ts')).runSitesCommand(patterns, flags, io);
  return runCommand({ ...flags, config: [flags.config].flat()[0]! }, io);
}

/** The paths and patterns of a command line that speaks of many sites; undefined where it speaks of one configuration. */
export async function patternsOfSites(
  flags: Pick<RunAnyFlags, 'config' | 'only' | 'shard'>,
): Promise<readonly string[] | undefined> {
  const patterns = [flags.config].flat();
  // Only a sign of a pattern or a second configuration loads what finds files.
  const isPlain =
    patterns.length === 1 && (flags.only ?? flags.shard) === undefined && !/[*?{[(!]/.test(patterns[0]!);
  if (isPlain) return undefined;
  const { isOfSites } = await import('../sites/select.ts');
  return isOfSites(patterns, flags) ? patterns : undefined;
}
