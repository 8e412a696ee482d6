import { baselineOf } from '../committed/baseline.ts';
import type { LockedPlanner } from '../committed/in-force.ts';
import { readFitSettings } from '../committed/lock.ts';
import { filesReader, type OutputTree, readOutputTree } from '../committed/output-tree.ts';
import type { AllowlistConfig, RuleConfig } from '../config/config.ts';
import type { EndpointTable } from '../endpoints/endpoint-table.ts';
import { daysBetween } from '../feed/file-date.ts';
import type { ParsedFeed } from '../feed/load.ts';
import { DualStackSet } from '../net/dual-stack-set.ts';
import { PortSet } from '../net/ports.ts';
import { planRun, RunRefused } from '../pipeline.ts';
import { type Note, noteworthy } from '../policy/diff/notes.ts';
import { diffPolicies, type PolicyDiff } from '../policy/diff.ts';
import type { Finding } from '../policy/guards/guard.ts';
import type { KnownFigures } from '../policy/guards/known-figures.ts';
import type { Policy } from '../policy/policy.ts';
import { makePolicy, resolvePolicy } from '../policy/resolve.ts';
import { AllowlistError } from '../problem.ts';
import type { Review } from '../review/review.ts';
import { effectOfReview } from '../review/summary.ts';
import { addressesOf } from '../review/wording.ts';
import type { TargetOutput, TargetRequest } from '../targets/build.ts';
import { fitPolicy } from '../targets/fit.ts';
import { capabilitiesOf } from '../targets/manifest.ts';
import { fewestLines } from './fewest-lines.ts';

/** A weekly file of a directory. */
export interface WeeklyFile {
  /** Without its directory. */
  readonly name: string;
  /** YYYY-MM-DD. */
  readonly date: string;
  /** @throws FeedError */
  readonly load: () => Promise<ParsedFeed>;
}

/** What one week cost the process. */
export interface Cost {
  readonly milliseconds: number;
  /** Peak of the resident memory, in bytes. */
  readonly peakMemory: number;
}

export interface ReplayRequest {
  readonly config: AllowlistConfig;
  readonly tables: ReadonlyMap<string, EndpointTable>;
  /** What the cloud's weekly files ever had, in figures: the first week is judged by them. */
  readonly knownFigures?: KnownFigures | undefined;
  readonly targets: readonly TargetRequest[];
  /** In the order of their dates. */
  readonly weeks: readonly WeeklyFile[];
  /** Guards whose refusal is accepted: in every week, or as `2022-10-17:new-space` in that one. */
  readonly accept: readonly string[];
  /**
   * Judge every service tag of the feed, in one rule and without targets, in the place of the configured
   * rules. A tag that vanished is dropped from the rule, as its owner would have to.
   */
  readonly everyTag: boolean;
  /** After a hole of more days a new first run begins; without it the baseline outlives every hole. */
  readonly longestGap?: number;
  /** Starts a measurement; its result ends it. */
  readonly measure: () => () => Cost;
}

/** What a week changes for one target. */
export interface TargetChurn {
  readonly id: string;
  readonly files: number;
  readonly lines: { readonly added: number; readonly removed: number };
  /** The lines that must come or go: the symmetric difference of the prefixes that the target writes. */
  readonly fewestLines: number;
}

/** What came of one weekly file. */
export interface ReplayedWeek {
  readonly name: string;
  readonly date: string;
  /** Days since the week in force; undefined on a first run. */
  readonly days: number | undefined;
  /** `unusable`: the file is no feed of the cloud. After `refused` and `unusable` the week in force stays. */
  readonly outcome: 'first' | 'changed' | 'unchanged' | 'refused' | 'unusable';
  readonly findings: readonly Finding[];
  /** Of the refusal. */
  readonly message: string | undefined;
  /** Prefixes as published, once a rule and tag: what came and went, or would have. */
  readonly prefixes: { readonly added: number; readonly removed: number };
  /** Address space that came and went on at least one device; of a refused week, in the rules. */
  readonly gained: DualStackSet;
  readonly lost: DualStackSet;
  /** Of the review; none where nothing was rendered. */
  readonly notes: readonly Note[];
  /** Undefined on a first run and where nothing was rendered. */
  readonly churn: readonly TargetChurn[] | undefined;
  readonly cost: Cost;
}

/** What is in force: as it would stand in the output tree, and what it was rendered from. */
interface InForce {
  readonly date: string;
  readonly tree: OutputTree;
  readonly outputs: readonly TargetOutput[];
}

/**
 * Runs the weekly job over weekly files, one after the other, with the output tree kept in memory. A
 * refused week changes nothing, and the next one is compared with the last that was published.
 */
export async function* replay(request: ReplayRequest): AsyncGenerator<ReplayedWeek> {
  let inForce: InForce | undefined;
  for (const week of request.weeks) {
    const days: number | undefined = inForce === undefined ? undefined : daysBetween(inForce.date, week.date);
    if (days !== undefined && days > (request.longestGap ?? Number.POSITIVE_INFINITY)) inForce = undefined;
    const finish = request.measure();
    const { replayed, review, next } = await replayWeek(request, week, inForce);
    const cost = finish();
    yield {
      name: week.name,
      date: week.date,
      days: inForce === undefined ? undefined : days,
      ...replayed,
      notes: review === undefined ? [] : noteworthy(review.diff, review.context),
      cost,
    };
    inForce = next;
  }
}

type Replayed = Omit<ReplayedWeek, 'name' | 'date' | 'days' | 'notes' | 'cost'>;

const NOTHING = {
  prefixes: { added: 0, removed: 0 },
  gained: DualStackSet.empty,
  lost: DualStackSet.empty,
  churn: undefined,
};

async function replayWeek(
  request: ReplayRequest,
  week: WeeklyFile,
  inForce: InForce | undefined,
): Promise<{ replayed: Replayed; review: Review | undefined; next: InForce | undefined }> {
  const stays = (replayed: Replayed) => ({ replayed, review: undefined, next: inForce });
  let feed: ParsedFeed;
  try {
    feed = await week.load();
  } catch (error) {
    if (!(error instanceof AllowlistError)) throw error;
    return stays({ ...NOTHING, outcome: 'unusable', findings: [], message: error.message });
  }
  const own = request.accept.flatMap((entry) => {
    const [date, guard] = entry.includes(':') ? entry.split(':', 2) : [week.date, entry];
    return date === week.date && guard !== undefined ? [guard] : [];
  });
  const config = request.everyTag ? everyTag(request.config, feed, inForce) : request.config;
  const before = inForce?.tree.policy ?? makePolicy([]);
  try {
    const plan = planRun({
      config,
      feed,
      tables: request.tables,
      knownFigures: request.knownFigures,
      targets: request.everyTag ? [] : request.targets,
      baseline: await baselineOf(inForce?.tree, planner(request)),
      accept: request.everyTag ? [...own, 'tag-missing', 'tag-empty'] : own,
      today: week.date,
    });
    // Read back from its text, as the next run would read it from disk.
    const tree = await readOutputTree(filesReader(week.name, plan.files));
    return {
      replayed: {
        outcome: inForce === undefined ? 'first' : plan.unchanged ? 'unchanged' : 'changed',
        findings: plan.findings,
        message: undefined,
        ...changes(before, plan.policy, plan.review.diff),
        ...addressesOfEffect(plan.review),
        churn: inForce === undefined ? undefined : churn(plan, inForce.outputs, request.targets),
      },
      review: plan.review,
      next: { date: week.date, tree: tree!, outputs: plan.outputs },
    };
  } catch (error) {
    if (!(error instanceof AllowlistError)) throw error;
    const policy = resolvePolicy(config.rules, request.tables, feed.snapshot.tags);
    return stays({
      ...NOTHING,
      outcome: 'refused',
      findings: error instanceof RunRefused ? error.findings : [],
      message: error.message,
      ...changes(before, policy, diffPolicies(before, policy)),
    });
  }
}

/** The formats are at hand: nothing is loaded again every week. */
function planner({ targets }: ReplayRequest): LockedPlanner {
  return async (tree, id, locked) => {
    const target = targets.find((request) => request.id === id)!.target;
    const capabilities = capabilitiesOf(target.manifest, locked.options);
    return { target, plan: fitPolicy(tree.policy, capabilities, readFitSettings(locked)) };
  };
}

/** What the devices of the review newly let through by address, and what they do not any more. */
function addressesOfEffect(review: Review) {
  const { gained, lost } = effectOfReview(review);
  return { gained: addressesOf(gained), lost: addressesOf(lost) };
}

function changes(before: Policy, after: Policy, { rules }: PolicyDiff) {
  const lists = rules.flatMap((rule) => [rule.prefixes, ...rule.tags.map(({ prefixes }) => prefixes)]);
  const [old, now] = [before, after].map((policy) =>
    DualStackSet.union(policy.rules.map(({ addresses }) => addresses)),
  ) as [DualStackSet, DualStackSet];
  return {
    prefixes: {
      added: lists.reduce((sum, { gained }) => sum + gained.length, 0),
      removed: lists.reduce((sum, { lost }) => sum + lost.length, 0),
    },
    gained: now.difference(old),
    lost: old.difference(now),
  };
}

/** What changes in the files that devices load: not in those that only people read. */
function churn(
  { review, outputs }: ReturnType<typeof planRun>,
  before: readonly TargetOutput[],
  targets: ReplayRequest['targets'],
): TargetChurn[] {
  return outputs.map(({ id, plan }, index): TargetChurn => {
    const { files: written } = targets.find((request) => request.id === id)!.target.manifest;
    const prose = new Set(written.flatMap((file) => (file.prose ? [file.path] : [])));
    const files = (review.targets.find((target) => target.id === id)?.files ?? []).filter(
      ({ path }) => !prose.has(path),
    );
    return {
      id,
      files: files.filter(({ presence }) => presence !== 'unchanged').length,
      lines: {
        added: files.reduce((sum, { lines }) => sum + lines.added, 0),
        removed: files.reduce((sum, { lines }) => sum + lines.removed, 0),
      },
      fewestLines: fewestLines(before[index]!.plan, plan),
    };
  });
}

/** The configuration with one rule that names every tag of the feed and of the week in force. */
function everyTag(
  config: AllowlistConfig,
  { snapshot }: ParsedFeed,
  inForce: InForce | undefined,
): AllowlistConfig {
  const before = inForce?.tree.policy.rules.flatMap(({ tags }) => tags.map(({ tag }) => tag)) ?? [];
  const rule: RuleConfig = {
    name: 'every-tag',
    reason: '',
    endpoints: [],
    hosts: [],
    m365: [],
    serviceTags: [...new Set([...before, ...snapshot.tags.keys()])],
    prefixes: [],
    ports: PortSet.parse('443'),
    addressUse: 'fallback',
  };
  return { ...config, rules: [rule], targets: [] };
}
