import type { AllowlistConfig, EndpointSelection, RuleConfig } from './config/config.ts';
import { invalid, withLines } from './config/load.ts';
import {
  type EndpointCloud,
  type EndpointTable,
  groupProblems,
  parametersUsed,
  tableOfCloud,
} from './endpoints/endpoint-table.ts';
import { listEndpointTables, loadEndpointTable, loadEndpointTableFile } from './endpoints/load.ts';
import { type ParameterValues, parameterProblems } from './endpoints/parameters.ts';
import { PRODUCT_NAMES, tableOfProduct } from './endpoints/products.ts';
import type { Snapshot } from './feed/snapshot.ts';
import { azureRegion } from './net/regions.ts';
import { addressRulesOf, type ProductOfTable, productRules } from './policy/product-rules.ts';
import { tableKey } from './policy/resolve.ts';
import { ConfigurationError, type Problem } from './problem.ts';
import { closest } from './suggest.ts';

/** A region that the configuration gives for a parameter, by the place where it stands. */
export interface GivenRegion {
  readonly where: string;
  readonly name: string;
}

/** A configuration with the tables that it names. */
export interface ConfigWithTables {
  /** With the rules that its products become, after its own. */
  readonly config: AllowlistConfig;
  /** As the configured cloud has them, by `tableKey`. */
  readonly tables: ReadonlyMap<string, EndpointTable>;
  readonly regions: readonly GivenRegion[];
}

/** The longest name of a rule. */
const LONGEST_NAME = 20;

/**
 * Loads the endpoint tables that rules and products name, and makes rules of the products.
 * @throws ConfigurationError listing every problem with its line
 */
export async function loadTables(config: AllowlistConfig): Promise<ConfigWithTables> {
  const tables = new Map<string, EndpointTable>();
  const problems: Problem[] = [];
  const regions: GivenRegion[] = [];
  const load = async (
    from: EndpointSelection['from'],
    where: string,
    choice: { readonly groups: readonly string[]; readonly parameters: ParameterValues; readonly at: string },
  ): Promise<EndpointTable | undefined> => {
    try {
      const key = tableKey(from);
      const known = tables.get(key);
      const table =
        known ??
        ('table' in from ? await loadEndpointTable(from.table) : await loadEndpointTableFile(from.file));
      const { cloud } = config.feed;
      if (!table.clouds.some((one) => one === cloud)) {
        problems.push({
          where,
          what: `the table ${table.id} is of the cloud ${table.clouds.join(' and ')}, the feed of ${cloud}`,
          next: 'take the table of the same cloud, or correct feed.cloud',
        });
        return undefined;
      }
      const found = known ?? tableOfCloud(table, cloud as EndpointCloud);
      tables.set(key, found);
      const wrong = [
        ...groupProblems(found, choice.groups).map((problem) => ({ ...problem, where })),
        ...parameterProblems(found, choice.parameters, choice.at, parametersUsed(found, choice.groups)),
      ];
      problems.push(...wrong);
      for (const { id, kind } of found.parameters)
        if (kind === 'region')
          for (const name of choice.parameters[id] ?? []) regions.push({ where: `${choice.at}.${id}`, name });
      return wrong.length > 0 ? undefined : found;
    } catch (error) {
      if (!(error instanceof ConfigurationError)) throw error;
      // What is wrong with a bundled table's id is wrong here; what is wrong in a file is told by its own lines.
      if ('table' in from && error.problems.length > 0)
        problems.push(...error.problems.map((problem) => ({ ...problem, where })));
      else problems.push({ where, what: error.message });
      return undefined;
    }
  };
  // After the configuration's own rules, whose places are told by their numbers.
  const added: RuleConfig[] = [];
  for (const [index, rule] of config.rules.entries()) {
    const found: EndpointTable[] = [];
    for (const [place, { from, optional, parameters = {} }] of rule.endpoints.entries()) {
      const where = `rules[${index}].endpoints[${place}]`;
      const table = await load(from, where, { groups: optional, parameters, at: `${where}.parameters` });
      if (table !== undefined) found.push(table);
    }
    if (found.length < rule.endpoints.length) continue;
    for (const one of addressRulesOf(rule, found, config.families)) {
      if (one.name.length > LONGEST_NAME)
        problems.push({
          where: `rules[${index}].name`,
          what: `${JSON.stringify(rule.name)} is too long: its tables ask for addresses too, which become the rule ${one.name}`,
          next: 'shorten it to 11 characters',
        });
      added.push(one);
    }
  }
  const products: ProductOfTable[] = [];
  for (const [index, product] of config.products.entries()) {
    const where = `products[${index}]`;
    const id = tableOfProduct(product.product, config.feed.cloud);
    const bundled = await listEndpointTables();
    if (!bundled.includes(id)) {
      const known = [...PRODUCT_NAMES, ...bundled];
      const near = closest(product.product, known);
      problems.push({
        where,
        what: `there is no product ${JSON.stringify(product.product)}`,
        next:
          near.length > 0
            ? `did you mean ${near.join(' or ')}?`
            : `known are ${known.join(', ')}; \`rules\` can say everything else`,
      });
      continue;
    }
    const { groups, parameters } = product;
    const table = await load({ table: id }, where, {
      groups,
      parameters,
      at: `${where}.${product.product}`,
    });
    if (table !== undefined) products.push({ product, table });
  }
  if (problems.length > 0) throw invalid(config.file, await withLines(config.file, problems));
  const rules = [...config.rules, ...added, ...productRules(products, config.families)];
  return { config: { ...config, rules }, tables, regions };
}

/**
 * Requires that the feed has every region that is given.
 * @throws ConfigurationError with the region that was probably meant
 */
export async function requireRegions(
  file: string,
  regions: readonly GivenRegion[],
  { tags }: Pick<Snapshot, 'tags'>,
): Promise<void> {
  if (regions.length === 0) return;
  const known = new Set(
    [...tags.values()].flatMap(({ region }) => (region === '' ? [] : [azureRegion(region)])),
  );
  const problems = regions
    .filter(({ name }) => !known.has(name))
    .map(({ where, name }): Problem => {
      const near = closest(name, known);
      return {
        where,
        what: `the feed has no region ${JSON.stringify(name)}`,
        next:
          near.length > 0
            ? `did you mean ${near.join(' or ')}?`
            : '`azure-allowlist tags AzureCloud` lists the regions',
      };
    });
  if (problems.length > 0) throw invalid(file, await withLines(file, problems));
}
