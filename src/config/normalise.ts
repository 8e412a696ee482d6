import { resolve } from 'node:path';
import type { ParameterValues } from '../endpoints/parameters.ts';
import { BOTH_FAMILIES } from '../feed/families.ts';
import { M365_INSTANCES, type M365Instance, type M365Selector } from '../feed/m365.ts';
import type { Cloud } from '../feed/snapshot.ts';
import { type HostPattern, parseHost, parseHostPattern } from '../net/host-pattern.ts';
import { METHODS } from '../net/method.ts';
import { PortSet } from '../net/ports.ts';
import { formatPrefix, type Prefix } from '../net/prefix.ts';
import { spelledRegion } from '../net/regions.ts';
import { EVENTS } from '../notify/kinds.ts';
import { DEFAULT_LIMITS, type GuardLimits } from '../policy/guards/limits.ts';
import type { Problem } from '../problem.ts';
import type {
  AllowlistConfig,
  ConstraintsConfig,
  EndpointSelection,
  FeedConfig,
  GitConfig,
  ProductConfig,
  PullRequestConfig,
  RangeSource,
  RequireConfig,
  RuleConfig,
  TargetConfig,
} from './config.ts';
import type { ConfigDocument } from './schema.ts';
import { parseTypedPrefix } from './typed-prefix.ts';

/** Of 20 characters: a hyphen, a letter where there are addresses only, and the key of a port set come after it. */
const LONGEST_M365_NAME = 11;

type RuleDocument = NonNullable<ConfigDocument['rules']>[number];

/** Steps two and three: precise types, and the rules across fields. Returns all problems at once. */
export function normalise(
  document: ConfigDocument,
  file: string,
): { readonly config: AllowlistConfig; readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const directory = resolve(file, '..');
  const path = (relative: string) => resolve(directory, relative);
  const rules = (document.rules ?? []).map((rule, index) =>
    normaliseRule(rule, `rules[${index}]`, path, problems),
  );
  const products = normaliseProducts(document.products ?? [], problems);
  if (document.rules === undefined && document.products === undefined)
    problems.push({ where: 'rules', what: 'neither rules nor products are there', next: 'give one of them' });
  problems.push(...productNameProblems(products, rules));
  const names = new Map<string, number>();
  for (const [index, { name }] of rules.entries()) {
    const earlier = names.get(name);
    if (earlier !== undefined)
      problems.push({
        where: `rules[${index}].name`,
        what: `rules[${earlier}] is named ${JSON.stringify(name)} too`,
      });
    else names.set(name, index);
  }
  const feed = normaliseFeed(document, path);
  const families = BOTH_FAMILIES.filter((family) => document.families?.includes(family) ?? true);
  for (const [index, { prefixes, clients = [] }] of rules.entries())
    for (const [key, list] of Object.entries({ prefixes, clients }))
      problems.push(...familyProblems(list, families, `rules[${index}].${key}`));
  problems.push(...m365RuleProblems(rules, feed));
  const targets = Object.entries(document.targets).map(([id, target]): TargetConfig => {
    if (target === false)
      problems.push({
        where: `targets.${JSON.stringify(id)}`,
        what: 'is false, and no file that this one extends has this target',
        next: 'remove the key',
      });
    const { template, addresses, clients, budget, ...options } = target || {};
    if (!/^[a-z][a-z0-9-]{0,30}$/.test(id))
      problems.push({
        where: `targets.${JSON.stringify(id)}`,
        what: 'is not a name for a target',
        next: 'a lower-case letter, then letters, digits and hyphens; it becomes a folder',
      });
    if (id === 'snapshot')
      problems.push({ where: 'targets.snapshot', what: 'the output tree has a folder of that name already' });
    return {
      id,
      template: template === undefined ? undefined : path(template),
      addressUse: addresses,
      ...normaliseClients(clients, `targets.${id}.clients`, problems),
      budget:
        budget === undefined
          ? undefined
          : typeof budget === 'number'
            ? { entries: budget, never: [] }
            : {
                entries: budget.entries,
                never: parseEach(budget.never, `targets.${id}.budget.never`, parseTypedPrefix, problems),
              },
      options,
    };
  });
  for (const { id, clients = [] } of targets)
    problems.push(...familyProblems(clients, families, `targets.${id}.clients`));
  if (targets.length === 0)
    problems.push({ where: 'targets', what: 'is empty', next: 'name at least one, e.g. `squid: {}`' });
  return {
    config: {
      file: resolve(file),
      feed,
      families,
      products,
      rules,
      targets,
      output: path(document.output ?? 'allowlists'),
      guards: normaliseGuards(document.guards, problems),
      constraints: normaliseConstraints(document.constraints, path, problems),
      holdDays: document.hold === undefined ? undefined : Number.parseInt(document.hold, 10),
      require: (document.require ?? []).map((entry, index) =>
        normaliseRequire(entry, `require[${index}]`, problems),
      ),
      origins: normaliseOrigins(document.origins, path, problems),
      publish: {
        git: normaliseGit(document.publish?.git, path, problems),
        when: document.publish?.when ?? 'always',
        atom: normaliseAtom(document.publish?.atom),
        rehearse: normaliseRehearse(document.publish?.rehearse, targets, problems),
      },
      sign: normaliseSign(document.sign?.key, path),
      notify: normaliseNotify(document.notify, path),
      schedule:
        document.schedule === undefined
          ? undefined
          : { cron: document.schedule.cron, timeZone: document.schedule.timeZone ?? 'UTC' },
    },
    problems,
  };
}

function normaliseSign(
  key: NonNullable<ConfigDocument['sign']>['key'] | undefined,
  path: (relative: string) => string,
): AllowlistConfig['sign'] {
  return typeof key === 'string' ? { file: path(key) } : key;
}

type GitDocument = NonNullable<NonNullable<ConfigDocument['publish']>['git']>;

function normaliseGit(
  git: GitDocument | undefined,
  path: (relative: string) => string,
  problems: Problem[],
): GitConfig | undefined {
  if (git === undefined || git === false) return undefined;
  const { branch, remote = 'origin', push = false, pullRequest } = git === true ? {} : git;
  const proposed = normalisePullRequest(pullRequest, path);
  if (proposed !== undefined && proposed.branch === branch)
    problems.push({
      where: 'publish.git.pullRequest.branch',
      what: 'is the branch that the change is for',
      next: 'name another, or remove the key',
    });
  return { branch, remote, push, pullRequest: proposed };
}

function normalisePullRequest(
  document: Exclude<GitDocument, boolean>['pullRequest'],
  path: (relative: string) => string,
): PullRequestConfig | undefined {
  if (document === undefined || document === false) return undefined;
  const { branch, forge, api, project, token, reviewers, labels, autoMerge, issues } =
    document === true ? {} : document;
  return {
    branch: branch ?? 'azure-allowlist/update',
    forge,
    api,
    project,
    token: token !== undefined && 'file' in token ? { file: path(token.file) } : token,
    reviewers: reviewers ?? [],
    labels: labels ?? [],
    autoMerge: autoMerge ?? false,
    issues: issues ?? true,
  };
}

function normaliseRule(
  rule: RuleDocument,
  where: string,
  path: (relative: string) => string,
  problems: Problem[],
): RuleConfig {
  if (!/^[a-z][a-z0-9-]{0,19}$/.test(rule.name))
    problems.push({
      where: `${where}.name`,
      what: `${JSON.stringify(rule.name)} cannot be part of object names`,
      next: 'a lower-case letter, then letters, digits and hyphens, 20 characters at most',
    });
  if (rule.reason !== undefined && /\p{Cc}/u.test(rule.reason))
    problems.push({ where: `${where}.reason`, what: 'must be one line of text' });
  const endpoints = (rule.endpoints ?? []).map((entry, index): EndpointSelection => {
    const { table, file, optional, parameters } = typeof entry === 'string' ? { table: entry } : entry;
    if ((table === undefined) === (file === undefined))
      problems.push({
        where: `${where}.endpoints[${index}]`,
        what: 'exactly one of table and file is needed',
      });
    return {
      from: file === undefined ? { table: table ?? '' } : { file: path(file) },
      optional: optional ?? [],
      ...(parameters === undefined ? {} : { parameters: valuesOf(parameters) }),
    };
  });
  const hosts = parseEach(rule.hosts, `${where}.hosts`, parseHostPattern, problems) satisfies HostPattern[];
  const prefixes = parseEach(
    rule.prefixes,
    `${where}.prefixes`,
    parseTypedPrefix,
    problems,
  ) satisfies Prefix[];
  const ports = parseEach(rule.ports?.map(String), `${where}.ports`, PortSet.parse, problems);
  const serviceTags = rule.serviceTags ?? [];
  for (const [index, tag] of serviceTags.entries()) {
    if (!/^[A-Za-z0-9.]+$/.test(tag))
      problems.push({
        where: `${where}.serviceTags[${index}]`,
        what: `${JSON.stringify(tag)} is not the name of a service tag`,
        next: 'letters, digits and dots',
      });
    if (serviceTags.indexOf(tag) !== index)
      problems.push({ where: `${where}.serviceTags[${index}]`, what: `${tag} is listed twice` });
  }
  problems.push(...regionProblems(rule, where));
  const named = endpoints.length > 0 || hosts.length > 0;
  const addressed = serviceTags.length > 0 || prefixes.length > 0;
  const m365 = rule.m365 ?? [];
  for (const [index, { serviceArea }] of m365.entries())
    if (serviceArea === 'MEM')
      problems.push({
        where: `${where}.m365[${index}].serviceArea`,
        what: 'the endpoints service no longer returns right data for MEM, as Microsoft says (Intune network endpoints, 2026-03-24)',
        next: 'take the table instead: `products: [{ intune: { location: eu } }]`',
      });
  if (!named && !addressed && m365.length === 0)
    problems.push({
      where,
      what: 'the rule allows nothing',
      next: 'give endpoints, hosts, serviceTags, prefixes or m365',
    });
  if (m365.length > 0 && rule.name.length > LONGEST_M365_NAME)
    problems.push({
      where: `${where}.name`,
      what: `${JSON.stringify(rule.name)} has ${rule.name.length} characters; a rule with m365 may have ${LONGEST_M365_NAME}`,
      next: 'shorten it: the ports of the endpoint sets are added, as in `exchange-443`',
    });
  if (rule.ports !== undefined && !named && !addressed && m365.length > 0)
    problems.push({
      where: `${where}.ports`,
      what: 'means nothing for m365: its endpoint sets have ports of their own',
      next: 'remove the key',
    });
  if (rule.ports === undefined && (hosts.length > 0 || (addressed && endpoints.length === 0)))
    problems.push({
      where: `${where}.ports`,
      what: 'is required for hosts and addresses without endpoints',
      next: 'e.g. `ports: [443]`',
    });
  if (rule.methods !== undefined && !named)
    problems.push({
      where: `${where}.methods`,
      what: 'means something for the names of endpoints and hosts alone',
      next: 'remove the key',
    });
  if (rule.addresses !== undefined && !(named && addressed) && m365.length === 0)
    problems.push({
      where: `${where}.addresses`,
      what: 'only means something in a rule that has both names and addresses',
      next: 'remove the key',
    });
  return {
    name: rule.name,
    reason: rule.reason ?? '',
    endpoints,
    hosts,
    serviceTags,
    ...(rule.regions === undefined ? {} : { regions: rule.regions }),
    ...(rule.unassigned === true ? { unassigned: true } : {}),
    prefixes,
    m365: definedOnly(m365) as readonly M365Selector[],
    ports: ports.length === 0 ? undefined : ports.reduce((all, some) => all.union(some)),
    addressUse: rule.addresses ?? 'fallback',
    ...(rule.methods === undefined ? {} : { methods: METHODS.filter((one) => rule.methods!.includes(one)) }),
    ...normaliseClients(rule.clients, `${where}.clients`, problems),
    ...normaliseScenario(rule, where, problems),
  };
}

function normaliseScenario(
  { scenario, proxies }: Pick<RuleDocument, 'scenario' | 'proxies'>,
  where: string,
  problems: Problem[],
): Pick<RuleConfig, 'scenario' | 'proxies'> {
  if (proxies !== undefined && scenario !== 'through-proxy')
    problems.push({
      where: `${where}.proxies`,
      what: 'means something with `scenario: through-proxy` alone',
      next: 'add it, or remove the key',
    });
  const { clients } = normaliseClients(proxies, `${where}.proxies`, problems);
  return {
    ...(scenario === undefined ? {} : { scenario }),
    ...(clients === undefined ? {} : { proxies: clients }),
  };
}

/** What is wrong with the regions of a rule; whether a region exists, the feed says. */
function regionProblems(
  { serviceTags = [], regions, unassigned }: Pick<RuleDocument, 'serviceTags' | 'regions' | 'unassigned'>,
  where: string,
): Problem[] {
  if (regions === undefined)
    return unassigned === true
      ? [
          {
            where: `${where}.unassigned`,
            what: 'means something beside `regions` alone',
            next: 'give `regions`, or take the service tag Storage.Unassigned, if Storage is meant',
          },
        ]
      : [];
  const problems: Problem[] = regions.flatMap((region, index): Problem[] =>
    spelledRegion(region) === region && regions.indexOf(region) === index
      ? []
      : [
          {
            where: `${where}.regions[${index}]`,
            what:
              spelledRegion(region) === region
                ? `${region} is given twice`
                : `${JSON.stringify(region)} is not how Azure names a region`,
            next: spelledRegion(region) === region ? 'remove one' : `did you mean ${spelledRegion(region)}?`,
          },
        ],
  );
  if (serviceTags.length === 0)
    problems.push({
      where: `${where}.regions`,
      what: 'needs service tags to take from',
      next: 'give serviceTags, such as [Storage]',
    });
  for (const [index, tag] of serviceTags.entries())
    if (tag.includes('.'))
      problems.push({
        where: `${where}.serviceTags[${index}]`,
        what: `${tag} is a part of a service already`,
        next: `with regions give the whole service: ${tag.split('.')[0]}`,
      });
  return problems;
}

function valuesOf(parameters: Readonly<Record<string, string | readonly string[]>>): ParameterValues {
  return Object.fromEntries(
    Object.entries(parameters).map(([id, value]) => [id, [...new Set([value].flat())]]),
  );
}

/** The rules of a product begin with this, where it names nothing else. */
const PRODUCT_RULES = 'products';

function normaliseProducts(
  documents: NonNullable<ConfigDocument['products']>,
  problems: Problem[],
): ProductConfig[] {
  return documents.flatMap((document, index): ProductConfig[] => {
    const where = `products[${index}]`;
    const entries: [string, Exclude<typeof document, string>[string]][] =
      typeof document === 'string' ? [[document, {}]] : Object.entries(document);
    if (entries.length !== 1) {
      problems.push({ where, what: 'exactly one product is needed', next: 'write one a line' });
      return [];
    }
    const [
      product,
      { groups = [], name = PRODUCT_RULES, addresses, methods, clients, scenario, proxies, ...rest },
    ] = entries[0]!;
    const given = parseParameters(rest, `${where}.${product}`, problems);
    if (!/^[a-z][a-z0-9-]{0,10}$/.test(name))
      problems.push({
        where: `${where}.${product}.name`,
        what: `${JSON.stringify(name)} cannot begin the names of rules`,
        next: `a lower-case letter, then letters, digits and hyphens, ${LONGEST_M365_NAME} characters at most: the ports are added, as in \`products-443\``,
      });
    return [
      {
        product,
        name,
        groups: [...new Set(groups)],
        parameters: given,
        addressUse: addresses ?? 'fallback',
        ...(methods === undefined ? {} : { methods: METHODS.filter((one) => methods.includes(one)) }),
        ...normaliseClients(clients, `${where}.${product}.clients`, problems),
        ...normaliseScenario({ scenario, proxies }, `${where}.${product}`, problems),
      },
    ];
  });
}

function parseParameters(
  given: Readonly<Record<string, unknown>>,
  where: string,
  problems: Problem[],
): ParameterValues {
  const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
  return valuesOf(
    Object.fromEntries(
      Object.entries(given).flatMap(([id, value]): [string, string[]][] => {
        const values = [value].flat();
        if (values.length > 0 && values.every(isText)) return [[id, values]];
        problems.push({ where: `${where}.${id}`, what: 'must be a text, or a list of texts' });
        return [];
      }),
    ),
  );
}

/** What is wrong between the names of the rules that products become, and those of other rules. */
function productNameProblems(products: readonly ProductConfig[], rules: readonly RuleConfig[]): Problem[] {
  const clashes = rules.flatMap(({ name, m365 }, index) => {
    const other = products.find(
      (one) => name.startsWith(`${one.name}-`) || (m365.length > 0 && name === one.name),
    );
    return other === undefined
      ? []
      : [
          {
            where: `rules[${index}].name`,
            what: `may clash with the rules that the products of the name ${JSON.stringify(other.name)} become, one for each port set`,
            next: 'rename one of the two',
          },
        ];
  });
  const disagreeing = products.flatMap(({ name, addressUse, product }, index) => {
    const first = products.find((one) => one.name === name)!;
    return first.addressUse === addressUse
      ? []
      : [
          {
            where: `products[${index}].${product}.addresses`,
            what: `is ${addressUse}, and ${first.addressUse} for ${first.product}, which shares its rules`,
            next: 'give it a name of its own, or the same addresses',
          },
        ];
  });
  const way = ({ methods, clients, scenario, proxies }: ProductConfig) =>
    JSON.stringify([methods, clients?.map(formatPrefix), scenario, proxies?.map(formatPrefix)]);
  const otherwise = products.flatMap((one, index) => {
    const first = products.find(({ name }) => name === one.name)!;
    return way(first) === way(one)
      ? []
      : [
          {
            where: `products[${index}]`,
            what: `${one.product} has other methods, clients, scenario or proxies than ${first.product}, which shares its rules`,
            next: 'give it a name of its own, or the same',
          },
        ];
  });
  const twice = products.flatMap(({ product, name }, index) =>
    products.findIndex((one) => one.product === product && one.name === name) < index
      ? [
          {
            where: `products[${index}]`,
            what: `${product} is listed twice`,
            next: 'give it a list of values',
          },
        ]
      : [],
  );
  return [...clashes, ...disagreeing, ...otherwise, ...twice];
}

/** Prefixes of a family that the configuration leaves out. */
function familyProblems(prefixes: readonly Prefix[], families: readonly number[], where: string): Problem[] {
  return prefixes
    .filter(({ family }) => !families.includes(family))
    .map((prefix) => ({
      where,
      what: `${formatPrefix(prefix)} is IPv${prefix.family}, which families leaves out`,
      next: 'remove the prefix, or add the family',
    }));
}

function normaliseClients(
  texts: readonly string[] | undefined,
  where: string,
  problems: Problem[],
): { readonly clients?: readonly Prefix[] } {
  if (texts === undefined) return {};
  const clients = parseEach(texts, where, parseTypedPrefix, problems);
  for (const [index, { family, length }] of clients.entries())
    if (length === 0)
      problems.push({
        where: `${where}[${index}]`,
        what: `is every client of IPv${family}`,
        next: 'remove the key: without it every client is meant',
      });
  return { clients };
}

function normaliseFeed(document: ConfigDocument, path: (relative: string) => string): FeedConfig {
  const {
    cloud = 'public',
    source = { kind: 'download' as const },
    http = {},
    m365 = {},
    cache = {},
  } = document.feed ?? {};
  const instance = m365.instance ?? M365_INSTANCE[cloud];
  return definedOnly({
    cloud,
    source:
      source.kind === 'file'
        ? { ...source, path: path(source.path) }
        : source.kind === 'xml' && !/^https?:/.test(source.location)
          ? { ...source, location: path(source.location) }
          : source,
    http: {
      ...http,
      ...(http.certificateAuthority === undefined
        ? {}
        : { certificateAuthority: path(http.certificateAuthority) }),
    },
    m365: { ...m365, ...(instance === undefined ? {} : { instance }) },
    cache: { ...cache, ...(cache.directory === undefined ? {} : { directory: path(cache.directory) }) },
  }) as FeedConfig;
}

/** The instance of Microsoft 365 of a cloud, where there is one only. */
const M365_INSTANCE: Readonly<Partial<Record<Cloud, M365Instance>>> = {
  public: 'Worldwide',
  china: 'China',
};

/** What is wrong between the rules that take endpoint sets of Microsoft 365, the other rules and the feed. */
function m365RuleProblems(rules: readonly RuleConfig[], feed: FeedConfig): Problem[] {
  const taking = rules.filter(({ m365 }) => m365.length > 0);
  if (taking.length === 0) return [];
  const clashes = rules.flatMap((rule, index) => {
    const other = taking.find(({ name }) => rule.name.startsWith(`${name}-`));
    return other === undefined
      ? []
      : [
          {
            where: `rules[${index}].name`,
            what: `may clash with the rules that ${JSON.stringify(other.name)} becomes, one for each port set of its m365`,
            next: 'rename one of the two',
          },
        ];
  });
  return feed.m365.instance === undefined
    ? [
        ...clashes,
        {
          where: 'feed.m365.instance',
          what: `is required for m365 in the cloud ${feed.cloud}`,
          next: `one of ${M365_INSTANCES.join(', ')}`,
        },
      ]
    : clashes;
}

/** zod types optional keys as possibly undefined; our types say absent. JSON knows no undefined. */
function definedOnly(value: object): object {
  return JSON.parse(JSON.stringify(value)) as object;
}

function normaliseGuards(document: ConfigDocument['guards'], problems: Problem[]): GuardLimits {
  const allowed = document?.['special-use']?.allow;
  return {
    specialUseAllowed: parseEach(allowed, 'guards.special-use.allow', parseTypedPrefix, problems),
    shortestIpv4: document?.['too-broad']?.ipv4 ?? DEFAULT_LIMITS.shortestIpv4,
    shortestIpv6: document?.['too-broad']?.ipv6 ?? DEFAULT_LIMITS.shortestIpv6,
    staleDays: document?.['feed-stale']?.days ?? DEFAULT_LIMITS.staleDays,
    feedShrinkPercent: document?.['feed-shrink']?.percent ?? DEFAULT_LIMITS.feedShrinkPercent,
    feedShrinkPrefixPercent:
      document?.['feed-shrink']?.prefixPercent ?? DEFAULT_LIMITS.feedShrinkPrefixPercent,
    tagShrinkPercent: document?.['tag-shrink']?.percent ?? DEFAULT_LIMITS.tagShrinkPercent,
    tagShrinkIpv6Percent: document?.['tag-shrink']?.ipv6Percent ?? DEFAULT_LIMITS.tagShrinkIpv6Percent,
    tagShrinkAddresses: document?.['tag-shrink']?.addresses ?? DEFAULT_LIMITS.tagShrinkAddresses,
    tagShrinkRulePercent: document?.['tag-shrink']?.rulePercent ?? DEFAULT_LIMITS.tagShrinkRulePercent,
    tagGrowthFactor: document?.['tag-growth']?.factor ?? DEFAULT_LIMITS.tagGrowthFactor,
    tagGrowthPercent: document?.['tag-growth']?.percent ?? DEFAULT_LIMITS.tagGrowthPercent,
    dateAheadDays: document?.['date-ahead']?.days ?? DEFAULT_LIMITS.dateAheadDays,
    newSpaceAddresses: document?.['new-space']?.addresses ?? DEFAULT_LIMITS.newSpaceAddresses,
    newSpaceFarAddresses: document?.['new-space']?.farAddresses ?? DEFAULT_LIMITS.newSpaceFarAddresses,
    newSpaceIpv6Networks: document?.['new-space']?.ipv6Networks ?? DEFAULT_LIMITS.newSpaceIpv6Networks,
    precedentLossPercent: document?.['tag-precedent']?.lossPercent ?? DEFAULT_LIMITS.precedentLossPercent,
    precedentGainPercent: document?.['tag-precedent']?.gainPercent ?? DEFAULT_LIMITS.precedentGainPercent,
  };
}

function normaliseConstraints(
  document: ConfigDocument['constraints'],
  path: (relative: string) => string,
  problems: Problem[],
): ConstraintsConfig {
  const read = (key: 'never' | 'within'): RangeSource => {
    const entries = document?.[key] ?? [];
    return {
      prefixes: entries.flatMap((entry, index) =>
        typeof entry === 'string' && !(key === 'within' && entry === 'origins')
          ? parseEach([entry], `constraints.${key}`, parseTypedPrefix, problems, index)
          : [],
      ),
      files: entries.flatMap((entry) => (typeof entry === 'string' ? [] : [path(entry.file)])),
    };
  };
  if (document?.outside !== undefined && document.within === undefined)
    problems.push({
      where: 'constraints.outside',
      what: 'means nothing without within',
      next: 'add within, or remove the key',
    });
  return {
    never: read('never'),
    within:
      document?.within === undefined
        ? undefined
        : { ...read('within'), origins: document.within.includes('origins') },
    outside: document?.outside ?? 'cut',
  };
}

/** RIPE NCC's data call (https://stat.ripe.net/docs/data-api/api-endpoints/announced-prefixes). */
const RIPESTAT = 'https://stat.ripe.net/data/announced-prefixes/data.json?resource=AS{asn}';

function normaliseOrigins(
  document: ConfigDocument['origins'],
  path: (relative: string) => string,
  problems: Problem[],
): AllowlistConfig['origins'] {
  if (document === undefined) return undefined;
  const { source = 'ripestat', asns, set, refuse, maximumDays } = document;
  const url = source === 'ripestat' ? RIPESTAT : /^https?:\/\//.test(source) ? source : undefined;
  if (url !== undefined && !URL.canParse(url))
    problems.push({
      where: 'origins.source',
      what: 'is not a URL',
      next: 'https://host/path?resource=AS{asn}',
    });
  return {
    source: url === undefined ? { kind: 'file', path: path(source) } : { kind: 'url', url },
    asns: [...new Set(asns)],
    set,
    refuse: refuse ?? false,
    maximumDays: maximumDays ?? 30,
  };
}

function normaliseAtom(
  document: NonNullable<ConfigDocument['publish']>['atom'],
): AllowlistConfig['publish']['atom'] {
  if (document === undefined || document === false) return undefined;
  return document === true ? { link: undefined } : { link: document.link };
}

function normaliseRehearse(
  ids: NonNullable<ConfigDocument['publish']>['rehearse'] = [],
  targets: readonly TargetConfig[],
  problems: Problem[],
): AllowlistConfig['publish']['rehearse'] {
  for (const [index, id] of ids.entries()) {
    const target = targets.find((one) => one.id === id);
    const where = `publish.rehearse[${index}]`;
    if (target === undefined)
      problems.push({ where, what: `${id} is not a target here`, next: `add it to targets, or remove it` });
    else if (target.template !== undefined)
      problems.push({ where, what: `${id} is a template of your own, only the bundled target is rehearsed` });
  }
  return [...new Set(ids)];
}

function normaliseNotify(
  document: ConfigDocument['notify'],
  path: (relative: string) => string,
): AllowlistConfig['notify'] {
  const file = (template: string | undefined) => (template === undefined ? undefined : path(template));
  if (document === undefined) return undefined;
  const { webhooks = [], mail } = document;
  return {
    webhooks: webhooks.map(({ url, form, template, on }) => ({
      url,
      form: form ?? 'generic',
      template: file(template),
      on: on ?? EVENTS,
    })),
    mail: mail === undefined ? undefined : { ...mail, template: file(mail.template), on: mail.on ?? EVENTS },
  };
}

function normaliseRequire(
  { host, addresses, ports }: NonNullable<ConfigDocument['require']>[number],
  where: string,
  problems: Problem[],
): RequireConfig {
  if (host === undefined && addresses === undefined)
    problems.push({ where, what: 'requires nothing', next: 'give host, addresses or both' });
  const [name] = parseEach(host === undefined ? [] : [host], `${where}.host`, parseHost, problems);
  const parsed = parseEach((ports ?? [443]).map(String), `${where}.ports`, PortSet.parse, problems);
  return {
    host: name,
    addresses: parseEach(addresses, `${where}.addresses`, parseTypedPrefix, problems),
    ports: parsed.reduce((all, some) => all.union(some), PortSet.empty),
  };
}

function parseEach<T>(
  texts: readonly string[] | undefined,
  where: string,
  parse: (text: string) => T,
  problems: Problem[],
  from = 0,
): T[] {
  return (texts ?? []).flatMap((text, index) => {
    try {
      return [parse(text)];
    } catch (error) {
      problems.push({ where: `${where}[${from + index}]`, what: (error as Error).message });
      return [];
    }
  });
}
