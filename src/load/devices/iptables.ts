import { join } from 'node:path';
import type { Device, DeviceContext } from '../device.ts';

/** The script is loaded into a network namespace of its own first: what the kernel refuses, it refuses there. */
export const device: Device = {
  async check({ run, xtables }, candidate) {
    await run(['unshare', '--net', 'sh', join(candidate, 'load.sh')], { environment: backend(xtables) });
  },
  async apply({ run, current, xtables }) {
    await run(['sh', join(current, 'load.sh')], { environment: backend(xtables) });
  },
  withdraw: emptyChains,
};

/** The chains stay, because the jumps are the user's; their sets are destroyed by the next load. */
export async function emptyChains({ run, options, xtables }: DeviceContext): Promise<void> {
  const variant = xtables === undefined ? '' : `-${xtables}`;
  for (const family of ['iptables', 'ip6tables'])
    await run([`${family}${variant}-restore`, '-w', '60', '--noflush'], {
      input: `*filter\n:${options.chain} - [0:0]\nCOMMIT\n`,
    });
}

export function backend(xtables: string | undefined): Readonly<Record<string, string>> {
  return xtables === undefined ? {} : { XTABLES: xtables };
}
