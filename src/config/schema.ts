import { z } from 'zod';
import { M365_CATEGORIES, M365_INSTANCES, M365_PARTIAL_NAME_USES } from '../feed/m365.ts';
import { FORGES } from '../forge/settings.ts';
import { EVENTS, WEBHOOK_FORMS } from '../notify/kinds.ts';
import { DEFAULT_LIMITS } from '../policy/guards/limits.ts';

/**
 * The shape of `allowlist.yaml`, step one of three: what `normalise.ts` turns into precise types. Every
 * description ends up in the JSON Schema that editors show.
 */

const port = z
  .union([z.int().min(1).max(65535), z.string()])
  .describe('a TCP port (443), a range ("8080-8090"), or one of UDP ("123/udp", "3478-3481/udp")');

const addressUse = z
  .enum(['fallback', 'always', 'never'])
  .describe(
    'use the addresses of service tags of a rule that has names: only on targets that cannot match names, always, or never; `prefixes` of the rule itself are written beside names too, or with never declared as an omission',
  );

const parameterValue = z
  .union([z.string(), z.array(z.string()).min(1)])
  .describe('a value, or several: each row is there for every one');

const endpoints = z.union([
  z.string().describe('the id of a bundled endpoint table'),
  z.strictObject({
    table: z.string().optional().describe('the id of a bundled endpoint table'),
    file: z.string().optional().describe('a table of your own, relative to this file'),
    optional: z.array(z.string()).optional().describe('groups of rows that are off by default'),
    parameters: z
      .record(z.string(), parameterValue)
      .optional()
      .describe('what the table leaves open, such as the region'),
  }),
]);

const product = z.union([
  z.string().describe('the id of a bundled endpoint table, or connector, avd, defender'),
  z.record(
    z.string(),
    z.looseObject({
      groups: z.array(z.string()).optional().describe('groups of rows that are off by default'),
      name: z
        .string()
        .optional()
        .describe(
          'what the names of its rules begin with, 11 characters at most; default `products`: products of one name become rules together',
        ),
      addresses: addressUse.optional(),
    }),
  ),
]);

const m365Selector = z.strictObject({
  serviceArea: z.string().optional().describe('Common, Exchange, SharePoint or Skype (which is Teams)'),
  category: z
    .union([z.enum(M365_CATEGORIES), z.array(z.enum(M365_CATEGORIES)).min(1)], {
      error: `Invalid input: expected one or a list of ${M365_CATEGORIES.join(', ')}`,
    })
    .optional()
    .describe('all by default'),
  required: z.boolean().optional().describe('required sets only, or optional ones only; both by default'),
  ids: z.array(z.int().positive()).min(1).optional().describe('the numbers of endpoint sets'),
});

/** A format may write one line for each client, port list and list of addresses. */
const MOST_CLIENTS = 256;

const clients = z.array(z.string()).min(1).max(MOST_CLIENTS);

const rule = z.strictObject({
  name: z.string().describe('used in object names: a letter, then letters, digits and hyphens, 20 at most'),
  reason: z.string().optional().describe('why the rule is there, for the people who review it'),
  endpoints: z.array(endpoints).optional(),
  hosts: z
    .array(z.string())
    .optional()
    .describe('host names: x, *.x (subdomains without x) or .x (subdomains and x); on `ports`'),
  serviceTags: z
    .array(z.string())
    .optional()
    .describe(
      'as in the weekly file, such as Storage or Storage.WestEurope; Storage.Unassigned is what Storage has and none of its regional tags',
    ),
  regions: z
    .array(z.string())
    .min(1)
    .optional()
    .describe(
      'of the service tags only what these regions have: `serviceTags: [Storage], regions: [westeurope]`',
    ),
  unassigned: z
    .boolean()
    .optional()
    .describe('with `regions`: also the addresses of the service tags that belong to no region'),
  prefixes: z.array(z.string()).optional().describe('addresses or CIDRs of your own'),
  m365: z
    .array(m365Selector)
    .min(1)
    .optional()
    .describe(
      'endpoint sets of Microsoft 365, names and addresses on their own ports: one rule a port set, named after this one; `{}` selects all',
    ),
  ports: z
    .array(port)
    .min(1)
    .optional()
    .describe('for hosts and addresses; where endpoints are given, their ports are the default'),
  addresses: addressUse.optional(),
  clients: clients
    .optional()
    .describe(
      'the addresses or CIDRs that may use the rule, such as those of the connectors; every client by default. A format that cannot name them lets every client through, and declares it',
    ),
});

const secret = z.union([
  z.strictObject({ environment: z.string() }),
  z.strictObject({ command: z.array(z.string()).min(1) }),
]);

const source = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('download'), page: z.url().optional(), directory: z.url().optional() }),
  z.strictObject({ kind: z.literal('url'), url: z.url() }),
  z.strictObject({ kind: z.literal('file'), path: z.string() }),
  z.strictObject({
    kind: z.literal('api'),
    subscription: z.string(),
    location: z.string().optional(),
    endpoint: z.url().optional(),
    apiVersion: z.string().optional(),
    token: secret.optional(),
  }),
  z.strictObject({ kind: z.literal('xml'), location: z.string() }),
]);

const positive = z.number().positive().optional();

const http = z.strictObject({
  allowedHosts: z.array(z.string()).optional(),
  certificateAuthority: z.string().optional().describe('a PEM file, relative to this file'),
  connectSeconds: positive,
  responseSeconds: positive,
  totalSeconds: positive,
  retries: z.int().min(0).max(20).optional(),
  firstWaitSeconds: positive,
  longestWaitSeconds: positive,
  maximumMegabytes: positive,
});

const feed = z.strictObject({
  cloud: z.enum(['public', 'usgov', 'china', 'germany']).default('public'),
  source: source
    .optional()
    .describe("where the weekly file comes from; Microsoft's download page by default"),
  http: http.optional(),
  m365: z
    .strictObject({
      instance: z
        .enum(M365_INSTANCES)
        .optional()
        .describe('Worldwide for the public cloud, China for china; no default for usgov'),
      service: z.url().optional().describe('a mirror; https://endpoints.office.com by default'),
      tenant: z
        .string()
        .regex(/^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/)
        .optional()
        .describe('stands for <tenant> in published names'),
      partialNames: z
        .enum(M365_PARTIAL_NAME_USES)
        .optional()
        .describe(
          'names like *-files.example.com: widen to all of *.example.com (default) or omit; declared either way',
        ),
      clientRequestId: z
        .uuid()
        .optional()
        .describe(
          'tells installations apart to the service; made once and kept in the cache directory by default',
        ),
    })
    .optional()
    .describe('the Microsoft 365 endpoints service; asked only where a rule has m365'),
  cache: z
    .strictObject({
      directory: z.string().optional(),
      keep: z.int().positive().optional().describe('how many files to keep'),
    })
    .optional(),
});

const percent = z.number().min(0).max(100);

const limits = DEFAULT_LIMITS;

/** `docs/guards.md` says what the defaults were chosen by. */
const guards = z.strictObject({
  'feed-stale': z
    .strictObject({
      days: z
        .int()
        .positive()
        .optional()
        .describe(
          'refuse a feed that is more days old than this; by default an old feed is only noted (public: 30 days, other clouds: 60)',
        ),
    })
    .optional(),
  'feed-shrink': z
    .strictObject({
      percent: percent
        .optional()
        .describe(
          `the most IPv4 space of the whole feed that may be lost in a step; default ${limits.feedShrinkPercent}`,
        ),
      prefixPercent: percent
        .optional()
        .describe(
          `how many percent fewer prefixes the whole feed may list after a step; default ${limits.feedShrinkPrefixPercent}`,
        ),
    })
    .optional(),
  'tag-shrink': z
    .strictObject({
      percent: percent
        .optional()
        .describe(
          `the most IPv4 space of a configured tag that may be lost in a step; default ${limits.tagShrinkPercent}`,
        ),
      addresses: z
        .int()
        .min(0)
        .optional()
        .describe(
          'a loss of fewer IPv4 addresses is only noted, unless a rule loses rulePercent by it; default one ten-thousandth of the feed, 2048 at most and 64 at least',
        ),
      rulePercent: percent
        .optional()
        .describe(
          `the most IPv4 space of a rule that its tags may lose in a step, however few addresses; default ${limits.tagShrinkRulePercent}`,
        ),
      ipv6Percent: percent
        .optional()
        .describe(`the same percentage for IPv6; default ${limits.tagShrinkIpv6Percent}`),
    })
    .optional(),
  'tag-growth': z
    .strictObject({
      factor: z
        .number()
        .min(1)
        .optional()
        .describe(
          `how many times its space and its fewest prefixes a configured tag may reach in a step; default ${limits.tagGrowthFactor}`,
        ),
      percent: percent
        .optional()
        .describe(
          `how much of the whole feed's IPv4 space a configured tag may gain in a step that more than doubles it; default ${limits.tagGrowthPercent}`,
        ),
    })
    .optional(),
  'date-ahead': z
    .strictObject({
      days: z
        .int()
        .min(0)
        .optional()
        .describe(`days that the date of a feed may lie in the future; default ${limits.dateAheadDays}`),
    })
    .optional(),
  'new-space': z
    .strictObject({
      addresses: z
        .int()
        .min(0)
        .optional()
        .describe(
          `IPv4 addresses that no service tag had before, in 28 days; default ${limits.newSpaceAddresses}`,
        ),
      farAddresses: z
        .int()
        .min(0)
        .optional()
        .describe(`the same in a /8 where no service tag had any; default ${limits.newSpaceFarAddresses}`),
      ipv6Networks: z
        .int()
        .min(0)
        .optional()
        .describe(
          `IPv6 /64 networks that no service tag had before, in 28 days; default ${limits.newSpaceIpv6Networks}`,
        ),
    })
    .optional(),
  'tag-precedent': z
    .strictObject({
      lossPercent: percent
        .optional()
        .describe(
          `the most that a tag of 1,048,576 IPv4 addresses or more may lose in 28 days; default ${limits.precedentLossPercent}`,
        ),
      gainPercent: z
        .number()
        .min(0)
        .optional()
        .describe(`the most that it may gain; default ${limits.precedentGainPercent}`),
    })
    .optional(),
  'special-use': z
    .strictObject({
      allow: z.array(z.string()).optional().describe('special-use prefixes that are let in; none by default'),
    })
    .optional(),
  'too-broad': z
    .strictObject({
      ipv4: z
        .int()
        .min(0)
        .max(32)
        .optional()
        .describe(`the shortest lawful length of an IPv4 prefix; default ${limits.shortestIpv4}`),
      ipv6: z
        .int()
        .min(0)
        .max(128)
        .optional()
        .describe(`the shortest lawful length of an IPv6 prefix; default ${limits.shortestIpv6}`),
    })
    .optional(),
});

const range = z.union([
  z.string().describe('an address or a CIDR'),
  z.strictObject({
    file: z.string().describe('one address or CIDR a line, # begins a comment; relative to this file'),
  }),
]);

const ranges = z.array(range);

const origins = z.strictObject({
  source: z
    .string()
    .min(1)
    .optional()
    .describe(
      'ripestat (default), a URL in which {asn} stands for the number, or a file relative to this one: JSON as RIPEstat or bgpq4 give it, or one CIDR a line',
    ),
  asns: z
    .array(z.int().min(1).max(4_294_967_295))
    .min(1)
    .max(100)
    .describe('the networks whose announcements count, such as 8075'),
  set: z.string().min(1).max(60).optional().describe('what messages call them together'),
  refuse: z
    .boolean()
    .optional()
    .describe('refuse a week whose gained addresses nobody of the set announces; default false: it is noted'),
  maximumDays: z.int().positive().optional().describe('days from which on a list is too old; default 30'),
});

const constraints = z.strictObject({
  never: ranges
    .optional()
    .describe('ranges that no target may let through, whatever is published: your own, partners, resolvers'),
  within: z
    .array(z.union([range, z.literal('origins').describe('what the networks of `origins` announce')]))
    .min(1)
    .optional()
    .describe('published addresses outside these ranges are left out; by default all may be published'),
  outside: z
    .enum(['cut', 'refuse'])
    .optional()
    .describe(
      'what becomes of published addresses outside `within`: cut out and declared (default), or refused',
    ),
});

const required = z.strictObject({
  host: z.string().optional().describe('a host name; reachable by its name, or by all of the addresses'),
  addresses: z.array(z.string()).min(1).optional().describe('addresses or CIDRs, all of them'),
  ports: z.array(port).min(1).optional().describe('default [443]'),
});

/** Keys beside these are the target's own options, checked against its manifest. */
const target = z.looseObject({
  template: z.string().optional().describe('the folder of a format of your own, relative to this file'),
  addresses: addressUse.optional(),
  clients: clients
    .optional()
    .describe(
      'the addresses or CIDRs that connections come from at this device, such as the proxy at a firewall behind it; by default the `clients` of each rule',
    ),
  budget: z
    .union([
      z.int().positive(),
      z.strictObject({
        entries: z.int().positive(),
        never: z.array(z.string()).optional().describe('ranges never let in for it, such as your own'),
      }),
    ])
    .optional()
    .describe('the most address entries; if exceeded, the fewest extra addresses are let in, and declared'),
});

const pullRequest = z.strictObject({
  branch: z
    .string()
    .min(1)
    .optional()
    .describe('the branch that holds the change while it is open; default azure-allowlist/update'),
  forge: z.enum(FORGES).optional().describe('by default known by the address of the remote'),
  api: z.url().optional().describe('the address of the API; by default from the address of the remote'),
  project: z
    .string()
    .min(1)
    .optional()
    .describe('owner/name, as the forge has it; by default from the address of the remote'),
  token: z
    .union([secret, z.strictObject({ file: z.string() })])
    .optional()
    .describe(
      'where the token is; by default GITHUB_TOKEN, GITLAB_TOKEN, SYSTEM_ACCESSTOKEN, GITEA_TOKEN or BITBUCKET_TOKEN',
    ),
  reviewers: z.array(z.string()).optional().describe('users to ask when it is opened'),
  labels: z.array(z.string()).optional().describe('labels beside those of the verdict'),
  autoMerge: z
    .boolean()
    .optional()
    .describe('let the forge merge a routine change once its own conditions are met; default false'),
  issues: z.boolean().optional().describe('open an issue for a week that is refused; default true'),
});

const on = z
  .array(z.enum(EVENTS))
  .min(1)
  .optional()
  .describe(
    'which events; all by default: a routine change, a week to review, a refusal, a failure, the recovery, a feed that has become stale',
  );

const notify = z.strictObject({
  webhooks: z
    .array(
      z.strictObject({
        url: z
          .union([z.url({ protocol: /^https?$/ }), secret])
          .describe(
            'where the event is posted; its path is a secret, so rather name a variable or a command',
          ),
        form: z.enum(WEBHOOK_FORMS).optional().describe('default generic'),
        template: z
          .string()
          .min(1)
          .optional()
          .describe('a Handlebars file that makes the JSON body instead of the form'),
        on,
      }),
    )
    .min(1)
    .optional(),
  mail: z
    .strictObject({
      server: z
        .union([z.url({ protocol: /^smtps?$/ }), secret])
        .describe('smtp://user:password@host:587, or smtps://…'),
      from: z.string().min(3),
      to: z.array(z.string().min(3)).min(1),
      template: z.string().min(1).optional().describe('a Handlebars file that makes the text'),
      on,
    })
    .optional(),
});

export const configSchema = z.strictObject({
  version: z.literal(1),
  extends: z
    .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
    .optional()
    .describe(
      'a configuration, or several, that this one goes on from, as if their text stood here: mappings are merged key by key, rules and products by their names, any other value takes the place of theirs; paths in them are relative to this file',
    ),
  feed: feed.optional(),
  families: z
    .array(z.union([z.literal(4), z.literal(6)]))
    .min(1)
    .max(2)
    .optional()
    .describe(
      'the address families of your network, [4] or [6]; the other is read as if it were not published, and nothing speaks of it; both by default',
    ),
  products: z
    .array(product)
    .min(1)
    .optional()
    .describe(
      'products of Microsoft, one a line: `aks: { region: westeurope }`; rows of their endpoint tables become rules, one a port set; `endpoints list` shows the tables with their parameters and groups',
    ),
  rules: z.array(rule).min(1).optional(),
  targets: z
    .record(z.string(), z.union([target, z.literal(false), z.null()]))
    .describe(
      'the devices, by the ids of their targets; `false` takes out a target of the file that this one extends',
    ),
  output: z.string().optional().describe('the output tree, relative to this file; default `allowlists`'),
  guards: guards.optional(),
  origins: origins
    .optional()
    .describe(
      'a second source: which of the addresses that a week gains are announced by Microsoft’s networks',
    ),
  constraints: constraints.optional(),
  hold: z
    .string('is a number of days such as 14d')
    .regex(/^[1-9]\d?d$/, 'is a number of days such as 14d, at most 99d')
    .optional()
    .describe(
      'how long addresses that a service tag has lost stay let through, counted in dates of feeds; each is declared as a widening; by default they go at once',
    ),
  require: z
    .array(required)
    .min(1)
    .optional()
    .describe('what has to stay reachable through every target, or the run is refused'),
  publish: z
    .strictObject({
      git: z
        .union([
          z.boolean(),
          z.strictObject({
            branch: z
              .string()
              .min(1)
              .optional()
              .describe(
                'the branch to commit to; by default the one that is checked out, or that the CI names',
              ),
            remote: z.string().min(1).optional().describe('where to push; default origin'),
            push: z.boolean().optional().describe('push the commit, never by force; default false'),
            pullRequest: z
              .union([z.boolean(), pullRequest])
              .optional()
              .describe(
                'propose the change instead of committing it to the branch that is checked out; default false',
              ),
          }),
        ])
        .optional()
        .describe('commit the output tree when it changed'),
      when: z
        .enum(['always', 'routine'])
        .optional()
        .describe(
          'routine: only a routine week is published; what asks for a look becomes a pull request where one is configured, else nothing is written and the exit status is 2',
        ),
      atom: z
        .union([
          z.boolean(),
          z.strictObject({
            link: z
              .url({ protocol: /^https?$/ })
              .describe('where people find the output tree, such as its page at the forge'),
          }),
        ])
        .optional()
        .describe('write feed.xml beside REVIEW.md: an Atom feed of the last 52 changes; default false'),
    })
    .optional(),
  notify: notify
    .optional()
    .describe('who is notified of what came of a run; a place that cannot be reached fails nothing'),
  sign: z
    .strictObject({
      key: z
        .union([z.string().min(1), z.strictObject({ environment: z.string() })])
        .describe('the private key of Ed25519, in PEM: a file, or the environment variable that holds it'),
    })
    .optional()
    .describe(
      'signs the lock, which names every other file by its hash; `verify --public-key` and `load --public-key` check it',
    ),
  schedule: z
    .strictObject({
      cron: z.string().describe('five or six fields'),
      timeZone: z.string().optional().describe('an IANA name; UTC by default'),
    })
    .optional(),
});

export type ConfigDocument = z.infer<typeof configSchema>;

/** The JSON Schema of `allowlist.yaml`, for editors; published as `schema/allowlist.schema.json`. */
export function configJsonSchema(): z.core.JSONSchema.BaseSchema {
  const { required = [], ...schema } = z.toJSONSchema(configSchema, { io: 'input' });
  // A file that extends another need not say what that one says.
  return { ...schema, anyOf: [{ required }, { required: ['extends'] }] };
}
