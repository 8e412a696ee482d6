import * as z from 'zod';
import { PROTOCOLS } from '../net/ports.ts';

/**
 * The shape of `templates/<id>/manifest.yaml`: what a target can express, its limits, its options, its
 * files, and how they are read back. Every capability defaults to "cannot".
 */

/** How a claim is known. Reading a document and seeing a program do something are two things, and are told apart. */
const evidence = z
  .strictObject({
    claim: z.string().describe('what is claimed of the format'),
    url: z
      .url()
      .describe("the vendor's document; where it does not speak of the claim, the one that is nearest to it"),
    read: z.iso.date().optional().describe('the day the document was read, and said so'),
    measured: z
      .string()
      .regex(/\d/)
      .optional()
      .describe('the program and version that was seen to do so, and the test that holds it'),
    unconfirmed: z.iso
      .date()
      .optional()
      .describe('the day no document was found that says so: the claim is custom, or a guess'),
    checked: z.iso
      .date()
      .optional()
      .describe('the day the claim was checked, where it is not said how; read and measured say more'),
  })
  .refine(
    ({ read, measured, unconfirmed, checked }) => (read ?? measured ?? unconfirmed ?? checked) !== undefined,
    {
      error: 'say how the claim is known: read, measured, unconfirmed or checked',
    },
  );

/** What a name can be compared with. Whoever never says it, such as a mail program to a proxy, no name lets through. */
export const NAME_MATCHES = [
  'answers',
  'request',
  'tls',
  'host',
  'url',
  'category',
  'query',
  'list',
] as const;

const capabilities = z.strictObject({
  traffic: z
    .boolean()
    .default(true)
    .describe(
      'whether the files decide what gets through; if not, they are settings of a program, which admit nothing and owe nothing',
    ),
  ipv4: z.boolean().default(false),
  ipv6: z.boolean().default(false),
  names: z
    .enum(['none', 'exact', 'suffix'])
    .default('none')
    .describe('whole host names only, or subdomains of any depth as well'),
  protocols: z
    .array(z.enum(PROTOCOLS))
    .min(1)
    .default(['tcp'])
    .describe(
      'what the files can say of ports: tcp, or tcp and udp; ports of another protocol are an omission',
    ),
  namesBy: z
    .array(z.enum(NAME_MATCHES))
    .default([])
    .describe(
      'what a name is compared with: answers, the addresses that name servers give for it; request, the host that a request to a proxy or its CONNECT names; tls, the server name that TLS asks for; host, the Host header of plain HTTP; url, the URL of which a program asks where to send it; category, the host of web traffic, as its Host header or TLS says it; query, the look-up itself; list, nothing: others use the list',
    ),
  namePorts: z
    .string()
    .regex(/^\d+(-\d+)?(,\d+(-\d+)?)*$/)
    .optional()
    .describe('the TCP ports on which a name can match at all, such as 80,443; without it every port'),
  apex: z
    .enum(['separate', 'included'])
    .default('separate')
    .describe('whether `*.x` also lets `x` through; if it does, a widening is declared'),
  exact: z
    .enum(['separate', 'included'])
    .default('separate')
    .describe('whether `x` also lets its subdomains through; if it does, a widening is declared'),
  ports: z
    .boolean()
    .default(false)
    .describe('whether the files bind ports; if not, the device must, and a widening is declared'),
  addressMatch: z
    .enum(['destination', 'literal'])
    .default('destination')
    .describe('the address a packet goes to, or only a host that is written as an address'),
  clients: z
    .enum(['none', 'any', 'same-family'])
    .default('none')
    .describe(
      'whether the files bind a rule to the clients that the configuration names: not, and a widening is declared; whatever their family; or clients of IPv4 to addresses of IPv4, and those of IPv6 to IPv6',
    ),
  methods: z
    .boolean()
    .default(false)
    .describe(
      'whether the files tell tunnels (CONNECT) and plain requests apart; if not, a name is compared as allowed by both, as packets show no difference',
    ),
  tlsExemption: z.boolean().default(false).describe('whether the files exempt the names from TLS inspection'),
});

const count = z.int().positive().optional();

const limits = z.strictObject({
  entries: count.describe('address entries in all files together'),
  members: count.describe('members of one group or set'),
  nameLength: count.describe('characters of a generated object name'),
  lineLength: count.describe('characters of one line'),
  fileBytes: count.describe('bytes of one file'),
});

const option = z.strictObject({
  type: z.enum(['string', 'integer', 'boolean']),
  description: z.string(),
  default: z.union([z.string(), z.int(), z.boolean()]).optional(),
  example: z
    .union([z.string(), z.int(), z.boolean()])
    .optional()
    .describe('a value for documents and tests; needed where there is no default'),
  values: z.array(z.string()).optional().describe('the only values allowed'),
  pattern: z.string().optional().describe('a regular expression the whole value must match'),
  capacity: z
    .boolean()
    .default(false)
    .describe('whether it only says how much the device holds: no part of the files depends on it'),
  capabilities: z
    .record(z.string(), z.strictObject({ ports: z.boolean() }))
    .optional()
    .describe(
      'by value of the option, what the files can express otherwise than `capabilities` says; where a module of the target reads them back',
    ),
});

const file = z.strictObject({
  path: z.string().describe('relative to the folder of the target; with `each`, a template over the item'),
  template: z.string(),
  each: z.string().optional().describe('an array of the view model: one file an item, none if it is empty'),
  encoding: z.enum(['ascii', 'utf-8']).default('ascii'),
  prose: z.boolean().default(false).describe('only people read it, no device: the limits do not apply to it'),
});

const line = z.strictObject({
  match: z.string().describe('a regular expression for the whole line'),
  does: z
    .enum(['ignore', 'group', 'entry', 'grant', 'service', 'port', 'fixed', 'define', 'undo'])
    .describe(
      'define: (?<defines>) names an object, and (?<uses>) in another line refers to one that stands before it, (?<definesX>) and (?<usesX>) likewise, whatever X, for another kind of object; undo: takes a line back that the file does not have; fixed: stands once in each file, after the lines that the manifest has before it and before those that it has after it; entry: (?<prefix>), (?<address>)+(?<length>) or +(?<netmask>), (?<first>)+(?<last>), (?<host>), (?<suffix>) (below it) or (?<domain>) (it and below), and (?<group>) where each line names its list; group: (?<group>) names the entries that follow; grant: binds (?<group>) to (?<ports>) or (?<firstPort>)+(?<lastPort>), of (?<protocol>) tcp or udp, or to the ports of (?<service>), for (?<clients>) where the line names some; service: (?<service>) names a list of ports that follow; port: adds (?<ports>) or (?<firstPort>)+(?<lastPort>), of (?<protocol>), to it; in any: (?<sameX>), whatever X, has one value in all files, and is the option x where there is one',
    ),
});

const readBack = z.strictObject({
  files: z.string().describe('a regular expression for the path; (?<ports>) and (?<group>) may stand in it'),
  lines: z.array(line).min(1),
});

export const manifestSchema = z.strictObject({
  id: z.string().regex(/^[a-z][a-z0-9-]{0,30}$/),
  title: z.string(),
  description: z.string(),
  loaded: z.string().max(40).optional().describe('how the files come to count on the device, in a few words'),
  capabilities,
  additive: z
    .boolean()
    .default(false)
    .describe(
      'whether loading the files only adds to what the device has: the module of the target then gets the files in force, and its update takes away what left',
    ),
  remembers: z
    .boolean()
    .default(false)
    .describe(
      'whether the files say since when something is there: the module of the target then gets the files in force, and the week',
    ),
  undo: z
    .strictObject({
      word: z
        .string()
        .regex(/^[a-z]+$/)
        .describe('what begins a line that takes another back, such as no or delete'),
      instead: z
        .string()
        .regex(/^[a-z]+$/)
        .optional()
        .describe('the word of the other line in whose place it stands, such as set'),
      whole: z
        .array(z.string())
        .optional()
        .describe('how lines begin of which only the beginning is taken back: with it goes all below it'),
    })
    .optional()
    .describe(
      'for an additive format of lines, indented below the line of their block: how a line is taken back; the view has the lines for what left as `retiredLines`',
    ),
  limits: limits.default({}),
  options: z.record(z.string().regex(/^[a-z][A-Za-z0-9]*$/), option).default({}),
  files: z.array(file).min(1),
  readBack: z.array(readBack).default([]).describe('empty where a module of the target reads its files back'),
  notes: z.array(z.string()).default([]).describe('what the person who installs the files must know'),
  evidence: z.array(evidence).default([]),
});

export type Manifest = z.infer<typeof manifestSchema>;
/** One claim about a format, and how it is known. */
export type Evidence = Manifest['evidence'][number];
export type Capabilities = Manifest['capabilities'];
export type ReadBackGrammar = Manifest['readBack'][number];

/**
 * What the files of a target can express with these options. An option that is not there is taken as its default.
 * @returns `capabilities` of the manifest itself where no option changes them
 */
export function capabilitiesOf(
  { capabilities, options }: Manifest,
  values: Readonly<Record<string, string | number | boolean>> = {},
): Capabilities {
  const changes = Object.entries(options).map(
    ([name, option]) => option.capabilities?.[String(values[name] ?? option.default)],
  );
  return Object.assign({ ...capabilities }, ...changes);
}

/** The JSON Schema of `manifest.yaml`, for editors; published as `schema/manifest.schema.json`. */
export function manifestJsonSchema(): z.core.JSONSchema.BaseSchema {
  return z.toJSONSchema(manifestSchema, { io: 'input' });
}

/** Whether the target is a proxy: it decides by the host that a request names. */
export function isProxy({ namesBy }: Capabilities): boolean {
  return namesBy.includes('request');
}
