import * as z from 'zod';
import { type Family, formatAddress } from '../../net/address.ts';
import type { AddressSet } from '../../net/address-set.ts';
import { DualStackSet } from '../../net/dual-stack-set.ts';
import { compareHostPatterns } from '../../net/host-pattern.ts';
import { PortSet } from '../../net/ports.ts';
import { formatPrefix, lastAddress, type Prefix, parsePrefix } from '../../net/prefix.ts';
import { Admission } from '../../policy/admission.ts';
import type { Policy, PolicyRule } from '../../policy/policy.ts';
import type { PlannedRule, TargetPlan } from '../plan.ts';
import { EntryGroup, ReadBackError, readAt } from '../read-back.ts';
import type { RuleFile } from '../render.ts';
import type { Vendor } from '../vendor.ts';
import type { OptionValues, View } from '../view.ts';

const texts = (what: string) => z.array(z.string()).describe(what);
const ports = texts('TCP ports and ranges, `443`, `8080-8090`; of UDP `123/udp`').min(1);

const prefixEntry = z.strictObject({
  kind: z.literal('prefix'),
  rule: z.string(),
  family: z.literal([4, 6]),
  prefix: z.string(),
  first: z.string().describe('the first address'),
  last: z.string().describe('the last address'),
  ports,
  tags: texts("the rule's service tags that have an address of it, in alphabetical order"),
  regions: texts('the regions of these tags'),
  configured: z.boolean().describe('whether a prefix of the configuration has an address of it'),
  since: z
    .string()
    .regex(/^(\d{4}-\d{2}-\d{2})?$/)
    .describe(
      'the date of the weekly file since which the rule has had all of its addresses in this tree; empty where no week was known',
    ),
});

const nameEntry = z.strictObject({
  kind: z.literal('name'),
  rule: z.string(),
  name: z.string(),
  apex: z.boolean().describe('whether the name itself is meant'),
  subdomains: z.boolean().describe('whether the names below it are, at any depth'),
  ports,
});

const entrySchema = z.discriminatedUnion('kind', [prefixEntry, nameEntry]);

type PrefixEntry = z.infer<typeof prefixEntry>;
type NameEntry = z.infer<typeof nameEntry>;

/** Prefixes and names of all rules, each in the order of the rules. */
interface Entries {
  readonly prefixes: readonly PrefixEntry[];
  readonly names: readonly NameEntry[];
}

/** The JSON Schema of an entry of `allowlist.ndjson` and `allowlist.json`; published as `schema/raw.schema.json`. */
export function rawJsonSchema(): z.core.JSONSchema.BaseSchema {
  return z.toJSONSchema(entrySchema);
}

/** The files of each format: how entries become lines, and lines entries. */
const FILES = {
  'prefixes.csv': {
    format: 'csv',
    write: ({ prefixes }: Entries) => [PREFIX_HEAD, ...prefixes.map(csvOfPrefix)],
    read: (lines: readonly string[]): Partial<Entries> => ({
      prefixes: csvRows(lines, PREFIX_HEAD).map(prefixOfCsv),
    }),
  },
  'names.csv': {
    format: 'csv',
    write: ({ names }: Entries) => [NAME_HEAD, ...names.map(csvOfName)],
    read: (lines: readonly string[]): Partial<Entries> => ({
      names: csvRows(lines, NAME_HEAD).map(nameOfCsv),
    }),
  },
  'allowlist.ndjson': {
    format: 'ndjson',
    write: jsonLines,
    read: (lines: readonly string[]): Partial<Entries> => byKind(lines.map((line) => JSON.parse(line))),
  },
  'allowlist.json': {
    format: 'json',
    write: (entries: Entries) => {
      const lines = jsonLines(entries);
      return ['[', ...lines.map((line, index) => `${line}${index === lines.length - 1 ? '' : ','}`), ']'];
    },
    read: (lines: readonly string[]): Partial<Entries> =>
      byKind(checked(z.array(z.unknown()), JSON.parse(lines.join('\n')))),
  },
} as const;

/** The first lines of the CSV files. */
const PREFIX_HEAD = 'rule,family,prefix,first,last,ports,tags,regions,configured,since';
const NAME_HEAD = 'rule,name,apex,subdomains,ports';

const PATHS = Object.keys(FILES) as (keyof typeof FILES)[];

function extendView(
  view: View,
  plan: TargetPlan,
  policy: Policy,
  inForce: ReadonlyMap<string, string>,
  week = '',
): View & Readonly<Record<string, unknown>> {
  const known = datesIn(inForce);
  const entries: Entries = {
    prefixes: plan.rules.flatMap((rule) =>
      prefixesOf(
        rule,
        policy.rules.find(({ name }) => name === rule.name),
        (prefix) => sinceOf(prefix, known.get(rule.name) ?? new Map(), week),
      ),
    ),
    names: plan.rules.flatMap(namesOf),
  };
  const formats = String(view.options.formats).split(' ');
  return {
    ...view,
    lists: PATHS.filter((path) => formats.includes(FILES[path].format)).map((path) => ({
      path,
      lines: FILES[path].write(entries),
    })),
  };
}

/** Since when the prefixes of a rule are there, by prefix. */
type Dates = ReadonlyMap<string, string>;

/**
 * The dates that published files give, by rule. Of two for one prefix the first is what a run wrote; what is no entry,
 * such as a line of a hand's, gives none.
 */
function datesIn(inForce: ReadonlyMap<string, string>): ReadonlyMap<string, Dates> {
  const dates = new Map<string, Map<string, string>>();
  for (const path of PATHS)
    for (const line of inForce.get(path)?.split('\n') ?? []) {
      const found = entryIn(path, line);
      if (found === undefined || found.since === '') continue;
      const own = dates.get(found.rule) ?? new Map<string, string>();
      dates.set(found.rule, own);
      if (!own.has(found.prefix)) own.set(found.prefix, found.since);
    }
  return dates;
}

function entryIn(path: string, line: string): PrefixEntry | undefined {
  try {
    const entry = path.endsWith('.csv')
      ? prefixOfCsv(line.split(','))
      : checked(prefixEntry, JSON.parse(line.replace(/,$/, '')));
    canonical(entry);
    return entry;
  } catch {
    return undefined;
  }
}

/** The latest date of what was published of it, if all of it was; otherwise the week. */
function sinceOf(prefix: Prefix, known: Dates, week: string): string {
  const exact = known.get(formatPrefix(prefix));
  if (exact !== undefined) return exact;
  const meets = [...known]
    .map(([text, since]) => ({ part: parsePrefix(text), since }))
    .filter(
      ({ part }) =>
        part.family === prefix.family &&
        part.first <= lastAddress(prefix) &&
        prefix.first <= lastAddress(part),
    );
  const published = DualStackSet.fromPrefixes(meets.map(({ part }) => part));
  if (!DualStackSet.fromPrefixes([prefix]).difference(published).isEmpty) return week;
  return meets.map(({ since }) => since).reduce((latest, since) => (since > latest ? since : latest));
}

function prefixesOf(
  { name, addresses }: PlannedRule,
  rule: PolicyRule | undefined,
  since: (prefix: Prefix) => string,
): PrefixEntry[] {
  if (addresses === undefined) return [];
  const own = DualStackSet.fromPrefixes(rule?.prefixes ?? []);
  return ([4, 6] as const).flatMap((family) => {
    const prefixes = family === 4 ? addresses.ipv4 : addresses.ipv6;
    const of = (set: DualStackSet): AddressSet => (family === 4 ? set.ipv4 : set.ipv6);
    const tags = (rule?.tags ?? [])
      .map(({ tag, region, addresses: all }) => ({ tag, region, meets: meeting(prefixes, of(all)) }))
      .sort((a, b) => (a.tag < b.tag ? -1 : 1));
    const configured = meeting(prefixes, of(own));
    return prefixes.map((prefix, index): PrefixEntry => {
      const here = tags.filter(({ meets }) => meets[index]);
      return {
        kind: 'prefix',
        rule: name,
        family,
        prefix: formatPrefix(prefix),
        first: formatAddress(family, prefix.first),
        last: formatAddress(family, lastAddress(prefix)),
        ports: addresses.ports.toStrings(),
        tags: here.map(({ tag }) => tag),
        regions: [...new Set(here.map(({ region }) => region).filter((region) => region !== ''))].sort(),
        configured: configured[index]!,
        since: since(prefix),
      };
    });
  });
}

/** Whether each of the prefixes, in numeric order and apart, has an address of the set. */
function meeting(prefixes: readonly Prefix[], set: AddressSet): boolean[] {
  const ranges = [...set.ranges()];
  let next = 0;
  return prefixes.map((prefix) => {
    while (next < ranges.length && ranges[next]!.last < prefix.first) next++;
    return next < ranges.length && ranges[next]!.first <= lastAddress(prefix);
  });
}

function namesOf({ name: rule, names }: PlannedRule): NameEntry[] {
  return names.flatMap(({ hosts, ports: on }) =>
    [...hosts.patterns().include]
      .sort(compareHostPatterns)
      .map((pattern): NameEntry => ({ kind: 'name', rule, ...pattern, ports: on.toStrings() })),
  );
}

function csvOfPrefix(entry: PrefixEntry): string {
  const { rule, family, prefix, first, last, ports: on, tags, regions, configured, since } = entry;
  return [
    ...[rule, family, prefix, first, last],
    ...[on, tags, regions].map((list) => list.join(' ')),
    ...[configured, since],
  ].join(',');
}

function csvOfName({ rule, name, apex, subdomains, ports: on }: NameEntry): string {
  return [rule, name, apex, subdomains, on.join(' ')].join(',');
}

function jsonLines({ prefixes, names }: Entries): string[] {
  // The keys in the order of the schema, so that equal entries are equal lines.
  return [...prefixes, ...names].map((entry) => JSON.stringify(entrySchema.parse(entry)));
}

function csvRows([first, ...lines]: readonly string[], head: string): string[][] {
  const rows = lines.map((line) => line.split(','));
  if (first !== head || rows.some(({ length }) => length !== head.split(',').length))
    throw new RangeError(`not the columns ${head}`);
  return rows;
}

const listed = (text: string | undefined) => (text === '' ? [] : (text ?? '').split(' '));

function prefixOfCsv([
  rule,
  family,
  prefix,
  first,
  last,
  on,
  tags,
  regions,
  configured,
  since,
]: string[]): PrefixEntry {
  return checked(prefixEntry, {
    kind: 'prefix',
    rule,
    family: Number(family),
    prefix,
    first,
    last,
    ports: listed(on),
    tags: listed(tags),
    regions: listed(regions),
    configured: configured === 'true',
    since,
  });
}

function nameOfCsv([rule, name, apex, subdomains, on]: string[]): NameEntry {
  const entry = { rule, name, apex: apex === 'true', subdomains: subdomains === 'true', ports: listed(on) };
  return checked(nameEntry, { kind: 'name', ...entry });
}

function checked<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new RangeError(`${issue!.path.join('.')}: ${issue!.message}`);
}

function byKind(values: readonly unknown[]): Entries {
  const entries = values.map((value) => checked(entrySchema, value));
  return {
    prefixes: entries.filter((entry): entry is PrefixEntry => entry.kind === 'prefix'),
    names: entries.filter((entry): entry is NameEntry => entry.kind === 'name'),
  };
}

/** Reads each file, demands that it is spelled as it would be written, and that all say the same. */
function readBack(files: readonly RuleFile[]): Admission {
  const seen: { path: string; entries: Partial<Entries> }[] = [];
  for (const { path, text } of files) {
    if (path === 'about.txt') continue;
    const known = PATHS.find((one) => one === path);
    if (known === undefined) throw new ReadBackError(`${path}: not a file of this target`);
    if (text !== '' && !text.endsWith('\n')) throw new ReadBackError(`${path}: the last line is not ended`);
    const lines = text === '' ? [] : text.slice(0, -1).split('\n');
    const entries = readAt(path, () => FILES[known].read(lines));
    const written = FILES[known].write({ prefixes: [], names: [], ...entries });
    const other = lines.findIndex((line, index) => line !== written[index]);
    if (other >= 0 || written.length !== lines.length)
      throw new ReadBackError(
        `${path}:${other + 1}: not spelled as it is written: ${JSON.stringify(lines[other])}`,
      );
    seen.push({ path, entries });
  }
  for (const part of ['prefixes', 'names'] as const) {
    const [first, ...others] = seen.filter(({ entries }) => entries[part] !== undefined);
    if (first === undefined) throw new ReadBackError(`no file holds the ${part}`);
    for (const other of others)
      if (JSON.stringify(other.entries[part]) !== JSON.stringify(first.entries[part]))
        throw new ReadBackError(`${other.path} and ${first.path} differ`);
  }
  const { prefixes = [], names = [] } = Object.assign(
    {},
    ...seen.map(({ entries }) => entries),
  ) as Partial<Entries>;
  return Admission.union([...admissionsOf(prefixes), ...admissionsOf(names)]);
}

/** What the entries of each rule on each set of ports let through; within one, they are apart. */
function admissionsOf(entries: readonly (PrefixEntry | NameEntry)[]): Admission[] {
  const groups = new Map<string, { readonly group: EntryGroup; readonly ports: PortSet }>();
  for (const entry of entries) {
    const where = `rule ${entry.rule}, ports ${entry.ports.join(' ')}`;
    readAt(where, () => {
      const found = groups.get(where) ?? { group: new EntryGroup(), ports: portsOf(entry.ports) };
      groups.set(where, found);
      if (entry.kind === 'name') found.group.addHost(entry.name, entry.apex, entry.subdomains);
      else found.group.addPrefix(canonical(entry));
    });
  }
  return [...groups].map(([where, { group, ports: on }]) => {
    group.requireDisjoint(where);
    return group.on(on);
  });
}

function portsOf(words: readonly string[]): PortSet {
  const set = PortSet.parseList(words.join());
  if (set.toString() !== words.join()) throw new RangeError(`ports out of order: ${words.join(' ')}`);
  return set;
}

/** The prefix, whose other spellings must say the same. */
function canonical({ prefix: text, family, first, last }: PrefixEntry): string {
  const prefix = parsePrefix(text);
  const same =
    formatPrefix(prefix) === text &&
    prefix.family === (family as Family) &&
    formatAddress(prefix.family, prefix.first) === first &&
    formatAddress(prefix.family, lastAddress(prefix)) === last;
  if (!same) throw new RangeError(`${text}: family, first and last address are not those of the prefix`);
  return text;
}

/** The formats whose files are there, in the order of the files. */
const readSettings = (files: readonly RuleFile[]): OptionValues => ({
  formats: [
    ...new Set(
      PATHS.filter((path) => files.some((file) => file.path === path)).map((path) => FILES[path].format),
    ),
  ].join(' '),
});

export const vendor = {
  extendView,
  readBack,
  readSettings,
  renderedAnew: true,
} as const satisfies Vendor;
