import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PortSet } from '../net/ports.ts';
import { parsePrefix } from '../net/prefix.ts';
import { parsedAtBuild } from '../parsed-yaml.ts';
import { ConfigurationError, type Problem } from '../problem.ts';
import { readRegularText } from '../regular-file.ts';
import { closest } from '../suggest.ts';
import {
  type AddressRow,
  type EndpointCloud,
  type EndpointTable,
  groupProblems,
  type TableRow,
} from './endpoint-table.ts';
import { parametersIn, parseTableHost, type TableParameter } from './parameters.ts';
import { isPartialName } from './partial-name.ts';
import type { EndpointTableFile } from './schema.ts';

const BUNDLED = fileURLToPath(new URL('../../data/endpoints/', import.meta.url));

/** The ids of the tables in a directory (by default the bundled ones), sorted. */
export async function listEndpointTables(directory: string = BUNDLED): Promise<readonly string[]> {
  const names = await readdir(directory);
  return names
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => name.slice(0, -'.yaml'.length))
    .sort();
}

const TABLES = new Map<string, Promise<EndpointTable>>();

/**
 * Loads a table by its id from a directory, by default the bundled ones.
 * @throws ConfigurationError for an unknown id, with the closest ones, and for a file with problems, with all of them
 */
export async function loadEndpointTable(
  id: string,
  options: { readonly directory?: string } = {},
): Promise<EndpointTable> {
  const directory = options.directory ?? BUNDLED;
  const known = await listEndpointTables(directory);
  if (!known.includes(id)) {
    const near = closest(id, known);
    throw new ConfigurationError(`There is no endpoint table ${JSON.stringify(id)}`, [
      {
        where: 'endpoints',
        what: `${JSON.stringify(id)} is not the id of a table`,
        next: near.length > 0 ? `did you mean ${near.join(' or ')}?` : `known are ${known.join(', ')}`,
      },
    ]);
  }
  const path = join(directory, `${id}.yaml`);
  // Bundled tables do not change while a process runs.
  const loaded = (directory === BUNDLED ? TABLES.get(id) : undefined) ?? loadEndpointTableFile(path);
  if (directory === BUNDLED) TABLES.set(id, loaded);
  const table = await loaded;
  if (table.id !== id)
    throw new ConfigurationError('The endpoint table is unusable', [
      { where: `${path}: id`, what: `${JSON.stringify(table.id)} differs from the file's name` },
    ]);
  return table;
}

/**
 * Loads a table from a YAML file of the user's own.
 * @throws ConfigurationError with all problems of the file
 */
export async function loadEndpointTableFile(path: string): Promise<EndpointTable> {
  let text: string;
  try {
    text = await readRegularText(path);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigurationError(
      'The endpoint table cannot be read',
      [{ where: path, what: reason, next: 'check the path' }],
      { cause },
    );
  }
  return parseEndpointTable(text, path);
}

/**
 * Parses the YAML text of a table.
 * @param file the name that problems are told with
 * @throws ConfigurationError with all problems of the text
 */
export async function parseEndpointTable(text: string, file: string): Promise<EndpointTable> {
  // zod takes a tenth of a second to import: only those who load a table pay for it.
  const [{ endpointTableFile, endpointTableJsonSchema }, { schemaProblems }] = await Promise.all([
    import('./schema.ts'),
    import('../schema-problems.ts'),
  ]);
  const refuse = (problems: readonly Problem[]): never => {
    throw new ConfigurationError('The endpoint table is unusable', problems);
  };

  const document = (await parsedAtBuild(text)) ?? (await parseWithLines(text, file));
  const shape = endpointTableFile.safeParse(document);
  const problems = shape.success
    ? []
    : schemaProblems(shape.error.issues, { file, document, jsonSchema: endpointTableJsonSchema() });
  problems.push(...referenceProblems(document, file), ...scopeProblems(document, file));
  if (problems.length > 0 || !shape.success) return refuse(problems);
  const included = await Promise.all(
    (shape.data.includes ?? []).map(async ({ table, groups = [], optional }, place) => {
      const where = `${file}: includes[${place}]`;
      try {
        const found = await loadEndpointTable(table);
        problems.push(...groupProblems(found, groups).map((problem) => ({ ...problem, where })));
        return { table: found, groups, optional };
      } catch (error) {
        if (!(error instanceof ConfigurationError)) throw error;
        return refuse(error.problems.map((problem) => ({ ...problem, where })));
      }
    }),
  );
  if (problems.length > 0) return refuse(problems);
  return included.reduce(include, normalise(shape.data));
}

/** @throws ConfigurationError listing what is no YAML, with its lines */
async function parseWithLines(text: string, file: string): Promise<unknown> {
  const { parseDocument } = await import('yaml');
  const yaml = parseDocument(text);
  const problems = [...yaml.errors, ...yaml.warnings].map(({ message, linePos }) => ({
    where: linePos === undefined ? file : `${file}:${linePos[0].line}:${linePos[0].col}`,
    what: message.split('\n')[0]!.replace(/ at line \d+, column \d+:?$/, ''),
  }));
  if (problems.length > 0) throw new ConfigurationError('The endpoint table is unusable', problems);
  return yaml.toJS();
}

/**
 * The table with the rows of another, as far as they hold without its optional groups or with these of them.
 * @param optional the optional group of the table that the rows belong to: they are needed where it is
 */
function include(
  table: EndpointTable,
  {
    table: other,
    groups,
    optional: group,
  }: {
    readonly table: EndpointTable;
    readonly groups: readonly string[];
    readonly optional: string | undefined;
  },
): EndpointTable {
  const holds = <Row extends Pick<TableRow, 'optional' | 'clouds'>>(rows: readonly Row[]) =>
    rows.flatMap(({ optional, ...row }) => {
      const clouds = row.clouds.filter((cloud) => table.clouds.includes(cloud));
      return clouds.length > 0 && (optional === undefined || groups.includes(optional))
        ? [{ ...row, clouds, ...(group === undefined ? {} : { optional: group, need: 'conditional' }) }]
        : [];
    });
  const known = new Set(table.parameters.map(({ id }) => id));
  return {
    ...table,
    parameters: [...table.parameters, ...other.parameters.filter(({ id }) => !known.has(id))],
    rows: [...table.rows, ...holds(other.rows)],
    addressRows: [...table.addressRows, ...holds(other.addressRows)],
    includes: [...table.includes, other.id],
  };
}

/**
 * The rules between keys. They look at whatever can be recognised in the document, so that they are told together
 * with the problems of its shape.
 */
function referenceProblems(document: unknown, file: string): Problem[] {
  const problems: Problem[] = [];
  const sources = idsOf(document, 'sources');
  const groups = idsOf(document, 'optionalGroups');
  for (const [key, ids] of [
    ['sources', sources],
    ['optionalGroups', groups],
  ] as const)
    ids.forEach((id, place) => {
      if (id !== undefined && ids.indexOf(id) < place)
        problems.push({
          where: `${file}: ${key}[${place}].id`,
          what: `${JSON.stringify(id)} is already taken`,
        });
    });

  const refer = (name: unknown, ids: readonly (string | undefined)[], where: string, kind: string): void => {
    if (typeof name !== 'string' || ids.includes(name)) return;
    const known = ids.filter((id) => id !== undefined);
    const near = closest(name, known);
    problems.push({
      where,
      what: `${JSON.stringify(name)} is not the id of ${kind}`,
      next:
        near.length > 0
          ? `did you mean ${near.join(' or ')}?`
          : `known are ${known.length > 0 ? known.join(', ') : 'none'}`,
    });
  };
  listAt(document, 'rows').forEach((row, index) => {
    const where = `${file}: rows[${index}]`;
    listAt(row, 'sources').forEach((name, place) => {
      refer(name, sources, `${where}.sources[${place}]`, 'a source');
    });
    refer(at(row, 'optional'), groups, `${where}.optional`, 'an optional group');
    const parameters = idsOf(document, 'parameters');
    for (const text of ['hosts', 'serviceTags'].flatMap((key) => listAt(row, key)))
      if (typeof text === 'string')
        for (const id of parametersIn(text)) refer(id, parameters, where, 'a parameter');
    for (const id of Object.keys((isRecord(row) && isRecord(row.when) && row.when) || {}))
      refer(id, parameters, `${where}.when`, 'a parameter');
    if (isRecord(row)) problems.push(...rowProblems(row, where));
  });
  listAt(document, 'includes').forEach((entry, place) => {
    refer(at(entry, 'optional'), groups, `${file}: includes[${place}].optional`, 'an optional group');
  });
  listAt(document, 'mustHaves').forEach((entry, index) => {
    listAt(entry, 'sources').forEach((name, place) => {
      refer(name, sources, `${file}: mustHaves[${index}].sources[${place}]`, 'a source');
    });
  });
  return problems;
}

function rowProblems(row: Readonly<Record<string, unknown>>, where: string): Problem[] {
  const kinds = ['hosts', 'serviceTags', 'addresses'].filter((key) => row[key] !== undefined);
  if (kinds.length !== 1)
    return [
      {
        where,
        what: kinds.length === 0 ? 'the row asks for nothing' : `${kinds.join(' and ')} are both given`,
        next: 'give one of hosts, serviceTags and addresses',
      },
    ];
  const covered = row.coveredBy !== undefined;
  const byName = kinds[0] === 'hosts';
  const problems: Problem[] = [];
  if (!byName)
    for (const key of ['coveredBy', 'notCovered', 'path', 'partialNames', 'misprintOf', 'inText', 'methods'])
      if (row[key] !== undefined)
        problems.push({
          where: `${where}.${key}`,
          what: 'means nothing for addresses',
          next: 'remove the key',
        });
  if (byName && covered === (row.notCovered !== undefined))
    problems.push({
      where,
      what: `${covered ? 'both' : 'neither'} coveredBy ${covered ? 'and' : 'nor'} notCovered is given`,
      next: 'say which service tags cover the hosts, or why none does',
    });
  const partial = listAt(row, 'hosts').filter((host) => typeof host === 'string' && isPartialName(host));
  if (partial.length > 0 && row.partialNames === undefined)
    problems.push({
      where: `${where}.hosts`,
      what: `${JSON.stringify(partial[0])}: no device matches a wildcard inside a label`,
      next: 'write *.example.com, or say what becomes of it: partialNames widen or omit',
    });
  if (row.partialNames !== undefined && partial.length === 0)
    problems.push({
      where: `${where}.partialNames`,
      what: 'no host of the row has a wildcard inside a label',
      next: 'remove the key',
    });
  return problems;
}

/** The rules about clouds and the values of parameters. */
function scopeProblems(document: unknown, file: string): Problem[] {
  const problems: Problem[] = [];
  const clouds = cloudsOf(document);
  if (clouds === undefined) problems.push({ where: file, what: 'exactly one of cloud and clouds is needed' });
  const values = new Map(
    listAt(document, 'parameters').map((parameter, place) => {
      const kind = at(parameter, 'kind');
      const choices = at(parameter, 'values');
      if ((kind === 'choice') !== (choices !== undefined))
        problems.push({
          where: `${file}: parameters[${place}]`,
          what: kind === 'choice' ? 'a choice needs values' : 'only a choice has values',
        });
      return [at(parameter, 'id'), kind === 'choice' ? listAt(parameter, 'values') : undefined] as const;
    }),
  );
  listAt(document, 'rows').forEach((row, index) => {
    for (const cloud of listAt(row, 'clouds'))
      if (clouds !== undefined && !clouds.includes(cloud))
        problems.push({
          where: `${file}: rows[${index}].clouds`,
          what: `${JSON.stringify(cloud)} is no cloud of the table`,
          next: `add it to clouds, or choose from ${clouds.join(', ')}`,
        });
    const when = at(row, 'when');
    for (const [id, wanted] of Object.entries(isRecord(when) ? when : {}))
      for (const value of Array.isArray(wanted) ? wanted : [wanted])
        if (values.get(id)?.includes(value) === false)
          problems.push({
            where: `${file}: rows[${index}].when.${id}`,
            what: `${JSON.stringify(value)} is no value of ${id}`,
            next: `known are ${values.get(id)!.join(', ')}`,
          });
  });
  if (listAt(document, 'rows').length + listAt(document, 'includes').length === 0)
    problems.push({ where: `${file}: rows`, what: 'must have a row' });
  return problems;
}

function cloudsOf(document: unknown): readonly unknown[] | undefined {
  const one = at(document, 'cloud');
  const several = at(document, 'clouds');
  if ((one === undefined) === (several === undefined)) return undefined;
  return one === undefined ? listAt(document, 'clouds') : [one];
}

function normalise({
  cloud,
  clouds = cloud === undefined ? [] : [cloud],
  optionalGroups = [],
  mustHaves = [],
  history = [],
  leftOut = [],
  parameters = [],
  includes: _,
  rows: written = [],
  ...file
}: EndpointTableFile): EndpointTable {
  const rows: TableRow[] = [];
  const addressRows: AddressRow[] = [];
  for (const row of written) {
    const scope = scopeOf(row, clouds);
    const { hosts, serviceTags = [], addresses = [], ports } = row;
    const index = rows.length + addressRows.length;
    if (hosts === undefined)
      addressRows.push({
        ...scope,
        table: file.id,
        index,
        serviceTags,
        prefixes: addresses.map(parsePrefix),
        ports: portsOf(ports),
        purpose: row.purpose,
        sources: row.sources,
        ...(row.optional === undefined ? {} : { optional: row.optional }),
        ...(row.note === undefined ? {} : { note: row.note }),
      });
    else
      for (const host of hosts)
        rows.push(tableRow(row, host, { ...scope, table: file.id, index: rows.length + addressRows.length }));
  }
  return {
    ...file,
    clouds,
    parameters: parameters.map(({ values = [], ...parameter }): TableParameter => ({ ...parameter, values })),
    includes: [],
    leftOut,
    optionalGroups,
    mustHaves: mustHaves.map(({ host, addresses, ports, sources }) => ({
      host,
      addresses: addresses.map(parsePrefix),
      ports: portsOf(ports),
      sources,
    })),
    history,
    rows,
    addressRows,
  };
}

type RowDocument = NonNullable<EndpointTableFile['rows']>[number];

function scopeOf(
  { when = {}, need, optional, clouds }: RowDocument,
  all: readonly EndpointCloud[],
): Pick<TableRow, 'clouds' | 'when' | 'need'> {
  return {
    clouds: clouds ?? all,
    when: Object.fromEntries(Object.entries(when).map(([id, value]) => [id, [value].flat()])),
    need: need ?? (optional === undefined ? 'required' : 'optional'),
  };
}

function tableRow(
  row: RowDocument,
  host: string,
  scope: Pick<TableRow, 'clouds' | 'when' | 'need' | 'table' | 'index'>,
): TableRow {
  const {
    hosts: _,
    serviceTags: __,
    addresses: ___,
    ports,
    inText,
    coveredBy = [],
    partialNames,
    tlsInspection,
    clouds,
    when,
    need,
    ...rest
  } = row;
  const partial = isPartialName(host);
  return {
    ...rest,
    ...scope,
    host: parseTableHost(host),
    ...(partial && partialNames !== undefined ? { partialName: host, partialUse: partialNames } : {}),
    ports: portsOf(ports),
    ...(inText === undefined ? {} : { inText: portsOf(inText) }),
    ...(tlsInspection === undefined ? {} : { noTlsInspection: true }),
    coveredBy,
  };
}

function portsOf(ports: readonly (string | number)[]): PortSet {
  return ports
    .map((port) => PortSet.parse(String(port)))
    .reduce((all, some) => all.union(some), PortSet.empty);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

function at(value: unknown, key: string): unknown {
  return isRecord(value) ? value[key] : undefined;
}

function listAt(value: unknown, key: string): readonly unknown[] {
  const list = at(value, key);
  return Array.isArray(list) ? list : [];
}

function idsOf(document: unknown, key: string): readonly (string | undefined)[] {
  return listAt(document, key).map((entry) => {
    const id = at(entry, 'id');
    return typeof id === 'string' ? id : undefined;
  });
}
