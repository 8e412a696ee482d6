import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import pc from 'picocolors';
import { azureSpaceOf } from '../committed/azure-space.ts';
import { driftInForce } from '../committed/drift.ts';
import { fileAtRevision, filesAtRevision, hasRevision } from '../committed/git-read.ts';
import { LOCK_FILE } from '../committed/lock.ts';
import {
  directoryReader,
  type OutputTree,
  readOutputTree,
  type TreeReader,
} from '../committed/output-tree.ts';
import { contextOfTree, targetSides, weekOfLock } from '../committed/sides.ts';
import type { LoadedFeed } from '../feed/load.ts';
import { type DiffContext, type Note, noteworthy } from '../policy/diff/notes.ts';
import { diffPolicies } from '../policy/diff.ts';
import { ConfigurationError, EXIT_STATUS } from '../problem.ts';
import { coverage } from '../review/coverage.ts';
import { reviewFeeds, tagsOf } from '../review/feeds.ts';
import { writeJson } from '../review/json.ts';
import { writeMarkdown } from '../review/markdown.ts';
import type { Review } from '../review/review.ts';
import { changesDevices } from '../review/summary.ts';
import { reviewTarget } from '../review/targets.ts';
import { writeText } from '../review/text.ts';
import { closest } from '../suggest.ts';
import { feedOfTree } from './feed-of-tree.ts';
import { type Io, widthOf } from './io.ts';
import { cloudOfName } from './request.ts';

interface DiffFlags {
  readonly tag?: readonly string[];
  /** The weekly file that the later tree was made from. */
  readonly feed?: string;
  readonly format: 'text' | 'markdown' | 'json' | 'html';
  readonly detailedExitcode?: boolean;
}

/** Compares two feeds, two output trees, or two git revisions of one. */
export async function diffCommand(before: string, after: string, flags: DiffFlags, io: Io): Promise<void> {
  const sides = [await openSide(before, io), await openSide(after, io)] as const;
  const review = await reviewOf(sides, flags, io);
  io.out(await write(review, flags.format, io));
  if (flags.detailedExitcode === true && changesDevices(review)) io.setStatus(EXIT_STATUS.differs);
}

type Side =
  | { readonly kind: 'feed'; readonly feed: LoadedFeed }
  | { readonly kind: 'tree'; readonly tree: OutputTree };

/** A directory is an output tree; `REVISION:PATH` that is no file is one in git; all else is a feed. */
async function openSide(name: string, io: Io): Promise<Side> {
  const isUrl = /^https?:\/\//i.test(name);
  const found = isUrl ? undefined : await stat(name).catch(() => undefined);
  if (found?.isDirectory() === true) return openTree(directoryReader(name));
  const revision = /^([^:]+):(.*)$/.exec(name);
  if (!isUrl && found === undefined && revision !== null) {
    const [, commit = '', path = ''] = revision;
    return openTree(
      {
        where: name,
        read: (file) =>
          fileAtRevision('.', commit, path === '' ? file : `${path.replace(/\/$/, '')}/${file}`),
      },
      async () =>
        (await hasRevision('.', commit))
          ? `at ${commit} there is no ${path === '' ? LOCK_FILE : `${path}/${LOCK_FILE}`} below the current directory`
          : `the git repository here has no revision ${commit}; \`git log --oneline -- ${path || '.'}\` lists them`,
    );
  }
  if (!isUrl && found === undefined) await refuseBareRevision(name);
  const { loadFeed } = await import('../feed/load.ts');
  return {
    kind: 'feed',
    feed: await loadFeed({
      cloud: cloudOfName(basename(name)),
      override: name,
      environment: io.environment,
      today: io.today(),
      report: io.err,
    }),
  };
}

/** @throws ConfigurationError for a revision of the repository here, with the output trees that it has */
async function refuseBareRevision(name: string): Promise<void> {
  const trees = await filesAtRevision('.', name, LOCK_FILE).catch(() => undefined);
  if (trees === undefined) return;
  const places = trees.map((path) => path.slice(0, -LOCK_FILE.length).replace(/\/$/, ''));
  throw new ConfigurationError(
    places.length === 0
      ? `${name} is a git revision, and it has no output tree (${LOCK_FILE}) below the current directory`
      : `${name} is a git revision: name its output tree as well, as in ${places
          .slice(0, 3)
          .map((place) => `${name}:${place}`)
          .join(' or ')}`,
  );
}

async function openTree(
  reader: TreeReader,
  why: () => Promise<string> = async () => `there is no ${LOCK_FILE} in it`,
): Promise<Side> {
  const tree = await readOutputTree(reader);
  if (tree === undefined)
    throw new ConfigurationError(`${reader.where} is not an output tree: ${await why()}`);
  return { kind: 'tree', tree };
}

async function reviewOf(
  [before, after]: readonly [Side, Side],
  { tag, feed }: DiffFlags,
  io: Io,
): Promise<Review> {
  requireOneCloud(before, after);
  if (before.kind === 'feed' && after.kind === 'feed') {
    if (feed !== undefined) throw new ConfigurationError('--feed goes with two output trees, not with feeds');
    for (const name of tag ?? []) {
      const known = new Set([...before.feed.snapshot.tags.keys(), ...after.feed.snapshot.tags.keys()]);
      if (!known.has(name)) {
        const near = closest(name, known);
        throw new ConfigurationError(
          `--tag ${name}: neither feed has it${near.length > 0 ? `; did you mean ${near.join(' or ')}?` : ''}`,
        );
      }
    }
    return reviewFeeds(
      before.feed.snapshot,
      after.feed.snapshot,
      { before: before.feed.source.name, after: after.feed.source.name },
      tag === undefined ? undefined : new Set(tag),
    );
  }
  if (before.kind === 'tree' && after.kind === 'tree') {
    if (tag !== undefined) throw new ConfigurationError('--tag goes with two feeds, not with output trees');
    return reviewTrees(before.tree, after.tree, feed, io);
  }
  throw new ConfigurationError('a feed and an output tree cannot be compared; give two of one kind');
}

/** @throws ConfigurationError where the two are of different clouds: everything would be gained and everything lost */
function requireOneCloud(before: Side, after: Side): void {
  const [old, now] = [before, after].map((side) =>
    side.kind === 'feed' ? side.feed.snapshot.cloud : side.tree.lock.feed.cloud,
  );
  if (old !== now)
    throw new ConfigurationError(
      `the first is of the cloud ${old}, the second of ${now}: compare two of one cloud`,
    );
}

async function reviewTrees(
  before: OutputTree,
  after: OutputTree,
  feed: string | undefined,
  io: Io,
): Promise<Review> {
  const [inForce, planned] = [await readTargets(before, io), await readTargets(after, io)];
  const old = new Map(targetSides(before, inForce));
  const now = new Map(targetSides(after, planned));
  const tags = feed === undefined ? undefined : await currentTags(after, feed, io);
  const addresses = tags && new Map(tags.map((one) => [one.tag, one.addresses]));
  const covered = (tree: OutputTree, targets: typeof planned) =>
    coverage(
      tree.policy,
      [...targets].flatMap(([id, { plan, addressMatch }]) =>
        plan === undefined || addressMatch === undefined ? [] : [{ id, plan, addressMatch }],
      ),
      addresses,
    );
  const rows = covered(after, planned);
  const diff = diffPolicies(before.policy, after.policy);
  const context = {
    ...contextOfTree(before, after.lock.feed.fileDate),
    ...(tags === undefined ? laterSpaceOf(after) : { currentTags: tags }),
    ...(after.leftOut.isEmpty ? {} : { cut: after.leftOut }),
  };
  if (feed === undefined && noteworthy(diff, context).some(isOfTheFeed))
    io.err(
      `noted: in which regions gains lie, and which service tags have losses now, the weekly file says: --feed ${after.lock.feed.name}`,
    );
  return {
    scope: 'policy',
    feed: { before: weekOfLock(before.lock), after: weekOfLock(after.lock) },
    diff,
    context,
    targets: [...new Set([...now.keys(), ...old.keys()])].map((id) =>
      reviewTarget(id, old.get(id), now.get(id), planned.get(id)?.limit),
    ),
    drift: [...driftInForce(inForce, 'before'), ...driftInForce(planned, 'after')],
    unused: [],
    guards: [],
    acceptances: after.lock.acceptances,
    coverage: rows,
    coverageStands: JSON.stringify(rows) === JSON.stringify(covered(before, inForce)),
  };
}

/** All that the service tags of a tree's feed had: whether any of them still has what a rule lost. */
function laterSpaceOf(tree: OutputTree): Pick<DiffContext, 'laterSpace'> {
  const laterSpace = azureSpaceOf(tree);
  return laterSpace === undefined ? {} : { laterSpace };
}

/** @throws ConfigurationError where the tree was made from another file */
async function currentTags(tree: OutputTree, feed: string, io: Io) {
  const snapshot = await feedOfTree(tree, feed, io);
  const { contentSha256, fileDate, name } = tree.lock.feed;
  if (snapshot.contentSha256 !== contentSha256)
    throw new ConfigurationError(
      `--feed ${feed}: the later tree was made from another file (${name}${fileDate === undefined ? '' : ` of ${fileDate}`})`,
    );
  return tagsOf(snapshot);
}

/** Whether a weekly file would say more than the note does. */
function isOfTheFeed({ kind }: Note): boolean {
  return kind === 'attribution' || kind === 'moved-away';
}

/** What the files of a tree let through; a target that cannot be read is told of. */
async function readTargets(tree: OutputTree, io: Io) {
  const { readInForce } = await import('../committed/in-force.ts');
  const found = await readInForce(tree);
  for (const [id, { plan, problem }] of found)
    if (plan === undefined) io.err(`how ${id} lets the required hosts through is not shown: ${problem}`);
  return found;
}

async function write(review: Review, format: DiffFlags['format'], io: Io): Promise<string> {
  switch (format) {
    case 'text':
      return writeText(review, { width: widthOf(io), colors: pc.createColors(io.colours) });
    case 'markdown':
      return writeMarkdown(review);
    case 'json':
      return writeJson(review);
    case 'html': {
      const [{ writeHtml }, { readPageAssets }] = await Promise.all([
        import('../review/html/write-html.ts'),
        import('../review/html/assets.ts'),
      ]);
      return writeHtml(review, await readPageAssets());
    }
  }
}
