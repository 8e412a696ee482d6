/** Figures that the kernel is held to, for the table at the end of a run. */

export function atMost(what, limit, found) {
  return { what, limit: `≤ ${limit}`, found, verdict: found <= limit ? 'met' : 'MISSED' };
}

export function atLeast(what, limit, found) {
  return { what, limit: `≥ ${limit}`, found, verdict: found >= limit ? 'met' : 'MISSED' };
}

/** The table; undefined where no section of the run has a target. */
export function targetsOf(sections) {
  const rows = sections.flatMap(({ targets = [] }) => targets);
  if (rows.length === 0) return undefined;
  return {
    title: 'Targets',
    columns: [
      ['what', 'figure'],
      ['limit', 'target'],
      ['found', 'found'],
      ['verdict', ''],
    ],
    rows,
  };
}
