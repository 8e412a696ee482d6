import type { OutputTree } from '../committed/output-tree.ts';
import type { Cloud, Snapshot } from '../feed/snapshot.ts';
import { tagsInUse, withUnassigned } from '../policy/regional-tags.ts';
import type { Io } from './io.ts';

/** Reads the weekly file that is named for a tree, with the tags that the rules of the tree speak of. */
export async function feedOfTree(tree: OutputTree, feed: string, io: Io): Promise<Snapshot> {
  const { cloud } = tree.lock.feed;
  const { loadFeed } = await import('../feed/load.ts');
  const used = tree.policy.rules.flatMap(({ tags }) => tags.map(({ tag }) => tag));
  const { snapshot } = await loadFeed({
    cloud: cloud as Cloud,
    override: feed,
    used: tagsInUse([{ serviceTags: used }]),
    environment: io.environment,
    today: io.today(),
    report: io.err,
  });
  return { ...snapshot, tags: withUnassigned(used, snapshot.tags) };
}
