import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseHostPattern } from '../net/host-pattern.ts';
import { PortSet } from '../net/ports.ts';
import { parsePrefix } from '../net/prefix.ts';
import { ConfigurationError, type Problem } from '../problem.ts';
import { readRegularText } from '../regular-file.ts';
import { closest } from '../suggest.ts';
import type { EndpointRow, EndpointTable } from './endpoint-table.ts';
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
  const table = await loadEndpointTableFile(path);
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
  const [{ parseDocument }, { endpointTableFile, endpointTableJsonSchema }, { schemaProblems }] =
    await Promise.all([import('yaml'), import('./schema.ts'), import('../schema-problems.ts')]);
  const refuse = (problems: readonly Problem[]): never => {
    throw new ConfigurationError('The endpoint table is unusable', problems);
  };

  const yaml = parseDocument(text);
  const syntax = [...yaml.errors, ...yaml.warnings];
  if (syntax.length > 0)
    refuse(
      syntax.map(({ message, linePos }) => ({
        where: linePos === undefined ? file : `${file}:${linePos[0].line}:${linePos[0].col}`,
        what: message.split('\n')[0]!.replace(/ at line \d+, column \d+:?$/, ''),
      })),
    );
  const document: unknown = yaml.toJS();
  const shape = endpointTableFile.safeParse(document);
  const problems = shape.success
    ? []
    : schemaProblems(shape.error.issues, { file, document, jsonSchema: endpointTableJsonSchema() });
  problems.push(...referenceProblems(document, file));
  if (problems.length > 0 || !shape.success) return refuse(problems);
  return normalise(shape.data);
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
    if (isRecord(row)) problems.push(...rowProblems(row, where));
  });
  listAt(document, 'mustHaves').forEach((entry, index) => {
    listAt(entry, 'sources').forEach((name, place) => {
      refer(name, sources, `${file}: mustHaves[${index}].sources[${place}]`, 'a source');
    });
  });
  return problems;
}

function rowProblems(row: Readonly<Record<string, unknown>>, where: string): Problem[] {
  const covered = row.coveredBy !== undefined;
  if (covered !== (row.notCovered !== undefined)) return [];
  return [
    {
      where,
      what: `${covered ? 'both' : 'neither'} coveredBy ${covered ? 'and' : 'nor'} notCovered is given`,
      next: 'say which service tags cover the hosts, or why none does',
    },
  ];
}

function normalise({
  optionalGroups = [],
  mustHaves = [],
  history = [],
  ...file
}: EndpointTableFile): EndpointTable {
  const rows = file.rows.flatMap(({ hosts, ports, inText, coveredBy = [], ...row }) =>
    hosts.map((host) => ({
      ...row,
      host: parseHostPattern(host),
      ports: portsOf(ports),
      ...(inText === undefined ? {} : { inText: portsOf(inText) }),
      coveredBy,
    })),
  );
  return {
    ...file,
    optionalGroups,
    mustHaves: mustHaves.map(({ host, addresses, ports, sources }) => ({
      host,
      addresses: addresses.map(parsePrefix),
      ports: portsOf(ports),
      sources,
    })),
    history,
    rows: rows.map((row, index): EndpointRow => ({ table: file.id, index, ...row })),
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
