import { openGit } from './committed/git-read.ts';
import { nearestFolder } from './committed/nearest-folder.ts';
import type { AllowlistConfig, GitConfig, PullRequestConfig } from './config/config.ts';
import type { Forge, Published } from './forge/forge.ts';
import { openForge } from './forge/open.ts';
import { forgePlace } from './forge/settings.ts';
import { readToken } from './forge/token.ts';
import { noticeOf, type ProposedChange, proposalOf } from './forge/wording.ts';
import type { Finding } from './policy/guards/guard.ts';
import { AllowlistError } from './problem.ts';
import { type ChangeBranch, pushChange, readChangeBranch, sameIn } from './publish/change-branch.ts';
import { withWorkTree } from './publish/work-tree.ts';

/** Where changes of a configuration are proposed. */
export interface ProposalPlace {
  readonly settings: PullRequestConfig;
  readonly remote: string;
  /** The branch that changes are for. */
  readonly base: string;
  readonly forge: Forge;
}

/** What came of a proposal; no pull request where nothing was to be proposed. */
export interface Proposed {
  readonly commit: string | undefined;
  readonly pullRequest: Published | undefined;
}

/**
 * Opens the forge of the output tree's repository: its address, its token and the branch that changes are for are
 * settled before anything is fetched or written.
 * @throws ConfigurationError, AllowlistError naming what is missing
 */
export async function proposalPlace(
  { output, feed }: AllowlistConfig,
  { remote, pullRequest }: GitConfig & { readonly pullRequest: PullRequestConfig },
  base: string | undefined,
  {
    environment,
    report,
  }: {
    readonly environment: Readonly<Record<string, string | undefined>>;
    readonly report: (line: string) => void;
  },
): Promise<ProposalPlace> {
  const place = await nearestFolder(output);
  if (base === undefined)
    throw new AllowlistError('the branch that changes are for is not known', [
      { where: place, what: 'HEAD is detached', next: 'name the branch: publish.git.branch' },
    ]);
  const git = await openGit(place, {});
  const address = await git.raw(['remote', 'get-url', remote]).catch((cause: unknown) => {
    throw new AllowlistError(
      `there is no remote ${remote} to propose a change to`,
      [{ where: place, what: 'git has no such remote', next: 'add it, or name another: publish.git.remote' }],
      { cause },
    );
  });
  const { kind, api, project } = forgePlace(pullRequest, address.trim());
  const token = await readToken(kind, pullRequest.token, environment);
  const forge = await openForge(kind, { api, project, token, http: feed.http, environment, report });
  return { settings: pullRequest, remote, base, forge };
}

/**
 * Proposes a change: one commit upon the base, on the change's own branch, and a pull request that is opened, or updated
 * while it is open. The branch that is checked out, its files and the index stay as they are.
 * @param change undefined where nothing differs from what is in force
 * @param write writes and commits the change into the working tree that it is given
 * @returns no commit where nothing differs
 * @throws AllowlistError where people have added commits to the branch: they are not overwritten
 */
export async function proposeChange(
  { settings, remote, base, forge }: ProposalPlace,
  change: ProposedChange | undefined,
  {
    directory,
    outputs,
    write,
    report,
  }: {
    readonly directory: string;
    /** The output trees that the change is of. */
    readonly outputs: readonly string[];
    readonly write: (directory: string) => Promise<string | undefined>;
    readonly report: (line: string) => void;
  },
): Promise<Proposed> {
  const { branch } = settings;
  const found = await readChangeBranch(directory, { remote, branch, base: 'HEAD' });
  const nothing = { commit: undefined, pullRequest: undefined };
  if (change === undefined) {
    await tellStale(found, outputs, { remote, branch, report });
    return nothing;
  }
  refuseForeign(found, { remote, branch });
  const commit = await withWorkTree(directory, 'HEAD', write);
  if (commit === undefined) return nothing;
  const stands = found.head !== undefined && (await isSameCommit(directory, found.head, commit));
  if (!stands) await pushChange(directory, { remote, branch, commit, expected: found.head });
  const pullRequest = await forge.propose(proposalOf(change, { source: branch, target: base }, settings));
  return { commit: stands ? found.head : commit, pullRequest };
}

/**
 * Opens or updates the issue of a refused week, so that people hear of it where they work. A forge that does not take it
 * is reported: the refusal is what the run ends with.
 */
export async function tellRefusal(
  { settings, forge }: ProposalPlace,
  findings: readonly Finding[],
  {
    arguments: words,
    report,
  }: { readonly arguments: readonly string[]; readonly report: (line: string) => void },
): Promise<Published | undefined> {
  if (!settings.issues) return undefined;
  const guards = findings.filter(({ outcome }) => outcome === 'refused');
  try {
    const issue = await forge.tell(noticeOf({ guards, arguments: words, label: undefined }));
    report(`${issue.reference} ${issue.action}: ${issue.url}`);
    return issue;
  } catch (error) {
    if (!(error instanceof AllowlistError)) throw error;
    report(`the issue of the refusal could not be written: ${error.message}`);
    return undefined;
  }
}

/** Nothing differs from what is in force: a change that is still open would bring an older state back. */
async function tellStale(
  { head }: ChangeBranch,
  outputs: readonly string[],
  { remote, branch, report }: { remote: string; branch: string; report: (line: string) => void },
): Promise<void> {
  if (head === undefined) return;
  const isSame = await Promise.all(
    outputs.map(async (output) => sameIn(await nearestFolder(output), 'HEAD', head)),
  );
  if (isSame.includes(false))
    report(
      `${remote}, branch ${branch}: holds another state than the one in force, which the feed agrees with; if its pull request is open, close it`,
    );
}

function refuseForeign(
  { foreign }: ChangeBranch,
  { remote, branch }: { readonly remote: string; readonly branch: string },
): void {
  if (foreign.length === 0) return;
  throw new AllowlistError('people have added commits to the open change; it was left as it is', [
    ...foreign.map(({ commit, author, subject }) => ({
      where: `${remote}, branch ${branch}, commit ${commit.slice(0, 12)}`,
      what: `${subject} (${author})`,
    })),
    {
      where: `${remote}, branch ${branch}`,
      what: 'the change of this week waits',
      next: 'merge or close the pull request and remove its branch, then run again',
    },
  ]);
}

/** Whether two commits have the same files and parents: what was pushed before stands. */
async function isSameCommit(directory: string, one: string, other: string): Promise<boolean> {
  const git = await openGit(await nearestFolder(directory), {});
  const of = async (commit: string) =>
    (await git.raw(['show', '--no-patch', '--format=%T %P', commit])).trim();
  return (await of(one)) === (await of(other));
}
