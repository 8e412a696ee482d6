import { type EndpointRow, formatEndpoint } from '../endpoints/endpoint-table.ts';
import { formatHostPattern, type HostPattern } from '../net/host-pattern.ts';
import { HostSet } from '../net/host-set.ts';
import { type PortRange, PortSet, type Protocol } from '../net/ports.ts';

/** One name and port that is probed, or that cannot be for want of a name below a wildcard. */
export interface ProbeEndpoint {
  /** As the table has it, with its path. */
  readonly endpoint: string;
  /** Undefined for a wildcard without an example. */
  readonly host: string | undefined;
  readonly port: number;
  /** Of UDP there is nothing to dial; a policy can be asked for it. */
  readonly protocol: Protocol;
  /** `/` where the row names no path. */
  readonly path: string;
}

/** A name below a wildcard. */
export interface ExampleName {
  readonly pattern: HostPattern;
  readonly host: string;
}

/**
 * Ports of one row that are probed: a range stands for its first port. That a proxy is to let tunnels through to a port,
 * as a text says, does not mean that the service listens there.
 */
const portsOf = ({ ports, inText = PortSet.empty }: EndpointRow): readonly PortRange[] =>
  ports.difference(inText).ranges;

/**
 * What is to be probed for rows of endpoint tables: each host with each of its ports, wildcards by every example
 * below them. Ports of UDP are among them, so that a report says of each that it was not tried. Rows that repeat a known misprint are left out: nothing answers there.
 */
export function endpointsToProbe(
  rows: readonly EndpointRow[],
  examples: readonly ExampleName[],
): readonly ProbeEndpoint[] {
  const found = new Map<string, ProbeEndpoint>();
  for (const row of rows) {
    if (row.misprintOf !== undefined) continue;
    for (const host of hostsOf(row.host, examples))
      for (const { first: port, protocol } of portsOf(row)) {
        const key = `${host ?? formatHostPattern(row.host)} ${port} ${protocol}`;
        if (!found.has(key))
          found.set(key, { endpoint: formatEndpoint(row), host, port, protocol, path: row.path ?? '/' });
      }
  }
  return [...found.values()];
}

function hostsOf(pattern: HostPattern, examples: readonly ExampleName[]): readonly (string | undefined)[] {
  if (!pattern.subdomains) return [pattern.name];
  const hosts = examples
    .filter(({ pattern: of, host }) => of.name === pattern.name && HostSet.fromPatterns([pattern]).has(host))
    .map(({ host }) => host);
  if (hosts.length > 0) return hosts;
  return [pattern.apex ? pattern.name : undefined];
}
