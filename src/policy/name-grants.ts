import type { HostPattern } from '../net/host-pattern.ts';
import { HostSet } from '../net/host-set.ts';
import { PortSet } from '../net/ports.ts';
import type { NameGrant } from './policy.ts';

/** A name that is asked for, on its ports. */
interface AskedName {
  readonly host: HostPattern;
  readonly ports: PortSet;
}

/**
 * One grant a distinct port set. A name gets the ports of every pattern that covers it, so that it stands
 * in one list: `x.a.com` on 80 beside `*.a.com` on 443 becomes `x.a.com` on 80,443.
 */
export function nameGrants(names: readonly AskedName[]): NameGrant[] {
  const asked = names.map(({ host, ports }) => ({ hosts: HostSet.fromPatterns([host]), ports }));
  const full = asked.map(({ hosts }) => ({
    hosts,
    ports: asked
      .filter((other) => other.hosts.isSupersetOf(hosts))
      .reduce((ports, other) => ports.union(other.ports), PortSet.empty),
  }));
  const grants = new Map<string, NameGrant>();
  for (const { hosts, ports } of full) {
    const covered = full.some(
      (other) =>
        !other.hosts.equals(hosts) && other.hosts.isSupersetOf(hosts) && other.ports.isSupersetOf(ports),
    );
    if (covered) continue;
    const key = ports.toString();
    grants.set(key, { hosts: grants.get(key)?.hosts.union(hosts) ?? hosts, ports });
  }
  return [...grants.values()].sort((a, b) => comparePorts(a.ports, b.ports));
}

/** The order of port sets, by their first range that differs. */
export function comparePorts(a: PortSet, b: PortSet): number {
  for (const [index, range] of a.ranges.entries()) {
    const other = b.ranges[index];
    if (other === undefined) return 1;
    if (range.first !== other.first) return range.first - other.first;
    if (range.last !== other.last) return range.last - other.last;
  }
  return a.ranges.length - b.ranges.length;
}
