import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { AllowlistError } from '../problem.ts';
import { canBeSent } from './boundaries.ts';
import { type Environment, Namespace } from './namespace.ts';
import { admitsRequest, isAddress, type ProxyAttempt, proxyEdgesOf } from './proxy-edges.ts';
import type { Side, Trial } from './trial.ts';

/** Asks the proxy; runs in the namespace. */
const ASKER = [process.execPath, fileURLToPath(new URL('./rehearse-asker.js', import.meta.url))];

const PORT = 3128;

/** How long Squid may take until it answers. */
const START_MILLISECONDS = 15_000;
const POLL_MILLISECONDS = 100;

/** Every address of both families is the namespace's own: nothing can be dialled elsewhere, and clients have any address. */
const EVERY_ADDRESS = `
  ip route add local 0.0.0.0/0 dev lo
  ip -6 route add local ::/0 dev lo
  echo 1 > /proc/sys/net/ipv6/ip_nonlocal_bind
`;

/**
 * Tries files of Squid by names and addresses: a Squid with nothing but the files in force, and one with the planned ones,
 * in a network namespace where every name leads nowhere.
 */
export function squidTrial(environment: Environment): Trial<ProxyAttempt> {
  return {
    tried: 'Squid',
    edges: proxyEdgesOf,
    canBeSent: ({ host }) => !isAddress(host) || canBeSent(host),
    clients: undefined,
    keyOf,
    describe: ({ method, host, port, client }) => `${method} ${host} port ${port} from ${client}`,
    admits: admitsRequest,
    run: async (sides, attempts, folder) => {
      // Squid drops its rights, and must find the files.
      await chmod(folder, 0o755);
      const namespace = await Namespace.open(environment);
      try {
        await namespace.run(['sh', '-e'], { input: EVERY_ADDRESS });
        const came: ReadonlySet<string>[] = [];
        for (const [index, side] of sides.entries())
          came.push(await ask(namespace, side, attempts, join(folder, String(index))));
        return came;
      } finally {
        namespace.close();
      }
    },
  };
}

async function ask(
  namespace: Namespace,
  side: Side,
  attempts: readonly ProxyAttempt[],
  folder: string,
): Promise<ReadonlySet<string>> {
  const configuration = await configure(side, attempts, folder);
  const squid = namespace.start(['squid', '-N', '-f', configuration, '-n', `rehearsal${process.pid}`]);
  try {
    await untilReady(namespace, squid.isRunning, folder);
    const statuses = await answers(namespace, attempts);
    const unanswered = attempts.filter((_, index) => statuses[index] === 0);
    if (unanswered.length > 0)
      throw new AllowlistError(
        `Squid did not answer ${unanswered.length} of ${attempts.length} requests, such as ${keyOf(unanswered[0]!)}${await logOf(folder)}`,
      );
    // Nothing answers behind the proxy: what is allowed fails there, and what is denied is forbidden.
    return new Set(attempts.filter((_, index) => statuses[index] !== 403).map(keyOf));
  } finally {
    await squid.stop();
  }
}

async function configure(
  { files, options }: Side,
  attempts: readonly ProxyAttempt[],
  folder: string,
): Promise<string> {
  const lists = join(folder, 'lists');
  const own = join(folder, 'own');
  await mkdir(lists, { recursive: true });
  await mkdir(own);
  await chmod(own, 0o777);
  // The place of the lists on the device is all that differs.
  for (const { path, text } of files)
    await writeFile(join(lists, path), text.replaceAll(`"${options.directory}/`, `"${lists}/`));
  const names = new Set(attempts.map(({ host }) => host).filter((host) => !isAddress(host)));
  await writeFile(join(folder, 'hosts'), [...names].map((name) => `127.0.0.9 ${name}\n`).join(''));
  const configuration = join(folder, 'squid.conf');
  await writeFile(
    configuration,
    `http_port 127.0.0.1:${PORT}
http_port [::1]:${PORT}
visible_hostname rehearsal.invalid
hosts_file ${folder}/hosts
dns_nameservers 127.0.0.1
connect_timeout 3 seconds
pid_filename ${own}/squid.pid
cache_log ${own}/cache.log
access_log none
coredump_dir ${own}
cache deny all
cache_mem 8 MB
max_filedescriptors 1024
pinger_enable off
shutdown_lifetime 0 seconds
include ${lists}/azure-allow.conf
http_access deny all
`,
  );
  return configuration;
}

async function untilReady(namespace: Namespace, isRunning: () => boolean, folder: string): Promise<void> {
  const late = Date.now() + START_MILLISECONDS;
  while (isRunning() && Date.now() < late) {
    const [status] = await answers(namespace, [
      { method: 'GET', host: 'ready.invalid', port: 1, client: '127.0.0.1' },
    ]);
    if (status !== 0) return;
    await sleep(POLL_MILLISECONDS);
  }
  throw new AllowlistError(`Squid did not start with these files${await logOf(folder)}`);
}

async function answers(namespace: Namespace, attempts: readonly ProxyAttempt[]): Promise<number[]> {
  const said = await namespace.run([...ASKER, String(PORT)], {
    input: attempts.map((attempt) => `${keyOf(attempt)}\n`).join(''),
  });
  return said
    .split('\n')
    .filter((line) => /^\d+$/.test(line))
    .map(Number);
}

/** The end of what Squid says of itself. */
async function logOf(folder: string): Promise<string> {
  const text = await readFile(join(folder, 'own/cache.log'), 'utf8').catch(() => '');
  const lines = text.trim().split('\n').slice(-5);
  return text === '' ? '; is the program `squid` installed?' : `:\n${lines.join('\n')}`;
}

/** `CONNECT x.example.com 443 127.0.0.1`: what the asker reads, too. */
function keyOf({ method, host, port, client }: ProxyAttempt): string {
  return `${method} ${host} ${port} ${client}`;
}
