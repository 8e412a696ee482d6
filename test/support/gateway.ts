import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** What a program in a namespace did. */
export interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A network namespace of our own; there is no way out of it but to the others it is joined with. */
export class Namespace {
  readonly #holder: ChildProcessWithoutNullStreams;

  private constructor(holder: ChildProcessWithoutNullStreams) {
    this.#holder = holder;
  }

  static async open(): Promise<Namespace> {
    const holder = spawn('unshare', ['-n', 'sh', '-c', 'ip link set lo up && echo up && exec sleep 600']);
    await firstLine(holder, 'up');
    return new Namespace(holder);
  }

  get pid(): number {
    return this.#holder.pid!;
  }

  start(command: string, ...args: readonly string[]): ChildProcessWithoutNullStreams {
    return spawn('nsenter', [`--net=/proc/${this.pid}/ns/net`, command, ...args]);
  }

  /** Runs a program to its end, two minutes at most. */
  async run(command: readonly string[], input = ''): Promise<Outcome> {
    const [program, ...args] = command;
    const child = this.start(program!, ...args);
    const timer = setTimeout(() => child.kill('SIGKILL'), 120_000);
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (data: Buffer) => {
      stdout += data.toString();
    });
    child.stderr.on('data', (data: Buffer) => {
      stderr += data.toString();
    });
    child.stdin.on('error', () => {}); // a program may end without reading
    child.stdin.end(input);
    const [status] = (await once(child, 'close')) as [number | null];
    clearTimeout(timer);
    return { status, stdout, stderr };
  }

  /** Runs a program that must succeed, and gives its output. */
  async must(command: readonly string[], input = ''): Promise<string> {
    const { status, stdout, stderr } = await this.run(command, input);
    if (status !== 0) throw new Error(`${command.join(' ')}: exit ${status}\n${stderr}${stdout}`);
    return stdout;
  }

  /** Runs lines of shell, stopping at the first that fails. */
  script(text: string): Promise<string> {
    return this.must(['sh', '-e'], text);
  }

  close(): void {
    this.#holder.kill('SIGKILL');
  }
}

type ClientAddresses = readonly [ipv4: string, ipv6: string];

/**
 * Three namespaces in a row: a client, a gateway that forwards, and a server that answers on every address
 * of both families. The gateway lets everything pass until it is told otherwise.
 */
export class Gateway {
  readonly client: Namespace;
  readonly gateway: Namespace;
  readonly server: Namespace;
  readonly #listeners: ChildProcessWithoutNullStreams[] = [];

  private constructor(client: Namespace, gateway: Namespace, server: Namespace) {
    this.client = client;
    this.gateway = gateway;
    this.server = server;
  }

  /**
   * @param ports the TCP ports that the server listens on
   * @param udpPorts the UDP ports from which it sends datagrams back
   */
  static async open(ports: readonly number[], udpPorts: readonly number[] = []): Promise<Gateway> {
    const [client, gateway, server] = await Promise.all([
      Namespace.open(),
      Namespace.open(),
      Namespace.open(),
    ]);
    const row = new Gateway(client, gateway, server);
    await gateway.script(`
      ip link add inside type veth peer name uplink netns ${client.pid}
      ip link add outside type veth peer name uplink netns ${server.pid}
      ip address add 10.99.1.1/24 dev inside
      ip address add 10.99.2.1/24 dev outside
      ip address add fd99:1::1/64 dev inside nodad
      ip address add fd99:2::1/64 dev outside nodad
      ip link set inside up
      ip link set outside up
      echo 1 > /proc/sys/net/ipv4/ip_forward
      echo 1 > /proc/sys/net/ipv6/conf/all/forwarding
    `);
    await client.script(`
      ip address add 10.99.1.2/24 dev uplink
      ip address add fd99:1::2/64 dev uplink nodad
      ip link set uplink up
      ip route add default via 10.99.1.1
      ip -6 route add default via fd99:1::1
    `);
    // All addresses but those of the links are the server's own, to whatever it receives and sends.
    // IPv6: the global ones only, or no neighbour would be found any more.
    await server.script(`
      ip address add 10.99.2.2/24 dev uplink
      ip address add fd99:2::2/64 dev uplink nodad
      ip link set uplink up
      ip route add 10.99.2.0/24 dev uplink table local
      ip route add 10.99.1.0/24 via 10.99.2.1 table local
      ip route add local 0.0.0.0/0 dev lo table local
      ip -6 route add fd99:1::/64 via fd99:2::1
      ip -6 route add local 2000::/3 dev lo table local
    `);
    await gateway.script(`
      ip route add default via 10.99.2.2
      ip -6 route add default via fd99:2::2
    `);
    for (const [name, own] of [
      ['tcp-listener', ports],
      ['udp-echo', udpPorts],
    ] as const) {
      const listener = server.start(process.execPath, program(name), ...own.map(String));
      row.#listeners.push(listener);
      await firstLine(listener, 'listening');
    }
    return row;
  }

  /**
   * Dials from the client through the gateway: whether each address and port answered.
   * @param from the client's address of either family, where it has several
   */
  async dial(
    attempts: readonly (readonly [address: string, port: number])[],
    from: ClientAddresses | readonly [] = [],
  ): Promise<boolean[]> {
    const answer = await this.client.must(
      [process.execPath, program('tcp-dialer'), ...from],
      JSON.stringify(attempts),
    );
    return JSON.parse(answer) as boolean[];
  }

  /** Sends datagrams from the client through the gateway: whether each came back. */
  async send(attempts: readonly (readonly [address: string, port: number])[]): Promise<boolean[]> {
    const answer = await this.client.must(
      [process.execPath, program('udp-dialer')],
      JSON.stringify(attempts),
    );
    return JSON.parse(answer) as boolean[];
  }

  /** Keeps one connection busy while `meanwhile` runs. */
  async stream(
    address: string,
    port: number,
    meanwhile: () => Promise<void>,
  ): Promise<{ rounds: number; longest: number }> {
    return keepBusy(this.client, [address, String(port)], meanwhile);
  }

  /** Gives the client second addresses, `10.99.1.3` and `fd99:1::3`: both of its own are then named. */
  async secondClient(): Promise<{ readonly first: ClientAddresses; readonly second: ClientAddresses }> {
    await this.client.script(`
      ip address replace 10.99.1.3/24 dev uplink
      ip address replace fd99:1::3/64 dev uplink nodad
    `);
    return { first: ['10.99.1.2', 'fd99:1::2'], second: ['10.99.1.3', 'fd99:1::3'] };
  }

  close(): void {
    for (const listener of this.#listeners) listener.kill('SIGKILL');
    for (const namespace of [this.client, this.gateway, this.server]) namespace.close();
  }
}

/**
 * Keeps one connection busy while `meanwhile` runs.
 * @param to an address and its port; of a proxy, with the `host:port` that it is asked for
 * @throws Error if the connection breaks
 */
export async function keepBusy(
  from: Namespace,
  to: readonly string[],
  meanwhile: () => Promise<void>,
): Promise<{ rounds: number; longest: number }> {
  const child = from.start(process.execPath, program('tcp-stream'), ...to);
  await firstLine(child, 'connected');
  let report = '';
  child.stdout.on('data', (data: Buffer) => {
    report += data.toString();
  });
  try {
    await meanwhile();
  } finally {
    child.stdin.end();
  }
  const [status] = (await once(child, 'close')) as [number | null];
  if (status !== 0) throw new Error(`the stream broke: ${report}`);
  return JSON.parse(report) as { rounds: number; longest: number };
}

/** Rules of one's own around the chain that a target makes: what it does not accept is dropped. */
export function aroundIptables(...commands: readonly string[]): string {
  return commands
    .map(
      (command) => `
        ${command} -N AZURE-ALLOW
        ${command} -A FORWARD -i outside -j ACCEPT
        ${command} -A FORWARD -j AZURE-ALLOW
        ${command} -A FORWARD -j DROP`,
    )
    .join('\n');
}

/** The same for the mark that the nftables target sets. */
export const AROUND_NFTABLES = `nft -f - <<'END'
  table inet filter {
    chain forward {
      type filter hook forward priority filter; policy drop;
      iifname "outside" accept
      meta mark & 0x00001000 == 0x00001000 accept
    }
  }
END`;

function program(name: string): string {
  return fileURLToPath(new URL(`./${name}.mjs`, import.meta.url));
}

/** Waits for a program to print the line that says it is ready, ten seconds at most. */
export async function firstLine(child: ChildProcessWithoutNullStreams, expected: string): Promise<void> {
  let errors = '';
  child.stderr.on('data', (data: Buffer) => {
    errors += data.toString();
  });
  const line = await Promise.race([
    once(child.stdout, 'data').then(([data]) => String(data)),
    once(child, 'close').then(() => 'the end'),
    new Promise<string>((resolve) => setTimeout(resolve, 10_000, 'nothing for ten seconds').unref()),
  ]);
  if (!line.startsWith(expected)) throw new Error(`expected ${expected}, got ${line}\n${errors}`);
}
