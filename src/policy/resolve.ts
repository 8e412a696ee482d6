import type { RuleConfig } from '../config/config.ts';
import { type EndpointTable, omittedRows, selectRows } from '../endpoints/endpoint-table.ts';
import type { ServiceTag } from '../feed/snapshot.ts';
import { DualStackSet } from '../net/dual-stack-set.ts';
import { portsBy } from '../net/method.ts';
import { PortSet } from '../net/ports.ts';
import { comparePrefixes } from '../net/prefix.ts';
import { wayOf } from './clients.ts';
import { digestRules } from './digest.ts';
import { type M365Sets, m365Rules } from './m365-rules.ts';
import { nameGrants } from './name-grants.ts';
import type { Policy, PolicyRule, TagAddresses } from './policy.ts';
import { omissionOfRow } from './product-rules.ts';

/** Endpoint tables by the key that `tableKey` gives a selection. */
export type EndpointTables = ReadonlyMap<string, EndpointTable>;

/** The key of the table that a rule selects: its id, or its path. */
export function tableKey(from: RuleConfig['endpoints'][number]['from']): string {
  return 'table' in from ? from.table : from.file;
}

/**
 * Combines rules, endpoint tables, service tags and endpoint sets of Microsoft 365 into a policy. A tag that
 * the feed lacks contributes nothing here; the guards `tag-missing` and `tag-empty` speak of it.
 */
export function resolvePolicy(
  rules: readonly RuleConfig[],
  tables: EndpointTables,
  tags: ReadonlyMap<string, ServiceTag>,
  m365?: M365Sets,
): Policy {
  return makePolicy(
    rules.flatMap((rule): readonly PolicyRule[] => {
      if (rule.m365.length === 0) return [resolveRule(rule, tables, tags)];
      if (m365 === undefined) throw new TypeError('the endpoint sets of Microsoft 365 were not loaded');
      const derived = m365Rules(rule, m365);
      // A rule of which nothing is left stays: the guard `empty-policy` speaks of it.
      const own = hasOwnContent(rule) || derived.rules.length === 0;
      if (!own) return derived.rules;
      const resolved = resolveRule(rule, tables, tags);
      const omitted = [...(resolved.omitted ?? []), ...derived.omitted];
      return [{ ...resolved, ...(omitted.length === 0 ? {} : { omitted }) }, ...derived.rules];
    }),
  );
}

/** Whether the rule says anything beside its endpoint sets of Microsoft 365. */
function hasOwnContent({ endpoints, hosts, serviceTags, prefixes }: RuleConfig): boolean {
  return endpoints.length + hosts.length + serviceTags.length + prefixes.length > 0;
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
  const selected = rule.endpoints.map(({ from, optional, parameters }) => {
    const table = tables.get(tableKey(from));
    if (table === undefined) throw new TypeError(`the endpoint table ${tableKey(from)} was not loaded`);
    return {
      rows: selectRows(table, optional, parameters),
      omitted: omittedRows(table, optional, parameters).map(omissionOfRow),
    };
  });
  const rows = [...(rule.rows ?? []), ...selected.flatMap((one) => one.rows)];
  const omitted = [...(rule.omitted ?? []), ...selected.flatMap((one) => one.omitted)];
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
    names: nameGrants([
      ...rule.hosts.map((host) => ({ host, ...portsBy(rule.ports ?? PortSet.empty, rule.methods) })),
      ...rows.map(({ host, ports, methods }) => ({ host, ...portsBy(ports, rule.methods ?? methods) })),
    ]),
    rows,
    tags,
    prefixes: rule.prefixes.toSorted(comparePrefixes),
    addresses: DualStackSet.union([
      ...tags.map(({ addresses }) => addresses),
      DualStackSet.fromPrefixes(rule.prefixes),
    ]),
    addressPorts: rule.ports ?? endpointPorts,
    addressUse: rule.addressUse,
    ...(omitted.length === 0 ? {} : { omitted }),
    ...wayOf(rule),
  };
}
