import type { Drift } from '../committed/drift.ts';
import type { Cloud } from '../feed/snapshot.ts';
import type { DiffContext } from '../policy/diff/notes.ts';
import type { PolicyDiff } from '../policy/diff.ts';
import type { Finding } from '../policy/guards/guard.ts';
import type { UnusedTags } from '../targets/in-use.ts';
import type { CoverageRow } from './coverage.ts';
import type { RehearsedTarget } from './rehearsal.ts';
import type { TargetReview } from './targets.ts';

/** One published week, as a review names it. */
export interface FeedWeek {
  readonly cloud: Cloud;
  /** The file's name, without a directory. */
  readonly name: string;
  /** YYYY-MM-DD. */
  readonly fileDate: string | undefined;
  readonly changeNumber: number;
}

/** A recorded override of one guard. */
export interface Acceptance {
  readonly guard: string;
  readonly message: string;
}

/** Everything that those who must approve a change are told. Every form of the review is made from this alone. */
export interface Review {
  /** `feeds`: two published weeks were compared, there is no configuration, no target and no guard. */
  readonly scope: 'policy' | 'feeds';
  /** `before` is undefined for a first run. */
  readonly feed: { readonly before: FeedWeek | undefined; readonly after: FeedWeek };
  readonly diff: PolicyDiff;
  /** What is known beside the two policies; the more is known, the more can be noted. */
  readonly context?: DiffContext;
  /** In configured order, then those that are no longer configured. */
  readonly targets: readonly TargetReview[];
  /** Rule files that say something else than a run wrote. */
  readonly drift: readonly Drift[];
  /** What rules select and no target uses: no part of the week. */
  readonly unused: readonly UnusedTags[];
  /** Endpoint tables in use whose sources cannot be relied on, by id. */
  readonly lowConfidence?: readonly string[];
  /** What rules with regional tags do without: the addresses of a service that belong to no region. */
  readonly regionalTags?: readonly string[];
  readonly guards: readonly Finding[];
  readonly acceptances: readonly Acceptance[];
  /** Targets whose planned files were tried out in the program that loads them. */
  readonly rehearsals?: readonly RehearsedTarget[];
  readonly coverage: readonly CoverageRow[];
  /** Whether every required host gets through as it did before. */
  readonly coverageStands: boolean;
}
