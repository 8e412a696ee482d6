import { type EndpointRow, formatEndpoint } from '../endpoints/endpoint-table.ts';
import { DualStackSet } from '../net/dual-stack-set.ts';
import { formatHostPattern } from '../net/host-pattern.ts';
import { HostSet } from '../net/host-set.ts';
import { methodInWords, portsBy } from '../net/method.ts';
import { PortSet } from '../net/ports.ts';
import { Admission } from '../policy/admission.ts';
import { bySizeDown } from '../policy/diff/change.ts';
import type { Policy, PolicyRule } from '../policy/policy.ts';
import type { Capabilities } from '../targets/manifest.ts';
import type { TargetPlan } from '../targets/plan.ts';
import { spaceInWords } from './wording.ts';

/**
 * How a required host gets through: by its `name`; by a name that allows more (`widened`); by the
 * `address` of a tag that is said to hold it; `partly`, by name or address on some of its ports; or not at all. `unknown`
 * where the tag's addresses are not at hand, `elsewhere` where the traffic does not come by the target.
 */
export type Passage = 'name' | 'widened' | 'address' | 'partly' | 'uncovered' | 'unknown' | 'elsewhere';

/** How one target lets one required host through. */
export interface TargetCoverage {
  readonly target: string;
  readonly how: Passage;
  /** The tag, what is admitted beyond, or what to do about a host that is not covered; '' where all is said. */
  readonly detail: string;
}

/** One required host and how each target lets it through. */
export interface CoverageRow {
  readonly rule: string;
  /** The endpoint table that asks for the host. */
  readonly table: string;
  /** The host pattern as the table has it, with the path or partial name where only that is asked for. */
  readonly host: string;
  readonly ports: string;
  readonly purpose: string;
  readonly targets: readonly TargetCoverage[];
}

/** A target's plan by the target's id, and what its addresses are compared with (see the manifest). */
export interface PlannedTarget {
  readonly id: string;
  readonly plan: TargetPlan;
  readonly addressMatch: Capabilities['addressMatch'];
}

/** The addresses of the feed's service tags, by name. */
export type AddressesOfTags = ReadonlyMap<string, DualStackSet>;

/**
 * For every row of the endpoint tables: how each target lets it through, and what to do where one does not.
 * @param tags of the feed: a host is covered by address where the addresses of its tag are let through, whatever
 *   tags the rule selects; without them only the tags that rules select are known, and of others it is not told
 */
export function coverage(
  policy: Policy,
  targets: readonly PlannedTarget[],
  tags?: AddressesOfTags,
): CoverageRow[] {
  const deciding = targets.filter(({ plan }) => plan.settings !== true);
  const known = { isWhole: tags !== undefined, addresses: tags ?? tagsOfRules(policy) };
  return policy.rules.flatMap((rule) =>
    rule.rows.map((row) => ({
      rule: rule.name,
      table: row.table,
      host: formatEndpoint(row),
      ports: `${row.ports}`,
      purpose: row.purpose,
      targets: deciding.map((target) => ({ target: target.id, ...passage(rule, row, target, known) })),
    })),
  );
}

/** The addresses of tags, and whether those of the whole feed are at hand. */
interface KnownTags {
  readonly isWhole: boolean;
  readonly addresses: AddressesOfTags;
}

function tagsOfRules({ rules }: Policy): AddressesOfTags {
  return new Map(rules.flatMap(({ tags }) => tags.map(({ tag, addresses }) => [tag, addresses])));
}

function passage(
  rule: PolicyRule,
  row: EndpointRow,
  target: PlannedTarget,
  tags: KnownTags,
): Omit<TargetCoverage, 'target'> {
  const { plan } = target;
  const other = plan.omissions.find((one) => one.kind === 'scenario' && one.rule === rule.name);
  if (other !== undefined) return { how: 'elsewhere', detail: other.reason };
  const wanted = Admission.names({
    hosts: HostSet.fromPatterns([row.host]),
    ...portsBy(row.ports, row.methods),
  });
  const missing = wanted.difference(plan.admission.forAnyClient());
  if (missing.isEmpty) {
    const beyond = wideningOf(row, plan);
    return beyond === undefined ? { how: 'name', detail: '' } : { how: 'widened', detail: beyond };
  }
  // The rows say what their source asks for, whatever methods the rule takes instead.
  if (missing.byAnyMethod().difference(plan.admission.forAnyClient().byAnyMethod()).isEmpty)
    return {
      how: 'partly',
      detail: `not on port ${portsOf(missing)}: \`methods\` of rule ${rule.name} leaves out what the table asks for`,
    };
  const byAddress = passageByAddress(rule, row, target, tags);
  if (byAddress.how === 'uncovered' && !wanted.equals(missing))
    return { how: 'partly', detail: `not on port ${portsOf(missing)}: ${byAddress.detail}` };
  return byAddress;
}

/** What the names of the row let through beyond the row. */
function wideningOf({ host, path, partialName }: EndpointRow, { widenings }: TargetPlan): string | undefined {
  if (path !== undefined) return `the whole host, not only ${path}`;
  if (partialName !== undefined) return `${formatHostPattern(host)}, not only ${partialName}`;
  const apex = HostSet.fromPatterns([{ name: host.name, apex: true, subdomains: false }]);
  const below = HostSet.fromPatterns([{ name: host.name, apex: false, subdomains: true }]);
  for (const { kind, admitted } of widenings)
    for (const { hosts, ports } of admitted.grants) {
      if (kind === 'apex' && host.subdomains && !host.apex && hosts.isSupersetOf(apex))
        return `${host.name} itself as well`;
      if (kind === 'subdomains' && !host.subdomains && hosts.isSupersetOf(below))
        return `everything below ${host.name} as well`;
      if (kind === 'ports' && hosts.isSupersetOf(HostSet.fromPatterns([host])))
        return `on every port as far as the files say (also ${ports})`;
    }
  return undefined;
}

function passageByAddress(
  rule: PolicyRule,
  row: EndpointRow,
  { plan, addressMatch }: PlannedTarget,
  { isWhole, addresses: tags }: KnownTags,
): Omit<TargetCoverage, 'target'> {
  if (row.misprintOf !== undefined)
    return { how: 'uncovered', detail: `nothing to do: the source misprints ${row.misprintOf}` };
  if (row.coveredBy.length === 0)
    return {
      how: 'uncovered',
      detail: `${row.notCovered ?? 'no service tag holds it'}; send it through a device that matches names, or add its addresses to the rule's prefixes`,
    };
  if (addressMatch === 'literal')
    return {
      how: 'uncovered',
      detail:
        'this target compares addresses with hosts that are written as addresses only; it must match the name',
    };
  // What counts is what the target lets through on the row's ports, by whatever rule and tag.
  const known = row.coveredBy.flatMap(({ tag, basis }) => {
    const addresses = tags.get(tag);
    if (addresses === undefined || addresses.isEmpty) return [];
    const closed = closedPorts(plan.admission.forAnyClient(), addresses, row.ports);
    return [{ tag, basis, addresses, closed }];
  });
  const whole = known.find(({ closed }) => closed.isEmpty);
  if (whole !== undefined) return { how: 'address', detail: `${whole.tag}: ${whole.basis}` };
  const onSome = known.find(({ closed }) => !closed.equals(row.ports));
  if (onSome !== undefined)
    return {
      how: 'partly',
      detail: `by ${onSome.tag}, but port ${onSome.closed} is not among the ports of rule ${rule.name}`,
    };
  const open = addressesOnAll(plan.admission.forAnyClient(), row.ports);
  const part = known
    .map((one) => ({ ...one, missing: one.addresses.difference(open) }))
    .filter(({ addresses, missing }) => !missing.equals(addresses))
    .sort((a, b) => bySizeDown(b.missing, a.missing))[0];
  if (part !== undefined)
    return { how: 'partly', detail: `${part.tag} is allowed but for ${spaceInWords(part.missing)}` };
  const unread = row.coveredBy.filter(({ tag }) => !tags.has(tag)).map(({ tag }) => tag);
  if (!isWhole && unread.length > 0)
    return {
      how: 'unknown',
      detail: `the addresses of ${unread.join(' or ')} are in no tree: the weekly file of the later one has them (--feed)`,
    };
  const used = plan.rules.find(({ name }) => name === rule.name)?.addresses;
  const selected = row.coveredBy.filter(({ tag }) => rule.tags.some((one) => one.tag === tag));
  if (selected.length === 0)
    return {
      how: 'uncovered',
      detail: `add the service tag ${row.coveredBy.map(({ tag }) => tag).join(' or ')} to rule ${rule.name}`,
    };
  if (used === undefined)
    return { how: 'uncovered', detail: `let rule ${rule.name} use its addresses on this target` };
  const closed = row.ports.difference(used.ports);
  return closed.isEmpty
    ? { how: 'uncovered', detail: `this target leaves the addresses of ${selected[0]!.tag} out` }
    : { how: 'uncovered', detail: `add port ${closed} to rule ${rule.name}` };
}

/** The ports on which not all of the addresses are let through. */
function closedPorts(admission: Admission, addresses: DualStackSet, ports: PortSet): PortSet {
  return admission.grants
    .filter((grant) => grant.addresses.isSupersetOf(addresses))
    .reduce((closed, grant) => closed.difference(grant.ports), ports);
}

/** The addresses that are let through on every one of the ports. */
function addressesOnAll(admission: Admission, ports: PortSet): DualStackSet {
  const covering = admission.grants.filter((grant) => !grant.ports.intersection(ports).isEmpty);
  const covered = covering.reduce((sum, grant) => sum.union(grant.ports), PortSet.empty);
  if (!covered.isSupersetOf(ports)) return DualStackSet.empty;
  return covering
    .map(({ addresses }) => addresses)
    .reduce((common, addresses) => common.intersection(addresses));
}

function portsOf(admission: Admission): string {
  return admission.grants.map(({ ports, method }) => `${ports}${methodInWords(method)}`).join(', ');
}
