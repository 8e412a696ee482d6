import { resolve } from 'node:path';
import pc from 'picocolors';
import { counted } from '../numbers.ts';
import { RunRefused } from '../pipeline.ts';
import { ConfigurationError, EXIT_STATUS } from '../problem.ts';
import { type Line, paragraph, toned } from '../review/outline.ts';
import { blocksText } from '../review/text.ts';
import { type AlikeSites, alikeSites } from '../sites/alike.ts';
import type { SitesOptions } from '../sites/request.ts';
import type { SiteEnd, SitesResult } from '../sites/result.ts';
import { runSites } from '../sites/run.ts';
import { selectSites } from '../sites/select.ts';
import { headOf, sitesInWords, sitesNamed, summariseSites, writeSitesMarkdown } from '../sites/words.ts';
import { tellCi } from './ci-job.ts';
import { type Io, widthOf } from './io.ts';
import { notifySites } from './notify.ts';
import type { RunAnyFlags } from './run-any.ts';

/** How many kinds of change are shown whole on a terminal. */
const SHOWN = 3;

type DoneSite = Exclude<SiteEnd, { readonly error: unknown }>;
type StoppedSite = Extract<SiteEnd, { readonly error: unknown }>;

/**
 * The weekly job of many sites.
 * @throws ConfigurationError for flags that mean one configuration, and for sites that are not there
 */
export async function runSitesCommand(
  patterns: readonly string[],
  flags: RunAnyFlags,
  io: Io,
): Promise<void> {
  const result = await runAndNotify(patterns, flags, io);
  const done = result.ends.filter((end): end is DoneSite => !('error' in end));
  const changed = done.filter(({ outcome, told }) => outcome !== 'unchanged' || told.changesDevices);
  const groups = alikeSites(
    changed.map(({ site, told, digest }) => ({ name: site.name, told, digest })),
    result.wholes,
  );
  if (flags.json === true) io.out(JSON.stringify(documentOf(result), null, 2));
  else writeTerminal(result, groups, { flags, io });
  for (const [message, names] of stoppedByMessage(result))
    io.err(`azure-allowlist: ${sitesNamed(names)}: ${message}`);
  tellSites(result, groups, { flags, io });
  io.setStatus(statusOf(result.ends, flags));
}

/** Why a flag is for one configuration, and what is meant for many. */
const ALONE = {
  out: { what: 'would be the output of all of them', next: 'give each its own `output`' },
  plan: {
    what: 'holds the output tree of one site',
    next: 'write one for each (run -c FILE --plan FILE, then apply FILE -c FILE), or have the change of all approved as a pull request: publish.git.pullRequest',
  },
} as const;

/** Runs the job of many sites, and notifies those whom their configurations name. @throws ConfigurationError */
export async function runAndNotify(
  patterns: readonly string[],
  flags: RunAnyFlags,
  io: Io,
): Promise<SitesResult> {
  for (const flag of ['out', 'plan'] as const)
    if (flags[flag] !== undefined)
      throw new ConfigurationError(`--${flag} is for one configuration, not for many sites`, [
        { where: `--${flag}`, ...ALONE[flag] },
      ]);
  const sites = await selectSites(patterns, flags);
  const reports = new Reports(sites.length, io.err);
  const options: SitesOptions = {
    feed: flags.feed,
    dryRun: flags.dryRun ?? false,
    accept: flags.accept ?? [],
    offline: flags.offline ?? false,
    cache: flags.cache === undefined ? undefined : resolve(flags.cache),
    environment: { ...io.environment },
    today: io.today(),
    terminal: { width: widthOf(io), colours: io.colours, details: flags.details === true },
    json: flags.json === true,
  };
  const result = await runSites({
    sites,
    options,
    workers: flags.workers,
    arguments: patterns.flatMap((pattern) => ['-c', pattern]),
    report: io.err,
    reportOf: ({ name }, line) => reports.add(name, line),
  });
  reports.end();
  if (flags.dryRun !== true) await notifySites(result.ends, flags, io);
  return result;
}

/** What is said of several sites in the same words is said once. */
class Reports {
  readonly #names = new Map<string, Set<string>>();
  readonly #sites: number;
  readonly #say: (line: string) => void;

  constructor(sites: number, say: (line: string) => void) {
    this.#sites = sites;
    this.#say = say;
  }

  /** What is noted waits for the other sites; what goes on is said at once. */
  add(name: string, line: string): void {
    if (!/^(noted|accepted): /.test(line)) {
      this.#say(line);
      return;
    }
    const names = this.#names.get(line) ?? new Set();
    this.#names.set(line, names.add(name));
  }

  end(): void {
    for (const [line, names] of this.#names)
      this.#say(names.size === this.#sites ? line : `${line} (${sitesNamed([...names])})`);
  }
}

function writeTerminal(
  result: SitesResult,
  groups: readonly AlikeSites[],
  { flags, io }: { readonly flags: RunAnyFlags; readonly io: Io },
): void {
  const options = { width: widthOf(io), colors: pc.createColors(io.colours) };
  const say = (...line: Line) => io.out(blocksText([paragraph(...line)], options));
  const total = result.ends.length;
  if (groups.length > 0) say(`${sitesInWords(groups, total)}.`);
  const shown = flags.details === true ? groups.length : SHOWN;
  for (const group of groups.slice(0, shown)) {
    io.out('');
    say(toned(`${headOf(group)}:`, 'attention'));
    io.out(group.whole.text);
  }
  if (groups.length > shown) io.out('');
  for (const group of groups.slice(shown))
    say(`${headOf(group)}: ${group.told.headline}. ${group.told.verdict.text}`);
  if (groups.length > 0) io.out('');
  say(`${endsInWords(result)}.`);
}

/** `200 sites: 3 published, 196 unchanged, 1 refused; committed as 0123456789ab on main` */
export function endsInWords({ ends, commits, pullRequests }: SitesResult): string {
  const outcomes = [
    'published',
    'proposed',
    'would-publish',
    'held',
    'unchanged',
    'refused',
    'failed',
  ] as const;
  const counts = outcomes.flatMap((outcome) => {
    const count = ends.filter((end) => end.outcome === outcome).length;
    return count === 0 ? [] : [`${count} ${outcome === 'would-publish' ? 'would be published' : outcome}`];
  });
  const after = [
    ...commits.map(
      ({ commit, branch }) =>
        `committed as ${commit.slice(0, 12)}${branch === undefined ? '' : ` on ${branch}`}`,
    ),
    ...pullRequests.map(
      ({ reference, action, url }) => `${reference} ${action === 'unchanged' ? 'is open' : action}: ${url}`,
    ),
  ];
  return [`${counted(ends.length, 'site')}: ${counts.join(', ')}`, ...after].join('; ');
}

/** The sites that were refused or failed, by what stopped them. */
export function stoppedByMessage({ ends }: SitesResult): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const { site, error } of ends.filter((end): end is StoppedSite => 'error' in end)) {
    const names = found.get(error.message) ?? [];
    found.set(error.message, [...names, site.name]);
  }
  return found;
}

function documentOf({ ends, commits, pullRequests }: SitesResult) {
  return {
    commits,
    pullRequests,
    sites: ends.map((end) => {
      const { site, outcome } = end;
      const place = { name: site.name, configuration: site.file, outcome };
      if ('error' in end)
        return {
          ...place,
          ...(end.error instanceof RunRefused
            ? { guards: end.error.findings }
            : { error: end.error.message }),
        };
      return {
        ...place,
        output: end.job.config.output,
        commit: end.commit ?? null,
        branch: end.branch ?? null,
        files: end.change,
        review: end.document,
      };
    }),
  };
}

function tellSites(
  { ends, commits, pullRequests }: SitesResult,
  groups: readonly AlikeSites[],
  { flags, io }: { readonly flags: RunAnyFlags; readonly io: Io },
): void {
  const problems = ends.flatMap((end) =>
    'error' in end ? [{ name: end.site.name, outcome: end.outcome, message: reasonOf(end) }] : [],
  );
  const levels = groups.map(({ told }) => told.verdict.level);
  const outcome = (['refused', 'failed', 'held', 'proposed', 'published', 'would-publish'] as const).find(
    (one) => ends.some((end) => end.outcome === one),
  );
  tellCi(
    writeSitesMarkdown(groups, { total: ends.length, problems }),
    {
      outcome: outcome ?? 'unchanged',
      verdict: (['look', 'routine'] as const).find((level) => levels.includes(level)) ?? 'nothing',
      changed: `${groups.some(({ told }) => told.changesDevices)}`,
      subject: summariseSites(groups),
      commit: commits[0]?.commit ?? '',
      branch: commits[0]?.branch ?? '',
      pull_request: pullRequests[0]?.url ?? '',
    },
    io.environment,
    flags.json === true ? io.err : io.out,
  );
}

/** What stopped a site, in a line of a table: of a refusal what each guard says. */
function reasonOf({ error }: StoppedSite): string {
  return error instanceof RunRefused
    ? error.findings
        .filter(({ outcome }) => outcome === 'refused')
        .map(({ guard, message }) => `${guard}: ${message}`)
        .join('; ')
    : error.message;
}

/** A refusal counts most, then a failure by its kind; what people must look at, or what a dry run would change, comes after. */
export function statusOf(
  ends: readonly SiteEnd[],
  { dryRun, detailedExitcode }: Pick<RunAnyFlags, 'dryRun' | 'detailedExitcode'> = {},
): number {
  if (ends.some(({ outcome }) => outcome === 'refused')) return EXIT_STATUS.refused;
  for (const end of ends) if ('error' in end) return end.error.exitStatus;
  if (ends.some(({ outcome }) => outcome === 'held')) return EXIT_STATUS.differs;
  const differs =
    dryRun === true &&
    detailedExitcode === true &&
    ends.some((end) => !('error' in end) && end.told.changesDevices);
  return differs ? EXIT_STATUS.differs : EXIT_STATUS.done;
}
