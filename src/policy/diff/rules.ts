import { type EndpointRow, formatEndpoint } from '../../endpoints/endpoint-table.ts';
import { DualStackSet } from '../../net/dual-stack-set.ts';
import { PortSet } from '../../net/ports.ts';
import type { Prefix } from '../../net/prefix.ts';
import { Admission } from '../admission.ts';
import type { AddressUse, PolicyRule, Scenario } from '../policy.ts';
import {
  type Change,
  changeOfSpace,
  isUnchangedSpace,
  type Replacement,
  type SpaceChange,
} from './change.ts';
import { type Covered, findCovered, findMoves, type Move } from './moves.ts';
import { findReorganised, type Reorganised } from './reorganised.ts';
import { diffPrefixes, diffTags, type Presence, type TagDiff } from './tags.ts';

/** One rule that differs. */
export interface RuleDiff {
  readonly rule: string;
  readonly presence: Presence;
  /** The name that the same rule had before; absent where the name is the same. */
  readonly renamedFrom?: string;
  /** Host names with their ports; a grant a distinct port set. */
  readonly names: Change<Admission>;
  /** Present where the names differ in the methods alone by which a proxy may be asked for them. */
  readonly methodsOnly?: true;
  /** Table rows that came and went: the provenance of the names. */
  readonly rows: Change<readonly EndpointRow[]>;
  /** The rule's own address space, all tags and prefixes united: what really changes. */
  readonly space: SpaceChange;
  /** Ports of the addresses. */
  readonly ports: Change<PortSet>;
  /** Tags that differ, by name. */
  readonly tags: readonly TagDiff[];
  /** Prefixes that the configuration adds by hand. */
  readonly prefixes: Change<readonly Prefix[]>;
  /** Space that changed its tag inside the rule; explains, and never hides, a gain or loss. */
  readonly moves: readonly Move[];
  /** Tags that took the place of others. */
  readonly reorganised: readonly Reorganised[];
  /** What a tag lost that the rule still admits. */
  readonly covered: readonly Covered[];
  /** Present where it changed. */
  readonly reason?: Replacement<string>;
  readonly addressUse?: Replacement<AddressUse>;
  /** Undefined on a side where every client may use the rule, or where there is none. Present where they differ. */
  readonly clients?: Replacement<DualStackSet | undefined>;
  /** The way of the traffic; undefined where none is said. Present where it differs. */
  readonly scenario?: Replacement<Scenario | undefined>;
  /** Where the proxies connect from; undefined where it is not said, so that firewalls let every client through. Present where it differs. */
  readonly proxies?: Replacement<DualStackSet | undefined>;
}

/** The difference of two rules of one name, either of which may be missing; undefined if they are equal. */
export function diffRule(
  name: string,
  before: PolicyRule | undefined,
  after: PolicyRule | undefined,
  renamedFrom?: string,
): RuleDiff | undefined {
  const oldNames = namesOf(before);
  const newNames = namesOf(after);
  const oldPorts = before?.addressPorts ?? PortSet.empty;
  const newPorts = after?.addressPorts ?? PortSet.empty;
  const tags = diffTags(before?.tags ?? [], after?.tags ?? []);
  const moves = findMoves(tags);
  const space = changeOfSpace(
    before?.addresses ?? DualStackSet.empty,
    after?.addresses ?? DualStackSet.empty,
  );
  const diff: RuleDiff = {
    rule: name,
    ...(renamedFrom === undefined ? {} : { renamedFrom }),
    presence: before === undefined ? 'added' : after === undefined ? 'removed' : 'changed',
    names: { gained: newNames.difference(oldNames), lost: oldNames.difference(newNames) },
    ...(!newNames.equals(oldNames) && newNames.byAnyMethod().equals(oldNames.byAnyMethod())
      ? { methodsOnly: true as const }
      : {}),
    rows: diffRows(before?.rows ?? [], after?.rows ?? []),
    space,
    ports: { gained: newPorts.difference(oldPorts), lost: oldPorts.difference(newPorts) },
    tags,
    prefixes: diffPrefixes(before?.prefixes ?? [], after?.prefixes ?? []),
    moves,
    reorganised: findReorganised(tags, moves),
    covered: findCovered(tags, space.after),
    ...(before !== undefined && after !== undefined && before.reason !== after.reason
      ? { reason: { before: before.reason, after: after.reason } }
      : {}),
    ...(before !== undefined && after !== undefined && before.addressUse !== after.addressUse
      ? { addressUse: { before: before.addressUse, after: after.addressUse } }
      : {}),
    ...(after !== undefined && !haveSameClients(before?.clients, after.clients)
      ? { clients: { before: before?.clients, after: after.clients } }
      : {}),
    ...(after !== undefined && before?.scenario !== after.scenario
      ? { scenario: { before: before?.scenario, after: after.scenario } }
      : {}),
    ...(after !== undefined && !haveSameClients(before?.proxies, after.proxies)
      ? { proxies: { before: before?.proxies, after: after.proxies } }
      : {}),
  };
  return diff.presence === 'changed' && isNothing(diff) ? undefined : diff;
}

function isNothing(diff: RuleDiff): boolean {
  return (
    diff.renamedFrom === undefined &&
    diff.names.gained.isEmpty &&
    diff.names.lost.isEmpty &&
    diff.rows.gained.length + diff.rows.lost.length === 0 &&
    isUnchangedSpace(diff.space) &&
    diff.ports.gained.isEmpty &&
    diff.ports.lost.isEmpty &&
    diff.tags.length === 0 &&
    diff.prefixes.gained.length + diff.prefixes.lost.length === 0 &&
    diff.reason === undefined &&
    diff.addressUse === undefined &&
    diff.clients === undefined &&
    diff.scenario === undefined &&
    diff.proxies === undefined
  );
}

function haveSameClients(a: DualStackSet | undefined, b: DualStackSet | undefined): boolean {
  return a === undefined || b === undefined ? a === b : a.equals(b);
}

function namesOf(rule: PolicyRule | undefined): Admission {
  return Admission.union((rule?.names ?? []).map(Admission.names));
}

function diffRows(before: readonly EndpointRow[], after: readonly EndpointRow[]): RuleDiff['rows'] {
  const old = new Set(before.map(rowIdentity));
  const now = new Set(after.map(rowIdentity));
  return {
    gained: after.filter((row) => !old.has(rowIdentity(row))),
    lost: before.filter((row) => !now.has(rowIdentity(row))),
  };
}

/** What a row requires, whatever its place in the table. */
function rowIdentity(row: EndpointRow): string {
  return [row.table, formatEndpoint(row), row.ports].join(' ');
}
