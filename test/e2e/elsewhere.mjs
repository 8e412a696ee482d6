// Loaded into a run with `node --import`: another machine, another user, a thousand days later.
import { createRequire, syncBuiltinESMExports } from 'node:module';

const os = createRequire(import.meta.url)('node:os');
os.hostname = () => 'other-host';
os.userInfo = () => ({ username: 'someone', homedir: '/home/someone', uid: 1234, gid: 1234, shell: null });
syncBuiltinESMExports();

const Now = Date;
const LATER = 1000 * 86_400_000;
globalThis.Date = class extends Now {
  constructor(...args) {
    if (args.length === 0) super(Now.now() + LATER);
    else super(...args);
  }
  static now() {
    return Now.now() + LATER;
  }
};
