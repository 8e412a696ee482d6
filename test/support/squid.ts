import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RuleFile } from '../../src/targets/render.ts';
import { firstLine, Namespace } from './gateway.ts';
import { findProgram } from './programs.ts';

/** One request through the proxy. */
export interface ProxyRequest {
  readonly method: 'CONNECT' | 'GET';
  readonly host: string;
  readonly port: number;
  readonly credentials?: string;
}

export const PROXY_PORT = 3128;

/** The service name of the Squids of this process: what they share in memory, those of another do not see. */
export const SERVICE = `azuretest${process.pid}`;

/** A directory that a Squid which drops its rights can read and write. */
export async function squidDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'squid-'));
  await chmod(directory, 0o777);
  await mkdir(join(directory, 'lists'));
  return directory;
}

/** Where a directory made by `squidDirectory` expects the rule files: for the option `directory`. */
export function listDirectory(directory: string): string {
  return join(directory, 'lists');
}

/**
 * Writes rule files and a configuration around them; `lines` stand where a site has its own, from the
 * first `http_access` on.
 */
export async function writeSquid(
  directory: string,
  files: readonly RuleFile[],
  hosts: readonly string[],
  lines: string,
  port = `http_port 127.0.0.1:${PROXY_PORT}`,
): Promise<string> {
  for (const { path, text } of files) await writeFile(join(directory, 'lists', path), text);
  await writeFile(join(directory, 'hosts'), hosts.map((host) => `127.0.0.9 ${host}\n`).join(''));
  const configuration = join(directory, 'squid.conf');
  await writeFile(
    configuration,
    `${port}
visible_hostname proxy.example.test
hosts_file ${directory}/hosts
dns_nameservers 127.0.0.1
dns_timeout 1 second
connect_timeout 3 seconds
pid_filename ${directory}/squid.pid
cache_log ${directory}/cache.log
access_log stdio:${directory}/access.log
coredump_dir ${directory}
cache deny all
cache_mem 8 MB
max_filedescriptors 1024
pinger_enable off
shutdown_lifetime 0 seconds
${lines}
`,
  );
  return configuration;
}

/** What `squid -k parse` says that is worse than a notice; empty if the configuration is sound. */
export async function parseComplaints(namespace: Namespace, configuration: string): Promise<string[]> {
  const { status, stdout, stderr } = await namespace.run([
    findProgram('squid')!,
    '-k',
    'parse',
    '-f',
    configuration,
  ]);
  const complaints = `${stdout}${stderr}`
    .split('\n')
    .filter((line) => /WARNING|ERROR|FATAL|Warning|Bungled/.test(line));
  return status === 0 ? complaints : [...complaints, `exit ${status}`];
}

/** A running Squid in a namespace where every address is its own and answers on `ports`. */
export class RunningSquid {
  readonly namespace: Namespace;
  readonly #directory: string;
  readonly #squid: ChildProcessWithoutNullStreams;
  readonly #origin: ChildProcessWithoutNullStreams | undefined;

  private constructor(
    namespace: Namespace,
    directory: string,
    squid: ChildProcessWithoutNullStreams,
    origin: ChildProcessWithoutNullStreams | undefined,
  ) {
    this.namespace = namespace;
    this.#directory = directory;
    this.#squid = squid;
    this.#origin = origin;
  }

  static async start(
    namespace: Namespace,
    directory: string,
    configuration: string,
    ports: readonly number[],
  ): Promise<RunningSquid> {
    let origin: ChildProcessWithoutNullStreams | undefined;
    if (ports.length > 0) {
      origin = namespace.start(process.execPath, program('http-origin'), ...ports.map(String));
      await firstLine(origin, 'listening');
    }
    const squid = namespace.start(findProgram('squid')!, '-N', '-f', configuration, '-n', SERVICE);
    // It logs there as well, and would wait for a reader.
    squid.stdout.resume();
    squid.stderr.resume();
    const running = new RunningSquid(namespace, directory, squid, origin);
    for (let attempt = 0; attempt < 100; attempt++) {
      const [status] = await running.ask([{ method: 'GET', host: 'ready.invalid', port: 1 }]);
      if (status !== -1) return running;
      if (squid.exitCode !== null || squid.signalCode !== null) break;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const log = await readFile(join(directory, 'cache.log'), 'utf8').catch(() => 'no log');
    await running.stop();
    throw new Error(`squid did not start:\n${log}`);
  }

  /** The statuses that the proxy answers with; `client` is where the requests come from, where every address is local. */
  async ask(requests: readonly ProxyRequest[], client?: string): Promise<number[]> {
    const proxy = client?.includes(':') ? '::1' : '127.0.0.1';
    const answer = await this.namespace.must(
      [
        process.execPath,
        program('proxy-client'),
        proxy,
        String(PROXY_PORT),
        ...(client === undefined ? [] : [client]),
      ],
      JSON.stringify(requests),
    );
    return JSON.parse(answer) as number[];
  }

  /** @param last whether its directory is to be removed as well */
  async stop(last = true): Promise<void> {
    this.#origin?.kill('SIGKILL');
    if (this.#squid.exitCode === null && this.#squid.signalCode === null) {
      this.#squid.kill('SIGTERM');
      const timer = setTimeout(() => this.#squid.kill('SIGKILL'), 5000);
      await once(this.#squid, 'exit');
      clearTimeout(timer);
    }
    if (last) await rm(this.#directory, { recursive: true, force: true });
  }
}

/** A namespace in which every address of both families is local, so that nothing can be dialled elsewhere. */
export async function everyAddressLocal(): Promise<Namespace> {
  const namespace = await Namespace.open();
  await namespace.script(`
    ip route add local 0.0.0.0/0 dev lo
    ip -6 route add local ::/0 dev lo
    echo 1 > /proc/sys/net/ipv6/ip_nonlocal_bind
  `);
  return namespace;
}

function program(name: string): string {
  return fileURLToPath(new URL(`./${name}.mjs`, import.meta.url));
}
