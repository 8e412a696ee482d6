import * as z from 'zod';
import { HostSyntaxError, parseHost, parseHostPattern } from '../net/host-pattern.ts';
import { METHODS } from '../net/method.ts';
import { PortSet } from '../net/ports.ts';
import { parsePrefix } from '../net/prefix.ts';
import { lintSpelling } from './lint.ts';
import { parametersIn } from './parameters.ts';
import { isPartialName, parsePartialName } from './partial-name.ts';

const id = z
  .string()
  .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'must be lower-case letters, digits and single hyphens')
  .describe('A name: lower-case letters, digits, hyphens.');

const text = z.string().regex(/\S/, 'must not be empty');

const month = z
  .string('must be text (quote a bare year)')
  .regex(/^\d{4}(-(0[1-9]|1[0-2]))?$/, 'must be a year (quoted, "2016") or a month (2020-04)');

const host = z
  .string()
  .superRefine((value, context) => {
    const sample = withoutParameters(value);
    const message = hostProblem(sample, isPartialName(sample) ? parsePartialName : parseHostPattern);
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  })
  .describe(
    'x is the host alone; *.x the names below it at any depth without x itself; .x both. No scheme, port or path. <region> stands for a parameter of the table; a wildcard inside the first label (a*.example.com) needs partialNames.',
  );

/** A text as it may look with values in the place of parameters. */
function withoutParameters(text: string): string {
  return text.replace(/<[^<>]*>/g, 'x');
}

const exactHost = z.string().superRefine((value, context) => {
  const message = hostProblem(value, parseHost);
  if (message !== undefined) context.addIssue({ code: 'custom', message });
});

function hostProblem(value: string, parse: (text: string) => unknown): string | undefined {
  try {
    parse(value);
    return undefined;
  } catch (error) {
    if (!(error instanceof HostSyntaxError)) throw error;
    const [first] = lintSpelling(value, '');
    return first === undefined ? error.message : [first.what, first.next].join(': ');
  }
}

const PORT = 'must be a port (443), a range (9350-9354), or one of UDP (123/udp)';
const port = z
  .union(
    [
      z.int(PORT).min(1, PORT).max(65535, PORT),
      z
        .string()
        .refine(isPortRange, PORT)
        .meta({ pattern: '^[1-9][0-9]{0,4}(-[1-9][0-9]{0,4}|(-[1-9][0-9]{0,4})?/udp)$' }),
    ],
    PORT,
  )
  .describe('A TCP port, a range first-last, or one of UDP: 123/udp, 3478-3481/udp.');

function isPortRange(value: string): boolean {
  try {
    return /-|\/udp$/.test(value) && !PortSet.parse(value).isEmpty;
  } catch {
    return false;
  }
}

function isPrefix(value: string): boolean {
  try {
    parsePrefix(value);
    return true;
  } catch {
    return false;
  }
}

const cloud = z.enum(['public', 'usgov', 'china']);

const tagName = z
  .string()
  .regex(/^[A-Za-z0-9.]{1,47}$/, 'must be a service tag: letters, digits, dots, at most 47 characters');

const row = z.strictObject({
  hosts: z
    .array(host)
    .min(1, 'must name a host')
    .exactOptional()
    .describe('The hosts that share the rest of the row.'),
  serviceTags: z
    .array(
      z
        .string()
        .refine(
          (value) =>
            tagName.safeParse(withoutParameters(value)).success &&
            (parametersIn(value).length === 0 || /^AzureCloud\.<[^<>]+>$/.test(value)),
          'must be a service tag, or AzureCloud.<region> with a parameter of the table',
        ),
    )
    .min(1, 'must name a tag')
    .exactOptional()
    .describe('Instead of hosts: the row asks for the addresses of these service tags.'),
  addresses: z
    .array(z.string().refine(isPrefix, 'must be a prefix (51.5.0.0/16)'))
    .min(1, 'must name a prefix')
    .exactOptional()
    .describe('Instead of hosts: the row asks for these addresses.'),
  partialNames: z
    .enum(['widen', 'omit'])
    .exactOptional()
    .describe(
      'What becomes of a*.example.com, which no device matches exactly: widen to *.example.com or omit; declared either way.',
    ),
  clouds: z
    .array(cloud)
    .min(1, 'must name a cloud')
    .exactOptional()
    .describe('The clouds that have the row; all of the table by default.'),
  when: z
    .record(z.string(), z.union([z.string(), z.array(z.string()).min(1, 'must name a value')]))
    .exactOptional()
    .describe('Values of parameters with which alone the row holds.'),
  need: z
    .enum(['required', 'install', 'conditional', 'optional'])
    .exactOptional()
    .describe('When the connection is needed; required by default, optional in an optional group.'),
  tlsInspection: z
    .literal('forbidden')
    .exactOptional()
    .describe('The document forbids TLS inspection of the connection.'),
  webSockets: z.literal(true).exactOptional().describe('Web sockets must pass.'),
  path: z
    .string()
    .regex(/^\/[^\s?#]*$/, 'must begin with / and have no query')
    .exactOptional()
    .describe(
      'Only URLs below this path are meant; devices that match names only must allow the whole host.',
    ),
  ports: z.array(port).min(1, 'must name a port'),
  methods: z
    .array(z.enum(METHODS))
    .min(1, 'must name a method')
    .exactOptional()
    .describe(
      'The ways of asking a proxy that are needed: tunnel (CONNECT), plain (an HTTP request); both where none is named.',
    ),
  purpose: text.describe('What the connection is for, in own words.'),
  sources: z.array(z.string()).min(1, 'must name a source').describe('Ids of the sources that have the row.'),
  since: z
    .string('must be text (quote a bare year)')
    .regex(
      /^(by )?\d{4}(-(0[1-9]|1[0-2]))?$/,
      'must be a year (quoted, "2016"), a month (2020-04) or "by" and one of them',
    )
    .exactOptional()
    .describe('Since when the row has been documented.'),
  optional: z
    .string()
    .exactOptional()
    .describe('The optional group that the row belongs to: off unless asked for.'),
  inText: z
    .array(port)
    .min(1, 'must name a port')
    .exactOptional()
    .describe('Those of the ports that stand in the text of the sources, and not in a table of theirs.'),
  misprintOf: exactHost
    .exactOptional()
    .describe('The host meant, when the source is known to be misprinted.'),
  coveredBy: z
    .array(
      z.strictObject({
        tag: tagName,
        basis: text.describe('How that is known.'),
      }),
    )
    .min(1, 'must name a tag; use notCovered where there is none')
    .exactOptional()
    .describe('The service tags whose addresses include those of the hosts.'),
  notCovered: text.exactOptional().describe('Why no service tag covers the hosts.'),
  note: text.exactOptional(),
});

/** The shape of an endpoint table's file. Rules between keys (references, coverage) are `load.ts`'s. */
export const endpointTableFile = z
  .strictObject({
    id,
    title: text,
    cloud: cloud.exactOptional().describe('The one cloud of the table; or clouds.'),
    clouds: z
      .array(cloud)
      .min(1, 'must name a cloud')
      .exactOptional()
      .describe('The clouds that the document has side by side; or cloud.'),
    confidence: z.enum(['high', 'medium', 'low']).describe('How far the sources can be relied on.'),
    sources: z
      .array(
        z.strictObject({
          id,
          title: text,
          url: z.url({ protocol: /^https?$/, error: 'must be an http(s) URL' }),
          date: z.iso.date('must be a date, YYYY-MM-DD').describe("The document's own date."),
          sections: z
            .array(text)
            .min(1, 'must name a heading')
            .exactOptional()
            .describe(
              "The headings under which alone the document's endpoints are the table's; all of the document by default.",
            ),
          lists: z
            .literal(true)
            .exactOptional()
            .describe('Its endpoints stand in lists and blocks of code too, not in tables alone.'),
        }),
      )
      .min(1, 'must name a source'),
    optionalGroups: z
      .array(z.strictObject({ id, description: text }))
      .exactOptional()
      .describe('Groups of rows that are off unless asked for.'),
    parameters: z
      .array(
        z.strictObject({
          id,
          kind: z
            .enum(['region', 'label', 'choice'])
            .describe('A region of the feed, a label of a host name, or one of values.'),
          description: text,
          values: z.array(id).min(1, 'must name a value').exactOptional().describe('Of a choice.'),
        }),
      )
      .exactOptional()
      .describe(
        'What the configuration gives where a row that it asks for uses it: hosts hold it as <id>, and rows can hold with some of its values only.',
      ),
    includes: z
      .array(
        z.strictObject({
          table: id,
          groups: z.array(z.string()).exactOptional().describe('Optional groups of it that belong in.'),
          optional: z
            .string()
            .exactOptional()
            .describe('The optional group of this table that its rows belong to: off unless asked for.'),
        }),
      )
      .exactOptional()
      .describe('Bundled tables that the document refers to; their rows count as rows of this one.'),
    leftOut: z
      .array(z.strictObject({ what: text, why: text }))
      .exactOptional()
      .describe('What of the documents the table does not have, and why.'),
    rows: z.array(row).exactOptional().describe('None in a table that only includes others.'),
    mustHaves: z
      .array(
        z.strictObject({
          host: exactHost,
          addresses: z
            .array(
              z.string().refine(isPrefix, 'must be a prefix as Microsoft publishes it (20.190.128.0/18)'),
            )
            .min(1, 'must name a prefix'),
          ports: z.array(port).min(1, 'must name a port'),
          sources: z.array(z.string()).min(1, 'must name a source'),
        }),
      )
      .exactOptional()
      .describe('Hosts with published addresses that a target which lets them through may not lose.'),
    history: z.array(z.strictObject({ date: month, change: text })).exactOptional(),
  })
  .describe('Required host names and addresses of one product, with ports and sources.');

export type EndpointTableFile = z.infer<typeof endpointTableFile>;

/** The JSON Schema of an endpoint table's file, for editors; host syntax and references are checked on loading only. */
export function endpointTableJsonSchema() {
  return z.toJSONSchema(endpointTableFile, { io: 'input' });
}
