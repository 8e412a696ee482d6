import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import pc from 'picocolors';
import { type FileRevision, revisionsOf } from '../committed/git-read.ts';
import { readGitTree } from '../committed/git-tree.ts';
import { readInForce } from '../committed/in-force.ts';
import { LOCK_FILE } from '../committed/lock.ts';
import { filesReader, type OutputTree, readOutputTree } from '../committed/output-tree.ts';
import { weekOfLock } from '../committed/sides.ts';
import { policyOfTags } from '../policy/diff/snapshots.ts';
import { AllowlistError, ConfigurationError } from '../problem.ts';
import { feedWeek } from '../review/feeds.ts';
import { type History, HistoryRecorder } from '../review/history/history.ts';
import type { Allowed } from '../review/targets.ts';
import type { Io } from './io.ts';
import { cloudOfName } from './request.ts';

interface HistoryFlags {
  readonly tag?: readonly string[];
  readonly format: 'text' | 'json' | 'html';
}

/** The timeline of an output tree in git, or of a directory of feeds. */
export async function historyCommand(directory: string, flags: HistoryFlags, io: Io): Promise<void> {
  const found = await stat(directory).catch(() => undefined);
  if (found?.isDirectory() !== true) throw new ConfigurationError(`${directory} is not a directory`);
  const feeds = (await readdir(directory))
    .filter((name) => /_\d{8}\.(json|xml)(\.gz)?$/i.test(name))
    .sort(byDate);
  const history =
    feeds.length > 0
      ? await historyOfFeeds(directory, feeds, flags, io)
      : await historyOfTree(directory, flags, io);
  io.out(await write(history, flags.format, io));
}

async function historyOfFeeds(
  directory: string,
  names: readonly string[],
  { tag }: HistoryFlags,
  io: Io,
): Promise<History> {
  const clouds = new Set(names.map(cloudOfName));
  if (clouds.size > 1)
    throw new ConfigurationError(
      `${directory} holds weekly files of ${[...clouds].sort().join(', ')}: give each cloud a folder of its own`,
    );
  const { loadFeed } = await import('../feed/load.ts');
  const selected = tag === undefined ? undefined : new Set(tag);
  const recorder = new HistoryRecorder();
  let seen = false;
  for (const name of names) {
    // One after the other: a week is a hundred thousand prefixes.
    const { snapshot } = await loadFeed({
      cloud: cloudOfName(name),
      override: join(directory, name),
      environment: io.environment,
      today: io.today(),
      report: io.err,
    });
    seen ||= selected === undefined || [...selected].some((wanted) => snapshot.tags.has(wanted));
    const week = feedWeek(snapshot, name);
    recorder.add({
      id: name,
      date: week.fileDate ?? name,
      week,
      policy: policyOfTags(snapshot, selected),
      acceptances: [],
    });
  }
  if (!seen)
    throw new ConfigurationError(`--tag ${tag?.join(',')}: none of the feeds in ${directory} has it`);
  return recorder.history();
}

async function historyOfTree(directory: string, { tag }: HistoryFlags, io: Io): Promise<History> {
  if (tag !== undefined)
    throw new ConfigurationError('--tag goes with a directory of feeds, not with an output tree');
  const recorder = new HistoryRecorder();
  let last: OutputTree | undefined;
  let unread: AllowlistError | undefined;
  for (const { commit, date } of await revisionsOfTree(directory)) {
    const committed = await readGitTree(directory, commit);
    const where = `${commit.slice(0, 10)}:${directory}`;
    const tree =
      committed === undefined
        ? undefined
        : await readOutputTree(filesReader(where, committed.files)).catch((error: unknown) => {
            if (!(error instanceof AllowlistError)) throw error;
            unread = error;
            io.err(`left out: ${error.message}`);
            return undefined;
          });
    // A commit may have removed the tree, or touched what no run has written.
    if (tree === undefined || (last !== undefined && isSameTree(last, tree))) continue;
    const inForce = await readInForce({ ...tree, where: directory });
    recorder.add({
      id: commit,
      date,
      week: weekOfLock(tree.lock),
      policy: tree.policy,
      targets: admissionsOf(inForce),
      edited: [...inForce.values()].flatMap(({ edited }) => edited),
      acceptances: last?.lockText === tree.lockText ? [] : tree.lock.acceptances,
    });
    last = tree;
  }
  const history = recorder.history();
  if (history.steps.length === 0) throw unread ?? nothingIn(directory);
  return history;
}

/** What the rule files of each target let through; one that cannot be read counts as its policy planned it. */
function admissionsOf(inForce: Awaited<ReturnType<typeof readInForce>>): ReadonlyMap<string, Allowed> {
  const found = new Map<string, Allowed>();
  for (const [id, { admission, lists, plan }] of inForce) {
    const known = admission ?? plan?.admission;
    if (known !== undefined) found.set(id, { admission: known, lists });
  }
  return found;
}

/** Whether two trees have the same lock and the same rule files. */
function isSameTree(one: OutputTree, other: OutputTree): boolean {
  return (
    one.lockText === other.lockText &&
    Object.keys(one.lock.files)
      .filter((path) => Object.keys(one.lock.targets).some((id) => path.startsWith(`${id}/`)))
      .every((path) => one.files.get(path) === other.files.get(path))
  );
}

async function revisionsOfTree(directory: string): Promise<FileRevision[]> {
  try {
    return await revisionsOf(directory, '.');
  } catch (error) {
    // Where no output tree is either, git is not what is missing.
    const isTree = await stat(join(directory, LOCK_FILE)).then(
      () => true,
      () => false,
    );
    throw error instanceof AllowlistError && !isTree ? nothingIn(directory, error) : error;
  }
}

function nothingIn(directory: string, cause?: Error): ConfigurationError {
  return new ConfigurationError(
    `${directory} holds neither weekly files, such as ServiceTags_Public_20250714.json or the same with .gz, nor an output tree with commits (${LOCK_FILE})`,
    [],
    { cause },
  );
}

async function write(history: History, format: HistoryFlags['format'], io: Io): Promise<string> {
  switch (format) {
    case 'json':
      return (await import('../review/history/json.ts')).writeHistoryJson(history);
    case 'html': {
      const [{ writeHistoryHtml }, { readPageAssets }] = await Promise.all([
        import('../review/history/html.ts'),
        import('../review/html/assets.ts'),
      ]);
      return writeHistoryHtml(history, await readPageAssets());
    }
    case 'text': {
      const [{ blocksText }, { historyOutline }] = await Promise.all([
        import('../review/text.ts'),
        import('../review/history/outline.ts'),
      ]);
      return blocksText(historyOutline(history), {
        // A file or a pipe takes the timeline as a table; a narrow terminal gets a line a figure.
        width: io.columns ?? 140,
        colors: pc.createColors(io.colours),
      });
    }
  }
}

/** By the date in the name: a directory may hold several clouds' stems and both endings. */
function byDate(a: string, b: string): number {
  const date = (name: string) => /_(\d{8})\./.exec(name)?.[1] ?? '';
  return date(a) < date(b) ? -1 : date(a) > date(b) ? 1 : a < b ? -1 : 1;
}
