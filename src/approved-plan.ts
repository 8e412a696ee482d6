import { writeFile } from 'node:fs/promises';
import * as z from 'zod';
import { LOCK_FILE } from './committed/lock.ts';
import { fileDigest } from './committed/output-tree.ts';
import type { RunPlan } from './pipeline.ts';
import { AllowlistError, ConfigurationError, type Problem } from './problem.ts';
import { readRegularText } from './regular-file.ts';
import { summarise } from './review/summary.ts';
import { verdict } from './review/verdict.ts';

const schema = z.strictObject({
  version: z.literal(1),
  /** SHA-256 of the lock in force; null on a first run. */
  baseline: z.string().nullable(),
  feed: z.strictObject({
    name: z.string(),
    fileDate: z.string().nullable(),
    contentSha256: z.string(),
  }),
  policy: z.string(),
  /** Guards whose refusal is accepted with it. */
  accept: z.array(z.string()),
  headline: z.string(),
  verdict: z.string(),
  /** SHA-256 of every file of the output tree. */
  files: z.record(z.string(), z.string()),
  /** The review in Markdown, for those who approve it. */
  review: z.string(),
});

/** What a run would publish, written down so that just this can be approved and published later. */
export type ApprovedPlan = z.infer<typeof schema>;

/** What a plan is recognised by, beside its files. */
export interface PlanOrigin {
  readonly baseline: string | undefined;
  readonly feed: ApprovedPlan['feed'];
}

/**
 * The plan of a run as a document.
 * @param review the Markdown form
 */
export function planDocument(
  plan: Pick<RunPlan, 'review' | 'policy' | 'files'>,
  origin: PlanOrigin,
  accept: readonly string[],
  review: string,
): ApprovedPlan {
  return {
    version: 1,
    baseline: origin.baseline ?? null,
    feed: origin.feed,
    policy: plan.policy.digest,
    accept: [...accept],
    headline: summarise(plan.review),
    verdict: verdict(plan.review).text,
    files: digestsOf(plan.files),
    review,
  };
}

/** Writes the document. @throws AllowlistError where it cannot be written */
export async function writePlan(file: string, plan: ApprovedPlan): Promise<void> {
  await writeFile(file, `${JSON.stringify(plan, null, 2)}\n`).catch((cause: Error) => {
    throw new AllowlistError(`cannot write the plan ${file}: ${cause.message}`, [], { cause });
  });
}

/** Reads a document. @throws ConfigurationError where it is none */
export async function readPlan(file: string): Promise<ApprovedPlan> {
  let document: unknown;
  try {
    document = JSON.parse(await readRegularText(file));
  } catch (cause) {
    throw new ConfigurationError(`cannot read the plan ${file}: ${(cause as Error).message}`, [], { cause });
  }
  const parsed = schema.safeParse(document);
  if (!parsed.success)
    throw new ConfigurationError(
      `${file} is not a plan; \`azure-allowlist run --plan FILE\` writes one`,
      parsed.error.issues.map((issue): Problem => ({ where: issue.path.join('.'), what: issue.message })),
    );
  return parsed.data;
}

/**
 * Holds what a run would publish now to what was approved.
 * @throws AllowlistError saying what has moved since; nothing was written
 */
export function requireApproved(
  approved: ApprovedPlan,
  plan: Pick<RunPlan, 'files'>,
  origin: PlanOrigin,
): void {
  const now = digestsOf(plan.files);
  const paths = [...new Set([...Object.keys(approved.files), ...Object.keys(now)])].sort();
  const differing = paths.filter((path) => approved.files[path] !== now[path]);
  if (differing.length === 0) return;
  const problems: Problem[] = [];
  if ((origin.baseline ?? null) !== approved.baseline)
    problems.push({
      where: LOCK_FILE,
      what: 'what is in force is not what the plan was compared with',
      next: 'make a new plan, and have it approved',
    });
  if (origin.feed.contentSha256 !== approved.feed.contentSha256)
    problems.push({
      where: 'feed',
      what: `it is ${origin.feed.name} now, the plan is of ${approved.feed.name}`,
      next: 'give the file of that week with --feed, or make a new plan',
    });
  if (problems.length === 0)
    problems.push({
      where:
        differing.slice(0, 3).join(', ') + (differing.length > 3 ? ` and ${differing.length - 3} more` : ''),
      what: 'would be written with other bytes: configuration, templates, endpoint tables or the version have changed',
      next: 'go back to those of the plan, or make a new one',
    });
  throw new AllowlistError('this is not what was approved; nothing was written', problems);
}

function digestsOf(files: ReadonlyMap<string, string>): Record<string, string> {
  return Object.fromEntries(
    [...files].sort(([a], [b]) => (a < b ? -1 : 1)).map(([path, text]) => [path, fileDigest(text)]),
  );
}
