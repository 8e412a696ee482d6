import { parseAddress } from '../net/address.ts';
import type { Admission } from '../policy/admission.ts';
import type { ProbeEndpoint } from './endpoint.ts';
import { levelOf, type ProbeFinding, portText } from './finding.ts';

/** What a target that matches no host names lets through. */
export interface PolicyOfTarget {
  readonly id: string;
  readonly admission: Admission;
}

/** The addresses that some target does not let through on the port, with the targets. */
export function insidePolicy(
  host: string,
  addresses: readonly string[],
  on: Pick<ProbeFinding, 'port' | 'protocol'>,
  targets: readonly PolicyOfTarget[],
): readonly { readonly address: string; readonly seen: string }[] {
  return addresses.flatMap((text) => {
    const { family, value } = parseAddress(text);
    const closed = targets.filter(
      ({ admission }) =>
        !admission.grants.some(
          ({ addresses: set, ports }) =>
            ports.has(on.port, on.protocol) && (family === 4 ? set.ipv4 : set.ipv6).contains(value),
        ),
    );
    return closed.length === 0
      ? []
      : [
          {
            address: text,
            seen: `${text} of ${host} is not allowed on port ${portText(on)} by ${closed.map(({ id }) => id).join(', ')}`,
          },
        ];
  });
}

/** Addresses that another machine resolved, by host. */
export type ResolvedAddresses = ReadonlyMap<string, readonly string[]>;

/**
 * Judges addresses that another machine resolved: whether each lies in what the address-only targets let through.
 * Nothing is dialled, so that ports of UDP are judged as well. An endpoint that the list lacks is told as not probed.
 */
export function judgeResolved(
  endpoints: readonly ProbeEndpoint[],
  resolved: ResolvedAddresses,
  targets: readonly PolicyOfTarget[],
): readonly ProbeFinding[] {
  return endpoints.flatMap(({ endpoint, host, port, protocol }): ProbeFinding[] => {
    const about = {
      endpoint,
      host: host ?? endpoint,
      port,
      protocol,
      route: 'none' as const,
      milliseconds: 0,
    };
    const addresses = host === undefined ? undefined : resolved.get(host);
    if (addresses === undefined || host === undefined)
      return [
        {
          ...about,
          address: undefined,
          kind: 'not-probed',
          level: levelOf('not-probed'),
          seen: host === undefined ? 'a wildcard, and no name below it is known' : 'not in the list',
        },
      ];
    const outside = new Map(
      insidePolicy(host, addresses, about, targets).map(({ address, seen }) => [address, seen]),
    );
    return addresses.map((address) => {
      const seen = outside.get(address);
      const kind = seen === undefined ? 'works' : 'outside-policy';
      return {
        ...about,
        address,
        kind,
        level: levelOf(kind),
        seen: seen ?? `let through by ${targets.map(({ id }) => id).join(', ')}`,
      };
    });
  });
}
