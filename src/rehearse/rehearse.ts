import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { planLockedTarget } from '../committed/locked-target.ts';
import { candidateOf, fetchTree } from '../load/source.ts';
import type { DualStackSet } from '../net/dual-stack-set.ts';
import { ConfigurationError } from '../problem.ts';
import type { RehearsalRow, RehearsedTarget } from '../review/rehearsal.ts';
import type { TargetPlan } from '../targets/plan.ts';
import { dnsmasqTrial } from './dnsmasq.ts';
import { kernelTrial } from './kernel.ts';
import type { Environment } from './namespace.ts';
import { squidTrial } from './squid.ts';
import type { Side, Trial } from './trial.ts';

/** Which target is rehearsed, and how. */
export interface RehearsalOptions {
  readonly target: string;
  /** `nft` or `legacy`: the backend of iptables; the system's own if not given. */
  readonly xtables: string | undefined;
  readonly environment: Environment;
}

export interface RehearseRequest extends RehearsalOptions {
  /** The planned files, and those in force; see `load`. */
  readonly planned: string;
  readonly inForce: string | undefined;
  readonly report: (line: string) => void;
}

/** A request that fared otherwise than the files say. */
export interface Surprise {
  readonly rule: string;
  readonly request: string;
  readonly files: 'in force' | 'planned';
  readonly came: boolean;
}

export interface Rehearsal extends RehearsedTarget {
  /** Whether files in force were tried before the planned ones. */
  readonly hadFiles: boolean;
  /** Rules for other clients than the rehearsal's: their edges are tried as a stranger. */
  readonly forOthers: readonly string[];
  readonly surprises: readonly Surprise[];
}

/**
 * Rehearses the files of published trees, which are proven first.
 * @throws AllowlistError where namespaces cannot be made, or the files cannot be loaded
 */
export async function rehearse(request: RehearseRequest): Promise<Rehearsal> {
  requireRehearsed(request.target);
  const planned = await openSide(request, request.planned);
  const inForce = request.inForce === undefined ? undefined : await openSide(request, request.inForce);
  return rehearseSides({ planned, inForce }, request);
}

/**
 * Loads the files in force and then the planned ones in network namespaces, and sends a request to both sides of every
 * edge of every rule each time: what the program does, not what the text says.
 * @throws AllowlistError where namespaces cannot be made, or the files cannot be loaded
 */
export async function rehearseSides(sides: Sides, options: RehearsalOptions): Promise<Rehearsal> {
  requireRehearsed(options.target);
  return TRIALS[options.target]!(options, sides);
}

interface Sides {
  readonly planned: Side;
  readonly inForce: Side | undefined;
}

/** How the files of each target are tried out; those of others cannot be. */
const TRIALS: Readonly<Record<string, (options: RehearsalOptions, sides: Sides) => Promise<Rehearsal>>> = {
  nftables: (options, sides) => tryOut(options.target, kernelTrial(options), sides),
  iptables: (options, sides) => tryOut(options.target, kernelTrial(options), sides),
  dnsmasq: (options, sides) => tryOut(options.target, dnsmasqTrial(options), sides),
  squid: (options, sides) => tryOut(options.target, squidTrial(options.environment), sides),
};

/** Why the files of a target cannot be rehearsed; undefined where they can. */
export function whyNotRehearsed(target: string): string | undefined {
  return Object.hasOwn(TRIALS, target)
    ? undefined
    : `only ${Object.keys(TRIALS).join(', ')} can be rehearsed, not ${target}`;
}

async function tryOut<Attempt>(
  target: string,
  trial: Trial<Attempt>,
  { planned, inForce }: Sides,
): Promise<Rehearsal> {
  const sides = [...(inForce === undefined ? [] : [inForce]), planned];
  const edges = trial.edges(sides.map(({ plan }) => plan));
  const attempts = new Map(
    edges.flatMap((edge) => edge.attempts.map((attempt) => [trial.keyOf(attempt), attempt] as const)),
  );
  const sent = [...attempts.values()].filter(trial.canBeSent);
  const folder = await mkdtemp(join(tmpdir(), 'rehearse-'));
  let came: readonly ReadonlySet<string>[];
  try {
    came = await trial.run(sides, sent, folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  const cameWith = (side: Side, attempt: Attempt) => came[sides.indexOf(side)]!.has(trial.keyOf(attempt));
  return {
    target,
    tried: trial.tried,
    hadFiles: inForce !== undefined,
    rows: edges.map(({ rule, kind, attempts: all }): RehearsalRow => {
      const possible = all.filter(trial.canBeSent);
      const count = (was: boolean, is: boolean) =>
        possible.filter(
          (attempt) =>
            (inForce !== undefined && cameWith(inForce, attempt)) === was &&
            cameWith(planned, attempt) === is,
        ).length;
      return {
        rule,
        kind,
        attempts: possible.length,
        stayOpen: count(true, true),
        open: count(false, true),
        close: count(true, false),
        stayClosed: count(false, false),
      };
    }),
    notSent: attempts.size - sent.length,
    forOthers: [...new Set(sides.flatMap(({ plan }) => rulesForOthers(plan, trial.clients)))],
    surprises: edges.flatMap(({ rule, attempts: all }) =>
      all.filter(trial.canBeSent).flatMap((attempt) =>
        sides.flatMap((side): Surprise[] => {
          const through = cameWith(side, attempt);
          return through === trial.admits(side.plan, attempt)
            ? []
            : [
                {
                  rule,
                  request: trial.describe(attempt),
                  files: side === planned ? 'planned' : 'in force',
                  came: through,
                },
              ];
        }),
      ),
    ),
  };
}

/** The rules of which nobody is tried who may use them. */
function rulesForOthers({ rules }: TargetPlan, tried: DualStackSet | undefined): string[] {
  if (tried === undefined) return [];
  return rules.filter(({ clients }) => clients?.intersection(tried).isEmpty ?? false).map(({ name }) => name);
}

function requireRehearsed(target: string): void {
  const why = whyNotRehearsed(target);
  if (why !== undefined) throw new ConfigurationError(why);
}

async function openSide({ target, environment, report }: RehearseRequest, source: string): Promise<Side> {
  const tree = await fetchTree({ source, environment, report });
  const { files, options } = candidateOf(tree, target);
  const { plan } = await planLockedTarget(tree, target, tree.lock.targets[target]!);
  return { plan, files, options };
}
