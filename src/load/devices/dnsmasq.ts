import { join } from 'node:path';
import type { Device } from '../device.ts';
import { backend, emptyChains } from './iptables.ts';
import { device as nftables } from './nftables.ts';

/** dnsmasq reads its lines, and the script is loaded into a network namespace of its own, before anything changes. */
export const device: Device = {
  async check({ run, xtables }, candidate) {
    await run(['dnsmasq', '--test', `--conf-file=${join(candidate, 'azure-names.conf')}`]);
    await run(['unshare', '--net', 'sh', join(candidate, 'load.sh')], {
      environment: { ...backend(xtables), RESTART_DNSMASQ: ':', SAVED: join(candidate, 'saved') },
    });
  },
  async apply({ run, current, xtables, reload }) {
    await run(['sh', join(current, 'load.sh')], {
      environment: { ...backend(xtables), ...(reload === undefined ? {} : { RESTART_DNSMASQ: reload }) },
    });
  },
  async withdraw(context) {
    if (context.options.sets === 'nftables') await nftables.withdraw(context);
    else await emptyChains(context);
  },
};
