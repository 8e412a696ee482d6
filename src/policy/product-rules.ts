import type { ProductConfig, RuleConfig } from '../config/config.ts';
import {
  type AddressRow,
  type EndpointRow,
  type EndpointTable,
  formatEndpoint,
  omittedRows,
  selectAddressRows,
  selectRows,
} from '../endpoints/endpoint-table.ts';
import type { Family } from '../net/address.ts';
import { portKey } from '../net/port-key.ts';
import { type PortSet, PROTOCOLS } from '../net/ports.ts';
import { formatPrefix } from '../net/prefix.ts';
import { comparePorts } from './name-grants.ts';
import type { RuleOmission } from './policy.ts';

/** A product with its table, as the configured cloud has it. */
export interface ProductOfTable {
  readonly product: ProductConfig;
  readonly table: EndpointTable;
}

/**
 * The rules that products become: those of one name together, one for each port set, so that no name and no address is let in
 * on a port that no row asks for, and what several products ask for stands once. TCP and UDP make rules of their own, as do
 * rows that ask for addresses: beside names they would count as a fallback. The service tags of a rule are those
 * that cover its rows.
 * @param families the other family's ranges are read as if they were not documented
 */
export function productRules(products: readonly ProductOfTable[], families: readonly Family[]): RuleConfig[] {
  const names = [...new Set(products.map(({ product }) => product.name))];
  return names.flatMap((name) => {
    const same = products.filter(({ product }) => product.name === name);
    const { addressUse } = same[0]!.product;
    const rules = [
      ...namedRules(name, same),
      ...addressRules(
        name,
        same.flatMap(({ product, table }) => selectAddressRows(table, product.groups, product.parameters)),
        families,
      ),
    ].map(
      (rule): RuleConfig => ({
        ...rule,
        addressUse,
        ...forWhom(same[0]!.product),
        ...methodsOf(rule, same[0]!.product),
      }),
    );
    const omitted = omissionsOf(same);
    // What belongs to no rule is told by the first.
    return rules.map((rule, index) => (index === 0 && omitted.length > 0 ? { ...rule, omitted } : rule));
  });
}

/**
 * The rules that the address rows of a rule's tables become, beside the rule itself.
 * @param rule one whose endpoints are all of these tables
 */
export function addressRulesOf(
  rule: RuleConfig,
  tables: readonly EndpointTable[],
  families: readonly Family[],
): RuleConfig[] {
  const rows = rule.endpoints.flatMap(({ optional, parameters }, index) =>
    selectAddressRows(tables[index]!, optional, parameters),
  );
  return addressRules(rule.name, rows, families).map((one) => ({ ...one, ...forWhom(rule) }));
}

type Way = Pick<RuleConfig, 'clients' | 'scenario' | 'proxies'>;

/** Whom a rule is for, and the way that they go. */
function forWhom({ clients, scenario, proxies }: Way): Way {
  return {
    ...(clients === undefined ? {} : { clients }),
    ...(scenario === undefined ? {} : { scenario }),
    ...(proxies === undefined ? {} : { proxies }),
  };
}

/** Addresses know no method. */
function methodsOf({ rows }: RuleConfig, { methods }: ProductConfig): Pick<RuleConfig, 'methods'> {
  return rows === undefined || methods === undefined ? {} : { methods };
}

function namedRules(name: string, products: readonly ProductOfTable[]): RuleConfig[] {
  const rows = products.flatMap(({ product, table }) =>
    selectRows(table, product.groups, product.parameters),
  );
  return byPorts(distinct(rows)).map(({ ports, rows: group }) => ({
    ...empty(`${name}-${nameKey(ports)}`, `Endpoints of ${tablesOf(group)}`),
    rows: group.map((row) => ({ ...row, ports })),
    serviceTags: [...new Set(group.flatMap(({ coveredBy }) => coveredBy.map(({ tag }) => tag)))].sort(),
    ports,
  }));
}

function addressRules(name: string, rows: readonly AddressRow[], families: readonly Family[]): RuleConfig[] {
  return byPorts(rows).flatMap(({ ports, rows: group }) => {
    const serviceTags = [...new Set(group.flatMap((row) => row.serviceTags))].sort();
    const prefixes = [
      ...new Map(
        group.flatMap((row) => row.prefixes.map((prefix) => [formatPrefix(prefix), prefix] as const)),
      ).values(),
    ].filter(({ family }) => families.includes(family));
    if (serviceTags.length + prefixes.length === 0) return [];
    const purposes = [...new Set(group.map(({ table, purpose }) => `${table}: ${purpose}`))];
    return [
      {
        ...empty(`${name}-a${nameKey(ports)}`, purposes.join(' ')),
        serviceTags,
        prefixes,
        ports,
      },
    ];
  });
}

function empty(name: string, reason: string): RuleConfig {
  return {
    name,
    reason,
    endpoints: [],
    hosts: [],
    serviceTags: [],
    prefixes: [],
    m365: [],
    ports: undefined,
    addressUse: 'fallback',
  };
}

/** The rows of each port set of one protocol, in the order of the ports. */
function byPorts<Row extends { readonly ports: PortSet }>(
  rows: readonly Row[],
): { readonly ports: PortSet; readonly rows: readonly Row[] }[] {
  const groups = new Map<string, { readonly ports: PortSet; readonly rows: Row[] }>();
  for (const row of rows)
    for (const protocol of PROTOCOLS) {
      const ports = row.ports.only(protocol);
      if (ports.isEmpty) continue;
      const group = groups.get(ports.toString()) ?? { ports, rows: [] };
      group.rows.push(row);
      groups.set(ports.toString(), group);
    }
  return [...groups.values()].sort((a, b) => comparePorts(a.ports, b.ports));
}

/** A table that two products include brings its rows once. */
function distinct(rows: readonly EndpointRow[]): readonly EndpointRow[] {
  return [
    ...new Map(
      rows.map((row) => [`${row.table} ${row.index} ${formatEndpoint(row)}`, row] as const),
    ).values(),
  ];
}

function tablesOf(rows: readonly EndpointRow[]): string {
  return [...new Set(rows.map(({ table }) => table))].join(', ');
}

/** Names that no device matches, and that their table does not widen. */
function omissionsOf(products: readonly ProductOfTable[]): RuleOmission[] {
  return products.flatMap(({ product, table }) =>
    omittedRows(table, product.groups, product.parameters).map(omissionOfRow),
  );
}

/** What is left out where a table says that a name with a wildcard inside a label is not to be widened. */
export function omissionOfRow(row: EndpointRow): RuleOmission {
  return {
    kind: 'wildcard',
    reason: `${row.table} asks for ${formatEndpoint(row)} on port ${row.ports}; no host pattern says that exactly`,
  };
}

/** Fit for the name of a rule, which has no underscores. */
function nameKey(ports: PortSet): string {
  return portKey(ports).replaceAll('_', 'x');
}
