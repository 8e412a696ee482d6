import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import pc from 'picocolors';
import { fileAtRevision, hasRevision } from '../committed/git-read.ts';
import { LOCK_FILE } from '../committed/lock.ts';
import {
  directoryReader,
  type OutputTree,
  readOutputTree,
  type TreeReader,
} from '../committed/output-tree.ts';
import { contextOfTree, targetSides, weekOfLock } from '../committed/sides.ts';
import type { LoadedFeed } from '../feed/load.ts';
import { diffPolicies } from '../policy/diff.ts';
import { AllowlistError, ConfigurationError, EXIT_STATUS } from '../problem.ts';
import { coverage } from '../review/coverage.ts';
import { reviewFeeds } from '../review/feeds.ts';
import { writeJson } from '../review/json.ts';
import { writeMarkdown } from '../review/markdown.ts';
import type { Review } from '../review/review.ts';
import { reviewTarget } from '../review/targets.ts';
import { writeText } from '../review/text.ts';
import { closest } from '../suggest.ts';
import type { Io } from './io.ts';
import { cloudOfName } from './request.ts';

interface DiffFlags {
  readonly tag?: readonly string[];
  readonly format: 'text' | 'markdown' | 'json' | 'html';
  readonly detailedExitcode?: boolean;
}

/** Compares two feeds, two output trees, or two git revisions of one. */
export async function diffCommand(before: string, after: string, flags: DiffFlags, io: Io): Promise<void> {
  const sides = [await openSide(before, io), await openSide(after, io)] as const;
  const review = await reviewOf(sides, flags, io);
  io.out(await write(review, flags.format, io));
  if (flags.detailedExitcode === true && !review.diff.isEmpty) io.setStatus(EXIT_STATUS.differs);
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

async function openTree(
  reader: TreeReader,
  why: () => Promise<string> = async () => `there is no ${LOCK_FILE} in it`,
): Promise<Side> {
  const tree = await readOutputTree(reader);
  if (tree === undefined)
    throw new ConfigurationError(`${reader.where} is not an output tree: ${await why()}`);
  return { kind: 'tree', tree };
}

async function reviewOf([before, after]: readonly [Side, Side], { tag }: DiffFlags, io: Io): Promise<Review> {
  if (before.kind === 'feed' && after.kind === 'feed') {
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
    return reviewTrees(before.tree, after.tree, io);
  }
  throw new ConfigurationError('a feed and an output tree cannot be compared; give two of one kind');
}

async function reviewTrees(before: OutputTree, after: OutputTree, io: Io): Promise<Review> {
  const old = new Map(targetSides(before));
  const now = new Map(targetSides(after));
  const planned = await planTargets(after, io);
  return {
    scope: 'policy',
    feed: { before: weekOfLock(before.lock), after: weekOfLock(after.lock) },
    diff: diffPolicies(before.policy, after.policy),
    context: contextOfTree(before, after.lock.feed.fileDate),
    targets: [...new Set([...now.keys(), ...old.keys()])].map((id) =>
      reviewTarget(id, old.get(id), now.get(id), planned.get(id)?.target.manifest.limits.entries),
    ),
    guards: [],
    acceptances: after.lock.acceptances,
    coverage: coverage(
      after.policy,
      [...planned].map(([id, { plan, target }]) => ({
        id,
        plan,
        addressMatch: target.manifest.capabilities.addressMatch,
      })),
    ),
  };
}

/** The targets of a tree as they were planned; one whose format is not at hand is told of and left out. */
async function planTargets(tree: OutputTree, io: Io) {
  const { planLockedTarget } = await import('../committed/locked-target.ts');
  const planned = new Map<string, Awaited<ReturnType<typeof planLockedTarget>>>();
  for (const [id, locked] of Object.entries(tree.lock.targets))
    try {
      planned.set(id, await planLockedTarget(tree, id, locked));
    } catch (error) {
      if (!(error instanceof AllowlistError)) throw error;
      io.err(`how ${id} lets the required hosts through is not shown: ${error.message}`);
    }
  return planned;
}

async function write(review: Review, format: DiffFlags['format'], io: Io): Promise<string> {
  switch (format) {
    case 'text':
      return writeText(review, { width: io.columns ?? 100, colors: pc.createColors(io.colours) });
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
