import type { RunProgram } from '../load/run-program.ts';
import { formatAddress, parseAddress } from '../net/address.ts';
import { DualStackSet } from '../net/dual-stack-set.ts';
import { parsePrefix } from '../net/prefix.ts';
import type { Attempt } from './boundaries.ts';
import { type Daemon, type Environment, Namespace } from './namespace.ts';

/** The links of the row; no packet of a rehearsal goes to them. */
const LINKS = {
  client: '169.254.11',
  server: '169.254.12',
  client6: 'fd5a:a1:11::',
  server6: 'fd5a:a1:12::',
};

/** Whom the packets of a rehearsal come from. */
export const REHEARSAL_CLIENTS = DualStackSet.fromPrefixes(
  [`${LINKS.client}.0/24`, `${LINKS.server}.0/24`, `${LINKS.client6}/64`, `${LINKS.server6}/64`].map(
    parsePrefix,
  ),
);

const MACS = {
  client: '02:00:00:00:11:02',
  inside: '02:00:00:00:11:01',
  outside: '02:00:00:00:12:01',
  beyond: '02:00:00:00:12:02',
};

/** An address is usable at once, and nobody is asked whether another has it. */
const NO_WAITING = 'for which in all default; do echo 0 > /proc/sys/net/ipv6/conf/$which/accept_dad; done';

/** Known from the start: while a neighbour is looked for, packets are dropped. */
function neighbour(device: string, mac: string, ...addresses: readonly string[]): string {
  return addresses
    .map((address) => `ip neighbour replace ${address} lladdr ${mac} dev ${device} nud permanent`)
    .join('\n');
}

/** What the far end has seen since it was asked last. */
const SEEN = `
table inet seen {
	set seen4 { type ipv4_addr . inet_proto . inet_service; size 2097152; flags dynamic; }
	set seen6 { type ipv6_addr . inet_proto . inet_service; size 2097152; flags dynamic; }
	chain arrivals {
		type filter hook prerouting priority raw; policy accept;
		iifname != "uplink" accept
		meta nfproto ipv4 tcp flags syn add @seen4 { ip daddr . meta l4proto . th dport } drop
		meta nfproto ipv6 tcp flags syn add @seen6 { ip6 daddr . meta l4proto . th dport } drop
		meta nfproto ipv4 meta l4proto udp add @seen4 { ip daddr . meta l4proto . th dport } drop
		meta nfproto ipv6 meta l4proto udp add @seen6 { ip6 daddr . meta l4proto . th dport } drop
	}
}
`;

/** A client, a gateway and everything beyond it, in a row of namespaces with no way out. */
export class NamespaceRow {
  readonly gateway: RunProgram;
  readonly #client: Namespace;
  readonly #gateway: Namespace;
  readonly #beyond: Namespace;

  private constructor(client: Namespace, gateway: Namespace, beyond: Namespace) {
    this.#client = client;
    this.#gateway = gateway;
    this.#beyond = beyond;
    this.gateway = gateway.run;
  }

  static async open(environment: Environment): Promise<NamespaceRow> {
    const [client, gateway, beyond] = await Promise.all([
      Namespace.open(environment),
      Namespace.open(environment),
      Namespace.open(environment),
    ]);
    const script = (where: Namespace, input: string) =>
      where.run(['sh', '-e'], { input: `${NO_WAITING}\n${input}` });
    await script(
      gateway,
      `
      ip link add inside address ${MACS.inside} type veth peer name uplink address ${MACS.client} netns ${client.pid}
      ip link add outside address ${MACS.outside} type veth peer name uplink address ${MACS.beyond} netns ${beyond.pid}
      ip address add ${LINKS.client}.1/24 dev inside
      ip address add ${LINKS.server}.1/24 dev outside
      ip address add ${LINKS.client6}1/64 dev inside nodad
      ip address add ${LINKS.server6}1/64 dev outside nodad
      ip link set inside up
      ip link set outside up
      echo 1 > /proc/sys/net/ipv4/ip_forward
      echo 1 > /proc/sys/net/ipv6/conf/all/forwarding
      for file in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 0 > $file; done
      ${neighbour('outside', MACS.beyond, `${LINKS.server}.2`, `${LINKS.server6}2`)}
      ip route add default via ${LINKS.server}.2
      ip -6 route add default via ${LINKS.server6}2
    `,
    );
    await script(
      client,
      `
      ip address add ${LINKS.client}.2/24 dev uplink
      ip address add ${LINKS.client6}2/64 dev uplink nodad
      ip link set uplink up
      ${neighbour('uplink', MACS.inside, `${LINKS.client}.1`, `${LINKS.client6}1`)}
      ip route add default via ${LINKS.client}.1
      ip -6 route add default via ${LINKS.client6}1
    `,
    );
    await script(
      beyond,
      `
      ip address add ${LINKS.server}.2/24 dev uplink
      ip address add ${LINKS.server6}2/64 dev uplink nodad
      ip link set uplink up
    `,
    );
    await beyond.run(['nft', '-f', '-'], { input: SEEN });
    return new NamespaceRow(client, gateway, beyond);
  }

  /**
   * Sends the first packet of each connection, and says which came through. `from`: a client behind the gateway, or the
   * gateway itself. `dialer`: the program that opens the connections, its arguments included.
   */
  async attempt(
    attempts: readonly Attempt[],
    from: 'client' | 'gateway',
    dialer: readonly string[],
  ): Promise<ReadonlySet<string>> {
    for (const family of [4, 6])
      await this.#beyond.run(['nft', 'flush', 'set', 'inet', 'seen', `seen${family}`]);
    const where = from === 'client' ? this.#client : this.#gateway;
    const seen = new Set<string>();
    // A packet that a full queue has dropped is sent again; what is refused is refused each time.
    for (let round = 0; round < 3; round++) {
      const unseen = attempts.filter((attempt) => !seen.has(keyOf(attempt)));
      if (unseen.length === 0) break;
      await where.run(dialer, {
        input: unseen.map((attempt) => `${keyOf(attempt)}\n`).join(''),
      });
      for (const family of [4, 6] as const)
        for (const key of readSeen(await this.#list(family), family)) seen.add(key);
    }
    return seen;
  }

  async #list(family: 4 | 6): Promise<string> {
    return this.#beyond.run(['nft', '--json', 'list', 'set', 'inet', 'seen', `seen${family}`]);
  }

  /** Starts a program on the gateway that ends with this process. */
  start(argv: readonly string[]): Daemon {
    return this.#gateway.start(argv);
  }

  close(): void {
    for (const namespace of [this.#client, this.#gateway, this.#beyond]) namespace.close();
  }
}

/** `192.0.2.1 443 tcp`: what the dialer reads, too. */
export function keyOf({ address, port, protocol }: Attempt): string {
  return `${address} ${port} ${protocol}`;
}

/** An address, a protocol and a port. */
interface Seen {
  readonly concat: readonly [string, string, number];
}

/** The elements of the set, as nft lists them in JSON. */
function readSeen(text: string, family: 4 | 6): string[] {
  const { nftables } = JSON.parse(text) as {
    nftables: {
      set?: { elem?: (Seen | { elem: { val: Seen } })[] };
    }[];
  };
  return nftables
    .flatMap(({ set }) => set?.elem ?? [])
    .map((element) => ('concat' in element ? element : element.elem.val).concat)
    .map(
      ([address, protocol, port]) =>
        `${formatAddress(family, parseAddress(address).value)} ${port} ${protocol}`,
    );
}
