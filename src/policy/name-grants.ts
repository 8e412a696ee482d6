import type { HostPattern } from '../net/host-pattern.ts';
import { HostSet } from '../net/host-set.ts';
import { holdsPorts, keyOfPorts, type MethodPorts, unitePorts } from '../net/method.ts';
import { compareRanges, PortSet } from '../net/ports.ts';
import type { NameGrant } from './policy.ts';

/** A name that is asked for, on its ports. */
interface AskedName extends MethodPorts {
  readonly host: HostPattern;
}

/**
 * One grant a distinct set of ports and methods. A name gets the ports of every pattern that covers it, so that it stands
 * in one list: `x.a.com` on 80 beside `*.a.com` on 443 becomes `x.a.com` on 80,443.
 */
export function nameGrants(names: readonly AskedName[]): NameGrant[] {
  const asked = new Map<string, Map<string, AskedName>>();
  for (const { host, ...on } of names) {
    const same = asked.get(host.name) ?? new Map<string, AskedName>();
    const key = `${host.apex} ${host.subdomains}`;
    const known = same.get(key);
    same.set(key, { host, ...(known === undefined ? on : unitePorts(known, on)) });
    asked.set(host.name, same);
  }
  const full = new Map<string, Map<string, AskedName>>();
  for (const [name, same] of asked)
    full.set(
      name,
      new Map(
        [...same].map(([key, { host }]) => [
          key,
          {
            host,
            ...coverers(host, asked).reduce<MethodPorts>(unitePorts, { ports: PortSet.empty }),
          },
        ]),
      ),
    );
  const grants = new Map<string, { readonly hosts: HostPattern[]; readonly on: MethodPorts }>();
  for (const same of full.values())
    for (const one of same.values()) {
      const covered = coverers(one.host, full).some((other) => other !== one && holdsPorts(other, one));
      if (covered) continue;
      const { host: _, ...on } = one;
      const key = keyOfPorts(on);
      const grant = grants.get(key) ?? { hosts: [], on };
      grant.hosts.push(one.host);
      grants.set(key, grant);
    }
  return [...grants.values()]
    .map(({ hosts, on }) => ({ hosts: HostSet.fromPatterns(hosts), ...on }))
    .sort((a, b) => comparePorts(a.ports, b.ports) || (keyOfPorts(a) < keyOfPorts(b) ? -1 : 1));
}

/** The patterns that cover a pattern, itself among them: those of its name, and those above it that have subdomains. */
function coverers(host: HostPattern, all: ReadonlyMap<string, ReadonlyMap<string, AskedName>>): AskedName[] {
  const found = [...(all.get(host.name)?.values() ?? [])].filter(
    ({ host: other }) => (other.apex || !host.apex) && (other.subdomains || !host.subdomains),
  );
  for (let dot = host.name.indexOf('.'); dot >= 0; dot = host.name.indexOf('.', dot + 1))
    for (const above of all.get(host.name.slice(dot + 1))?.values() ?? [])
      if (above.host.subdomains) found.push(above);
  return found;
}

/** The order of port sets, by their first range that differs. */
export function comparePorts(a: PortSet, b: PortSet): number {
  for (const [index, range] of a.ranges.entries()) {
    const other = b.ranges[index];
    if (other === undefined) return 1;
    const order = compareRanges(range, other);
    if (order !== 0) return order;
  }
  return a.ranges.length - b.ranges.length;
}
