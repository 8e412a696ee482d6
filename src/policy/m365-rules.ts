import type { RuleConfig } from '../config/config.ts';
import type { EndpointRow } from '../endpoints/endpoint-table.ts';
import {
  type M365Endpoints,
  type M365PartialNameUse,
  type M365Row,
  matchesM365,
  selectM365Rows,
} from '../feed/m365.ts';
import { DualStackSet } from '../net/dual-stack-set.ts';
import { formatHostPattern } from '../net/host-pattern.ts';
import { portKey } from '../net/port-key.ts';
import { type PortSet, PROTOCOLS } from '../net/ports.ts';
import { comparePrefixes, formatPrefix } from '../net/prefix.ts';
import type { Problem } from '../problem.ts';
import { closest } from '../suggest.ts';
import { wayOf } from './clients.ts';
import { comparePorts, nameGrants } from './name-grants.ts';
import type { PolicyRule, RuleOmission, TagAddresses } from './policy.ts';

/** The endpoint sets of an instance, and what becomes of names that no host pattern says exactly. */
export interface M365Sets {
  readonly endpoints: M365Endpoints;
  readonly partialNames: M365PartialNameUse;
}

/** How many names and prefixes of an endpoint set an omission spells out. */
const SHOWN = 8;

/**
 * The policy rules that the endpoint sets of a configured rule become. The sets have different ports, and
 * the addresses of a policy rule have one port set: so there is a rule for each port set, which holds names
 * and addresses of the sets with exactly these ports and nothing else. Ports of TCP and of UDP make rules of their own:
 * many targets know TCP alone. Sets that publish addresses only are
 * kept apart: beside names they would count as a fallback, and be lost on targets that match names.
 *
 * None, with everything in `omitted`, where no set names a port.
 */
export function m365Rules(
  rule: Pick<RuleConfig, 'name' | 'reason' | 'm365' | 'addressUse' | 'clients'>,
  { endpoints, partialNames }: M365Sets,
): { readonly rules: readonly PolicyRule[]; readonly omitted: readonly RuleOmission[] } {
  const groups = new Map<string, { named: boolean; ports: PortSet; sets: ResolvedSet[] }>();
  const left: RuleOmission[] = [];
  for (const row of selectM365Rows(endpoints.rows, rule.m365).flatMap(byProtocol)) {
    const set = resolveSet(row, endpoints, partialNames);
    if (row.ports.isEmpty || (set.rows.length === 0 && set.tag === undefined)) {
      left.push(...set.omitted);
      continue;
    }
    const named = set.rows.length > 0;
    const key = `${named ? '' : 'a'}${nameKey(row.ports)}`;
    const group = groups.get(key) ?? { named, ports: row.ports, sets: [] };
    group.sets.push(set);
    groups.set(key, group);
  }
  const rules = [...groups]
    .sort(([, a], [, b]) => Number(b.named) - Number(a.named) || comparePorts(a.ports, b.ports))
    .map(([key, { ports, sets }], index): PolicyRule => {
      const rows = sets.flatMap((set) => set.rows);
      const tags = sets.flatMap(({ tag }) => tag ?? []);
      // What belongs to no rule is told by the first.
      const omitted = [...sets.flatMap((set) => set.omitted), ...(index === 0 ? left : [])];
      return {
        name: `${rule.name}-${key}`,
        reason: rule.reason,
        names: nameGrants(rows),
        rows,
        tags,
        prefixes: [],
        addresses: DualStackSet.union(tags.map(({ addresses }) => addresses)),
        addressPorts: ports,
        addressUse: rule.addressUse,
        ...wayOf(rule),
        ...(omitted.length === 0 ? {} : { omitted }),
      };
    });
  return { rules, omitted: rules.length === 0 ? left : [] };
}

/**
 * What is wrong with the selectors of the rules, given the sets that there are. A set in force that the service has
 * withdrawn is no mistake of the configuration: the guard `m365-set` speaks of it.
 */
export function m365Problems(
  rules: readonly Pick<RuleConfig, 'm365'>[],
  { instance, rows }: M365Endpoints,
  inForce: readonly number[] = [],
): Problem[] {
  const areas = [...new Set(rows.map(({ serviceArea }) => serviceArea))].sort();
  const ids = new Set(rows.map(({ id }) => id));
  return rules.flatMap(({ m365 }, index) =>
    m365.flatMap((selector, place): Problem[] => {
      const where = `rules[${index}].m365[${place}]`;
      const { serviceArea } = selector;
      if (serviceArea !== undefined && !areas.includes(serviceArea)) {
        const near = serviceArea === 'Teams' ? ['Skype'] : closest(serviceArea, areas);
        return [
          {
            where: `${where}.serviceArea`,
            what: `Microsoft 365 (${instance}) has no service area ${JSON.stringify(serviceArea)}`,
            next: near.length > 0 ? `did you mean ${near.join(' or ')}?` : `known: ${areas.join(', ')}`,
          },
        ];
      }
      const withdrawn = (selector.ids ?? []).filter((id) => !ids.has(id) && inForce.includes(id));
      const unknown = (selector.ids ?? []).filter((id) => !ids.has(id) && !inForce.includes(id));
      if (unknown.length > 0)
        return [
          {
            where: `${where}.ids`,
            what: `Microsoft 365 (${instance}) has no endpoint set ${unknown.join(', ')}`,
            next: 'remove what Microsoft has withdrawn',
          },
        ];
      return withdrawn.length > 0 || rows.some((row) => matchesM365(row, selector))
        ? []
        : [{ where, what: `no endpoint set of Microsoft 365 (${instance}) matches all of it` }];
    }),
  );
}

/** The name that stands where a service tag's name does: in the lock, the review, and for the snapshot's file. */
export function m365TagName({ serviceArea, id }: Pick<M365Row, 'serviceArea' | 'id'>): string {
  return `M365.${serviceArea}.${id}`;
}

/** A set by protocol; as it is where it names no port. */
function byProtocol(row: M365Row): M365Row[] {
  if (row.ports.isEmpty) return [row];
  return PROTOCOLS.map((protocol) => ({ ...row, ports: row.ports.only(protocol) })).filter(
    ({ ports }) => !ports.isEmpty,
  );
}

/** One endpoint set in the terms of a policy. */
interface ResolvedSet {
  readonly rows: readonly EndpointRow[];
  readonly tag: TagAddresses | undefined;
  readonly omitted: readonly RuleOmission[];
}

function resolveSet(
  row: M365Row,
  { instance }: M365Endpoints,
  partialNames: M365PartialNameUse,
): ResolvedSet {
  const { id, serviceArea, category, required, ports } = row;
  const name = m365TagName(row);
  const prefixes = row.prefixes.toSorted(comparePrefixes);
  const tag: TagAddresses | undefined =
    prefixes.length === 0
      ? undefined
      : {
          tag: name,
          region: '',
          prefixes,
          addresses: DualStackSet.fromPrefixes(prefixes),
          m365: { id, serviceArea, category, required },
        };
  const provenance = {
    table: `m365-${instance}`,
    index: id,
    ports,
    purpose: `Microsoft 365 set ${id}: ${serviceArea}, ${category}, ${required ? 'required' : 'optional'}`,
    sources: ['endpoints.office.com'],
    ...(tag === undefined
      ? { coveredBy: [], notCovered: 'Microsoft 365 publishes no addresses for it' }
      : { coveredBy: [{ tag: name, basis: 'the same endpoint set' }] }),
  };
  return {
    rows: ports.isEmpty
      ? []
      : [
          ...row.hosts.map((host): EndpointRow => ({ ...provenance, host })),
          ...(partialNames === 'omit' ? [] : row.partialNames).map(
            ({ text, widened }): EndpointRow => ({ ...provenance, host: widened, partialName: text }),
          ),
        ],
    tag,
    omitted: omissionsOf(row, name, partialNames),
  };
}

function omissionsOf(row: M365Row, name: string, partialNames: M365PartialNameUse): RuleOmission[] {
  const { ports } = row;
  const things = [
    ...row.hosts.map(formatHostPattern),
    ...row.partialNames.map(({ text }) => text),
    ...row.prefixes.toSorted(comparePrefixes).map(formatPrefix),
  ];
  const spelt = `${things.slice(0, SHOWN).join(' ')}${things.length > SHOWN ? ` and ${things.length - SHOWN} more` : ''}`;
  const omitted: RuleOmission[] = [];
  if (ports.isEmpty && things.length > 0)
    omitted.push({ kind: 'ports', reason: `${name} names no port for ${spelt}` });
  if (partialNames === 'omit' && !ports.isEmpty)
    for (const { text } of row.partialNames)
      omitted.push({
        kind: 'wildcard',
        reason: `${name} asks for ${text} on port ${ports}; no host pattern says that exactly`,
      });
  return omitted;
}

/** Fit for the name of a rule, which has no underscores. */
function nameKey(ports: PortSet): string {
  return portKey(ports).replaceAll('_', 'x');
}
