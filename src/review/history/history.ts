import { daysBetween } from '../../feed/file-date.ts';
import type { DualStackSet } from '../../net/dual-stack-set.ts';
import { formatPrefix } from '../../net/prefix.ts';
import { Admission } from '../../policy/admission.ts';
import { diffPolicies } from '../../policy/diff.ts';
import { NO_EFFECT } from '../../policy/effect.ts';
import type { Policy } from '../../policy/policy.ts';
import { admissionOf } from '../../policy/rule-admission.ts';
import { byPorts, type Parts, partsOf, unionOfParts } from '../other-ports.ts';
import type { Acceptance, FeedWeek } from '../review.ts';
import { type Allowed, changeOfSides } from '../targets.ts';
import { addressesOf, nameCount, namesInWords } from '../wording.ts';

/** One point of a history: a commit of the output tree, or a feed. */
export interface Revision {
  /** The commit, or the file's name. */
  readonly id: string;
  /** YYYY-MM-DD: the feed's own date, or when it was committed. */
  readonly date: string;
  readonly week: FeedWeek;
  readonly policy: Policy;
  /** What the rule files of each target let through; undefined for a feed, which has none. */
  readonly targets?: ReadonlyMap<string, Allowed> | undefined;
  /** Rule files that are not as the lock of the revision names them: relative to the tree. */
  readonly edited?: readonly string[];
  readonly acceptances: readonly Acceptance[];
}

/** How many addresses of each family. */
export interface Sizes {
  readonly ipv4: bigint;
  readonly ipv6: bigint;
}

/** What opens or closes on ports, while it is let through on others. */
export interface OnPorts {
  /** `port 80,443`, `every TCP port`. */
  readonly ports: string;
  readonly addresses: Sizes;
  /** Each with its ports. */
  readonly names: readonly string[];
}

/** What the first files of a target let through. */
export interface FirstFiles {
  readonly target: string;
  readonly addresses: Sizes;
  /** How many. */
  readonly names: number;
}

/** What one revision changed. */
export interface Step {
  readonly id: string;
  readonly date: string;
  readonly week: FeedWeek;
  /** Undefined for the first revision, which nothing stands before. */
  readonly change:
    | {
        readonly addresses: { readonly gained: Sizes; readonly lost: Sizes };
        readonly names: { readonly gained: readonly string[]; readonly lost: readonly string[] };
        /** What was, or is, let through on other ports anyway: in neither of the two above. */
        readonly ports: { readonly gained: readonly OnPorts[]; readonly lost: readonly OnPorts[] };
        readonly tags: {
          readonly added: readonly string[];
          readonly removed: readonly string[];
          readonly changed: number;
        };
        readonly prefixes: { readonly gained: number; readonly lost: number };
        /** Targets that came into the configuration, and that left it: what they let through is in no gain or loss. */
        readonly targets: { readonly added: readonly FirstFiles[]; readonly removed: readonly string[] };
      }
    | undefined;
  /** All that at least one target lets through by address; of a feed, all its tags. */
  readonly space: Sizes;
  /** Rule files that were edited outside a run. */
  readonly edited: readonly string[];
  readonly acceptances: readonly Acceptance[];
}

/** One tag through all revisions. */
export interface TagHistory {
  readonly tag: string;
  /** One a revision; undefined where the tag is not there. */
  readonly points: readonly ({ readonly prefixes: number; readonly space: Sizes } | undefined)[];
  /** In how many revisions it differs from the one before. */
  readonly changes: number;
  /** Addresses gained and lost in all revisions together: what came and went counts each time. */
  readonly gained: Sizes;
  readonly lost: Sizes;
}

/** A published prefix that left a tag and came back. */
export interface Returned {
  readonly tag: string;
  readonly prefix: string;
  readonly removed: string;
  readonly returned: string;
  readonly days: number;
}

export interface History {
  /** Oldest first. */
  readonly steps: readonly Step[];
  /** The tags that changed most often first. */
  readonly tags: readonly TagHistory[];
  /** In the order of their return. */
  readonly returned: readonly Returned[];
}

const NONE: Sizes = { ipv4: 0n, ipv6: 0n };

/** Takes revisions one by one, oldest first, and keeps the figures and the last policy only. */
export class HistoryRecorder {
  readonly #steps: Step[] = [];
  readonly #tags = new Map<
    string,
    { points: TagHistory['points'][number][]; changes: number; gained: Sizes; lost: Sizes }
  >();
  /** By tag and prefix: when it left. */
  readonly #removed = new Map<string, string>();
  readonly #returned: Returned[] = [];
  #last: Pick<Revision, 'policy' | 'targets'> | undefined;

  add({ id, date, week, policy, targets, edited = [], acceptances }: Revision): void {
    this.#steps.push({
      id,
      date,
      week,
      edited,
      acceptances,
      change: this.#last === undefined ? undefined : this.#compare(this.#last, { policy, targets }, date),
      space: sizes(
        addressesOf(
          targets === undefined
            ? admissionOf(policy)
            : Admission.union([...targets.values()].flatMap(({ admission }) => admission ?? [])),
        ),
      ),
    });
    const index = this.#steps.length - 1;
    for (const { tags } of policy.rules)
      for (const { tag, prefixes, addresses } of tags) {
        const known = this.#tagged(tag);
        known.points[index] = { prefixes: prefixes.length, space: sizes(addresses) };
      }
    this.#last = { policy, targets };
  }

  history(): History {
    const count = this.#steps.length;
    const tags = [...this.#tags].map(([tag, { points, changes, gained, lost }]) => ({
      tag,
      points: Array.from({ length: count }, (_, index) => points[index]),
      changes,
      gained,
      lost,
    }));
    tags.sort((a, b) => b.changes - a.changes || (a.tag < b.tag ? -1 : 1));
    return { steps: this.#steps, tags, returned: this.#returned };
  }

  #tagged(tag: string) {
    const known = this.#tags.get(tag) ?? { points: [], changes: 0, gained: NONE, lost: NONE };
    this.#tags.set(tag, known);
    return known;
  }

  #compare(
    before: Pick<Revision, 'policy' | 'targets'>,
    after: Pick<Revision, 'policy' | 'targets'>,
    date: string,
  ): Step['change'] {
    const diff = diffPolicies(before.policy, after.policy);
    const { whole, ports } = partsOfTargets(before.targets, after.targets) ?? {
      whole: diff.admission,
      ports: NO_EFFECT,
    };
    // A tag that several rules select changes once.
    const tags = new Map(diff.rules.flatMap((rule) => rule.tags.map((tag) => [tag.tag, tag] as const)));
    let [gained, lost] = [0, 0];
    for (const [name, tag] of tags) {
      const known = this.#tagged(name);
      known.changes++;
      known.gained = sum(known.gained, sizes(tag.space.gained));
      known.lost = sum(known.lost, sizes(tag.space.lost));
      gained += tag.prefixes.gained.length;
      lost += tag.prefixes.lost.length;
      for (const prefix of tag.prefixes.lost) this.#removed.set(`${name} ${formatPrefix(prefix)}`, date);
      for (const prefix of tag.prefixes.gained) this.#noteReturn(name, formatPrefix(prefix), date);
    }
    const names = (presence: string) =>
      [...tags.values()].filter((tag) => tag.presence === presence).map(({ tag }) => tag);
    const [added, removed] = [names('added'), names('removed')];
    return {
      addresses: {
        gained: sizes(addressesOf(whole.gained)),
        lost: sizes(addressesOf(whole.lost)),
      },
      names: { gained: namesInWords(whole.gained), lost: namesInWords(whole.lost) },
      ports: { gained: onPorts(ports.gained), lost: onPorts(ports.lost) },
      tags: { added, removed, changed: tags.size - added.length - removed.length },
      prefixes: { gained, lost },
      targets: {
        added: idsBeyond(after.targets, before.targets).map((id) => firstFiles(id, after.targets!.get(id)!)),
        removed: idsBeyond(before.targets, after.targets),
      },
    };
  }

  #noteReturn(tag: string, prefix: string, date: string): void {
    const key = `${tag} ${prefix}`;
    const removed = this.#removed.get(key);
    if (removed === undefined) return;
    this.#removed.delete(key);
    this.#returned.push({ tag, prefix, removed, returned: date, days: daysBetween(removed, date) });
  }
}

/** By the targets that are configured before and after, as a review tells it. */
function partsOfTargets(before: Revision['targets'], after: Revision['targets']): Parts | undefined {
  if (before === undefined || after === undefined) return undefined;
  return unionOfParts(
    [...after].flatMap(([id, side]) => {
      const known = before.get(id);
      return known === undefined ? [] : partsOf(changeOfSides(known, side));
    }),
  );
}

function firstFiles(target: string, { admission = Admission.empty }: Allowed): FirstFiles {
  return { target, addresses: sizes(addressesOf(admission)), names: nameCount(admission) };
}

function onPorts(changed: Admission): OnPorts[] {
  return byPorts(changed).map(({ inWords, admission }) => ({
    ports: inWords,
    addresses: sizes(addressesOf(admission)),
    names: namesInWords(admission),
  }));
}

/** The targets of one revision that another has not; none where either is a feed. */
function idsBeyond(targets: Revision['targets'], others: Revision['targets']): string[] {
  return targets === undefined || others === undefined
    ? []
    : [...targets.keys()].filter((id) => !others.has(id)).sort();
}

function sizes({ ipv4, ipv6 }: DualStackSet): Sizes {
  return { ipv4: ipv4.size, ipv6: ipv6.size };
}

function sum(a: Sizes, b: Sizes): Sizes {
  return { ipv4: a.ipv4 + b.ipv4, ipv6: a.ipv6 + b.ipv6 };
}
