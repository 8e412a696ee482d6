import type { Snapshot } from '../../feed/snapshot.ts';
import type { DualStackSet } from '../../net/dual-stack-set.ts';
import type { Policy } from '../policy.ts';
import type { AcceptedSizes } from './drift.ts';
import type { KnownFigures } from './known-figures.ts';
import type { GuardLimits } from './limits.ts';
import type { M365Week } from './m365-sets.ts';
import type { Origins } from './origins.ts';

/** Totals of a whole feed, kept so that the next week can be compared with it. */
export interface FeedTotals {
  readonly tags: number;
  readonly prefixes: number;
  /** Addresses of all tags together, each counted once. */
  readonly ipv4Addresses: bigint;
  readonly ipv6Addresses: bigint;
}

/** Whether a lock is as a run wrote it; unknown where a version without digests did. */
export type LockState = 'whole' | 'edited' | 'unknown' | 'unsigned' | 'signed by another';

/**
 * The parts that tags have in a feed, by tag, and how many IPv4 addresses each has; undefined where an earlier version did
 * not tell.
 */
export type PartsOfTags = ReadonlyMap<string, ReadonlyMap<string, bigint | undefined>>;

/** The week that is in force: what the guards compare the new one with. */
export interface GuardBaseline {
  readonly cloud: string;
  readonly fileDate: string | undefined;
  readonly changeNumber: number;
  readonly contentSha256: string;
  readonly totals: FeedTotals;
  /** The configured tags of that week. */
  readonly tags: ReadonlyMap<string, DualStackSet>;
  /** The parts of the configured tags in that week's feed (`westeurope` of AzureCloud); absent where it is not told. */
  readonly parts?: PartsOfTags;
  /** All addresses of the feeds that were in force up to that week; undefined where an earlier version wrote the tree. */
  readonly space: DualStackSet | undefined;
  /** Whether the lock of that week is as a run wrote it. */
  readonly lock?: LockState;
  /** What is in force. */
  readonly policy?: Policy;
  /** The version of the Microsoft 365 endpoints in force. */
  readonly m365?: { readonly instance: string; readonly version?: string | undefined } | undefined;
  /** Earlier weeks that were accepted, oldest first. */
  readonly accepted: readonly AcceptedSizes[];
}

/** What a guard may look at. */
export interface GuardContext {
  readonly limits: GuardLimits;
  /** YYYY-MM-DD. */
  readonly today: string;
  readonly snapshot: Snapshot;
  readonly totals: FeedTotals;
  /** The addresses of all tags of the feed; Microsoft 365 has none in it. */
  readonly space: DualStackSet;
  readonly policy: Policy;
  /** Configured tags, with the rules that name them. */
  readonly configuredTags: ReadonlyMap<string, readonly string[]>;
  /** Undefined where no rule takes endpoint sets of Microsoft 365. */
  readonly m365?: M365Week | undefined;
  /** Undefined where no second source is configured. */
  readonly origins?: Origins | undefined;
  /** What the cloud's weekly files ever had, in figures; undefined where none are at hand. */
  readonly knownFigures?: KnownFigures | undefined;
  /** Undefined on the first run. */
  readonly baseline: GuardBaseline | undefined;
}

/** Something that a guard has to say: a reason to refuse, or something to know. */
export interface Remark {
  readonly refuse: boolean;
  /** Worth a review although it refuses nothing. */
  readonly look?: boolean;
  /** With the figures and the limit's configuration key. */
  readonly message: string;
}

/** A check between compare and render. It has nothing to say where all is well. */
export interface Guard {
  readonly name: string;
  /** What a person should check before accepting its refusal; absent where it refuses nothing. */
  readonly check?: string;
  /** Whether there is anything for it to judge; absent where there always is. */
  readonly applies?: (context: GuardContext) => boolean;
  /** Why it cannot judge this week, which is no passing; undefined where it can. Absent where it always can. */
  readonly cannot?: (context: GuardContext) => string | undefined;
  readonly judge: (context: GuardContext) => readonly Remark[];
}

/** What came of one guard. `accepted` would have been a refusal without the acceptance. */
export interface Finding {
  readonly guard: string;
  readonly outcome: 'passed' | 'not judged' | 'noted' | 'accepted' | 'refused';
  readonly message: string;
  /** A note that asks for a review. */
  readonly look?: boolean;
}
