import * as z from 'zod';
import { HostSyntaxError, parseHost, parseHostPattern } from '../net/host-pattern.ts';
import { PortSet } from '../net/ports.ts';
import { parsePrefix } from '../net/prefix.ts';
import { lintSpelling } from './lint.ts';

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
    const message = hostProblem(value, parseHostPattern);
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  })
  .describe(
    'x is the host alone; *.x the names below it at any depth without x itself; .x both. No scheme, port or path.',
  );

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

const row = z.strictObject({
  hosts: z.array(host).min(1, 'must name a host').describe('The hosts that share the rest of the row.'),
  path: z
    .string()
    .regex(/^\/[^\s?#]*$/, 'must begin with / and have no query')
    .exactOptional()
    .describe(
      'Only URLs below this path are meant; devices that match names only must allow the whole host.',
    ),
  ports: z.array(port).min(1, 'must name a port'),
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
        tag: z
          .string()
          .regex(
            /^[A-Za-z0-9.]{1,47}$/,
            'must be a service tag: letters, digits, dots, at most 47 characters',
          ),
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
    cloud: z.enum(['public', 'usgov', 'china']),
    confidence: z.enum(['high', 'medium', 'low']).describe('How far the sources can be relied on.'),
    sources: z
      .array(
        z.strictObject({
          id,
          title: text,
          url: z.url({ protocol: /^https?$/, error: 'must be an http(s) URL' }),
          date: z.iso.date('must be a date, YYYY-MM-DD').describe("The document's own date."),
        }),
      )
      .min(1, 'must name a source'),
    optionalGroups: z
      .array(z.strictObject({ id, description: text }))
      .exactOptional()
      .describe('Groups of rows that are off unless asked for.'),
    rows: z.array(row).min(1, 'must have a row'),
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
  .describe('Required host names of one product in one cloud, with ports and sources.');

export type EndpointTableFile = z.infer<typeof endpointTableFile>;

/** The JSON Schema of an endpoint table's file, for editors; host syntax and references are checked on loading only. */
export function endpointTableJsonSchema() {
  return z.toJSONSchema(endpointTableFile, { io: 'input' });
}
