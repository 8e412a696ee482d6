import type { Family } from '../net/address.ts';
import { DualStackSet } from '../net/dual-stack-set.ts';
import type { Prefix } from '../net/prefix.ts';
import type { M365Endpoints } from './m365.ts';
import type { ServiceTag, Snapshot } from './snapshot.ts';

/** Both families: everything that is published. */
export const BOTH_FAMILIES: readonly Family[] = [4, 6];

/** A snapshot as if only these families had been published. */
export function snapshotOfFamilies(snapshot: Snapshot, families: readonly Family[]): Snapshot {
  if (BOTH_FAMILIES.every((family) => families.includes(family))) return snapshot;
  return {
    ...snapshot,
    tags: new Map([...snapshot.tags].map(([name, tag]) => [name, tagOfFamilies(tag, families)])),
  };
}

/** Endpoint sets of Microsoft 365 as if only these families had been published. */
export function m365OfFamilies(endpoints: M365Endpoints, families: readonly Family[]): M365Endpoints {
  if (BOTH_FAMILIES.every((family) => families.includes(family))) return endpoints;
  return {
    ...endpoints,
    rows: endpoints.rows.map((row) => ({ ...row, prefixes: ofFamilies(row.prefixes, families) })),
  };
}

function tagOfFamilies(tag: ServiceTag, families: readonly Family[]): ServiceTag {
  const { name, id, changeNumber, region, systemService, platform } = tag;
  const prefixes = ofFamilies(tag.prefixes, families);
  let addresses: DualStackSet | undefined;
  return {
    ...{ name, id, changeNumber, region, systemService, platform, prefixes },
    prefixCount: prefixes.length,
    // Of most tags nobody asks for it.
    get addresses() {
      addresses ??= DualStackSet.fromPrefixes(prefixes);
      return addresses;
    },
  };
}

function ofFamilies(prefixes: readonly Prefix[], families: readonly Family[]): readonly Prefix[] {
  return prefixes.filter(({ family }) => families.includes(family));
}
