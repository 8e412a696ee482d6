import { existsSync } from 'node:fs';
import { AllowlistError, ConfigurationError } from '../problem.ts';
import { closest } from '../suggest.ts';
import type { OptionValues } from '../targets/view.ts';
import type { RunProgram } from './run-program.ts';

/** What a device needs to know of one load. */
export interface DeviceContext {
  readonly run: RunProgram;
  /** The folder of the files in force as programs name it: a link that is moved to other files in one step. */
  readonly current: string;
  /** The options of the target, as the lock has them. */
  readonly options: OptionValues;
  /** The program's own configuration, where it includes the files; the program's usual place if not given. */
  readonly configuration: string | undefined;
  /** The command that makes the program take the files; the program's usual one if not given. */
  readonly reload: string | undefined;
  /** `nft` or `legacy`: the backend of iptables; the system's own if not given. */
  readonly xtables: string | undefined;
}

/**
 * A program that files are loaded into: `src/load/devices/<target>.ts` exports a constant `device` of this type.
 * Each step throws an `AllowlistError` with what the program said.
 */
export interface Device {
  /** Has the program itself read the candidate, in a namespace of its own or by its checker; nothing changes. */
  readonly check: (context: DeviceContext, candidate: string) => Promise<void>;
  /** Makes the program take what `current` leads to. The same files twice do no harm. */
  readonly apply: (context: DeviceContext) => Promise<void>;
  /** Takes away what `apply` of the very first files has loaded. */
  readonly withdraw: (context: DeviceContext) => Promise<void>;
}

const DEVICES = ['dnsmasq', 'haproxy', 'iptables', 'nftables', 'nginx', 'squid'] as const;

/**
 * The device of a target.
 * @throws ConfigurationError for a target whose files no program on this machine loads
 */
export async function deviceOf(target: string): Promise<Device> {
  if (!(DEVICES as readonly string[]).includes(target)) {
    const near = closest(target, DEVICES);
    throw new ConfigurationError(
      `nothing here loads the files of target ${JSON.stringify(target)}${near.length > 0 ? `; did you mean ${near.join(', ')}?` : ''} Known: ${DEVICES.join(', ')}`,
    );
  }
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const module = new URL(`./devices/${target}.${extension}`, import.meta.url);
  if (!existsSync(module)) throw new AllowlistError(`src/load/devices has no module ${target}`);
  const { device } = (await import(module.href)) as { device: Device };
  return device;
}
