import { includedFiles } from './included-files.ts';

/** HAProxy reads its lists when it starts: a reload starts new processes, which take over the sockets. */
export const device = includedFiles({
  checker: (context) => ['haproxy', '-c', '-f', context.configuration ?? '/etc/haproxy/haproxy.cfg'],
  reload: () => ['systemctl', 'reload', 'haproxy.service'],
  complaint: /\[WARNING\]/,
});
