import { join } from 'node:path';
import type { Device } from '../device.ts';

/** The script is loaded into a network namespace of its own first: what the kernel refuses, it refuses there. */
export const device: Device = {
  async check({ run }, candidate) {
    await run(['unshare', '--net', 'sh', join(candidate, 'load.sh')]);
  },
  async apply({ run, current }) {
    await run(['sh', join(current, 'load.sh')]);
  },
  async withdraw({ run, options }) {
    // Declared first, because deleting what is not there is an error.
    const table = `inet ${options.table}`;
    await run(['nft', '-f', '-'], { input: `table ${table} {\n}\ndelete table ${table}\n` });
  },
};
