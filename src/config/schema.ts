import * as z from 'zod';
import { M365_CATEGORIES, M365_INSTANCES, M365_PARTIAL_NAME_USES } from '../feed/m365.ts';
import { API_DEFAULTS, CACHED_FILES, HTTP_DEFAULTS } from '../feed/source-config.ts';
import { FORGES } from '../forge/settings.ts';
import { METHODS } from '../net/method.ts';
import { EVENTS, WEBHOOK_FORMS } from '../notify/kinds.ts';
import { DEFAULT_LIMITS } from '../policy/guards/limits.ts';
import { SCENARIOS } from '../policy/policy.ts';

/**
 * The shape of `allowlist.yaml`, step one of three: what `normalise.ts` turns into precise types. Every key has a
 * description, and where there is one its default; each that is not just a mapping has an example. Editors show
 * them from the JSON Schema, and `docs/configuration.md` is made of them.
 */

/**
 * What the JSON Schema says of a key.
 * @param facts.preset the value that counts where the key is absent
 * @param facts.such an example; needed where neither type nor choices give one
 */
function about(
  description: string,
  facts: { readonly preset?: unknown; readonly such?: unknown } = {},
): { description: string; default?: unknown; examples?: unknown[] } {
  return {
    description,
    ...('preset' in facts && { default: facts.preset }),
    ...('such' in facts && { examples: [facts.such] }),
  };
}

const port = z
  .union([z.int().min(1).max(65535), z.string()])
  .describe('a TCP port (443), a range ("8080-8090"), or one of UDP ("123/udp", "3478-3481/udp")');

const addressUse = z.enum(['fallback', 'always', 'never']);

const ADDRESS_USE =
  'whether the addresses of service tags are used in a rule that has names: only on targets that cannot match names, always, or never; `prefixes` of the rule itself are written beside names too, or with never declared as an omission';

const parameterValue = z
  .union([z.string(), z.array(z.string()).min(1)])
  .describe('a value, or several: each row is there for every one');

const endpoints = z.union([
  z.string().describe('the id of a bundled endpoint table'),
  z.strictObject({
    table: z
      .string()
      .optional()
      .meta(about('the id of a bundled endpoint table', { such: 'private-network-connector' })),
    file: z
      .string()
      .optional()
      .meta(about('a table of your own, relative to this file', { such: 'tables/own.yaml' })),
    optional: z
      .array(z.string())
      .optional()
      .meta(about('groups of rows that are off by default', { preset: [], such: ['web-sign-in'] })),
    parameters: z
      .record(z.string(), parameterValue)
      .optional()
      .meta(about('what the table leaves open, such as the region', { such: { region: 'westeurope' } })),
  }),
]);

/** A format may write one line for each client, port list and list of addresses. */
const MOST_CLIENTS = 256;

const clients = z.array(z.string()).min(1).max(MOST_CLIENTS);

/** How a rule, or a product, asks proxies. */
const asking = {
  methods: z
    .array(z.enum(METHODS))
    .min(1)
    .optional()
    .meta(
      about(
        'how proxies may be asked for the names: tunnel (CONNECT), plain (an HTTP request); by default as the endpoint tables say, and both for hosts. Addresses, and devices that are no proxies, know no methods',
        { such: ['tunnel'] },
      ),
    ),
};

/** Whom a rule, or a product, is for, and the way that they go. */
const way = {
  clients: clients
    .optional()
    .meta(
      about(
        'the addresses or CIDRs that may use the rule, such as those of the connectors; every client by default. A format that cannot name them allows every client, and declares it',
        { such: ['192.0.2.10'] },
      ),
    ),
  scenario: z
    .enum(SCENARIOS)
    .optional()
    .meta(
      about(
        'the way of the traffic: bypass-proxy leaves proxies out, which need not allow it; through-proxy binds firewalls to the proxies. PAC files and the connector’s settings must say the same. Without it every target is on the way',
        { such: 'through-proxy' },
      ),
    ),
  proxies: clients
    .optional()
    .meta(
      about(
        'with `scenario: through-proxy`, the addresses or CIDRs that the proxies connect from: firewalls allow them alone. Without it, every client of the firewall',
        { such: ['192.0.2.20'] },
      ),
    ),
};

const product = z.union([
  z.string().describe('the id of a bundled endpoint table, or connector, avd, defender'),
  z
    .record(
      z.string(),
      z.looseObject({
        groups: z
          .array(z.string())
          .optional()
          .meta(about('groups of rows that are off by default', { preset: [], such: ['macos'] })),
        name: z
          .string()
          .optional()
          .meta(
            about(
              'what the names of its rules begin with, 11 characters at most; products of one name become rules together',
              { preset: 'products', such: 'devices' },
            ),
          ),
        ...asking,
        addresses: addressUse.optional().meta(about(ADDRESS_USE, { preset: 'fallback' })),
        ...way,
      }),
    )
    .describe('a product with its groups; any other key is a parameter of its table'),
]);

const m365Selector = z.strictObject({
  serviceArea: z
    .string()
    .optional()
    .meta(
      about('Common, Exchange, SharePoint or Skype (which is Teams); all by default', { such: 'Exchange' }),
    ),
  category: z
    .union([z.enum(M365_CATEGORIES), z.array(z.enum(M365_CATEGORIES)).min(1)], {
      error: `Invalid input: expected one or a list of ${M365_CATEGORIES.join(', ')}`,
    })
    .optional()
    .meta(
      about("Microsoft's category of the endpoint set, or several; all by default", {
        such: ['Optimize', 'Allow'],
      }),
    ),
  required: z
    .boolean()
    .optional()
    .meta(about('required sets only (true), or optional ones only (false); both by default')),
  ids: z
    .array(z.int().positive())
    .min(1)
    .optional()
    .meta(about('the numbers of endpoint sets; all by default', { such: [46, 56] })),
});

const rule = z.strictObject({
  name: z.string().meta(
    about('used in object names: a letter, then letters, digits and hyphens, 20 at most', {
      such: 'storage-weu',
    }),
  ),
  reason: z
    .string()
    .optional()
    .meta(about('why the rule is there, for the people who review it', { such: 'backups of the plant' })),
  endpoints: z
    .array(endpoints)
    .optional()
    .meta(
      about('endpoint tables: the host names that a product needs, with their ports', {
        such: ['private-network-connector'],
      }),
    ),
  hosts: z
    .array(z.string())
    .optional()
    .meta(
      about('host names: x, *.x (subdomains without x) or .x (subdomains and x); on `ports`', {
        such: ['login.example.com', '*.example.net'],
      }),
    ),
  serviceTags: z
    .array(z.string())
    .optional()
    .meta(
      about(
        'as in the weekly file, such as Storage or Storage.WestEurope; Storage.Unassigned is what Storage has and none of its regional tags',
        { such: ['AzureCloud', 'Storage.WestEurope'] },
      ),
    ),
  regions: z
    .array(z.string())
    .min(1)
    .optional()
    .meta(
      about(
        'of the service tags only what these regions have: `serviceTags: [Storage], regions: [westeurope]`',
        { such: ['westeurope', 'northeurope'] },
      ),
    ),
  unassigned: z
    .boolean()
    .optional()
    .meta(
      about('with `regions`: also the addresses of the service tags that belong to no region', {
        preset: false,
      }),
    ),
  prefixes: z
    .array(z.string())
    .optional()
    .meta(about('addresses or CIDRs of your own', { such: ['192.0.2.7', '2001:db8:7::/48'] })),
  m365: z
    .array(m365Selector)
    .min(1)
    .optional()
    .meta(
      about(
        'endpoint sets of Microsoft 365, names and addresses on their own ports: one rule a port set, named after this one; `{}` selects all',
      ),
    ),
  ports: z
    .array(port)
    .min(1)
    .optional()
    .meta(
      about(
        'for hosts and addresses: TCP ports (443), ranges ("8080-8090"), with /udp for UDP ("123/udp"); where endpoints are given, their ports are the default',
        { such: [443, '3478-3481/udp'] },
      ),
    ),
  ...asking,
  addresses: addressUse.optional().meta(about(ADDRESS_USE, { preset: 'fallback' })),
  ...way,
});

const secret = z.union([
  z.strictObject({
    environment: z
      .string()
      .meta(about('the environment variable that holds it', { such: 'AZURE_ALLOWLIST_SECRET' })),
  }),
  z.strictObject({
    command: z
      .array(z.string())
      .min(1)
      .meta(about('a program with its arguments, which prints it', { such: ['pass', 'show', 'azure'] })),
  }),
]);

const kind = <Kind extends string>(name: Kind, what: string) => z.literal(name).meta(about(what));

const source = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: kind('download', "Microsoft's download page, or a mirror of it"),
    page: z
      .url()
      .optional()
      .meta(
        about("the details page of a mirror; without a query the cloud's `?id=` is added", {
          such: 'https://mirror.example.com/download/details.aspx',
        }),
      ),
    directory: z
      .url()
      .optional()
      .meta(
        about("the directory of the dated files; by default the cloud's at download.microsoft.com", {
          such: 'https://mirror.example.com/files/',
        }),
      ),
  }),
  z.strictObject({
    kind: kind('url', 'the weekly file by its address'),
    url: z.url().meta(
      about('the weekly JSON, plain or gzipped', {
        such: 'https://mirror.example.com/ServiceTags_Public.json',
      }),
    ),
  }),
  z.strictObject({
    kind: kind('file', 'a local file'),
    path: z.string().meta(
      about('JSON or the older XML, plain or gzipped, relative to this file', {
        such: 'ServiceTags_Public_20260112.json',
      }),
    ),
  }),
  z.strictObject({
    kind: kind(
      'api',
      'the Service Tag Discovery API of Azure Resource Manager; often behind the weekly file, and a subset of it',
    ),
    subscription: z
      .string()
      .meta(about('the id of the subscription', { such: '00000000-0000-0000-0000-000000000000' })),
    location: z
      .string()
      .optional()
      .meta(
        about('any Azure location of the subscription; it filters nothing', {
          preset: API_DEFAULTS.location,
        }),
      ),
    endpoint: z
      .url()
      .optional()
      .meta(about("the Resource Manager; by default the cloud's", { such: 'https://management.azure.com' })),
    apiVersion: z
      .string()
      .optional()
      .meta(about('the version of the API', { preset: API_DEFAULTS.apiVersion })),
    token: secret.optional().meta(
      about('where the bearer token is', {
        preset: API_DEFAULTS.token,
        such: { command: ['az', 'account', 'get-access-token', '--query', 'accessToken', '-o', 'tsv'] },
      }),
    ),
  }),
  z.strictObject({
    kind: kind('xml', 'the older PublicIPs form (ended 2020, IPv4 only): regions become AzureCloud.<region>'),
    location: z
      .string()
      .meta(about('a path, relative to this file, or an http(s) URL', { such: 'PublicIPs_20200824.xml' })),
  }),
]);

const positive = z.number().positive().optional();

const http = z.strictObject({
  allowedHosts: z
    .array(z.string())
    .optional()
    .meta(
      about('hosts that redirects and links may lead to, beside *.microsoft.com and the configured ones', {
        preset: HTTP_DEFAULTS.allowedHosts,
        such: ['mirror.example.com'],
      }),
    ),
  certificateAuthority: z
    .string()
    .optional()
    .meta(
      about('a PEM file, relative to this file, of authorities to trust beside the usual ones', {
        such: 'corporate-ca.pem',
      }),
    ),
  connectSeconds: positive.meta(
    about('seconds to connect, TLS included', { preset: HTTP_DEFAULTS.connectSeconds }),
  ),
  responseSeconds: positive.meta(
    about('seconds to the first byte of the answer, and between two pieces of it', {
      preset: HTTP_DEFAULTS.responseSeconds,
    }),
  ),
  totalSeconds: positive.meta(
    about('seconds for one document, retries and waiting included', { preset: HTTP_DEFAULTS.totalSeconds }),
  ),
  retries: z
    .int()
    .min(0)
    .max(20)
    .optional()
    .meta(
      about('how often a failed request is tried again; twice at most where this machine has no network', {
        preset: HTTP_DEFAULTS.retries,
      }),
    ),
  firstWaitSeconds: positive.meta(
    about('seconds before the first retry, doubled for each further one', {
      preset: HTTP_DEFAULTS.firstWaitSeconds,
    }),
  ),
  longestWaitSeconds: positive.meta(
    about('the longest wait before a retry; a Retry-After that asks for more ends the attempts', {
      preset: HTTP_DEFAULTS.longestWaitSeconds,
    }),
  ),
  maximumMegabytes: positive.meta(
    about('the largest document, uncompressed', { preset: HTTP_DEFAULTS.maximumMegabytes }),
  ),
});

const feed = z.strictObject({
  cloud: z
    .enum(['public', 'usgov', 'china', 'germany'])
    .default('public')
    .meta(about('whose weekly file is read')),
  source: source.optional().meta(about('where the weekly file comes from', { preset: { kind: 'download' } })),
  http: http
    .optional()
    .meta(about('time limits, retries and trust of requests; proxies come from the environment')),
  m365: z
    .strictObject({
      instance: z
        .enum(M365_INSTANCES)
        .optional()
        .meta(about('Worldwide for the public cloud, China for china; no default for usgov')),
      service: z
        .url()
        .optional()
        .meta(
          about('a mirror; https://endpoints.office.com by default', {
            such: 'https://mirror.example.com/m365',
          }),
        ),
      tenant: z
        .string()
        .regex(/^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/)
        .optional()
        .meta(about('takes the place of <tenant> in published names', { such: 'contoso' })),
      partialNames: z
        .enum(M365_PARTIAL_NAME_USES)
        .optional()
        .meta(
          about(
            'names like *-files.example.com: widen to all of *.example.com, or omit; declared either way',
            {
              preset: 'widen',
            },
          ),
        ),
      clientRequestId: z
        .uuid()
        .optional()
        .meta(
          about(
            'tells installations apart to the service; made once and kept in the cache directory by default',
            { such: 'b10c5ed1-bad1-445f-b386-b919946339a7' },
          ),
        ),
    })
    .optional()
    .meta(about('the Microsoft 365 endpoints service; asked only where a rule has m365')),
  cache: z
    .strictObject({
      directory: z
        .string()
        .optional()
        .meta(
          about('where fetched files are kept, relative to this file; the XDG cache directory by default', {
            such: '.cache',
          }),
        ),
      keep: z
        .int()
        .positive()
        .optional()
        .meta(about('how many weekly files to keep of each cloud', { preset: CACHED_FILES })),
    })
    .optional()
    .meta(about('the files that were fetched: for `--offline`, and for when the source is down')),
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
        .meta(
          about(
            'refuse a feed that is more days old than this; by default an old feed is only noted (public: 30 days, other clouds: 60)',
            { such: 45 },
          ),
        ),
    })
    .optional()
    .meta(about('the age of the feed')),
  'feed-shrink': z
    .strictObject({
      percent: percent.optional().meta(
        about('the most IPv4 space of the whole feed that may be lost in a step', {
          preset: limits.feedShrinkPercent,
        }),
      ),
      prefixPercent: percent.optional().meta(
        about('how many percent fewer prefixes the whole feed may list after a step', {
          preset: limits.feedShrinkPrefixPercent,
        }),
      ),
    })
    .optional()
    .meta(about('what the whole feed may lose')),
  'tag-shrink': z
    .strictObject({
      percent: percent.optional().meta(
        about('the most IPv4 space of a configured tag that may be lost in a step', {
          preset: limits.tagShrinkPercent,
        }),
      ),
      addresses: z
        .int()
        .min(0)
        .optional()
        .meta(
          about(
            'a loss of fewer IPv4 addresses is only noted, unless a rule loses rulePercent by it; default one ten-thousandth of the feed, 2048 at most and 64 at least',
            { such: 512 },
          ),
        ),
      rulePercent: percent.optional().meta(
        about('the most IPv4 space of a rule that its tags may lose in a step, however few addresses', {
          preset: limits.tagShrinkRulePercent,
        }),
      ),
      ipv6Percent: percent.optional().meta(
        about('the most IPv6 space of a configured tag that may be lost in a step', {
          preset: limits.tagShrinkIpv6Percent,
        }),
      ),
    })
    .optional()
    .meta(about('what a configured tag may lose')),
  'tag-growth': z
    .strictObject({
      factor: z
        .number()
        .min(1)
        .optional()
        .meta(
          about('how many times its space and its fewest prefixes a configured tag may reach in a step', {
            preset: limits.tagGrowthFactor,
          }),
        ),
      percent: percent
        .optional()
        .meta(
          about(
            "how much of the whole feed's IPv4 space a configured tag may gain in a step that more than doubles it",
            { preset: limits.tagGrowthPercent },
          ),
        ),
    })
    .optional()
    .meta(about('what a configured tag may gain')),
  'date-ahead': z
    .strictObject({
      days: z
        .int()
        .min(0)
        .optional()
        .meta(about('days that the date of a feed may lie in the future', { preset: limits.dateAheadDays })),
    })
    .optional()
    .meta(about('the date of the feed')),
  'new-space': z
    .strictObject({
      addresses: z
        .int()
        .min(0)
        .optional()
        .meta(
          about('IPv4 addresses that no service tag had before, in 28 days', {
            preset: limits.newSpaceAddresses,
          }),
        ),
      farAddresses: z
        .int()
        .min(0)
        .optional()
        .meta(
          about('IPv4 addresses, in 28 days, in a /8 where no service tag had any', {
            preset: limits.newSpaceFarAddresses,
          }),
        ),
      ipv6Networks: z
        .int()
        .min(0)
        .optional()
        .meta(
          about('IPv6 /64 networks that no service tag had before, in 28 days', {
            preset: limits.newSpaceIpv6Networks,
          }),
        ),
    })
    .optional()
    .meta(about('space that is new to Azure')),
  'tag-precedent': z
    .strictObject({
      lossPercent: percent.optional().meta(
        about('the most that a tag of 1,048,576 IPv4 addresses or more may lose in 28 days', {
          preset: limits.precedentLossPercent,
        }),
      ),
      gainPercent: z
        .number()
        .min(0)
        .optional()
        .meta(
          about('the most that a tag of 1,048,576 IPv4 addresses or more may gain in 28 days, in percent', {
            preset: limits.precedentGainPercent,
          }),
        ),
    })
    .optional()
    .meta(about('what a large tag may lose or gain over weeks')),
  'special-use': z
    .strictObject({
      allow: z
        .array(z.string())
        .optional()
        .meta(about('special-use prefixes that are allowed', { preset: [], such: ['100.64.0.0/10'] })),
    })
    .optional()
    .meta(about('private, loopback, documentation and other special-use ranges')),
  'too-broad': z
    .strictObject({
      ipv4: z
        .int()
        .min(0)
        .max(32)
        .optional()
        .meta(about('the shortest lawful length of an IPv4 prefix', { preset: limits.shortestIpv4 })),
      ipv6: z
        .int()
        .min(0)
        .max(128)
        .optional()
        .meta(about('the shortest lawful length of an IPv6 prefix', { preset: limits.shortestIpv6 })),
    })
    .optional()
    .meta(about('prefixes that are broader than any lawful one')),
});

const range = z.union([
  z.string().describe('an address or a CIDR'),
  z.strictObject({
    file: z.string().meta(
      about('one address or CIDR a line, # begins a comment; relative to this file', {
        such: 'partners.txt',
      }),
    ),
  }),
]);

const ranges = z.array(range);

const origins = z.strictObject({
  source: z
    .string()
    .min(1)
    .optional()
    .meta(
      about(
        '`ripestat`, a URL with {asn} in place of the number, or a file relative to this one: JSON as RIPEstat or bgpq4 give it, or one CIDR a line',
        { preset: 'ripestat', such: 'https://mirror.example.com/announced?resource=AS{asn}' },
      ),
    ),
  asns: z
    .array(z.int().min(1).max(4_294_967_295))
    .min(1)
    .max(100)
    .meta(about('the networks whose announcements count', { such: [8075, 8068, 8069] })),
  set: z
    .string()
    .min(1)
    .max(60)
    .optional()
    .meta(about('what messages call them together', { such: 'Microsoft' })),
  refuse: z
    .boolean()
    .optional()
    .meta(
      about('refuse a week whose gained addresses nobody of the set announces; otherwise it is noted', {
        preset: false,
      }),
    ),
  maximumDays: z
    .int()
    .positive()
    .optional()
    .meta(about('days from which on a list is too old', { preset: 30 })),
});

const constraints = z.strictObject({
  never: ranges.optional().meta(
    about('ranges that no target may allow, whatever is published: your own, partners, resolvers', {
      such: ['203.0.113.0/24', { file: 'partners.txt' }],
    }),
  ),
  within: z
    .array(z.union([range, z.literal('origins').describe('what the networks of `origins` announce')]))
    .min(1)
    .optional()
    .meta(
      about(
        'published addresses outside these ranges are left out; `origins` is what its networks announce; by default all may be published',
        { such: [{ file: 'microsoft.txt' }] },
      ),
    ),
  outside: z
    .enum(['cut', 'refuse'])
    .optional()
    .meta(
      about('what becomes of published addresses outside `within`: cut out and declared, or refused', {
        preset: 'cut',
      }),
    ),
});

const required = z.strictObject({
  host: z
    .string()
    .optional()
    .meta(
      about('a host name; reachable by its name, or by all of the addresses', {
        such: 'login.microsoftonline.com',
      }),
    ),
  addresses: z
    .array(z.string())
    .min(1)
    .optional()
    .meta(about('addresses or CIDRs, all of them', { such: ['198.51.100.10'] })),
  ports: z
    .array(port)
    .min(1)
    .optional()
    .meta(about('on these ports', { preset: [443], such: [80, 443] })),
});

/** Keys beside these are the target's own options, checked against its manifest. */
const target = z.looseObject({
  template: z
    .string()
    .optional()
    .meta(
      about('the folder of a format of your own, relative to this file; a bundled target needs none', {
        such: './my-vendor',
      }),
    ),
  addresses: addressUse.optional().meta(about('instead of what each rule says', { such: 'always' })),
  clients: clients
    .optional()
    .meta(
      about(
        'the addresses or CIDRs that connections come from at this device, such as the proxy at a firewall behind it; by default the `clients` of each rule',
        { such: ['192.0.2.20'] },
      ),
    ),
  budget: z
    .union([
      z.int().positive(),
      z.strictObject({
        entries: z
          .int()
          .positive()
          .meta(about('the most address entries', { such: 2000 })),
        never: z
          .array(z.string())
          .optional()
          .meta(
            about('ranges never allowed for it, such as your own', { preset: [], such: ['192.0.2.0/24'] }),
          ),
      }),
    ])
    .optional()
    .meta(
      about('the most address entries; if exceeded, the fewest extra addresses are allowed, and declared', {
        such: 2000,
      }),
    ),
});

const pullRequest = z.strictObject({
  branch: z
    .string()
    .min(1)
    .optional()
    .meta(
      about('the branch that holds the change while it is open', {
        preset: 'azure-allowlist/update',
        such: 'allowlist/next',
      }),
    ),
  forge: z.enum(FORGES).optional().meta(about('by default known by the address of the remote')),
  api: z
    .url()
    .optional()
    .meta(
      about('the address of the API; by default from the address of the remote', {
        such: 'https://git.example.com/api/v4',
      }),
    ),
  project: z
    .string()
    .min(1)
    .optional()
    .meta(
      about('owner/name, as the forge has it; by default from the address of the remote', {
        such: 'network/allowlists',
      }),
    ),
  token: z
    .union([
      secret,
      z.strictObject({
        file: z
          .string()
          .meta(about('a file that holds it, relative to this one', { such: '/run/secrets/forge' })),
      }),
    ])
    .optional()
    .meta(
      about(
        'where the token is; by default GITHUB_TOKEN, GITLAB_TOKEN, SYSTEM_ACCESSTOKEN, GITEA_TOKEN or BITBUCKET_TOKEN',
        { such: { environment: 'FORGE_TOKEN' } },
      ),
    ),
  reviewers: z
    .array(z.string())
    .optional()
    .meta(about('users to ask when it is opened', { preset: [], such: ['alice'] })),
  labels: z
    .array(z.string())
    .optional()
    .meta(about('labels beside those of the verdict', { preset: [], such: ['firewall'] })),
  autoMerge: z
    .boolean()
    .optional()
    .meta(about('have the forge merge a routine change once its own conditions are met', { preset: false })),
  issues: z
    .boolean()
    .optional()
    .meta(about('open an issue for a week that is refused', { preset: true })),
});

const on = z
  .array(z.enum(EVENTS))
  .min(1)
  .optional()
  .meta(
    about(
      'which events: a routine change, a week to review, a refusal, a failure, the recovery, a feed that has become stale; all by default',
      { preset: EVENTS, such: EVENTS.slice(1, 3) },
    ),
  );

const notify = z.strictObject({
  webhooks: z
    .array(
      z.strictObject({
        url: z.union([z.url({ protocol: /^https?$/ }), secret]).meta(
          about('where the event is posted; its path is a secret, so rather name a variable or a command', {
            such: { environment: 'TEAMS_WEBHOOK' },
          }),
        ),
        form: z
          .enum(WEBHOOK_FORMS)
          .optional()
          .meta(about('the form of the body', { preset: 'generic' })),
        template: z
          .string()
          .min(1)
          .optional()
          .meta(
            about('a Handlebars file that makes the JSON body instead of the form', {
              such: 'event.json.hbs',
            }),
          ),
        on,
      }),
    )
    .min(1)
    .optional()
    .meta(about('places that get a POST')),
  mail: z
    .strictObject({
      server: z
        .union([z.url({ protocol: /^smtps?$/ }), secret])
        .meta(about('smtp://user:password@host:587, or smtps://…', { such: 'smtp://mail.example.com:587' })),
      from: z
        .string()
        .min(3)
        .meta(about('the sender', { such: 'allowlist@example.com' })),
      to: z
        .array(z.string().min(3))
        .min(1)
        .meta(about('the recipients', { such: ['network@example.com'] })),
      template: z
        .string()
        .min(1)
        .optional()
        .meta(about('a Handlebars file that makes the text', { such: 'event.txt.hbs' })),
      on,
    })
    .optional()
    .meta(about('a mail by SMTP')),
});

/** Raised where a file that was right before means something else, or is no longer right. */
export const CONFIG_VERSION = 1;

export const configSchema = z.strictObject({
  version: z.literal(CONFIG_VERSION).meta(about('the version of this format')),
  extends: z
    .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
    .optional()
    .meta(
      about(
        'a configuration, or several, that this one goes on from, as if their text was written here: mappings are merged key by key, rules and products by their names, any other value takes the place of theirs; paths in them are relative to this file',
        { such: '../base.yaml' },
      ),
    ),
  feed: feed.optional().meta(about('what is read: the cloud, the source, Microsoft 365')),
  families: z
    .array(z.union([z.literal(4), z.literal(6)]))
    .min(1)
    .max(2)
    .optional()
    .meta(
      about(
        'the address families of your network; the other is read as if it were not published, and nothing speaks of it',
        { preset: [4, 6], such: [4] },
      ),
    ),
  products: z
    .array(product)
    .min(1)
    .optional()
    .meta(
      about(
        'products of Microsoft, one a line: `aks: { region: westeurope }`; rows of their endpoint tables become rules, one a port set; `endpoints list` shows the tables with their parameters and groups',
        { such: ['arc-servers', { aks: { region: 'westeurope' } }] },
      ),
    ),
  rules: z
    .array(rule)
    .min(1)
    .optional()
    .meta(about('what is allowed, in order; rules or products are needed')),
  targets: z
    .record(z.string(), z.union([target, z.literal(false), z.null()]))
    .meta(
      about(
        'the devices, by the ids of their targets; `false` takes out a target of the file that this one extends',
        { such: { squid: {} } },
      ),
    ),
  output: z
    .string()
    .optional()
    .meta(
      about('the output tree, relative to this file', { preset: 'allowlists', such: '../rules/allowlists' }),
    ),
  guards: guards.optional().meta(about('the limits of the guards, see guards.md')),
  origins: origins
    .optional()
    .meta(
      about(
        'a second source: which of the addresses that a week gains are announced by Microsoft’s networks',
      ),
    ),
  constraints: constraints.optional().meta(about('what is never allowed, whatever is published')),
  hold: z
    .string('is a number of days such as 14d')
    .regex(/^[1-9]\d?d$/, 'is a number of days such as 14d, at most 99d')
    .optional()
    .meta(
      about(
        'how long addresses that a service tag has lost stay allowed, counted in dates of feeds; each is declared as a widening; by default they go at once',
        { such: '14d' },
      ),
    ),
  require: z
    .array(required)
    .min(1)
    .optional()
    .meta(about('what has to stay reachable through every target, or the run is refused')),
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
              .meta(
                about(
                  'the branch to commit to; by default the one that is checked out, or that the CI names',
                  { such: 'main' },
                ),
              ),
            remote: z
              .string()
              .min(1)
              .optional()
              .meta(about('where to push', { preset: 'origin', such: 'upstream' })),
            push: z
              .boolean()
              .optional()
              .meta(about('push the commit, never by force', { preset: false })),
            pullRequest: z
              .union([z.boolean(), pullRequest])
              .optional()
              .meta(
                about('propose the change instead of committing it to the branch that is checked out', {
                  preset: false,
                  such: true,
                }),
              ),
          }),
        ])
        .optional()
        .meta(about('commit the output tree when it changed', { preset: false, such: { push: true } })),
      when: z
        .enum(['always', 'routine'])
        .optional()
        .meta(
          about(
            'routine: only a routine week is published; what needs review becomes a pull request where one is configured, else nothing is written and the exit status is 2',
            { preset: 'always' },
          ),
        ),
      atom: z
        .union([
          z.boolean(),
          z.strictObject({
            link: z.url({ protocol: /^https?$/ }).meta(
              about('where people find the output tree, such as its page at the forge', {
                such: 'https://git.example.com/network/allowlists',
              }),
            ),
          }),
        ])
        .optional()
        .meta(
          about('write feed.xml beside REVIEW.md: an Atom feed of the last 52 changes', {
            preset: false,
            such: true,
          }),
        ),
      rehearse: z
        .array(z.string())
        .min(1)
        .optional()
        .meta(
          about(
            'targets whose files are tried out in network namespaces before they are published; the review has the matrix, and a program that does otherwise than its files say stops the run. Needs root on Linux',
            { such: ['squid'] },
          ),
        ),
    })
    .optional()
    .meta(about('where a run publishes, see publish.md; by default it writes the output tree')),
  notify: notify
    .optional()
    .meta(about('who is notified of what came of a run; a place that cannot be reached fails nothing')),
  sign: z
    .strictObject({
      key: z
        .union([
          z.string().min(1),
          z.strictObject({
            environment: z
              .string()
              .meta(about('the environment variable that holds the PEM', { such: 'ALLOWLIST_KEY' })),
          }),
        ])
        .meta(
          about('the private key of Ed25519, in PEM: a file, or the environment variable that holds it', {
            such: 'allowlist-key.pem',
          }),
        ),
    })
    .optional()
    .meta(
      about(
        'signs the lock, which names every other file by its hash; `verify --public-key` and `load --public-key` check it',
      ),
    ),
  schedule: z
    .strictObject({
      cron: z.string().meta(about('five or six fields', { such: '0 6 * * 2' })),
      timeZone: z
        .string()
        .optional()
        .meta(about('an IANA name', { preset: 'UTC', such: 'Europe/Berlin' })),
    })
    .optional()
    .meta(about('when `azure-allowlist schedule` runs the job')),
});

export type ConfigDocument = z.infer<typeof configSchema>;

/** The JSON Schema of `allowlist.yaml`, for editors; published as `schema/allowlist.schema.json`. */
export function configJsonSchema(): z.core.JSONSchema.BaseSchema {
  const { required = [], ...schema } = z.toJSONSchema(configSchema, { io: 'input' });
  // A file that extends another need not say what that one says.
  return {
    title: 'azure-allowlist configuration',
    ...schema,
    anyOf: [{ required }, { required: ['extends'] }],
  };
}
