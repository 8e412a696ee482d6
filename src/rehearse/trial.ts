import type { DualStackSet } from '../net/dual-stack-set.ts';
import type { RehearsalRow } from '../review/rehearsal.ts';
import type { TargetPlan } from '../targets/plan.ts';
import type { RuleFile } from '../targets/render.ts';
import type { OptionValues } from '../targets/view.ts';

/** The files of one target: those in force, or the planned ones. */
export interface Side {
  readonly plan: TargetPlan;
  readonly files: readonly RuleFile[];
  readonly options: OptionValues;
}

/** The edges of one rule: what it allows begins and ends between them. */
export interface RuleEdges<Attempt> {
  readonly rule: string;
  readonly kind: RehearsalRow['kind'];
  readonly attempts: readonly Attempt[];
}

/** How the files of one target are tried. */
export interface Trial<Attempt> {
  /** What they are tried in. */
  readonly tried: string;
  /** The edges of all sides together: what has moved is tried where it was and where it is. */
  readonly edges: (plans: readonly TargetPlan[]) => readonly RuleEdges<Attempt>[];
  readonly canBeSent: (attempt: Attempt) => boolean;
  /** Whom the attempts come from; undefined where each rule is tried from a client of its own as well. */
  readonly clients: DualStackSet | undefined;
  /** Tells attempts apart. */
  readonly keyOf: (attempt: Attempt) => string;
  readonly describe: (attempt: Attempt) => string;
  /** What the files of a side say of an attempt. */
  readonly admits: (plan: TargetPlan, attempt: Attempt) => boolean;
  /** Loads the files of each side in turn, and gives the keys of the attempts that came through. */
  readonly run: (
    sides: readonly Side[],
    attempts: readonly Attempt[],
    folder: string,
  ) => Promise<readonly ReadonlySet<string>[]>;
}
