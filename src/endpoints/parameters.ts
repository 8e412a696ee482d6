import { type HostPattern, parseHostPattern } from '../net/host-pattern.ts';
import { feedRegion, spelledRegion } from '../net/regions.ts';
import type { Problem } from '../problem.ts';
import { closest } from '../suggest.ts';
import { isPartialName } from './partial-name.ts';

/** Something that a table leaves open and the configuration gives: a region, a workspace, the location of a tenant. */
export interface TableParameter {
  readonly id: string;
  /** A `region` of Azure is checked against the feed; a `label` stands in host names; a `choice` is one of `values`. */
  readonly kind: 'region' | 'label' | 'choice';
  readonly description: string;
  /** Of a choice. */
  readonly values: readonly string[];
}

/** The values of parameters, by id. */
export type ParameterValues = Readonly<Record<string, readonly string[]>>;

/** The parameters that stand in a text: `<region>.example.com`. */
export function parametersIn(text: string): string[] {
  return [...text.matchAll(/<([^<>]*)>/g)].map(([, id]) => id!);
}

/**
 * A host pattern whose name may hold parameters; of a name with a wildcard inside its first label, the least pattern that
 * holds it.
 * @throws HostSyntaxError
 */
export function parseTableHost(text: string): HostPattern {
  if (isPartialName(text)) return parseTableHost(text.replace(/^[^.]*\./, '*.'));
  if (!text.includes('<')) return parseHostPattern(text);
  const { apex, subdomains } = parseHostPattern(text.replace(/<[^<>]*>/g, 'x'));
  return { name: text.replace(/^\*?\.(?=.)/, ''), apex, subdomains };
}

/** The text for each combination of values; none where a value is lacking. */
export function fill(text: string, parameters: ParameterValues): string[] {
  return [...new Set(parametersIn(text))].reduce<string[]>(
    (texts, id) =>
      (parameters[id] ?? []).flatMap((value) => texts.map((one) => one.replaceAll(`<${id}>`, value))),
    [text],
  );
}

/** The host and partial name of a row for each combination of values. */
export function fillHost(
  { host, partialName }: { readonly host: HostPattern; readonly partialName?: string },
  parameters: ParameterValues,
): { readonly host: HostPattern; readonly partialName?: string }[] {
  if (!host.name.includes('<')) return [{ host, ...(partialName === undefined ? {} : { partialName }) }];
  const names = fill(host.name, parameters);
  const partial = partialName === undefined ? [] : fill(partialName, parameters);
  return names.map((name, index) => ({
    host: { ...host, name: parseHostPattern(name).name },
    ...(partialName === undefined ? {} : { partialName: partial[index]! }),
  }));
}

/**
 * A service tag of a row for each region. The tags of AzureCloud are named after the feed's own names of regions
 * (`AzureCloud.germanywc`), so that no feed need be asked.
 */
export function fillTag(tag: string, parameters: ParameterValues): string[] {
  return fill(
    tag,
    Object.fromEntries(Object.entries(parameters).map(([id, values]) => [id, values.map(feedRegion)])),
  );
}

const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/**
 * What is wrong with the values that are given for a table's parameters; whether a region exists, the feed says.
 * @param used the parameters that the rows asked for use: these must be given
 */
export function parameterProblems(
  table: { readonly id: string; readonly parameters: readonly TableParameter[] },
  given: ParameterValues,
  where: string,
  used: ReadonlySet<string>,
): Problem[] {
  const known = new Map(table.parameters.map((parameter) => [parameter.id, parameter]));
  const problems: Problem[] = [];
  for (const [id, values] of Object.entries(given)) {
    const parameter = known.get(id);
    if (parameter === undefined) {
      const near = closest(id, known.keys());
      problems.push({
        where: `${where}.${id}`,
        what: `${table.id} has no parameter ${JSON.stringify(id)}`,
        next:
          known.size === 0
            ? 'it has none: remove the key'
            : near.length > 0
              ? `did you mean ${near.join(' or ')}?`
              : `it has ${[...known.keys()].join(', ')}`,
      });
      continue;
    }
    for (const value of values) {
      if (parameter.kind === 'choice' && !parameter.values.includes(value))
        problems.push({
          where: `${where}.${id}`,
          what: `${JSON.stringify(value)} is no ${id} of ${table.id}`,
          next: `one of ${parameter.values.join(', ')}`,
        });
      else if (parameter.kind === 'region' && spelledRegion(value) !== value)
        problems.push({
          where: `${where}.${id}`,
          what: `${JSON.stringify(value)} is not how Azure names a region`,
          next: `did you mean ${spelledRegion(value)}?`,
        });
      else if (parameter.kind !== 'choice' && !LABEL.test(value))
        problems.push({
          where: `${where}.${id}`,
          what: `${JSON.stringify(value)} cannot stand in a host name`,
          next: 'lower-case letters, digits and hyphens',
        });
    }
  }
  for (const { id, description, kind, values } of table.parameters)
    if (used.has(id) && given[id] === undefined)
      problems.push({
        where,
        what: `${table.id} needs the parameter ${id}: ${description}`,
        next:
          kind === 'choice'
            ? `one of ${values.join(', ')}`
            : kind === 'region'
              ? `e.g. \`${id}: westeurope\``
              : `give \`${id}\``,
      });
  return problems;
}
