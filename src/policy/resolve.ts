import type { RuleConfig } from '../config/config.ts';
import { type EndpointRow, type EndpointTable, selectRows } from '../endpoints/endpoint-table.ts';
import type { ServiceTag } from '../feed/snapshot.ts';
import { DualStackSet } from '../net/dual-stack-set.ts';
import { HostSet } from '../net/host-set.ts';
import { PortSet } from '../net/ports.ts';
import { comparePrefixes } from '../net/prefix.ts';
import { digestRules } from './digest.ts';
import type { NameGrant, Policy, PolicyRule, TagAddresses } from './policy.ts';

/** Endpoint tables by the key that `tableKey` gives a selection. */
export type EndpointTables = ReadonlyMap<string, EndpointTable>;

/** The key of the table that a rule selects: its id, or its path. */
export function tableKey(from: RuleConfig['endpoints'][number]['from']): string {
  return 'table' in from ? from.table : from.file;
}

/**
 * Combines rules, endpoint tables and service tags into a policy. A tag that the feed lacks contributes
 * nothing here; the guards `tag-missing` and `tag-empty` speak of it.
 */
export function resolvePolicy(
  rules: readonly RuleConfig[],
  tables: EndpointTables,
  tags: ReadonlyMap<string, ServiceTag>,
): Policy {
  return makePolicy(rules.map((rule) => resolveRule(rule, tables, tags)));
}

/** A policy of rules that are already resolved. */
export function makePolicy(rules: readonly PolicyRule[]): Policy {
  return { rules, digest: digestRules(rules) };
}

function resolveRule(
  rule: RuleConfig,
  tables: EndpointTables,
  feed: ReadonlyMap<string, ServiceTag>,
): PolicyRule {
  const rows = rule.endpoints.flatMap((selection): readonly EndpointRow[] => {
    const table = tables.get(tableKey(selection.from));
    if (table === undefined)
      throw new TypeError(`the endpoint table ${tableKey(selection.from)} was not loaded`);
    return selectRows(table, selection.optional);
  });
  const tags = rule.serviceTags.flatMap((name): TagAddresses[] => {
    const tag = feed.get(name);
    return tag === undefined
      ? []
      : [
          {
            tag: name,
            region: tag.region,
            prefixes: tag.prefixes.toSorted(comparePrefixes),
            addresses: tag.addresses,
          },
        ];
  });
  const endpointPorts = rows.reduce((ports, row) => ports.union(row.ports), PortSet.empty);
  return {
    name: rule.name,
    reason: rule.reason,
    names: nameGrants(rule, rows),
    rows,
    tags,
    prefixes: rule.prefixes.toSorted(comparePrefixes),
    addresses: DualStackSet.union([
      ...tags.map(({ addresses }) => addresses),
      DualStackSet.fromPrefixes(rule.prefixes),
    ]),
    addressPorts: rule.ports ?? endpointPorts,
    addressUse: rule.addressUse,
  };
}

/**
 * One grant a distinct port set. A name gets the ports of every pattern that covers it, so that it stands
 * in one list: `x.a.com` on 80 beside `*.a.com` on 443 becomes `x.a.com` on 80,443.
 */
function nameGrants(rule: RuleConfig, rows: readonly EndpointRow[]): NameGrant[] {
  const asked = [
    ...rule.hosts.map((host) => ({ host, ports: rule.ports ?? PortSet.empty })),
    ...rows.map(({ host, ports }) => ({ host, ports })),
  ].map(({ host, ports }) => ({ hosts: HostSet.fromPatterns([host]), ports }));
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

function comparePorts(a: PortSet, b: PortSet): number {
  for (const [index, range] of a.ranges.entries()) {
    const other = b.ranges[index];
    if (other === undefined) return 1;
    if (range.first !== other.first) return range.first - other.first;
    if (range.last !== other.last) return range.last - other.last;
  }
  return a.ranges.length - b.ranges.length;
}
