import type { EndpointRow } from '../endpoints/endpoint-table.ts';
import type { M365Category } from '../feed/m365.ts';
import type { DualStackSet } from '../net/dual-stack-set.ts';
import type { HostSet } from '../net/host-set.ts';
import type { MethodPorts } from '../net/method.ts';
import type { PortSet } from '../net/ports.ts';
import type { Prefix } from '../net/prefix.ts';

/**
 * How a rule that has names uses its addresses: only where a target cannot match every name
 * (`fallback`), on every target (`always`), or on none (`never`). A rule without names is by address
 * everywhere, whatever this says.
 */
export type AddressUse = 'fallback' | 'always' | 'never';

/**
 * How the clients of a rule leave the network: around every proxy, straight through the firewall, or through a proxy, which is then
 * all that the firewall sees.
 */
export const SCENARIOS = ['bypass-proxy', 'through-proxy'] as const;

export type Scenario = (typeof SCENARIOS)[number];

/** Names that may be reached on one set of ports. */
export interface NameGrant extends MethodPorts {
  readonly hosts: HostSet;
}

/** The addresses that one service tag brings into a rule. */
export interface TagAddresses {
  readonly tag: string;
  readonly region: string;
  /** As published, in numeric order. */
  readonly prefixes: readonly Prefix[];
  readonly addresses: DualStackSet;
  /** Where the addresses are those of an endpoint set of Microsoft 365 and not of a service tag. */
  readonly m365?: M365Provenance;
}

/** Which endpoint set of the Microsoft 365 service addresses come from. */
export interface M365Provenance {
  readonly id: number;
  readonly serviceArea: string;
  readonly category: M365Category;
  readonly required: boolean;
}

/**
 * Something that a rule asks for and that no target is given, because a policy has no words for it: names have a
 * wildcard in front only, an endpoint set names no port, and the configuration's constraints leave addresses out. Every
 * target that it concerns declares it as an omission. `udp` stands in the locks of earlier versions.
 */
export interface RuleOmission {
  readonly kind: 'udp' | 'wildcard' | 'ports' | 'constraint';
  /** What is left out, and why. */
  readonly reason: string;
}

/** Addresses that a service tag or endpoint set has lost, and that are let through until a date all the same. */
export interface HeldAddresses {
  readonly tag: string;
  /** YYYY-MM-DD: the first week of that date or later lets go. */
  readonly until: string;
  readonly addresses: DualStackSet;
}

/** One rule: names and addresses of the same traffic, the ports, and the reason. */
export interface PolicyRule {
  readonly name: string;
  readonly reason: string;
  /** One grant a distinct set of ports and methods, in port order; a host stands in one of them, with all its ports. */
  readonly names: readonly NameGrant[];
  /** The table rows that the names came from: provenance and coverage. */
  readonly rows: readonly EndpointRow[];
  readonly tags: readonly TagAddresses[];
  /** Prefixes that the configuration adds by hand. */
  readonly prefixes: readonly Prefix[];
  /** All addresses of the tags and prefixes. */
  readonly addresses: DualStackSet;
  readonly addressPorts: PortSet;
  readonly addressUse: AddressUse;
  /** Who may use the rule; absent where every client may. */
  readonly clients?: DualStackSet;
  /** Absent where every target is on the way of the traffic. */
  readonly scenario?: Scenario;
  /** Of `through-proxy`, where the proxies' connections come from; absent where that is not known. */
  readonly proxies?: DualStackSet;
  /** Absent where everything that was asked for is in the rule. */
  readonly omitted?: readonly RuleOmission[];
  /** Beyond `addresses`, disjoint, by date and tag; absent where nothing is held. */
  readonly held?: readonly HeldAddresses[];
}

/** What shall be let through: rules in configured order. */
export interface Policy {
  readonly rules: readonly PolicyRule[];
  /** SHA-256, in hex, of what the rules admit: with equal digests, rule files are equal. */
  readonly digest: string;
}
