import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AllowlistError, type Problem } from '../problem.ts';
import { withRunLock } from '../publish/run-lock.ts';
import { type Device, type DeviceContext, deviceOf } from './device.ts';
import { type ProbedPlace, probe } from './probe.ts';
import { type ChangeSettings, Releases } from './releases.ts';
import { programRunner } from './run-program.ts';
import { fetchCandidate, type SourceOptions } from './source.ts';

/** Where a target's files are on this device. */
export interface Place {
  readonly target: string;
  /** Where the files are kept; each target has a folder in it. */
  readonly state: string;
  readonly environment: SourceOptions['environment'];
  readonly report: (line: string) => void;
}

export interface LoadRequest
  extends Place,
    Pick<DeviceContext, 'configuration' | 'reload' | 'xtables'>,
    Pick<SourceOptions, 'publicKey'> {
  readonly source: string;
  /** What must be reachable after the load. */
  readonly probes: readonly ProbedPlace[];
  /** A command of the shell that must succeed after the load. */
  readonly probeCommand: string | undefined;
  /** How long somebody has to confirm; undefined if nobody needs to. */
  readonly confirmSeconds: number | undefined;
  /** Aborted when the load is to be taken back: the terminal is gone, or somebody has had enough. */
  readonly signal: AbortSignal;
  /** Starts a process that takes the load back when this one is dead and the time is up. */
  readonly watch: (seconds: number) => void;
}

/** How a load ended. */
export interface LoadOutcome {
  readonly outcome: 'loaded' | 'again';
  readonly release: string;
  readonly previous: string | undefined;
  readonly week: string | undefined;
}

/** How long one program may take, one probe, and how often a confirmation is looked for. */
const PROGRAM_SECONDS = 300;
const PROBE_SECONDS = 5;
/** How long a program that a killed load has left at work may take to end. */
const ORPHAN_SECONDS = 90;
/** How much longer than the one who confirms the watching process waits: what a load itself takes. */
const WATCH_SECONDS = 30;
const POLL_MILLISECONDS = 200;

/**
 * Fetches the files of a target, proves them, has the program check them, puts them in force, and goes back to the
 * files before if the program refuses them, a probe fails, or nobody confirms.
 *
 * Killed at any step, it leaves the old files or the new ones in force; the next `load`, or the watching process of a
 * load to be confirmed, goes back to the old ones.
 * @throws AllowlistError if the new files are not in force when it returns, with the reason
 */
export async function load(request: LoadRequest): Promise<LoadOutcome> {
  const device = await deviceOf(request.target);
  const releases = releasesOf(request);
  return withRunLock(releases.directory, { report: request.report }, async () => {
    await recover(request, device, releases);
    const candidate = await fetchCandidate(request);
    const settings = settingsOf(request, candidate.options);
    const context = contextOf(request, releases, settings);
    const from = await releases.inForce();
    const to = await releases.keep(candidate.files);
    const outcome: LoadOutcome = {
      outcome: from === to ? 'again' : 'loaded',
      release: to,
      previous: from === to ? undefined : from,
      week: candidate.week,
    };
    try {
      await device.check(context, releases.path(to));
    } catch (error) {
      throw failed('the program refuses the files; nothing was loaded', error);
    }
    request.signal.throwIfAborted();
    await releases.begin({ from, to, settings });
    if (request.confirmSeconds !== undefined) request.watch(request.confirmSeconds + WATCH_SECONDS);
    try {
      await releases.putInForce(to);
      await device.apply(context);
      await requireProbes(request);
      if (request.confirmSeconds === undefined) await releases.confirm();
      else await awaitConfirmation(request, releases, request.confirmSeconds);
    } catch (error) {
      if (await undo(request, device, releases, error))
        throw failed(
          from === undefined
            ? 'the load was taken back; nothing is in force'
            : `the load was taken back; ${from} is in force again`,
          error,
        );
    }
    await releases.prune(from);
    return outcome;
  });
}

/**
 * Makes a load final that waits to be confirmed.
 * @throws AllowlistError if none waits
 */
export async function confirmLoad(place: Place): Promise<string> {
  const releases = releasesOf(place);
  const change = await releases.pending();
  if (change === undefined || !(await releases.confirm()))
    throw new AllowlistError(`no load of target ${place.target} waits to be confirmed`, [
      { where: releases.directory, what: 'it was confirmed or taken back before, or there was none' },
    ]);
  return change.to;
}

/**
 * Takes back a load that is not final, once the one that makes it is gone; what is in force then, by name.
 * @param seconds how long to wait for that one to end by itself
 * @throws AllowlistError if it goes on for longer, or the files before cannot be loaded
 */
export async function takeBack(
  place: Place,
  seconds: number,
): Promise<{ taken: boolean; inForce: string | undefined }> {
  const device = await deviceOf(place.target);
  const releases = releasesOf(place);
  return withRunLock(releases.directory, { report: place.report, wait: seconds * 1000 }, async () => ({
    taken: await undo(place, device, releases),
    inForce: await releases.inForce(),
  }));
}

/** Where the files of a target are kept. */
export function releasesOf({ state, target }: Pick<Place, 'state' | 'target'>): Releases {
  return new Releases(resolve(join(state, target)));
}

function settingsOf(
  { configuration, reload, xtables }: LoadRequest,
  options: ChangeSettings['options'],
): ChangeSettings {
  return { options, configuration, reload, xtables };
}

function contextOf({ environment }: Place, releases: Releases, settings: ChangeSettings): DeviceContext {
  return {
    run: programRunner(environment, {
      seconds: PROGRAM_SECONDS,
      note: (pid) => releases.noteProgram(pid),
    }),
    current: releases.current,
    options: settings.options,
    configuration: settings.configuration,
    reload: settings.reload,
    xtables: settings.xtables,
  };
}

/** A load before this one was cut off: its files may be in force, and nobody has probed or confirmed them. */
async function recover(place: Place, device: Device, releases: Releases): Promise<void> {
  if (await undo(place, device, releases))
    place.report(
      `an earlier load was cut off; it was taken back, ${(await releases.inForce()) ?? 'nothing'} is in force`,
    );
}

/** Takes back the change that is not final; false if there is none. */
async function undo(place: Place, device: Device, releases: Releases, reason?: unknown): Promise<boolean> {
  const change = await releases.beginUndo();
  if (change === undefined) return false;
  await releases.awaitProgram(ORPHAN_SECONDS);
  const context = contextOf(place, releases, change.settings);
  try {
    await releases.putInForce(change.from);
    if (change.from === undefined) await device.withdraw(context);
    else await device.apply(context);
  } catch (error) {
    const problems: Problem[] = reason === undefined ? [] : [{ where: 'the load', what: messageOf(reason) }];
    throw new AllowlistError(
      `the files before (${change.from ?? 'none'}) cannot be loaded again; look at the device, and load once more: ${messageOf(error)}`,
      problems,
      { cause: error },
    );
  }
  await releases.endUndo();
  return true;
}

async function requireProbes(request: LoadRequest): Promise<void> {
  const found = await Promise.all(request.probes.map((place) => probe(place, PROBE_SECONDS)));
  const problems = found.flatMap((what): Problem[] =>
    what === undefined ? [] : [{ where: '--probe', what }],
  );
  if (problems.length > 0) throw new AllowlistError('what must be reachable is not', problems);
  if (request.probeCommand === undefined) return;
  await programRunner(request.environment, { seconds: PROGRAM_SECONDS })(['sh', '-c', request.probeCommand]);
}

async function awaitConfirmation(request: LoadRequest, releases: Releases, seconds: number): Promise<void> {
  request.report(
    `loaded; confirm within ${seconds} s with: azure-allowlist confirm --target ${request.target} --state ${request.state}`,
  );
  for (let waited = 0; waited < seconds * 1000; waited += POLL_MILLISECONDS) {
    request.signal.throwIfAborted();
    if ((await releases.pending()) === undefined) return;
    await sleep(POLL_MILLISECONDS, undefined, { signal: request.signal }).catch(() => undefined);
  }
  throw new AllowlistError(`nobody confirmed within ${seconds} s`);
}

function failed(what: string, error: unknown): AllowlistError {
  return new AllowlistError(`${what}: ${messageOf(error)}`, [], { cause: error });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
