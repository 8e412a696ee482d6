import type { HostPattern } from '../net/host-pattern.ts';
import type { PortSet } from '../net/ports.ts';

/** A service tag whose addresses a host is served from, and how that is known. */
export interface Coverage {
  readonly tag: string;
  readonly basis: string;
}

/** One required host of a table. */
export interface EndpointRow {
  readonly table: string;
  /** Position in the table, from 0. */
  readonly index: number;
  readonly host: HostPattern;
  /** Only this path is required; what matches hosts alone must admit the whole host. */
  readonly path?: string;
  readonly ports: PortSet;
  readonly purpose: string;
  /** Ids of the table's sources that list the row. */
  readonly sources: readonly string[];
  readonly since?: string;
  /** The group that must be asked for by name; rows without one are always in. */
  readonly optional?: string;
  readonly misprintOf?: string;
  readonly coveredBy: readonly Coverage[];
  readonly note?: string;
}

/** A published list of host names that must be reachable for a product to work. */
export interface EndpointTable {
  readonly id: string;
  readonly title: string;
  readonly cloud: string;
  readonly confidence: 'high' | 'medium' | 'low';
  readonly sources: readonly {
    readonly id: string;
    readonly title: string;
    readonly url: string;
    readonly date: string;
  }[];
  readonly rows: readonly EndpointRow[];
  readonly optionalGroups: readonly { readonly id: string; readonly description: string }[];
  readonly history: readonly { readonly date: string; readonly change: string }[];
}
