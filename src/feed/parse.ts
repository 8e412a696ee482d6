import { AddressSyntaxError } from '../net/address.ts';
import { type CanonicalList, readCanonicalLists } from '../net/canonical-lists.ts';
import { DualStackSet } from '../net/dual-stack-set.ts';
import { formatPrefix, type Prefix, parsePrefix } from '../net/prefix.ts';
import { FeedError, type Problem } from '../problem.ts';
import { CLOUDS, cloudNamedInFile } from './cloud.ts';
import { contentDigest } from './content-digest.ts';
import { fileDateOf } from './file-date.ts';
import { decodeText, parseJson, quote } from './json-text.ts';
import type { Cloud, Quarantined, ServiceTag, Snapshot, TagNames } from './snapshot.ts';

/**
 * What the two JSON publications spell differently: in the Service Tag Discovery API change numbers are
 * decimal strings, and tags have no `platform`.
 */
export type FeedDialect = 'file' | 'api';

/** What is known of a file before it is read. */
export interface FeedExpectations {
  /** Another cloud is a problem. */
  readonly cloud?: Cloud | undefined;
  /** An answer of the API that was saved to a file is recognised by itself. */
  readonly dialect?: FeedDialect | undefined;
  /**
   * The service tags that rules use. What is wrong in others cannot reach a rule file: it is noted and left out. Without
   * it every tag is read strictly.
   */
  readonly used?: TagNames | undefined;
}

/**
 * Parses one weekly file strictly. The file's own cloud is taken from its `cloud` field.
 * @param where how messages name the file; its end gives the file date (`…_20250714.json`)
 * @throws FeedError with the problems of the file, each with its JSON path and value
 */
export function parseServiceTags(
  content: string | Uint8Array,
  where: string,
  { cloud, dialect, used }: FeedExpectations = {},
): Snapshot {
  const value = parseJson(decodeText(content, where), where);
  const reader = new Reader(where, dialect ?? dialectOf(value), used);
  const snapshot = reader.snapshot(value, cloud);
  reader.throwProblems();
  return snapshot!;
}

/** `az network list-service-tags > FILE` saves the API's answer: it names its type, which the weekly file does not. */
function dialectOf(value: unknown): FeedDialect {
  const type = typeof value === 'object' && value !== null && 'type' in value ? value.type : undefined;
  return typeof type === 'string' && type.startsWith('Microsoft.Network/serviceTags') ? 'api' : 'file';
}

/** Problems after which reading stops: nobody reads a million. */
const MOST_PROBLEMS = 1_000;

/** Tags that may be noted and left out; with more of them the file is not what it was. */
const MOST_QUARANTINED = 20;

/** The most that is read; the largest file of the archive has 12,857 prefixes in a tag, 91,429 in all, and 2,967 tags. */
const MOST_PREFIXES_OF_TAG = 250_000;
const MOST_PREFIXES = 2_000_000;
const MOST_TAGS = 100_000;

/** Letters, digits and dots: neither a line break nor a shell's or template's character gets past here. */
export const TAG_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9.]{0,126}[A-Za-z0-9])?$/;

/** Names beyond the schema that may be left out with a note. */
const MILD_NAME = /^[A-Za-z0-9][A-Za-z0-9._ -]{0,127}$/;

/** Regions, services and platforms are shown to people and nothing else; the archive has letters and digits only. */
const LABEL = /^[A-Za-z0-9 ._-]{0,128}$/;

const KNOWN_TOP: Readonly<Record<FeedDialect, ReadonlySet<string>>> = {
  file: new Set(['changeNumber', 'cloud', 'values']),
  api: new Set(['changeNumber', 'cloud', 'values', 'name', 'id', 'type', 'nextLink']),
};
const KNOWN_TAG: Readonly<Record<FeedDialect, ReadonlySet<string>>> = {
  file: new Set(['name', 'id', 'properties']),
  api: new Set(['name', 'id', 'properties', 'serviceTagChangeNumber']),
};
const KNOWN_PROPERTIES: Readonly<Record<FeedDialect, ReadonlySet<string>>> = {
  file: new Set([
    'changeNumber',
    'region',
    'regionId',
    'platform',
    'systemService',
    'addressPrefixes',
    'networkFeatures',
  ]),
  api: new Set([
    'changeNumber',
    'region',
    'regionId',
    'platform',
    'systemService',
    'addressPrefixes',
    'networkFeatures',
    'state',
  ]),
};

type JsonObject = Readonly<Record<string, unknown>>;

class Reader {
  readonly #where: string;
  readonly #dialect: FeedDialect;
  #used: TagNames | undefined;
  readonly #problems: Problem[] = [];
  /** Where the problems of a tag that no rule uses go while it is read. */
  #quarantine: Problem[] | undefined;
  readonly #quarantined: Quarantined[] = [];
  #prefixCount = 0;
  /** The lists of a file whose prefixes are all canonical, by the array that they were read from; else none. */
  #lists: ReadonlyMap<unknown, CanonicalList> = new Map();
  /** Prefixes by text, of lists that are read one by one; most stand in several tags. */
  readonly #prefixes = new Map<string, Prefix>();
  #unknownFields = 0;

  constructor(where: string, dialect: FeedDialect, used: TagNames | undefined) {
    this.#where = where;
    this.#dialect = dialect;
    this.#used = used;
  }

  throwProblems(): void {
    const count = this.#problems.length;
    if (count === 0) return;
    const all =
      count === 1
        ? 'a problem'
        : count >= MOST_PROBLEMS
          ? `${MOST_PROBLEMS} problems or more`
          : `${count} problems`;
    throw new FeedError(`the feed is not usable: ${all} in ${this.#where}`, this.#problems);
  }

  snapshot(value: unknown, expected: Cloud | undefined): Snapshot | undefined {
    const top = this.#object(value, '$');
    if (top === undefined) return undefined;
    this.#countUnknown(top, KNOWN_TOP[this.#dialect]);
    const changeNumber = this.#changeNumber(top.changeNumber, '$.changeNumber');
    const cloud = this.#cloud(top.cloud, expected);
    this.#lists = readLists(top.values);
    const tags = this.#tags(top.values);
    if (changeNumber === undefined || cloud === undefined || this.#problems.length > 0) return undefined;
    return {
      cloud,
      changeNumber,
      fileDate: fileDateOf(this.#where),
      contentSha256: contentDigest(cloud, tags.values(), linesOf),
      tags,
      unknownFields: this.#unknownFields,
      ...(this.#quarantined.length === 0 ? {} : { quarantined: this.#quarantined }),
    };
  }

  #cloud(value: unknown, expected: Cloud | undefined): Cloud | undefined {
    const name = this.#string(value, '$.cloud');
    if (name === undefined) return undefined;
    const cloud = cloudNamedInFile(name);
    if (cloud === undefined) this.#problem('$.cloud', `${quote(name)} is no cloud that is known here`);
    else if (expected !== undefined && cloud !== expected)
      this.#problem(
        '$.cloud',
        `${quote(name)} is the cloud ${cloud}, but ${expected} (${quote(CLOUDS[expected].nameInFile)}) was asked for`,
      );
    return cloud;
  }

  #tags(value: unknown): ReadonlyMap<string, ServiceTag> {
    const tags = new Map<string, ServiceTag>();
    const values = this.#array(value, '$.values');
    if (values === undefined) return tags;
    if (values.length === 0) this.#problem('$.values', 'the file has no service tags');
    if (values.length > MOST_TAGS) {
      this.#problem('$.values', `has ${values.length} service tags, ${MOST_TAGS} at most`);
      return tags;
    }
    const spelt = new Map<string, string>();
    for (const [index, element] of values.entries()) {
      const path = `$.values[${index}]`;
      const tag = this.#quarantining(element, path);
      if (tag === undefined) continue;
      const twin = spelt.get(tag.name.toLowerCase());
      if (twin !== undefined)
        this.#problem(`${path}.name`, `${quote(tag.name)} occurs twice (also at ${twin})`);
      spelt.set(tag.name.toLowerCase(), path);
      tags.set(tag.name, tag);
    }
    return tags;
  }

  /** Reads a tag; what is wrong in one that no rule uses is set apart, as long as it is the exception. */
  #quarantining(value: unknown, path: string): ServiceTag | undefined {
    const name = nameOf(value);
    // A control or shell character in a name is an attempt at something, and no blemish.
    const isStrange = name !== undefined && !MILD_NAME.test(name);
    if (this.#used === undefined || isStrange || (name !== undefined && this.#used.has(name)))
      return this.#tag(value, path);
    const problems: Problem[] = [];
    this.#quarantine = problems;
    const tag = this.#tag(value, path);
    this.#quarantine = undefined;
    if (problems.length === 0) return tag;
    // A name that rules could not use cannot be told apart from one of theirs.
    if (this.#quarantined.length < MOST_QUARANTINED) {
      this.#quarantined.push({ tag: name, kept: tag !== undefined, problem: problems[0]! });
      return tag;
    }
    this.#used = undefined;
    for (const problem of [...this.#quarantined.splice(0).map(({ problem: first }) => first), ...problems])
      this.#problem(problem.where, problem.what);
    return tag;
  }

  #tag(value: unknown, path: string): ServiceTag | undefined {
    const tag = this.#object(value, path);
    if (tag === undefined) return undefined;
    this.#countUnknown(tag, KNOWN_TAG[this.#dialect]);
    const name = this.#matching(tag.name, `${path}.name`, TAG_NAME, 'letters, digits and dots');
    const id = this.#matching(tag.id, `${path}.id`, TAG_NAME, 'letters, digits and dots');
    const properties = this.#object(tag.properties, `${path}.properties`);
    if (properties === undefined) return undefined;
    this.#countUnknown(properties, KNOWN_PROPERTIES[this.#dialect]);
    const at = (field: string) => `${path}.properties.${field}`;
    const changeNumber = this.#changeNumber(properties.changeNumber, at('changeNumber'));
    const label = (field: string, optional = false) =>
      optional && (properties[field] === undefined || properties[field] === null)
        ? ''
        : this.#matching(properties[field], at(field), LABEL, 'letters, digits, spaces, ".", "_" and "-"');
    const api = this.#dialect === 'api';
    const region = label('region', api);
    const platform = label('platform', api);
    const systemService = label('systemService', api);
    this.#regionId(properties.regionId, at('regionId'));
    this.#networkFeatures(properties.networkFeatures, at('networkFeatures'));
    const prefixes = this.#addressPrefixes(properties.addressPrefixes, at('addressPrefixes'), name);
    if (name === undefined || prefixes === undefined) return undefined;
    // Of a tag that no rule uses, its addresses count: what is new to Azure is told by them. The rest is for people.
    const lenient = this.#quarantine !== undefined;
    if (
      !lenient &&
      (id === undefined ||
        changeNumber === undefined ||
        region === undefined ||
        platform === undefined ||
        systemService === undefined)
    )
      return undefined;
    return new ParsedTag(
      {
        name,
        id: id ?? name,
        changeNumber: changeNumber ?? 0,
        region: region ?? '',
        systemService: systemService ?? '',
        platform: platform ?? '',
      },
      prefixes,
    );
  }

  #addressPrefixes(value: unknown, path: string, tag: string | undefined): PrefixesOfTag | undefined {
    const elements = this.#array(value, path);
    if (elements === undefined) return undefined;
    this.#prefixCount += elements.length;
    if (elements.length > MOST_PREFIXES_OF_TAG || this.#prefixCount > MOST_PREFIXES) {
      // Not to be set apart: what is beyond all measure is no cosmetic.
      this.#quarantine = undefined;
      const [count, most] =
        elements.length > MOST_PREFIXES_OF_TAG
          ? [elements.length, MOST_PREFIXES_OF_TAG]
          : [this.#prefixCount, MOST_PREFIXES];
      this.#problem(
        path,
        `has ${count} prefixes${most === MOST_PREFIXES ? ' with those before it' : ''}, ${most} at most`,
      );
      this.#stop();
    }
    const list = this.#lists.get(value);
    if (list !== undefined && !list.hasDuplicates) return list;
    const prefixes: Prefix[] = [];
    const seen = new Set<Prefix>();
    const of = tag === undefined ? '' : ` (${tag})`;
    for (const [index, element] of elements.entries()) {
      const prefix = this.#prefix(element);
      if (typeof prefix === 'string') {
        this.#problem(`${path}[${index}]`, prefix + of);
        // Its own spelling aside, it is a prefix.
        const meant = this.#quarantine === undefined ? undefined : this.#respelt(element);
        if (meant !== undefined && !seen.has(meant)) {
          seen.add(meant);
          prefixes.push(meant);
        }
      } else if (seen.has(prefix))
        this.#problem(`${path}[${index}]`, `${quote(formatPrefix(prefix))} occurs twice${of}`);
      else {
        seen.add(prefix);
        prefixes.push(prefix);
      }
    }
    return prefixes;
  }

  /** The prefix, one object for one text, or what is wrong with it. */
  #prefix(value: unknown): Prefix | string {
    if (typeof value !== 'string') return `${kindOf(value)} where a prefix is expected`;
    const known = this.#prefixes.get(value);
    if (known !== undefined) return known;
    if (value.length > 64) return `${quote(value)} is not a prefix`;
    try {
      const prefix = parsePrefix(value);
      // A strict dotted quad has one spelling only; RFC 5952 is there because IPv6 has many.
      const canonical = prefix.family === 4 ? value : formatPrefix(prefix);
      if (canonical !== value) return `${quote(value)} is not canonical, ${quote(canonical)} is`;
      this.#prefixes.set(value, prefix);
      return prefix;
    } catch (error) {
      if (!(error instanceof AddressSyntaxError)) throw error;
      return quote(value) + error.message.slice(JSON.stringify(error.text).length);
    }
  }

  /** The one prefix that a spelling which is not canonical means. */
  #respelt(value: unknown): Prefix | undefined {
    if (typeof value !== 'string') return undefined;
    try {
      const canonical = formatPrefix(parsePrefix(value));
      const prefix = canonical === value ? undefined : this.#prefix(canonical);
      return typeof prefix === 'string' ? undefined : prefix;
    } catch (error) {
      if (!(error instanceof AddressSyntaxError)) throw error;
      return undefined;
    }
  }

  /** Absent before 2020-08-27. */
  #regionId(value: unknown, path: string): void {
    if (value === undefined || value === null || Number.isSafeInteger(value)) return;
    if (this.#dialect === 'api' && typeof value === 'string') return;
    this.#problem(path, `${kindOf(value)} where a whole number is expected`);
  }

  /** Absent before 2020-08-27; null, [] and [''] all occur. Nothing is made of it. */
  #networkFeatures(value: unknown, path: string): void {
    if (value === undefined || value === null || value === '') return;
    for (const [index, feature] of (this.#array(value, path) ?? []).entries())
      if (feature !== null && typeof feature !== 'string')
        this.#problem(`${path}[${index}]`, `${kindOf(feature)} where a text is expected`);
  }

  #changeNumber(value: unknown, path: string): number | undefined {
    const number =
      this.#dialect === 'api' && typeof value === 'string' && /^(0|[1-9]\d{0,14})$/.test(value)
        ? Number(value)
        : value;
    if (typeof number === 'number' && Number.isSafeInteger(number) && number >= 0) return number;
    this.#problem(path, `${kindOf(value)} where a whole number is expected`);
    return undefined;
  }

  #matching(value: unknown, path: string, pattern: RegExp, allowed: string): string | undefined {
    const text = this.#string(value, path);
    if (text === undefined || pattern.test(text)) return text;
    this.#problem(path, `${quote(text)} is not allowed: only ${allowed}, at most 128`);
    return undefined;
  }

  #string(value: unknown, path: string): string | undefined {
    if (typeof value === 'string') return value;
    this.#problem(path, `${kindOf(value)} where a text is expected`);
    return undefined;
  }

  #array(value: unknown, path: string): readonly unknown[] | undefined {
    if (Array.isArray(value)) return value;
    this.#problem(path, `${kindOf(value)} where a list is expected`);
    return undefined;
  }

  #object(value: unknown, path: string): JsonObject | undefined {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject;
    this.#problem(path, `${kindOf(value)} where an object is expected`);
    return undefined;
  }

  #countUnknown(object: JsonObject, known: ReadonlySet<string>): void {
    for (const key of Object.keys(object)) if (!known.has(key)) this.#unknownFields++;
  }

  #problem(path: string, what: string): void {
    if (this.#quarantine !== undefined) {
      if (this.#quarantine.length < MOST_PROBLEMS) this.#quarantine.push({ where: path, what });
      return;
    }
    this.#problems.push({ where: path, what });
    if (this.#problems.length >= MOST_PROBLEMS) this.#stop();
  }

  #stop(): never {
    this.throwProblems();
    throw new TypeError('reading stops at a problem only');
  }
}

/** The name that a tag has, if it has one at all. */
function nameOf(value: unknown): string | undefined {
  const name = typeof value === 'object' && value !== null && 'name' in value ? value.name : undefined;
  return typeof name === 'string' ? name : undefined;
}

/**
 * The lists of prefixes of all tags, read in one pass: by the array that each was read from. None where anything about them
 * is not as it should be, which reading them one by one finds and names.
 */
function readLists(values: unknown): ReadonlyMap<unknown, CanonicalList> {
  const arrays = (Array.isArray(values) ? values : []).flatMap((tag: unknown): string[][] => {
    const list = (tag as { properties?: { addressPrefixes?: unknown } | null } | null)?.properties
      ?.addressPrefixes;
    return Array.isArray(list) && list.every((text) => typeof text === 'string' && text.length <= 64)
      ? [list as string[]]
      : [];
  });
  if (arrays.reduce((sum, { length }) => sum + length, 0) > MOST_PREFIXES) return new Map();
  const lists = readCanonicalLists(arrays);
  return new Map(lists?.map((list, index) => [arrays[index], list]));
}

/** The prefixes of a tag: a list that was read with all others, or one that was read by itself. */
type PrefixesOfTag = readonly Prefix[] | CanonicalList;

/** The texts of a tag's prefixes in numeric order, where its list has them so. */
function linesOf(tag: ServiceTag): readonly string[] | undefined {
  return tag instanceof ParsedTag ? tag.lines : undefined;
}

type TagFields = Omit<ServiceTag, 'prefixes' | 'prefixCount' | 'addresses'>;

/** A tag whose addresses are computed when first asked for. */
export function createServiceTag(fields: TagFields, prefixes: readonly Prefix[]): ServiceTag {
  return new ParsedTag(fields, prefixes);
}

class ParsedTag implements ServiceTag {
  readonly name: string;
  readonly id: string;
  readonly changeNumber: number;
  readonly region: string;
  readonly systemService: string;
  readonly platform: string;
  readonly prefixCount: number;
  readonly #list: CanonicalList | undefined;
  #prefixes: readonly Prefix[] | undefined;
  #addresses: DualStackSet | undefined;

  constructor(fields: TagFields, prefixes: PrefixesOfTag) {
    this.name = fields.name;
    this.id = fields.id;
    this.changeNumber = fields.changeNumber;
    this.region = fields.region;
    this.systemService = fields.systemService;
    this.platform = fields.platform;
    if ('texts' in prefixes) {
      this.#list = prefixes;
      this.prefixCount = prefixes.texts.length;
    } else {
      this.#prefixes = prefixes;
      this.prefixCount = prefixes.length;
    }
  }

  get prefixes(): readonly Prefix[] {
    this.#prefixes ??= this.#list!.prefixes();
    return this.#prefixes;
  }

  get addresses(): DualStackSet {
    this.#addresses ??= this.#list?.addresses() ?? DualStackSet.fromPrefixes(this.prefixes);
    return this.#addresses;
  }

  get lines(): readonly string[] | undefined {
    return this.#list?.isAscending ? this.#list.texts : undefined;
  }
}

/** What stands there instead, bounded however large it is. */
function kindOf(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (typeof value === 'string') return `the text ${quote(value)}`;
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'object') return 'an object';
  return `the ${typeof value} ${String(value)}`;
}
