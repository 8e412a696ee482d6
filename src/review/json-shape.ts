import * as z from 'zod';
import { METHODS } from '../net/method.ts';

/** Goes up when a field changes its meaning or goes away; new fields may come at any time. */
export const REVIEW_VERSION = 2;

const text = z.string();
const presence = z.enum(['added', 'removed', 'changed']);
const presenceOrNone = z.enum(['added', 'removed', 'changed', 'unchanged']);
const risk = z.enum(['widening', 'narrowing', 'exchange', 'move', 'metadata']);
const count = z.int().min(0);
const size = z
  .string()
  .regex(/^\d+$/)
  .describe(
    'How many addresses, in decimal digits: IPv6 sizes are beyond the numbers that JSON readers keep exact.',
  );
const prefix = z.string().describe('A prefix in canonical spelling: 192.0.2.0/24, 2001:db8::/32.');
const ports = z.array(z.string()).describe('Ports and ranges of ports: 443, 8080-8090.');
const change = <T extends z.ZodType>(of: T) => z.strictObject({ gained: of, lost: of });

const familySpace = z.strictObject({
  addresses: size,
  ranges: z
    .array(z.tuple([z.string(), z.string()]))
    .describe('First and last address; disjoint, in numeric order.'),
  prefixes: z.array(prefix).describe('The fewest prefixes with exactly these addresses.'),
});
const space = z.strictObject({ ipv4: familySpace, ipv6: familySpace });
const sizes = z.strictObject({ ipv4: size, ipv6: size });
const spaceChange = z.strictObject({ before: sizes, after: sizes, gained: space, lost: space });

const method = z
  .enum(METHODS)
  .describe('The one method by which alone a proxy allows it; absent where every one is.');
const names = z
  .array(z.strictObject({ host: text, ports, method: method.optional() }))
  .describe('*.x subdomains, .x with the domain itself, !x an exception.');
const clients = z
  .array(z.string())
  .describe('Addresses and prefixes that connections come from; each after a ! where all others are meant.');
const grants = z
  .array(
    z.strictObject({
      ports,
      clients: clients.optional().describe('Absent where every client is let through.'),
      method: method.optional(),
      hosts: z.array(text),
      addresses: space,
    }),
  )
  .describe('What is let through, by disjoint sets of ports, for each client.');

const week = z.strictObject({
  cloud: text,
  name: text,
  fileDate: z.string().nullable(),
  changeNumber: z.int(),
});

const row = z.strictObject({ table: text, host: text, path: z.string().nullable(), ports, purpose: text });

const tag = z.strictObject({
  tag: text,
  region: text,
  presence,
  risk,
  prefixes: change(z.array(prefix)).describe('As published.'),
  prefixCount: z.strictObject({ before: count, after: count }),
  space: spaceChange,
});

const rule = z.strictObject({
  rule: text,
  presence,
  renamedFrom: z.string().nullable(),
  risk,
  names: change(names),
  rows: change(z.array(row)),
  ports: change(ports),
  space: spaceChange.describe('The address space of the rule, all tags and prefixes united.'),
  tags: z.array(tag),
  prefixes: change(z.array(prefix)).describe('Configured by hand.'),
  moves: z.array(z.strictObject({ from: text, to: text, addresses: space })),
  reorganised: z.array(
    z.strictObject({
      kind: z.enum(['renamed', 'split', 'merged']),
      from: z.array(text),
      to: z.array(text),
      addresses: space,
    }),
  ),
  covered: z.array(z.strictObject({ tag: text, addresses: space })),
  reason: z.strictObject({ before: text, after: text }).nullable(),
  addressUse: z.strictObject({ before: text, after: text }).nullable(),
  clients: z
    .strictObject({ before: clients.nullable(), after: clients.nullable() })
    .optional()
    .describe('Absent where they stay; null for every client.'),
  scenario: z
    .strictObject({ before: text.nullable(), after: text.nullable() })
    .optional()
    .describe('The way of the traffic; absent where it stays.'),
  proxies: z
    .strictObject({ before: clients.nullable(), after: clients.nullable() })
    .optional()
    .describe('Where the proxies connect from; absent where it stays, null where it is not said.'),
});

const declared = z.strictObject({
  rule: text,
  kind: text,
  reason: text,
  presence: presenceOrNone,
  admission: grants,
  change: change(grants),
});

const effect = change(grants);
const option = z.string().nullable().describe('null where the option is not there.');

const target = z.strictObject({
  id: text,
  line: text.describe('What it will do differently, in one line.'),
  effect: effect
    .nullable()
    .describe('Read back from the files in force and as planned; null where those in force cannot be read.'),
  problem: z.string().nullable(),
  rules: z.array(z.strictObject({ rule: text, effect })),
  options: z.array(z.strictObject({ name: text, before: option, after: option })),
  files: z.array(
    z.strictObject({
      path: text,
      presence: presenceOrNone,
      lines: z.strictObject({ added: count, removed: count }),
    }),
  ),
  entries: z.strictObject({
    before: count.nullable(),
    after: count.nullable(),
    limit: count.nullable(),
  }),
  omissions: z.array(declared),
  widenings: z.array(declared),
});

/** The shape of the JSON form; `schema/review.schema.json` is made from it. */
export const reviewShape = z
  .strictObject({
    format: z.literal('azure-allowlist/review'),
    version: z.literal(REVIEW_VERSION),
    scope: z.enum(['policy', 'feeds']),
    summary: z.strictObject({
      sentence: text,
      verdict: z.strictObject({ level: z.enum(['nothing', 'routine', 'look', 'refused']), text }),
      subject: text,
    }),
    feed: z.strictObject({ before: week.nullable(), after: week }),
    risk,
    isEmpty: z.boolean(),
    reordered: z.boolean(),
    effect: effect.describe('What at least one target lets newly through, and what one does not any more.'),
    admission: change(grants).describe('Background: what all rules together ask for.'),
    rules: z.array(rule).describe('The rules that differ.'),
    notes: z.array(
      z.strictObject({
        kind: z
          .enum([
            'new-space',
            'attribution',
            'withdrawn',
            'constrained',
            'released',
            'shrunk',
            'nested',
            'renamed-rule',
            'broadest-prefix',
            'names-gone',
            'short-lived',
            'moved-away',
            'reorganised',
            'tag-gone',
            'every-client',
          ])
          .describe(
            'new-space and short-lived need what the earlier output tree remembers; an old one gives neither.',
          ),
        rule: text,
        tag: z.string().describe('Empty where the note is about the rule.'),
        text,
        look: z.boolean().describe('Whether it asks for a look.'),
        addresses: space.nullable(),
      }),
    ),
    targets: z.array(target),
    drift: z.array(
      z.strictObject({
        where: z.enum(['committed', 'working tree', 'directory', 'before', 'after']),
        target: text,
        files: z.array(text),
        lets: grants,
        lacks: grants,
        problem: z.string().nullable(),
        unread: z
          .array(z.strictObject({ path: text, line: z.int().min(1), text }))
          .describe('Lines that cannot be read; lets and lacks are of the others.'),
      }),
    ),
    unused: z
      .array(z.strictObject({ rule: text, tags: z.array(text) }))
      .describe('Selected, used by no target.'),
    lowConfidence: z.array(text).describe('Endpoint tables in use whose sources cannot be relied on.'),
    regionalTags: z
      .array(text)
      .describe('What rules with regional tags do without: addresses of a service that belong to no region.'),
    guards: z.array(
      z.strictObject({
        guard: text,
        outcome: z.enum(['passed', 'not judged', 'noted', 'accepted', 'refused']),
        message: text,
      }),
    ),
    acceptances: z.array(z.strictObject({ guard: text, message: text })),
    rehearsals: z
      .array(
        z.strictObject({
          target: text,
          tried: text.describe('The program that the files were tried in.'),
          rows: z.array(
            z.strictObject({
              rule: text,
              kind: z.enum(['IPv4', 'IPv6', 'names']),
              attempts: count,
              stayOpen: count,
              open: count,
              close: count,
              stayClosed: count,
            }),
          ),
          notSent: count,
        }),
      )
      .optional()
      .describe(
        'Targets whose planned files were tried out: what was allowed and denied at the edges of each rule.',
      ),
    coverageStands: z.boolean().describe('Whether all required hosts get through as before.'),
    coverage: z.array(
      z.strictObject({
        rule: text,
        host: text,
        ports: text,
        purpose: text,
        targets: z.array(
          z.strictObject({
            target: text,
            how: z.enum(['name', 'widened', 'address', 'partly', 'uncovered', 'unknown', 'elsewhere']),
            detail: text,
          }),
        ),
      }),
    ),
  })
  .describe('What a change of the policy means, as azure-allowlist diff --format json writes it.');

export type ReviewDocument = z.infer<typeof reviewShape>;

/** The published JSON Schema of the JSON form. */
export function reviewJsonSchema(): object {
  return z.toJSONSchema(reviewShape);
}
