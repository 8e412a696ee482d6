import { createHash } from 'node:crypto';
import type { DualStackSet } from '../net/dual-stack-set.ts';
import type { Admission } from '../policy/admission.ts';
import { type MessageBlocks, messageBlocks, messageText } from '../review/commit-message.ts';
import type { Block } from '../review/outline.ts';
import type { Review } from '../review/review.ts';
import { outline } from '../review/sections.ts';
import { type ToldReview, tellReview } from '../review/told.ts';

/** What changes at one site: plain data. */
export interface SiteReview {
  readonly name: string;
  /** Of the policy. */
  readonly digest: string;
  readonly told: ToldSite;
}

/** The change of a site in words, and which others are like it. */
export interface ToldSite extends ToldReview {
  /** The same of two sites that change alike. */
  readonly kind: string;
}

/** A change told whole: of the first site of its kind. */
export interface WholeChange {
  readonly blocks: readonly Block[];
  readonly message: MessageBlocks;
  /** As the terminal shows it. */
  readonly text: string;
}

/** Sites of which a reviewer would read the same. */
export interface AlikeSites {
  /** In alphabetical order. */
  readonly names: readonly string[];
  /** Of the first of them. */
  readonly told: ToldSite;
  readonly whole: WholeChange;
}

/** What was told of each review: sites that are alike in everything share one. */
const TOLD = new WeakMap<Review, ToldSite>();

/** Puts the change of a site into words. */
export function tellSite(review: Review): ToldSite {
  const told = TOLD.get(review) ?? { ...tellReview(review), kind: kindOf(review) };
  TOLD.set(review, told);
  return told;
}

/** Tells the change of a site whole. @param text as the terminal shows it */
export function tellWhole(review: Review, text: string): WholeChange {
  return { blocks: outline(review), message: messageBlocks(review), text };
}

/**
 * Puts sites together that change alike: those that ask for a look first, then the largest group.
 * @param wholes the change of the first site of each kind, by kind
 */
export function alikeSites(
  sites: readonly SiteReview[],
  wholes: ReadonlyMap<string, WholeChange>,
): AlikeSites[] {
  const kinds = new Map<string, SiteReview[]>();
  for (const site of sites) kinds.set(site.told.kind, [...(kinds.get(site.told.kind) ?? []), site]);
  const isLook = ({ told }: AlikeSites) => told.verdict.level === 'look';
  return [...kinds]
    .map(
      ([kind, group]): AlikeSites => ({
        names: group.map(({ name }) => name).sort(),
        told: group[0]!.told,
        whole: wholes.get(kind)!,
      }),
    )
    .sort(
      (one, other) =>
        Number(isLook(other)) - Number(isLook(one)) ||
        other.names.length - one.names.length ||
        (one.names[0]! < other.names[0]! ? -1 : 1),
    );
}

/** A digest of what reviewers read and of what the targets gain and lose: figures alone may be the same by chance. */
function kindOf(review: Review): string {
  const hash = createHash('sha256').update(messageText(messageBlocks(review)));
  for (const { id, presence, effect } of review.targets) {
    hash.update(`\n${id} ${presence}${effect === undefined ? ' unknown' : ''}`);
    if (effect === undefined) continue;
    for (const admission of [effect.gained, effect.lost]) {
      hash.update('\n-');
      for (const grant of admission.grants) hashGrant(hash, grant);
    }
  }
  return hash.digest('hex');
}

function hashGrant(
  hash: ReturnType<typeof createHash>,
  { hosts, addresses, ports, clients, method }: Admission['grants'][number],
): void {
  const hashSet = ({ ipv4, ipv6 }: DualStackSet) => hash.update(ipv4.coverBytes()).update(ipv6.coverBytes());
  hash.update(`\n${ports} ${method ?? 'any'} ${hosts.toStrings().join(' ')}\n`);
  hashSet(addresses);
  hash.update(clients === undefined ? '\nevery client' : '\nclients ');
  if (clients !== undefined) hashSet(clients);
}
