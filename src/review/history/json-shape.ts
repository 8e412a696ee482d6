import * as z from 'zod';

const text = z.string();
const count = z.int().min(0);
const size = z.string().regex(/^\d+$/);
const sizes = z.strictObject({ ipv4: size, ipv6: size }).describe('How many addresses, in decimal digits.');

const onPorts = z.strictObject({
  ports: z.string().describe('As `port 80,443`, or `every TCP port`.'),
  addresses: sizes,
  names: z.array(text),
});

/** The shape of the JSON form; `schema/history.schema.json` is made from it. */
export const historyShape = z
  .strictObject({
    format: z.literal('azure-allowlist/history'),
    version: z.literal(1),
    revisions: z
      .array(
        z.strictObject({
          id: z.string().describe('The commit, or the name of the feed.'),
          date: text,
          feed: z.strictObject({
            cloud: text,
            name: text,
            fileDate: z.string().nullable(),
            changeNumber: z.int(),
          }),
          addresses: sizes,
          change: z
            .strictObject({
              addresses: z.strictObject({ gained: sizes, lost: sizes }),
              names: z.strictObject({ gained: z.array(text), lost: z.array(text) }),
              ports: z
                .strictObject({ gained: z.array(onPorts), lost: z.array(onPorts) })
                .describe(
                  'What opens or closes on ports, while it is let through on others: neither in `addresses` nor in `names`.',
                ),
              tags: z.strictObject({ added: z.array(text), removed: z.array(text), changed: count }),
              prefixes: z.strictObject({ gained: count, lost: count }).describe('As published.'),
              targets: z
                .strictObject({
                  added: z.array(text),
                  removed: z.array(text),
                  firstFiles: z
                    .array(z.strictObject({ target: text, addresses: sizes, names: count }))
                    .describe('What the files of an added target let through: in no gain of the revision.'),
                })
                .describe('Targets that came into the configuration, and that left it.'),
            })
            .nullable()
            .describe('Null for the first revision.'),
          edited: z.array(text).describe('Rule files that were edited outside a run.'),
          acceptances: z.array(z.strictObject({ guard: text, message: text })),
        }),
      )
      .describe('Oldest first.'),
    tags: z.array(
      z.strictObject({
        tag: text,
        changes: count,
        gained: sizes,
        lost: sizes,
        points: z
          .array(z.strictObject({ prefixes: count, addresses: sizes }).nullable())
          .describe('One a revision; null where the tag is not there.'),
      }),
    ),
    returned: z.array(
      z.strictObject({ tag: text, prefix: text, removed: text, returned: text, days: z.int() }),
    ),
  })
  .describe('How an allowlist or the feed changed, as azure-allowlist history --format json writes it.');

export type HistoryDocument = z.infer<typeof historyShape>;

/** The published JSON Schema of the JSON form. */
export function historyJsonSchema(): object {
  return z.toJSONSchema(historyShape);
}
