import { formatEndpoint } from '../../endpoints/endpoint-table.ts';
import { formatHostPattern, type HostPattern } from '../../net/host-pattern.ts';
import { METHODS, methodInWords } from '../../net/method.ts';
import { PortSet } from '../../net/ports.ts';
import { formatPrefix } from '../../net/prefix.ts';
import type { Admission } from '../admission.ts';
import type { Answer, RowMatch, RuleMatch, TagMatch, TargetAnswer, TargetNote } from '../answer.ts';
import { clientTexts } from '../clients.ts';
import type { PolicyRule } from '../policy.ts';
import { formatSubject, hasQueried, type Query, queriedPorts } from '../query.ts';
import { nearestAddress, nearestNames } from './nearest.ts';
import type { Register, RegisteredRule, TargetAdmission } from './register.ts';

type Single = Exclude<Query, { kind: 'prefix' }>;

/** A rule that asks for the subject, on whatever ports. */
interface Candidate extends RegisteredRule {
  readonly ports: PortSet;
}

/**
 * Answers for one address or one name, by look-ups alone.
 * @param brief verdict, ports, names of rules and targets, and nothing else
 */
export function answerSingle(register: Register, query: Single, brief: boolean): Answer {
  const candidates = candidatesOf(register, query);
  const wanted = query.port === undefined ? undefined : queriedPorts(query.port);
  const matches = candidates.filter(({ ports }) => hasQueried(ports, query.port));
  const asked = unite(
    matches.map(({ ports }) => ports),
    wanted,
  );
  const rules = matches.map((candidate) =>
    brief ? nameRule(candidate, query) : describeRule(candidate, query),
  );
  const direct = admittedOf(register, query, wanted);
  const targets = register.targets.map((target) =>
    answerTarget(
      target,
      query,
      { wanted, asked, direct: direct.get(target) ?? PortSet.empty },
      matches,
      brief ? undefined : rules,
    ),
  );
  const delivered =
    targets.length === 0 ? asked : asked.intersection(unite(targets.map(({ admitted }) => admitted)));
  const allowed = !delivered.isEmpty;
  const byOther =
    query.kind === 'name' &&
    !allowed &&
    targets.length > 0 &&
    register.targets.some((target) => !portsByOtherMethod(target, query, asked).isEmpty);
  return {
    kind: query.kind,
    subject: formatSubject(query),
    ...describePort(query.port),
    verdict: allowed ? 'allowed' : 'refused',
    ports: delivered.toString(),
    rules,
    tags: brief ? [] : tagsOf(register, query),
    parts: null,
    targets: targets.map(({ answer }) => answer),
    hint:
      allowed || brief ? null : byOther ? onlyByOther(query) : hintOf(register, query, candidates, matches),
    ...(byOther ? { byOtherMethod: true as const } : {}),
  };
}

/** The port of an answer; UDP is named, TCP is not. */
export function describePort(port: Query['port']): Pick<Answer, 'port' | 'protocol'> {
  return {
    port: port?.port ?? null,
    ...(port?.protocol === 'udp' ? { protocol: port.protocol } : {}),
  };
}

function candidatesOf(register: Register, query: Single): Candidate[] {
  if (query.kind === 'address')
    return register
      .rulesOf(query.family, query.value)
      .map((registered) => ({ ...registered, ports: registered.rule.addressPorts }));
  const candidates: Candidate[] = [];
  for (const registered of register.rules) {
    const grants = registered.rule.names.filter(({ hosts }) => hosts.has(query.host));
    const ports = unite(grants.map((grant) => grant.ports));
    if (!ports.isEmpty) candidates.push({ ...registered, ports });
  }
  return candidates;
}

function nameRule({ rule, ports }: Candidate, { kind }: Single): RuleMatch {
  const { name, reason } = rule;
  return { rule: name, reason, by: kind, ports: ports.toString(), prefixes: [], hosts: [], rows: [] };
}

function describeRule({ rule, ports, hosts, published }: Candidate, query: Single): RuleMatch {
  const match = { rule: rule.name, reason: rule.reason, ports: ports.toString(), ...clientsOf(rule) };
  if (query.kind === 'address') {
    const own = published.narrowest(query.family, query.value);
    const prefixes = own === undefined ? [] : [formatPrefix(own)];
    return { ...match, by: 'address', prefixes, hosts: [], rows: [] };
  }
  const rows = rowsOf(rule, query.host, query.port).map(
    (row): RowMatch => ({
      table: row.table,
      row: row.index,
      endpoint: formatEndpoint(row),
      ports: row.ports.toString(),
      purpose: row.purpose,
      sources: row.sources,
      outsidePath: query.path !== undefined && row.path !== undefined && !isBelow(query.path, row.path),
    }),
  );
  const matching = hosts.filter((pattern) => matchesHost(pattern, query.host)).map(formatHostPattern);
  return { ...match, by: 'name', prefixes: [], hosts: [...new Set(matching)], rows };
}

/** Whom a rule is for, as an answer says it. */
export function clientsOf({ clients, proxies }: PolicyRule): Pick<RuleMatch, 'clients' | 'proxies'> {
  return {
    ...(clients === undefined ? {} : { clients: clientTexts(clients) }),
    ...(proxies === undefined ? {} : { proxies: clientTexts(proxies) }),
  };
}

function rowsOf(rule: PolicyRule, host: string, port: Query['port']): PolicyRule['rows'] {
  return rule.rows.filter((row) => matchesHost(row.host, host) && hasQueried(row.ports, port));
}

function matchesHost({ name, apex, subdomains }: HostPattern, host: string): boolean {
  return host === name ? apex : subdomains && host.endsWith(`.${name}`);
}

/** Whether a URL's path is the row's, or below it: `/pkiops/certs` below `/pkiops`, `/pkiopsx` not. */
function isBelow(path: string, root: string): boolean {
  return path === root || path.startsWith(root.endsWith('/') ? root : `${root}/`);
}

function tagsOf(register: Register, query: Single): TagMatch[] {
  if (query.kind === 'name') return [];
  const { family, value } = query;
  return register.tagsOf(family, value).map(({ tag, rules, published }) => ({
    tag: tag.tag,
    region: tag.region,
    contains: 'all',
    prefix: formatPrefix(published.narrowest(family, value)!),
    rules,
  }));
}

/** The ports asked about, those the rules ask for, and those that the target itself lets through. */
interface Ports {
  readonly wanted: PortSet | undefined;
  readonly asked: PortSet;
  readonly direct: PortSet;
}

function answerTarget(
  target: TargetAdmission,
  query: Single,
  { wanted, asked, direct }: Ports,
  matches: readonly Candidate[],
  rules: readonly RuleMatch[] | undefined,
): { readonly answer: TargetAnswer; readonly admitted: PortSet } {
  const missing = direct.isEmpty ? asked : asked.difference(direct);
  const covered = query.kind === 'name' ? coveredBy(target, query, missing, matches) : [];
  const admitted = covered.length === 0 ? direct : unite([direct, ...covered.map(({ ports }) => ports)]);
  return {
    admitted,
    answer: {
      target: target.id,
      lets: admitted.isEmpty ? 'nothing' : 'all',
      by: admitted.isEmpty ? null : direct.isEmpty ? 'address' : query.kind,
      ports: admitted.toString(),
      prefixes: [],
      notes:
        rules === undefined
          ? []
          : [
              ...covered.map(
                ({ rule, tags }): TargetNote => ({
                  kind: 'covered',
                  rule,
                  reason: `its addresses are in ${tags.join(', ')}, which the rule lets through here`,
                }),
              ),
              ...missingNotes(target, query, missing, matches),
              ...wideningNotes(target, query, wanted, rules),
            ],
    },
  };
}

function missingNotes(
  target: TargetAdmission,
  query: Single,
  missing: PortSet,
  matches: readonly Candidate[],
): TargetNote[] {
  if (missing.isEmpty) return [];
  const omitted = target.omissions
    .filter(({ kind, omitted }) => {
      // What goes another way is not here however it is asked for.
      const asked = kind === 'scenario' ? byAnyMethod(query) : query;
      return !portsIn(omitted, asked, missing).isEmpty;
    })
    .map(({ rule, reason }): TargetNote => ({ kind: 'omitted', rule, reason }));
  if (query.kind === 'address') return [...omitted, ...byName(target, matches)];
  return portsByOtherMethod(target, query, missing).isEmpty
    ? omitted
    : [
        ...omitted,
        ...matches.map(
          ({ rule }): TargetNote => ({ kind: 'omitted', rule: rule.name, reason: onlyByOther(query) }),
        ),
      ];
}

/** The ports on which a target lets a name through by the other method than the one that is asked about. */
function portsByOtherMethod({ admission }: TargetAdmission, query: Single, missing: PortSet): PortSet {
  if (query.kind === 'address' || query.method === undefined) return PortSet.empty;
  return portsIn(admission, byAnyMethod(query), missing);
}

function byAnyMethod(query: Single): Single {
  if (query.kind === 'address') return query;
  const { method: _, ...rest } = query;
  return rest;
}

function onlyByOther({ method }: Extract<Query, { kind: 'name' }>): string {
  return `it is asked for${methodInWords(METHODS.find((other) => other !== method))} only`;
}

function wideningNotes(
  target: TargetAdmission,
  query: Single,
  wanted: PortSet | undefined,
  rules: readonly RuleMatch[],
): TargetNote[] {
  return (
    target.widenings
      .filter(({ admitted }) => !portsIn(admitted, query, wanted).isEmpty)
      // A URL below the path that is asked for is no widening.
      .filter(({ kind, rule }) => kind !== 'path' || isOutside(rules, rule, query))
      .map(({ rule, reason }) => ({ kind: 'widened', rule, reason }))
  );
}

/** The rules whose addresses the target does not use, because it matches the traffic by name. */
export function byName(target: TargetAdmission, matches: readonly RegisteredRule[]): TargetNote[] {
  return matches
    .filter(
      ({ rule }) =>
        rule.names.length > 0 &&
        target.rules.some(({ name, addresses }) => name === rule.name && addresses === undefined) &&
        // What cannot be said at all has its own note.
        !target.omissions.some((omission) => omission.rule === rule.name && omitsAddresses(omission.omitted)),
    )
    .map(({ rule }) => ({
      kind: 'by-name',
      rule: rule.name,
      reason: 'this target matches the traffic by name and does not use the addresses of the rule',
    }));
}

function omitsAddresses(omitted: Admission): boolean {
  return omitted.grants.some(({ addresses }) => !addresses.isEmpty);
}

function isOutside(rules: readonly RuleMatch[], name: string, query: Single): boolean {
  if (query.kind !== 'name' || query.path === undefined) return true;
  return rules.some(({ rule, rows }) => rule === name && rows.some(({ outsidePath }) => outsidePath));
}

/** Where a target lets the host's addresses through, as it cannot match its name. */
function coveredBy(
  target: TargetAdmission,
  query: Extract<Query, { kind: 'name' }>,
  missing: PortSet,
  matches: readonly Candidate[],
): { readonly rule: string; readonly ports: PortSet; readonly tags: readonly string[] }[] {
  if (missing.isEmpty || target.addressMatch === 'literal') return [];
  return matches.flatMap(({ rule, ports }) => {
    const addresses = target.rules.find(({ name }) => name === rule.name)?.addresses;
    const through = addresses?.ports.intersection(ports).intersection(missing) ?? PortSet.empty;
    if (through.isEmpty) return [];
    const selected = new Set(rule.tags.map(({ tag }) => tag));
    const covering = rowsOf(rule, query.host, query.port).flatMap((row) =>
      row.coveredBy.map(({ tag }) => tag),
    );
    const tags = [...new Set(covering)].filter((tag) => selected.has(tag));
    return tags.length === 0 ? [] : [{ rule: rule.name, ports: through, tags }];
  });
}

/** Which targets let it through themselves, on which of the ports asked about. */
function admittedOf(
  register: Register,
  query: Single,
  wanted: PortSet | undefined,
): ReadonlyMap<TargetAdmission, PortSet> {
  if (query.kind === 'name')
    return new Map(register.targets.map((target) => [target, portsIn(target.admission, query, wanted)]));
  const admitted = new Map<TargetAdmission, PortSet>();
  for (const { target, ports } of register.admittedOf(query.family, query.value)) {
    const known = admitted.get(target);
    admitted.set(target, unite(known === undefined ? [ports] : [known, ports], wanted));
  }
  return admitted;
}

/** The ports on which an admission has the subject, of the wanted ones. */
function portsIn({ grants }: Admission, query: Single, wanted: PortSet | undefined): PortSet {
  const holding = grants.filter(({ hosts, addresses, method }) => {
    if (query.kind === 'name')
      return hosts.has(query.host) && (method === undefined || method === (query.method ?? method));
    const { family, value } = query;
    return family === 4 ? addresses.ipv4.containsIpv4(Number(value)) : addresses.ipv6.contains(value);
  });
  return unite(
    holding.map(({ ports }) => ports),
    wanted,
  );
}

/** The union, of the wanted ports where some are. */
function unite(sets: readonly PortSet[], wanted?: PortSet): PortSet {
  const all = sets.length === 1 ? sets[0]! : sets.reduce((sum, ports) => sum.union(ports), PortSet.empty);
  return wanted === undefined ? all : all.intersection(wanted);
}

function hintOf(
  register: Register,
  query: Single,
  candidates: readonly Candidate[],
  matches: readonly Candidate[],
): string | null {
  if (matches.length > 0) return askedInVain(matches);
  if (candidates.length > 0)
    return `it is asked for on other ports: ${candidates.map(({ rule, ports }) => `${ports} (rule ${rule.name})`).join(', ')}`;
  return query.kind === 'name'
    ? nearestNames(register, query.host)
    : nearestAddress(register, query.family, query.value, query.value);
}

export function askedInVain(matches: readonly RegisteredRule[]): string {
  const names = matches.map(({ rule }) => rule.name).join(', ');
  return `rule ${names} asks for it, but no target allows it`;
}
