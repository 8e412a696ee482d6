import type { HostPattern } from '../net/host-pattern.ts';
import type { PortSet } from '../net/ports.ts';
import type { Prefix } from '../net/prefix.ts';

/** The instances of the Microsoft 365 endpoints service. */
export const M365_INSTANCES = ['Worldwide', 'China', 'USGovDoD', 'USGovGCCHigh'] as const;

export type M365Instance = (typeof M365_INSTANCES)[number];

export const M365_CATEGORIES = ['Optimize', 'Allow', 'Default'] as const;

export type M365Category = (typeof M365_CATEGORIES)[number];

/** A name with a wildcard inside a label or in the middle, which no host pattern says exactly. */
export interface M365PartialName {
  /** As published: `*-files.sharepoint.com`, `autodiscover.*.onmicrosoft.com`. */
  readonly text: string;
  /** The narrowest host pattern that has all these names: more than was published, so a widening. */
  readonly widened: HostPattern;
}

export const M365_PARTIAL_NAME_USES = ['widen', 'omit'] as const;

/** Whether partial names become the narrowest host pattern that has them, or are left out; declared either way. */
export type M365PartialNameUse = (typeof M365_PARTIAL_NAME_USES)[number];

/** One endpoint set of the service: names and addresses of the same traffic. */
export interface M365Row {
  readonly id: number;
  /** `Common`, `Exchange`, `SharePoint`, `Skype` (which is Teams) or `MEM`. */
  readonly serviceArea: string;
  readonly category: M365Category;
  readonly required: boolean;
  readonly expressRoute: boolean;
  readonly hosts: readonly HostPattern[];
  /** Names that need a widening, or must be declared as omitted; never dropped. */
  readonly partialNames: readonly M365PartialName[];
  readonly prefixes: readonly Prefix[];
  /** Of TCP and of UDP. */
  readonly ports: PortSet;
  /** Microsoft's remark, '' if there is none. */
  readonly notes: string;
}

/** One published version of one instance. */
export interface M365Endpoints {
  readonly instance: M365Instance;
  /** YYYYMMDDNN, from `/version`; undefined where the document came from a file. */
  readonly version: string | undefined;
  /** SHA-256 (hex) of the document's bytes. */
  readonly sha256: string;
  /** By id. */
  readonly rows: readonly M365Row[];
  readonly unknownFields: number;
}

/** What of the service a rule wants: `m365: [{ serviceArea: Exchange, category: [Optimize, Allow] }]`. */
export interface M365Selector {
  /** Default: all. */
  readonly serviceArea?: string;
  /** Default: all. */
  readonly category?: M365Category | readonly M365Category[];
  /** Default: both the required rows and the others. */
  readonly required?: boolean;
  /** Default: all. */
  readonly ids?: readonly number[];
}

/** The rows that at least one of the selectors wants, in the order of their ids. */
export function selectM365Rows(
  rows: readonly M365Row[],
  selectors: readonly M365Selector[],
): readonly M365Row[] {
  return rows.filter((row) => selectors.some((selector) => matchesM365(row, selector)));
}

/** Whether a selector wants a row. */
export function matchesM365(row: M365Row, { serviceArea, category, required, ids }: M365Selector): boolean {
  const categories = typeof category === 'string' ? [category] : category;
  return (
    (serviceArea === undefined || serviceArea === row.serviceArea) &&
    (categories === undefined || categories.includes(row.category)) &&
    (required === undefined || required === row.required) &&
    (ids === undefined || ids.includes(row.id))
  );
}

/** One change between two versions, as `/changes` tells it. */
export interface M365Change {
  readonly id: number;
  readonly endpointSetId: number;
  readonly disposition: string;
  readonly impact: string;
  readonly version: string;
  /** YYYY-MM-DD where the change announces one. */
  readonly effectiveDate: string | undefined;
  readonly added: M365ChangedItems;
  readonly removed: M365ChangedItems;
}

export interface M365ChangedItems {
  /** As published. */
  readonly urls: readonly string[];
  readonly prefixes: readonly Prefix[];
}
