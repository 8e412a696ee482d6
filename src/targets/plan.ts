import type { DualStackSet } from '../net/dual-stack-set.ts';
import type { PortSet } from '../net/ports.ts';
import type { Prefix } from '../net/prefix.ts';
import { Admission } from '../policy/admission.ts';
import type { NameGrant, RuleOmission } from '../policy/policy.ts';

/** What cannot be said, or shall not: names, addresses, a family, traffic that goes another way, or what no policy has words for. */
export type OmissionKind = 'names' | 'addresses' | 'ipv4' | 'ipv6' | 'scenario' | RuleOmission['kind'];

/**
 * Why more is admitted: the apex beside `*.apex`, the subdomains beside the host, every port, a whole host
 * for one path, all subdomains for a wildcard inside a name, a budget, addresses that are no longer published and held, every client.
 */
export type WideningKind =
  | 'apex'
  | 'subdomains'
  | 'ports'
  | 'path'
  | 'wildcard'
  | 'budget'
  | 'hold'
  | 'clients';

/** Something of a rule that the target cannot express; it is not in the rule files. */
export interface Omission {
  readonly rule: string;
  readonly kind: OmissionKind;
  /** Empty for what a policy has no words for: the reason says it. */
  readonly omitted: Admission;
  readonly reason: string;
}

/** Something more than the rule asks that the target admits. */
export interface Widening {
  readonly rule: string;
  readonly kind: WideningKind;
  readonly admitted: Admission;
  readonly reason: string;
}

/** The addresses of one rule as the target will write them. */
export interface PlannedAddresses {
  /** Everything the prefixes admit: the rule's addresses, and what a budget adds. */
  readonly set: DualStackSet;
  /** In numeric order. */
  readonly ipv4: readonly Prefix[];
  readonly ipv6: readonly Prefix[];
  readonly ports: PortSet;
}

/** One rule as the target will write it. Empty lists render nothing. */
export interface PlannedRule {
  readonly name: string;
  readonly reason: string;
  readonly names: readonly NameGrant[];
  /** Undefined where the rule is not by address on this target, or has no address left. */
  readonly addresses: PlannedAddresses | undefined;
  /** Whom the files bind the rule to; absent where every client may use it. */
  readonly clients?: DualStackSet;
}

/** What one target will write, decided before a byte is rendered. */
export interface TargetPlan {
  readonly rules: readonly PlannedRule[];
  readonly omissions: readonly Omission[];
  readonly widenings: readonly Widening[];
  /** Policy, less omissions, plus widenings: what the rule files must read back as. */
  readonly admission: Admission;
  /** Where the files are settings of a program: they let nothing through, and nothing is missing in them. */
  readonly settings?: true;
}

/** Address entries in all files together. */
export function addressEntries({ rules }: TargetPlan): number {
  return rules.reduce(
    (sum, { addresses }) => sum + (addresses?.ipv4.length ?? 0) + (addresses?.ipv6.length ?? 0),
    0,
  );
}

/** What each rule lets through on the target, what it is widened by included; a rule of which nothing is left is not there. */
export function admissionsByRule({ rules, widenings }: TargetPlan): ReadonlyMap<string, Admission> {
  return new Map(
    rules.flatMap(({ name, names, addresses, clients }): [string, Admission][] => {
      const written = Admission.union([
        ...names.map(Admission.names),
        ...(addresses === undefined ? [] : [Admission.addresses(addresses.set, addresses.ports)]),
      ]);
      const admission = Admission.union([
        written.from(clients),
        ...widenings.filter(({ rule }) => rule === name).map(({ admitted }) => admitted),
      ]);
      return admission.isEmpty ? [] : [[name, admission]];
    }),
  );
}
