import { AddressSyntaxError } from '../net/address.ts';
import { type HostPattern, HostSyntaxError, parseHostPattern } from '../net/host-pattern.ts';
import { PortSet } from '../net/ports.ts';
import { type Prefix, parsePrefix } from '../net/prefix.ts';
import { FeedError, type Problem } from '../problem.ts';
import { isDate } from './file-date.ts';
import { decodeText, parseJson, quote } from './json-text.ts';
import {
  M365_CATEGORIES,
  type M365Category,
  type M365Change,
  type M365ChangedItems,
  type M365PartialName,
  type M365Row,
} from './m365.ts';

const KNOWN_FIELDS: ReadonlySet<string> = new Set([
  'id',
  'serviceArea',
  'serviceAreaDisplayName',
  'urls',
  'ips',
  'tcpPorts',
  'udpPorts',
  'expressRoute',
  'category',
  'required',
  'notes',
]);

const SERVICE_AREA = /^[A-Za-z0-9]{1,40}$/;

/** A host name, each of whose labels may hold `*` or the placeholder of a tenant's name. */
const PARTIAL_NAME = /^(?=.*(?:\*|<tenant>))(?:(?:[a-z0-9_*-]|<tenant>)+\.)+[a-z0-9-]+$/i;

/** What a document of endpoint sets says. */
export interface ParsedM365Rows {
  readonly rows: readonly M365Row[];
  readonly unknownFields: number;
}

/**
 * Parses the answer of `/endpoints` strictly.
 * @param tenant the name that stands for `<tenant>` in published names
 * @throws FeedError with every problem, each with its JSON path and value
 */
export function parseM365Endpoints(
  content: string | Uint8Array,
  where: string,
  tenant?: string,
): ParsedM365Rows {
  const reader = new M365Reader(tenant);
  const rows: M365Row[] = [];
  const ids = new Map<number, string>();
  const sets = reader.list(parseJson(decodeText(content, where), where), '$');
  if (sets.length > MOST_SETS) {
    reader.problem('$', `has ${sets.length} endpoint sets, ${MOST_SETS} at most`);
    reader.throwProblems(where);
  }
  const total = { names: 0, prefixes: 0 };
  for (const [index, value] of sets.entries()) {
    const path = `$[${index}]`;
    for (const [key, field, most] of [
      ['names', 'urls', MOST_NAMES],
      ['prefixes', 'ips', MOST_PREFIXES],
    ] as const) {
      total[key] += lengthOf(value, field);
      if (total[key] <= most) continue;
      reader.problem(
        `${path}.${field}`,
        `there are ${total[key]} ${key} with those before it, ${most} at most`,
      );
      reader.throwProblems(where);
    }
    const row = reader.row(value, path);
    if (row === undefined) continue;
    const twin = ids.get(row.id);
    if (twin !== undefined) reader.problem(`${path}.id`, `${row.id} occurs twice (also at ${twin})`);
    ids.set(row.id, path);
    rows.push(row);
  }
  if (rows.length === 0) reader.problem('$', 'there are no endpoint sets');
  reader.throwProblems(where);
  return { rows: rows.sort((a, b) => a.id - b.id), unknownFields: reader.unknownFields };
}

/** Parses the answer of `/version/{instance}`: the latest version, YYYYMMDDNN. @throws FeedError */
export function parseM365Version(content: string | Uint8Array, where: string): string {
  const value = parseJson(decodeText(content, where), where);
  const latest = typeof value === 'object' && value !== null && 'latest' in value ? value.latest : undefined;
  if (typeof latest !== 'string' || !/^\d{10}$/.test(latest))
    throw new FeedError('the Microsoft 365 endpoints are not usable', [
      { where: `${where}: $.latest`, what: `${describe(latest)} where a version (YYYYMMDDNN) is expected` },
    ]);
  return latest;
}

/** Parses the answer of `/changes/{instance}/{version}`, oldest first. @throws FeedError */
export function parseM365Changes(content: string | Uint8Array, where: string): readonly M365Change[] {
  const reader = new M365Reader(undefined);
  const changes = reader
    .list(parseJson(decodeText(content, where), where), '$')
    .flatMap((value, index) => reader.change(value, `$[${index}]`) ?? []);
  reader.throwProblems(where);
  return changes;
}

/**
 * Parses the service's ports: numbers and ranges between commas, with stray spaces (`" 587,  993"`).
 * @throws RangeError
 */
export function parseM365Ports(text: string): PortSet {
  if (text.trim() === '') return PortSet.empty;
  return text
    .split(',')
    .map((part) => {
      // The protocol stands in the name of the field.
      if (part.includes('/')) throw new RangeError(`${JSON.stringify(part)} is not a port or a range`);
      return PortSet.parse(part.trim());
    })
    .reduce((all, ports) => all.union(ports), PortSet.empty);
}

/** The most that is read; the service has some 100 sets, 1,000 names and 200 prefixes. */
const MOST_SETS = 5_000;
const MOST_NAMES = 20_000;
const MOST_PREFIXES = 100_000;

/** Problems after which reading stops. */
const MOST_PROBLEMS = 1_000;

type JsonObject = Readonly<Record<string, unknown>>;

/** How many elements a list of a set has, whatever they are. */
function lengthOf(value: unknown, field: string): number {
  const list = typeof value === 'object' && value !== null ? (value as JsonObject)[field] : undefined;
  return Array.isArray(list) ? list.length : 0;
}

class M365Reader {
  readonly #tenant: string | undefined;
  readonly #problems: Problem[] = [];
  unknownFields = 0;

  constructor(tenant: string | undefined) {
    this.#tenant = tenant;
  }

  throwProblems(where: string): void {
    const { length } = this.#problems;
    if (length === 0) return;
    const count =
      length === 1 ? 'a problem' : `${length} problems${length === MOST_PROBLEMS ? ' or more' : ''}`;
    throw new FeedError(`the Microsoft 365 endpoints are not usable: ${count} in ${where}`, this.#problems);
  }

  problem(path: string, what: string): void {
    // Counted on, so that the document is refused; nobody reads a million of them.
    if (this.#problems.length < MOST_PROBLEMS) this.#problems.push({ where: path, what });
  }

  row(value: unknown, path: string): M365Row | undefined {
    const set = this.#object(value, path);
    if (set === undefined) return undefined;
    for (const key of Object.keys(set)) if (!KNOWN_FIELDS.has(key)) this.unknownFields++;
    const id = this.#wholeNumber(set.id, `${path}.id`);
    const names = this.#names(set.urls, `${path}.urls`);
    return id === undefined
      ? undefined
      : {
          id,
          serviceArea: this.#matching(set.serviceArea, `${path}.serviceArea`, SERVICE_AREA),
          category: this.#category(set.category, `${path}.category`),
          required: this.#flag(set.required, `${path}.required`),
          expressRoute: this.#flag(set.expressRoute, `${path}.expressRoute`),
          hosts: names.hosts,
          partialNames: names.partial,
          prefixes: this.#prefixes(set.ips, `${path}.ips`),
          ports: this.#ports(set.tcpPorts, `${path}.tcpPorts`).union(
            this.#ports(set.udpPorts, `${path}.udpPorts`).as('udp'),
          ),
          notes: this.#text(set.notes, `${path}.notes`),
        };
  }

  change(value: unknown, path: string): M365Change | undefined {
    const change = this.#object(value, path);
    if (change === undefined) return undefined;
    const id = this.#wholeNumber(change.id, `${path}.id`);
    const endpointSetId = this.#wholeNumber(change.endpointSetId, `${path}.endpointSetId`);
    if (id === undefined || endpointSetId === undefined) return undefined;
    return {
      id,
      endpointSetId,
      disposition: this.#matching(change.disposition, `${path}.disposition`, /^[A-Za-z]{1,40}$/),
      impact: this.#text(change.impact, `${path}.impact`),
      version: this.#matching(change.version, `${path}.version`, /^\d{10}$/),
      effectiveDate: this.#effectiveDate(change.add, `${path}.add.effectiveDate`),
      added: this.#changedItems(change.add, `${path}.add`),
      removed: this.#changedItems(change.remove, `${path}.remove`),
    };
  }

  list(value: unknown, path: string): readonly unknown[] {
    if (Array.isArray(value)) return value;
    this.problem(path, `${describe(value)} where a list is expected`);
    return [];
  }

  #changedItems(value: unknown, path: string): M365ChangedItems {
    const items = value === undefined || value === null ? {} : (this.#object(value, path) ?? {});
    const urls = this.#optionalList(items.urls, `${path}.urls`);
    return {
      urls: urls.map((url, index) => this.#text(url, `${path}.urls[${index}]`)),
      prefixes: this.#prefixes(items.ips, `${path}.ips`),
    };
  }

  /** YYYYMMDD in the answer. */
  #effectiveDate(value: unknown, path: string): string | undefined {
    const text =
      typeof value === 'object' && value !== null && 'effectiveDate' in value
        ? value.effectiveDate
        : undefined;
    if (text === undefined || text === null || text === '') return undefined;
    const date = typeof text === 'string' ? text.replace(/^(\d{4})(\d{2})(\d{2})$/, '$1-$2-$3') : '';
    if (isDate(date)) return date;
    this.problem(path, `${describe(text)} where a date (YYYYMMDD) is expected`);
    return undefined;
  }

  #names(
    value: unknown,
    path: string,
  ): { readonly hosts: readonly HostPattern[]; readonly partial: readonly M365PartialName[] } {
    const hosts: HostPattern[] = [];
    const partial: M365PartialName[] = [];
    for (const [index, element] of this.#optionalList(value, path).entries()) {
      if (typeof element !== 'string') {
        this.problem(`${path}[${index}]`, `${describe(element)} where a name is expected`);
        continue;
      }
      const text = this.#tenant === undefined ? element : element.replaceAll('<tenant>', this.#tenant);
      try {
        const widened = widenedName(text);
        if (widened === undefined) hosts.push(parseHostPattern(text));
        else partial.push({ text, widened });
      } catch (error) {
        if (!(error instanceof HostSyntaxError)) throw error;
        this.problem(`${path}[${index}]`, error.message);
      }
    }
    return { hosts, partial };
  }

  #prefixes(value: unknown, path: string): readonly Prefix[] {
    return this.#optionalList(value, path).flatMap((element, index) => {
      const at = `${path}[${index}]`;
      if (typeof element !== 'string' || element.length > 64) {
        this.problem(at, `${describe(element)} where a prefix is expected`);
        return [];
      }
      try {
        return [parsePrefix(element)];
      } catch (error) {
        if (!(error instanceof AddressSyntaxError)) throw error;
        this.problem(at, error.message);
        return [];
      }
    });
  }

  #ports(value: unknown, path: string): PortSet {
    if (value === undefined || value === null) return PortSet.empty;
    if (typeof value === 'string' && value.length < 10_000)
      try {
        return parseM365Ports(value);
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
      }
    this.problem(path, `${describe(value)} where ports are expected`);
    return PortSet.empty;
  }

  #category(value: unknown, path: string): M365Category {
    const category = M365_CATEGORIES.find((known) => known === value);
    if (category === undefined)
      this.problem(path, `${describe(value)} is none of ${M365_CATEGORIES.join(', ')}`);
    return category ?? 'Default';
  }

  #flag(value: unknown, path: string): boolean {
    if (typeof value === 'boolean') return value;
    this.problem(path, `${describe(value)} where true or false is expected`);
    return false;
  }

  #wholeNumber(value: unknown, path: string): number | undefined {
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
    this.problem(path, `${describe(value)} where a whole number is expected`);
    return undefined;
  }

  #matching(value: unknown, path: string, pattern: RegExp): string {
    if (typeof value === 'string' && pattern.test(value)) return value;
    this.problem(path, `${describe(value)} is not allowed`);
    return '';
  }

  /** Free text for people; its control characters become spaces, so that it can never break a line. */
  #text(value: unknown, path: string): string {
    if (value === undefined || value === null) return '';
    if (typeof value === 'string') return value.replace(/\p{Cc}+/gu, ' ').slice(0, 1000);
    this.problem(path, `${describe(value)} where a text is expected`);
    return '';
  }

  #optionalList(value: unknown, path: string): readonly unknown[] {
    return value === undefined || value === null ? [] : this.list(value, path);
  }

  #object(value: unknown, path: string): JsonObject | undefined {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject;
    this.problem(path, `${describe(value)} where an object is expected`);
    return undefined;
  }
}

/** For a name with a wildcard elsewhere than as its whole first label: everything below what follows the last one. */
function widenedName(text: string): HostPattern | undefined {
  const plain = text.startsWith('*.') ? text.slice(2) : text;
  if (!plain.includes('*') && !plain.includes('<')) return undefined;
  if (text.length > 253 || !PARTIAL_NAME.test(text)) return undefined;
  const labels = text.split('.');
  const last = labels.findLastIndex((label) => /[*<]/.test(label));
  const rest = labels.slice(last + 1);
  // A wildcard right below a top-level domain would admit a whole registry.
  return rest.length < 2 ? undefined : parseHostPattern(`*.${rest.join('.')}`);
}

function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (typeof value === 'string') return quote(value);
  if (Array.isArray(value)) return `a list of ${value.length}`;
  return typeof value === 'object' ? 'an object' : `the ${typeof value} ${String(value)}`;
}
