import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { planLockedTarget } from '../committed/locked-target.ts';
import { deviceOf } from '../load/device.ts';
import { candidateOf, fetchTree } from '../load/source.ts';
import { parseAddress } from '../net/address.ts';
import { ConfigurationError } from '../problem.ts';
import { stageFiles } from '../publish/durable.ts';
import type { TargetPlan } from '../targets/plan.ts';
import type { OptionValues } from '../targets/view.ts';
import { type Attempt, boundariesOf } from './boundaries.ts';
import { keyOf, NamespaceRow, REHEARSAL_CLIENTS } from './namespace-row.ts';

export interface RehearseRequest {
  /** The planned files, and those in force; see `load`. */
  readonly planned: string;
  readonly inForce: string | undefined;
  readonly target: string;
  readonly xtables: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly report: (line: string) => void;
  /** The program that opens connections, its arguments included. */
  readonly dialer: readonly string[];
}

/** What became of the packets to the edges of one rule, before and after. */
export interface MatrixRow {
  readonly rule: string;
  readonly family: 4 | 6;
  readonly attempts: number;
  readonly stayOpen: number;
  readonly open: number;
  readonly close: number;
  readonly stayClosed: number;
}

/** A packet that fared otherwise than the files say. */
export interface Surprise extends Attempt {
  readonly rule: string;
  readonly files: 'in force' | 'planned';
  readonly came: boolean;
}

export interface Rehearsal {
  readonly target: string;
  /** Undefined if nothing was in force. */
  readonly inForce: string | undefined;
  readonly planned: string;
  readonly rows: readonly MatrixRow[];
  /** Edges that no packet can be sent to: this-network, loopback, multicast, link-local. */
  readonly notSent: number;
  /** Rules for other clients than the rehearsal's: their edges are tried as a stranger. */
  readonly forOthers: readonly string[];
  readonly surprises: readonly Surprise[];
}

/** The targets whose files one kernel can try out by addresses. */
const REHEARSED = ['nftables', 'iptables'];

/**
 * Loads the files in force and then the planned ones, one over the other as on the device, into a gateway of network
 * namespaces, and sends a packet to every edge of every rule each time: what the kernel does, not what the text says.
 * @throws AllowlistError where namespaces cannot be made, or the files cannot be loaded
 */
export async function rehearse(request: RehearseRequest): Promise<Rehearsal> {
  if (!REHEARSED.includes(request.target))
    throw new ConfigurationError(`only ${REHEARSED.join(' and ')} can be rehearsed, not ${request.target}`);
  const planned = await openSide(request, request.planned);
  const before = request.inForce === undefined ? undefined : await openSide(request, request.inForce);
  const sides = [...(before === undefined ? [] : [before]), planned];
  const boundaries = boundariesOf(sides.map(({ plan }) => plan));
  const attempts = new Map(
    boundaries.flatMap((edge) => edge.attempts.map((attempt) => [keyOf(attempt), attempt] as const)),
  );
  const sent = [...attempts.values()].filter(canBeSent);
  const came = new Map<Side, ReadonlySet<string>>();
  const row = await NamespaceRow.open(request.environment);
  const folder = await mkdtemp(join(tmpdir(), 'rehearse-'));
  try {
    await row.gateway(['sh', '-e'], { input: ownRules(request, sides) });
    for (const [index, side] of sides.entries()) {
      const current = join(folder, String(index));
      await stageFiles(
        current,
        side.files.map(({ path, text }) => ({ path, text, mode: undefined })),
      );
      await (await deviceOf(request.target)).apply({
        run: row.gateway,
        current,
        options: side.options,
        configuration: undefined,
        reload: undefined,
        xtables: request.xtables,
      });
      const from = side.options.hook === 'output' ? 'gateway' : 'client';
      came.set(side, await row.attempt(sent, from, request.dialer));
    }
  } finally {
    row.close();
    await rm(folder, { recursive: true, force: true });
  }
  const surprises = boundaries.flatMap(({ rule, attempts: edges }) =>
    edges.filter(canBeSent).flatMap((attempt) =>
      sides.flatMap((side): Surprise[] => {
        const through = came.get(side)!.has(keyOf(attempt));
        return through === admits(side.plan, attempt)
          ? []
          : [{ ...attempt, rule, files: side === planned ? 'planned' : 'in force', came: through }];
      }),
    ),
  );
  const rows = boundaries.map(({ rule, family, attempts: edges }): MatrixRow => {
    const possible = edges.filter(canBeSent);
    const count = (was: boolean, is: boolean) =>
      possible.filter(
        (attempt) =>
          (before !== undefined && came.get(before)!.has(keyOf(attempt))) === was &&
          came.get(planned)!.has(keyOf(attempt)) === is,
      ).length;
    return {
      rule,
      family,
      attempts: possible.length,
      stayOpen: count(true, true),
      open: count(false, true),
      close: count(true, false),
      stayClosed: count(false, false),
    };
  });
  return {
    target: request.target,
    inForce: request.inForce,
    planned: request.planned,
    rows,
    notSent: attempts.size - sent.length,
    forOthers: [
      ...new Set(
        sides.flatMap(({ plan }) =>
          plan.rules
            .filter(({ clients }) => clients?.intersection(REHEARSAL_CLIENTS).isEmpty ?? false)
            .map(({ name }) => name),
        ),
      ),
    ],
    surprises,
  };
}

interface Side {
  readonly plan: TargetPlan;
  readonly files: ReturnType<typeof candidateOf>['files'];
  readonly options: OptionValues;
}

async function openSide(request: RehearseRequest, source: string): Promise<Side> {
  const tree = await fetchTree({ source, environment: request.environment, report: request.report });
  const { files, options } = candidateOf(tree, request.target);
  const { plan } = await planLockedTarget(tree, request.target, tree.lock.targets[request.target]!);
  return { plan, files, options };
}

/** What the target's README asks of the user's own rules, and a refusal of all else. */
function ownRules({ target, xtables }: RehearseRequest, sides: readonly Side[]): string {
  if (target === 'nftables') {
    const rules = (hook: string) =>
      sides
        .filter(({ options }) => options.hook === hook)
        .map(({ options }) => `meta mark & ${options.mark} == ${options.mark} accept`);
    const chain = (hook: string) =>
      rules(hook).length === 0
        ? ''
        : `chain ${hook} { type filter hook ${hook} priority filter; policy drop;
           meta l4proto ipv6-icmp accept
           ${[...new Set(rules(hook))].join('\n')}
         }`;
    return `nft -f - <<'END'\ntable inet own {\n${chain('forward')}\n${chain('output')}\n}\nEND\n`;
  }
  const variant = xtables === undefined ? '' : `-${xtables}`;
  const chains = [...new Set(sides.map(({ options }) => String(options.chain)))];
  return ['iptables', 'ip6tables']
    .flatMap((family) => [
      ...chains.flatMap((chain) => [
        `${family}${variant} -w 60 -N ${chain}`,
        `${family}${variant} -w 60 -A FORWARD -j ${chain}`,
      ]),
      `${family}${variant} -w 60 -P FORWARD DROP`,
    ])
    .join('\n');
}

/** What the client of the rehearsal may reach: rules for other clients must keep it out. */
function admits({ admission }: TargetPlan, { address, port, protocol }: Attempt): boolean {
  const { family, value } = parseAddress(address);
  const { addresses } = admission.from(REHEARSAL_CLIENTS).onPort(port, protocol);
  return (family === 4 ? addresses.ipv4 : addresses.ipv6).contains(value);
}

/** No kernel sends to these, or beyond the next link: https://www.rfc-editor.org/rfc/rfc6890 */
function canBeSent({ address }: Attempt): boolean {
  return !/^(0|127|169\.254|22[4-9]|23\d|24\d|25[0-5])\.|^::|^f[ef]|^fd5a:a1:/.test(address);
}
