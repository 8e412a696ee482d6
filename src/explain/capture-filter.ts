import { type Address, formatAddress } from '../net/address.ts';
import { type PortRange, PortSet } from '../net/ports.ts';
import type { Policy } from '../policy/policy.ts';

/** The programs that filters are written for. */
export const CAPTURE_TOOLS = ['tcpdump', 'wireshark', 'pktmon'] as const;

export type CaptureTool = (typeof CAPTURE_TOOLS)[number];

/** One filter and what it is for. */
export interface CaptureFilter {
  readonly tool: CaptureTool;
  /** What is to be seen with it, and what that means. */
  readonly purpose: string;
  readonly filter: string;
}

/** Where a proxy is, for the filters on its port. */
export interface CaptureProxy {
  readonly address: Address | undefined;
  readonly port: number;
}

/**
 * The filters of the article's troubleshooting steps: SYNs that stay unanswered on the ports of the policy, datagrams
 * on those of UDP, and, with a proxy, CONNECT and its answers on the port of the proxy.
 */
export function captureFilters(policy: Policy, proxy: CaptureProxy | undefined): readonly CaptureFilter[] {
  const all = portsOf(policy);
  const connections = all.only('tcp').ranges;
  const datagrams = all.only('udp').ranges;
  const filters: CaptureFilter[] = [];
  if (connections.length > 0) {
    const purpose =
      'SYNs to the ports of the policy and their answers: the same SYN again and again, without an answer, means that a firewall drops it';
    filters.push(
      { tool: 'tcpdump', purpose, filter: bpfSyn(connections) },
      {
        tool: 'wireshark',
        purpose: 'SYNs to the ports of the policy that were sent again: a firewall drops them',
        filter: `tcp.flags.syn == 1 && tcp.flags.ack == 0 && tcp.analysis.retransmission && (${connections.map(wiresharkPorts).join(' || ')})`,
      },
      // pktmon takes single ports only.
      ...connections.map(
        ({ first }): CaptureFilter => ({
          tool: 'pktmon',
          purpose: `SYNs to port ${first}`,
          filter: `pktmon filter add -t TCP SYN -p ${first}`,
        }),
      ),
    );
  }
  if (datagrams.length > 0) {
    const purpose =
      'Datagrams to and from the UDP ports of the policy: those that go out and bring none back were dropped on the way, or nobody listens';
    filters.push(
      {
        tool: 'tcpdump',
        purpose,
        filter: datagrams.map((range) => `udp ${bpfPorts(range)}`).join(' or '),
      },
      {
        tool: 'wireshark',
        purpose,
        filter: datagrams
          .map(({ first, last }) =>
            first === last ? `udp.port == ${first}` : `(udp.port >= ${first} && udp.port <= ${last})`,
          )
          .join(' || '),
      },
      ...datagrams.map(
        ({ first }): CaptureFilter => ({
          tool: 'pktmon',
          purpose: `Datagrams to and from port ${first}`,
          filter: `pktmon filter add -t UDP -p ${first}`,
        }),
      ),
    );
  }
  if (proxy !== undefined) {
    const host =
      proxy.address === undefined ? undefined : formatAddress(proxy.address.family, proxy.address.value);
    const purpose =
      'CONNECT and its answers on the port of the proxy: 200 is good, 407 asks for credentials, any other refuses';
    filters.push(
      {
        tool: 'tcpdump',
        purpose,
        filter: `${host === undefined ? '' : `host ${host} and `}tcp port ${proxy.port}`,
      },
      {
        tool: 'wireshark',
        purpose,
        filter: `tcp.port == ${proxy.port}${host === undefined ? '' : ` && ${host.includes(':') ? 'ipv6' : 'ip'}.addr == ${host}`} && (http.request.method == "CONNECT" || http.response)`,
      },
      {
        tool: 'pktmon',
        purpose,
        filter: `pktmon filter add${host === undefined ? '' : ` -i ${host}`} -t TCP -p ${proxy.port}`,
      },
    );
  }
  return filters;
}

function portsOf({ rules }: Policy): PortSet {
  return rules
    .flatMap(({ names, addresses, addressPorts }) => [
      ...names.map(({ ports }) => ports),
      ...(addresses.isEmpty ? [] : [addressPorts]),
    ])
    .reduce((all, ports) => all.union(ports), PortSet.empty);
}

/**
 * SYN without or with ACK, to or from the ports. pcap-filter(7) knows `tcp[…]` for IPv4 alone: of IPv6 the flags are
 * the 14th byte after the fixed header, where no extension header stands.
 */
function bpfSyn(ranges: readonly PortRange[]): string {
  const ports = ranges.map((range) => `tcp ${bpfPorts(range)}`).join(' or ');
  return `(${ports}) and ((ip and tcp[tcpflags] & tcp-syn != 0) or (ip6 and ip6[6] = 6 and ip6[53] & 2 != 0))`;
}

function bpfPorts({ first, last }: PortRange): string {
  return first === last ? `port ${first}` : `portrange ${first}-${last}`;
}

function wiresharkPorts({ first, last }: PortRange): string {
  return first === last ? `tcp.dstport == ${first}` : `(tcp.dstport >= ${first} && tcp.dstport <= ${last})`;
}
