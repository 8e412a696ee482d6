import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { deviceOf } from '../load/device.ts';
import { parseAddress } from '../net/address.ts';
import { stageFiles } from '../publish/durable.ts';
import type { TargetPlan } from '../targets/plan.ts';
import { type Attempt, boundariesOf, canBeSent } from './boundaries.ts';
import type { Environment } from './namespace.ts';
import { keyOf, NamespaceRow, REHEARSAL_CLIENTS } from './namespace-row.ts';
import { ownIptables, ownNftables } from './own-rules.ts';
import type { Side, Trial } from './trial.ts';

/** Which files the kernel is to load, and by which programs. */
export interface KernelOptions {
  readonly target: string;
  readonly xtables: string | undefined;
  readonly environment: Environment;
}

/** Opens the connections; runs in a namespace. */
export const DIALER = [process.execPath, fileURLToPath(new URL('./rehearse-dialer.js', import.meta.url))];

/**
 * Tries files of nftables or iptables by addresses: the files in force and then the planned ones, one over the other as on
 * the device, in a gateway of network namespaces.
 */
export function kernelTrial(options: KernelOptions): Trial<Attempt> {
  return {
    tried: 'the kernel',
    edges: (plans) =>
      boundariesOf(plans).map(({ rule, family, attempts }) => ({ rule, kind: `IPv${family}`, attempts })),
    canBeSent: ({ address }) => canBeSent(address),
    clients: REHEARSAL_CLIENTS,
    keyOf,
    describe: ({ address, protocol, port }) => `${address} ${protocol} port ${port}`,
    admits,
    run: (sides, attempts, folder) => send(options, sides, attempts, folder),
  };
}

async function send(
  options: KernelOptions,
  sides: readonly Side[],
  attempts: readonly Attempt[],
  folder: string,
): Promise<ReadonlySet<string>[]> {
  const { target, xtables, environment } = options;
  const row = await NamespaceRow.open(environment);
  try {
    await row.gateway(['sh', '-e'], {
      input: target === 'nftables' ? ownNftables(sides) : ownIptables(sides, xtables),
    });
    const came: ReadonlySet<string>[] = [];
    for (const [index, side] of sides.entries()) {
      const current = join(folder, String(index));
      await loadSide(row, options, side, current);
      came.push(await row.attempt(attempts, side.options.hook === 'output' ? 'gateway' : 'client', DIALER));
    }
    return came;
  } finally {
    row.close();
  }
}

/** Loads the files of a side on the gateway, as the device does. @param reload instead of the program's usual restart */
export async function loadSide(
  row: NamespaceRow,
  { target, xtables }: KernelOptions,
  { files, options }: Side,
  current: string,
  reload?: string,
): Promise<void> {
  await stageFiles(
    current,
    files.map(({ path, text }) => ({ path, text, mode: undefined })),
  );
  const device = await deviceOf(target);
  await device.apply({ run: row.gateway, current, options, configuration: undefined, reload, xtables });
}

/** What the client of the rehearsal may reach: rules for other clients must keep it out. */
function admits({ admission }: TargetPlan, { address, port, protocol }: Attempt): boolean {
  const { family, value } = parseAddress(address);
  const { addresses } = admission.from(REHEARSAL_CLIENTS).onPort(port, protocol);
  return (family === 4 ? addresses.ipv4 : addresses.ipv6).contains(value);
}
