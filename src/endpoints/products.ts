import type { EndpointCloud } from './endpoint-table.ts';

/** Names of products whose tables are called otherwise, by cloud. All other products are called as their tables. */
const TABLES: ReadonlyMap<string, Readonly<Partial<Record<EndpointCloud, string>>>> = new Map(
  Object.entries({
    connector: { public: 'private-network-connector', usgov: 'private-network-connector-usgov' },
    avd: { public: 'avd-session-host', usgov: 'avd-session-host' },
    defender: { public: 'defender-endpoint-streamlined', usgov: 'defender-endpoint-streamlined' },
  }),
);

/** The short names of products, sorted. */
export const PRODUCT_NAMES: readonly string[] = [...TABLES.keys()].sort();

/** The id of a product's table in a cloud: that of the product itself, unless the product has a short name. */
export function tableOfProduct(product: string, cloud: string): string {
  const tables = TABLES.get(product);
  return tables?.[cloud as EndpointCloud] ?? tables?.public ?? product;
}
