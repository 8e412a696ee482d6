import { spawn } from 'node:child_process';
import { confirmLoad, load, type Place, takeBack } from '../load/load.ts';
import { parseProbedPlace } from '../load/probe.ts';
import { AllowlistError } from '../problem.ts';
import type { Io } from './io.ts';

interface PlaceFlags {
  readonly target: string;
  readonly state: string;
}

interface LoadFlags extends PlaceFlags {
  readonly confirm?: number;
  readonly publicKey?: string;
  readonly probe?: readonly string[];
  readonly probeCommand?: string;
  readonly programConfig?: string;
  readonly reload?: string;
  readonly xtables?: string;
  readonly json?: boolean;
}

/** Loads the files of a target on this device. */
export async function loadCommand(source: string, flags: LoadFlags, io: Io): Promise<void> {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => stop.abort(new AllowlistError(`${signal} came`)));
  const result = await load({
    ...placeOf(flags, io),
    source,
    publicKey: flags.publicKey,
    probes: (flags.probe ?? []).map(parseProbedPlace),
    probeCommand: flags.probeCommand,
    confirmSeconds: flags.confirm,
    configuration: flags.programConfig,
    reload: flags.reload,
    xtables: flags.xtables,
    signal: stop.signal,
    watch: (seconds) => watch(flags, seconds),
  });
  if (flags.json === true) io.out(JSON.stringify({ target: flags.target, ...result }, null, 2));
  else
    io.out(
      `${flags.target}: ${result.outcome === 'again' ? 'loaded again' : 'loaded'} ${result.release}${result.week === undefined ? '' : `, of the week of ${result.week}`}${result.previous === undefined ? '' : `, in the place of ${result.previous}`}`,
    );
}

/** Makes a load final. */
export async function confirmCommand(flags: PlaceFlags, io: Io): Promise<void> {
  io.out(`${flags.target}: confirmed ${await confirmLoad(placeOf(flags, io))}`);
}

/** The longest that a load which lives is waited for, in seconds. */
const LONGEST = 3600;

/** How long a load that was killed may take to be gone, in seconds. */
const DYING = 10;

/** Takes back a load that nobody confirmed. */
export async function takeBackCommand(
  flags: PlaceFlags & { readonly after?: number },
  io: Io,
): Promise<void> {
  if (flags.after !== undefined) await new Promise((done) => setTimeout(done, flags.after! * 1000));
  const { taken, inForce } = await takeBack(placeOf(flags, io), flags.after === undefined ? DYING : LONGEST);
  io.out(
    `${flags.target}: ${taken ? 'taken back' : 'nothing to take back'}; ${inForce ?? 'nothing'} is in force`,
  );
}

/** A process of its own, which outlives a lost terminal and a killed load. */
function watch({ target, state }: PlaceFlags, seconds: number): void {
  const [, main = ''] = process.argv;
  spawn(
    process.execPath,
    [...process.execArgv, main, 'take-back', '--target', target, '--state', state, '--after', `${seconds}s`],
    { detached: true, stdio: 'ignore' },
  ).unref();
}

function placeOf({ target, state }: PlaceFlags, io: Io): Place {
  return { target, state, environment: io.environment, report: io.err };
}
