import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import pc from 'picocolors';
import { type ApprovedPlan, readPlan } from '../approved-plan.ts';
import { runJob } from '../job.ts';
import { counted, digits } from '../numbers.ts';
import { REVIEW_FILE, RunRefused } from '../pipeline.ts';
import { ConfigurationError, EXIT_STATUS } from '../problem.ts';
import { writeBrief } from '../review/brief.ts';
import { reviewDocument } from '../review/json.ts';
import { writeMarkdown } from '../review/markdown.ts';
import { paragraph } from '../review/outline.ts';
import { titleOf } from '../review/sections/head.ts';
import { type changedFiles, changesDevices, summarise } from '../review/summary.ts';
import { blocksText, writeText } from '../review/text.ts';
import { verdict } from '../review/verdict.ts';
import { type JobOutputs, tellCi } from './ci-job.ts';
import { type Io, widthOf } from './io.ts';
import { endOf, endOfResult, notifyOf, type RunEnd } from './notify.ts';
import { cacheDirectory, configOf, type FeedFlags } from './request.ts';

export interface RunFlags extends FeedFlags {
  readonly out?: string;
  readonly dryRun?: boolean;
  readonly detailedExitcode?: boolean;
  readonly accept?: readonly string[];
  readonly json?: boolean;
  readonly details?: boolean;
  /** Writes down what would be published, and publishes nothing. */
  readonly plan?: string;
}

/** Publishes just what was approved: the run that a plan was written by, as long as nothing has moved since. */
export async function applyCommand(file: string, flags: RunFlags, io: Io): Promise<void> {
  if (isPattern(flags.config))
    throw new ConfigurationError('a plan is of one configuration, not of many sites', [
      {
        where: `-c ${flags.config}`,
        what: 'is a pattern',
        next: 'apply the plan of each site, with its own -c',
      },
    ]);
  const approved = await readPlan(file);
  await runCommand({ ...flags, accept: approved.accept }, io, approved);
}

/** The weekly job. */
export async function runCommand(flags: RunFlags, io: Io, approved?: ApprovedPlan): Promise<void> {
  const config = await configOf(flags);
  const tell = (markdown: string, outputs: JobOutputs) =>
    tellCi(markdown, outputs, io.environment, flags.json === true ? io.err : io.out);
  const notifyPeople = (end: RunEnd) =>
    notifyOf(config, end, cacheDirectory(flags, config, io), io.environment, io.err);
  const result = await runJob({
    config,
    ...(flags.feed === undefined ? {} : { feed: flags.feed }),
    dryRun: flags.dryRun ?? flags.plan !== undefined,
    ...(flags.plan === undefined ? {} : { planFile: flags.plan }),
    ...(approved === undefined ? {} : { approved }),
    accept: flags.accept ?? [],
    offline: flags.offline ?? false,
    cacheDirectory: cacheDirectory(flags, config, io),
    environment: io.environment,
    today: io.today(),
    report: io.err,
  }).catch(async (error: unknown) => {
    if (flags.json === true && error instanceof RunRefused)
      io.out(JSON.stringify({ outcome: 'refused', guards: error.findings }, null, 2));
    if (error instanceof RunRefused)
      tell(`# Azure allowlist: refused\n\n${error.message}\n`, { outcome: 'refused' });
    if (flags.dryRun !== true && flags.plan === undefined) await notifyPeople(endOf(error));
    throw error;
  });
  const { outcome, review, change, commit, branch, pullRequest } = result;
  if (outcome !== 'would-publish') await notifyPeople(endOfResult(result));
  const tail = commit === undefined ? '' : `; committed as ${commit.slice(0, 12)}`;
  if (flags.json === true)
    io.out(
      JSON.stringify(
        {
          outcome,
          output: config.output,
          commit: commit ?? null,
          branch: branch ?? null,
          pullRequest: pullRequest ?? null,
          files: change,
          review: reviewDocument(review),
        },
        null,
        2,
      ),
    );
  else {
    const place = nearest(config.output);
    const options = { width: widthOf(io), colors: pc.createColors(io.colours) };
    const quiet = outcome === 'unchanged' && change.written.length + change.removed.length === 0;
    if (flags.details === true) io.out(writeText(review, options));
    else if (!quiet) io.out(writeBrief(review, join(place, REVIEW_FILE), options));
    if (flags.details === true) for (const path of change.removed) io.out(`removed: ${path}`);
    const counts = countsInWords(change, review);
    // A pipe takes a line whole.
    const say = (text: string) =>
      io.out(io.columns === undefined ? text : blocksText([paragraph(text)], options));
    if (quiet) say(`${titleOf(review)}: nothing changes on any device; ${place} is unchanged${tail}.`);
    else if (outcome === 'would-publish')
      say(
        `${flags.plan === undefined ? 'Dry run' : `The plan is in ${flags.plan}`}, nothing written to ${place}: ${counts.replace('written', 'to write').replace('removed', 'to remove')}.`,
      );
    else if (outcome === 'held')
      say(
        `Review required: nothing written to ${place} (publish.when: routine). Run again with \`publish: { when: always }\` once it is approved.`,
      );
    else if (outcome === 'proposed') {
      say(`${pullRequest!.reference} ${PULL_REQUEST_WORDS[pullRequest!.action]}: ${pullRequest!.url}`);
      say(`${counts}${tail} on ${branch}; what is checked out stays as it is.`);
    } else say(`${place}: ${counts}${tail}.`);
  }
  tell(writeMarkdown(review), {
    outcome,
    verdict: verdict(review).level,
    changed: `${changesDevices(review)}`,
    subject: summarise(review),
    commit: commit ?? '',
    branch: branch ?? '',
    pull_request: pullRequest?.url ?? '',
  });
  if (outcome === 'held') io.setStatus(EXIT_STATUS.differs);
  if (flags.dryRun === true && flags.detailedExitcode === true && changesDevices(review))
    io.setStatus(EXIT_STATUS.differs);
}

/** Whether a path has signs of a pattern, and names no file as it stands. */
function isPattern(path: string): boolean {
  return /[*?{[(!]/.test(path) && !existsSync(path);
}

const PULL_REQUEST_WORDS = {
  opened: 'opened',
  updated: 'updated',
  unchanged: 'is open with this change',
} as const satisfies Record<string, string>;

/** How many files were written and removed; those that are not rule files are the lock, the snapshot and the review. */
function countsInWords(
  { written, removed, unchanged }: Awaited<ReturnType<typeof runJob>>['change'],
  review: Parameters<typeof changedFiles>[0],
): string {
  const folders = review.targets.map(({ id }) => `${id}/`);
  const fresh = written.filter((path) => folders.some((folder) => path.startsWith(folder))).length;
  const records = written.length - fresh;
  const kinds =
    records === 0 || fresh === 0 ? '' : ` (${counted(fresh, 'rule file')}, ${counted(records, 'record')})`;
  return `${counted(written.length, 'file')} written${kinds}, ${digits(removed.length)} removed, ${digits(unchanged.length)} unchanged`;
}

/** A path as one would type it: relative where it is below the working directory. */
function nearest(path: string): string {
  const below = relative('', path);
  return below === '' || below.startsWith('..') ? path : below;
}
