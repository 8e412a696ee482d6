import type { Snapshot } from '../feed/snapshot.ts';
import { DualStackSet } from '../net/dual-stack-set.ts';
import { spaceOf, totalsOf } from '../policy/totals.ts';
import type { Problem } from '../problem.ts';
import { AZURE_SPACE_FILE, azureSpaceOf } from './azure-space.ts';
import { LOCK_FILE, snapshotPath } from './lock.ts';
import type { OutputTree } from './output-tree.ts';

/** What a comparison of a tree with a weekly file found. */
export interface Origin {
  readonly problems: readonly Problem[];
  /** The file is the one that the tree was made from, by its content. */
  readonly same: boolean;
}

/** How many ranges a message names. */
const SHOWN = 3;

/**
 * Proves that a tree comes from a weekly file: the addresses of each service tag in use are the file's, and what the lock
 * says of the feed is what the file says. A tree that was edited throughout, with every digest made anew, is consistent
 * with itself, and only here it is found out.
 */
export function verifyOrigin(tree: OutputTree, snapshot: Snapshot): Origin {
  const { lock, policy } = tree;
  const same = lock.feed.contentSha256 === snapshot.contentSha256;
  if (lock.feed.cloud !== snapshot.cloud)
    return {
      problems: [
        { where: LOCK_FILE, what: `is of the cloud ${lock.feed.cloud}, the feed of ${snapshot.cloud}` },
      ],
      same: false,
    };
  const tags = policy.rules.flatMap((rule) =>
    rule.tags
      .filter(({ m365 }) => m365 === undefined)
      .map(({ tag, addresses }) => ({
        tag,
        addresses,
        // What the constraints cut out is declared in the rule that the tag belongs to.
        isCut: (rule.omitted ?? []).some(
          ({ kind, reason }) => kind === 'constraint' && reason.includes(` leaves out of ${tag}:`),
        ),
      })),
  );
  // A configuration of one family publishes nothing of the other.
  const all = DualStackSet.union(tags.map(({ addresses }) => addresses));
  const ofFamilies = ({ ipv4, ipv6 }: DualStackSet) =>
    new DualStackSet(
      all.ipv4.isEmpty ? DualStackSet.empty.ipv4 : ipv4,
      all.ipv6.isEmpty ? DualStackSet.empty.ipv6 : ipv6,
    );
  const problems: Problem[] = [];
  for (const { tag, addresses, isCut } of new Map(tags.map((one) => [one.tag, one] as const)).values()) {
    const where = snapshotPath(tag);
    const published = snapshot.tags.get(tag);
    if (published === undefined) {
      problems.push({ where, what: `the feed has no service tag ${tag}` });
      continue;
    }
    const foreign = addresses.difference(published.addresses);
    const lacking = isCut ? DualStackSet.empty : ofFamilies(published.addresses).difference(addresses);
    if (!foreign.isEmpty)
      problems.push({ where, what: `has ${ranges(foreign)}, which ${tag} does not have in the feed` });
    if (!lacking.isEmpty)
      problems.push({ where, what: `lacks ${ranges(lacking)}, which ${tag} has in the feed` });
  }
  const isWhole = !all.ipv4.isEmpty && !all.ipv6.isEmpty && tags.every(({ isCut }) => !isCut);
  problems.push(...wordsOfFeed(tree, snapshot, { same, isWhole, all }));
  return { problems, same };
}

/** What the lock says of the feed, and the feed otherwise. */
function wordsOfFeed(
  tree: OutputTree,
  snapshot: Snapshot,
  { same, isWhole, all }: { readonly same: boolean; readonly isWhole: boolean; readonly all: DualStackSet },
): Problem[] {
  const { feed } = tree.lock;
  if (!same)
    return feed.fileDate !== undefined && feed.fileDate === snapshot.fileDate
      ? [{ where: LOCK_FILE, what: `names another content of the file of ${feed.fileDate}` }]
      : [];
  const totals = totalsOf(snapshot);
  const said: readonly (readonly [string, unknown, unknown])[] = [
    ['changeNumber', feed.changeNumber, snapshot.changeNumber],
    ...(snapshot.fileDate === undefined ? [] : [['fileDate', feed.fileDate, snapshot.fileDate] as const]),
    ...(isWhole
      ? ([
          ['totals.tags', feed.totals.tags, totals.tags],
          ['totals.prefixes', feed.totals.prefixes, totals.prefixes],
          ['totals.ipv4Addresses', feed.totals.ipv4Addresses, `${totals.ipv4Addresses}`],
          ['totals.ipv6Addresses', feed.totals.ipv6Addresses, `${totals.ipv6Addresses}`],
        ] as const)
      : []),
  ];
  const problems = said
    .filter(([, lock, file]) => lock !== file)
    .map(
      ([key, lock, file]): Problem => ({
        where: LOCK_FILE,
        what: `feed.${key} is ${lock}, the file says ${file}`,
      }),
    );
  const space = isWhole ? azureSpaceOf(tree) : undefined;
  if (space !== undefined) {
    const file = spaceOf(snapshot);
    // What came far away from all else in tags of no rule stays out until a rule's tag has it.
    const lacking = file.difference(space).intersection(all);
    if (!space.difference(file).isEmpty || !lacking.isEmpty)
      problems.push({ where: AZURE_SPACE_FILE, what: 'does not hold the addresses of the file' });
  }
  return problems;
}

function ranges(set: DualStackSet): string {
  const all = set.toStrings();
  return `${all.slice(0, SHOWN).join(', ')}${all.length > SHOWN ? ` and ${all.length - SHOWN} more` : ''}`;
}
