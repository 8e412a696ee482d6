import type { EndpointRow } from './endpoint-table.ts';

/** What a device that matches addresses only can do for one row, given the service tags that it lets through. */
export interface RowCoverage {
  readonly row: EndpointRow;
  /** The tags let through that cover the row, in the table's order; empty when it is not covered. */
  readonly by: readonly string[];
  /** Why the row is not covered; undefined when it is. */
  readonly gap?: string;
}

/** `by address: AzureActiveDirectory`, or `not covered: …` with the reason. */
export function describeCoverage({ coveredBy, notCovered }: EndpointRow): string {
  return coveredBy.length > 0
    ? `by address: ${coveredBy.map(({ tag }) => tag).join(', ')}`
    : `not covered: ${notCovered ?? 'no tag is known to hold its addresses'}`;
}

/**
 * Judges each row by the service tags that a policy lets through, row by row in order.
 * A regional tag (`AzureCloud.westeurope`) does not cover a row: nobody says in which region a host answers.
 */
export function addressCoverage(rows: Iterable<EndpointRow>, tags: Iterable<string>): readonly RowCoverage[] {
  const allowed = new Set(tags);
  return [...rows].map((row) => {
    const by = row.coveredBy.map(({ tag }) => tag).filter((tag) => allowed.has(tag));
    if (by.length > 0) return { row, by };
    const gap =
      row.coveredBy.length > 0
        ? `its tag ${row.coveredBy.map(({ tag }) => tag).join(' or ')} is not let through`
        : (row.notCovered ?? 'no tag is known to hold its addresses');
    return { row, by, gap };
  });
}
