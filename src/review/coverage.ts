/** How one target lets one required host through. */
export interface TargetCoverage {
  readonly target: string;
  readonly how: 'name' | 'widened' | 'address' | 'uncovered';
  /** The tag, the widening, or what to do about a host that is not covered. */
  readonly detail: string;
}

/** One required host and how each target lets it through. */
export interface CoverageRow {
  readonly rule: string;
  readonly host: string;
  readonly ports: string;
  readonly purpose: string;
  readonly targets: readonly TargetCoverage[];
}
