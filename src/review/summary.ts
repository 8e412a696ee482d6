import { DualStackSet } from '../net/dual-stack-set.ts';
import { Admission } from '../policy/admission.ts';
import { clientsInWords, EVERY_CLIENT } from '../policy/clients.ts';
import { type Effect, NO_EFFECT, unionOfEffects } from '../policy/effect.ts';
import { budgetChanges, changesDevice, FIRST_FILES, fromTo, reach } from './device-line.ts';
import { byPorts, type Parts, partsOf, unionOfParts } from './other-ports.ts';
import type { Review } from './review.ts';
import type { TargetReview } from './targets.ts';
import { addressesOf, counted, digits, enumerate, ipv6Size, nameCount, spaceParts } from './wording.ts';

/**
 * What at least one device will newly let through, and what at least one will not any more; of two feeds, what entered
 * and left the service tags. After the first run, a target that is new or gone is told by itself: the others' figures
 * would drown in its own. So is one whose files in force cannot be read.
 */
export function effectOfReview({ scope, feed, diff, targets }: Review): Effect {
  if (scope === 'feeds' || targets.length === 0) return diff.admission;
  return unionOfEffects(toldTogether({ feed, targets }).flatMap(({ effect }) => effect ?? []));
}

/** The targets whose effects are told as one. */
function toldTogether({ feed, targets }: Pick<Review, 'feed' | 'targets'>): readonly TargetReview[] {
  return feed.before === undefined ? targets : targets.filter(({ presence }) => presence === 'kept');
}

/**
 * The same, with what a device lets through already and will on other ports apart from what it does not let through at all.
 * Of two feeds, and of a change that no target shows, nothing is known but the whole.
 */
export function partsOfReview(review: Review): Parts {
  const { scope, targets } = review;
  if (scope === 'feeds' || targets.length === 0) return { whole: review.diff.admission, ports: NO_EFFECT };
  return unionOfParts(
    toldTogether(review)
      .filter(({ effect }) => effect !== undefined)
      .map(partsOf),
  );
}

/** Whether any device will behave differently, or a rule file must be put right. */
export function changesDevices(review: Review): boolean {
  if (review.scope === 'feeds' || review.targets.length === 0) return !review.diff.isEmpty;
  // Where two trees are compared, what was edited is part of what their files let through.
  const drift = review.drift.filter(({ where }) => where !== 'before' && where !== 'after');
  return drift.length > 0 || review.targets.some(changesDevice);
}

/** The change in numbers, in one sentence. */
export function sentence(review: Review): string {
  const { whole, ports } = partsOfReview(review);
  const unread = review.targets.filter(({ effect }) => effect === undefined).map(({ id }) => id);
  const unknown = unread.length === 0 ? '' : `; what ${enumerate(unread)} will do differently is not known`;
  const files =
    review.scope === 'feeds'
      ? ''
      : `${unknown}${budgets(review)}${configured(review)}; ${filesInWords(review)}`;
  if (review.feed.before === undefined)
    return `First run: ${counted(review.targets.length, 'target')} ${review.targets.length === 1 ? 'lets' : 'let'} ${thingsInWords(whole.gained) ?? 'nothing'} through${files}.`;
  const [more, fewer] =
    review.scope === 'feeds'
      ? ['Entered the service tags', 'Left the service tags']
      : ['Newly allowed', 'No longer allowed'];
  const changes = [
    ...inWords(more, whole.gained),
    ...byPorts(ports.gained).flatMap((one) => inWords(`Newly on ${one.inWords}`, one.admission)),
    ...inWords(fewer, whole.lost),
    ...byPorts(ports.lost).flatMap((one) => inWords(`No longer on ${one.inWords}`, one.admission)),
  ];
  const [first, ...rest] = changes;
  if (first === undefined && unread.length > 0) return `${files}.`.replace('; what', 'What');
  if (first === undefined)
    return review.scope === 'feeds'
      ? 'No address enters or leaves the service tags.'
      : !changesDevices(review) && changedFiles(review) === 0
        ? 'Nothing changes on any device.'
        : `${unchangedTargets(review)}${files}.`.replace(/^; /, '').replace(/^f(?=irst files)/, 'F');
  const others = rest.map((text) => `; ${text.charAt(0).toLowerCase()}${text.slice(1)}`);
  return `${first}${others.join('')}${files}.`;
}

function inWords(verb: string, admission: Admission): string[] {
  const things = thingsInWords(admission);
  return things === undefined ? [] : [`${verb}: ${things}`];
}

/** The extra addresses of the budgets, from → to, target by target; those that have the same are told once. */
function budgets({ feed, targets }: Review): string {
  if (feed.before === undefined) return '';
  const told = new Map<string, string[]>();
  for (const target of targets.filter(({ presence }) => presence === 'kept')) {
    const changes = budgetChanges(target);
    if (changes.length === 0) continue;
    const [was, now] = [changes.map((one) => one.was), changes.map((one) => one.now)];
    const text = fromTo({ was: DualStackSet.union(was), now: DualStackSet.union(now) });
    told.set(text, [...(told.get(text) ?? []), target.id]);
  }
  return [...told]
    .map(([text, ids]) => `; extra addresses for the budget of ${enumerate(ids)}: ${text}`)
    .join('');
}

/** Which targets let through what they did; nothing where every target is new, or is gone. */
function unchangedTargets({ targets }: Review): string {
  const kept = targets.filter(({ presence }) => presence === 'kept').map(({ id }) => id);
  if (kept.length === targets.length) return 'No device allows more or less';
  return kept.length === 0 ? '' : `No change on ${enumerate(kept)}`;
}

/** Of how many targets the sentence says what their first files let through. */
const FIRST_SHOWN = 3;

function configured({ feed, targets }: Review): string {
  if (feed.before === undefined) return '';
  const added = targets.filter(({ presence }) => presence === 'added');
  const removed = targets.filter(({ presence }) => presence === 'removed').map(({ id }) => id);
  const more = added.length - FIRST_SHOWN;
  return [
    ...added.slice(0, FIRST_SHOWN).map(({ id, after }) => `; ${FIRST_FILES} of ${id}: ${reach(after)}`),
    ...(more > 0 ? [`; ${FIRST_FILES} of ${counted(more, 'more target')}`] : []),
    ...(removed.length === 0
      ? []
      : [`; ${enumerate(removed)} ${removed.length === 1 ? 'is' : 'are'} no longer configured`]),
  ].join('');
}

/** The longest commit subject that git tools show whole. */
const SUBJECT_LENGTH = 72;

/** The change in numbers as a commit subject: ASCII, at most 72 characters. */
export function summarise(review: Review): string {
  const { whole, ports } = partsOfReview(review);
  const parts = differences(whole.gained, whole.lost);
  const onPorts = [
    ...byPorts(ports.gained).map((one) => onPort(one.inWords, differences(one.admission, Admission.empty))),
    ...byPorts(ports.lost).map((one) => onPort(one.inWords, differences(Admission.empty, one.admission))),
  ];
  const date = review.feed.after.fileDate;
  const week = date === undefined ? '' : ` of ${date}`;
  const numbers =
    parts.length + onPorts.length > 0
      ? [...parts, ...onPorts].join(', ')
      : review.targets.some(({ effect }) => effect === undefined)
        ? 'effect not known, files written anew'
        : review.targets.some(({ presence }) => presence !== 'kept')
          ? configuredShortly(review)
          : changedFiles(review) === 0
            ? 'no change'
            : 'same reach, files written anew';
  const also = review.feed.before === undefined ? '' : configuredShortly(review);
  const short = [...parts, ...(onPorts.length > 0 ? ['other ports'] : [])];
  const candidates = [
    ...(also === '' || also === numbers ? [] : [`Azure allowlist${week}: ${numbers}, ${also}`]),
    `Azure allowlist${week}: ${numbers}`,
    `Allowlist${week}: ${numbers}`,
    `Allowlist: ${numbers}`,
    ...(onPorts.length > 0 ? [`Allowlist${week}: ${short.join(', ')}`] : []),
    ...(parts.length === 0 ? [] : [`Allowlist: ${parts.slice(0, 2).join(', ')}`]),
    ...(parts.length + onPorts.length === 0 ? [`Allowlist${week}: other targets`] : []),
    `Allowlist${week}: many changes`,
  ];
  return candidates.find((text) => text.length <= SUBJECT_LENGTH)!;
}

/** `first files of A, without B`; '' where the targets are those of before. */
function configuredShortly({ targets }: Review): string {
  const named = (presence: string) => targets.filter((one) => one.presence === presence).map(({ id }) => id);
  const [added, removed] = [named('added'), named('removed')];
  return [
    ...(added.length === 0 ? [] : [`${FIRST_FILES} of ${enumerate(added)}`]),
    ...(removed.length === 0 ? [] : [`without ${enumerate(removed)}`]),
  ].join(', ');
}

/** `+128 -64 IPv4`, `+1/64 IPv6`, `+2 names`: what comes and goes, in ASCII. */
function differences(more: Admission, fewer: Admission): string[] {
  const [gained, lost] = [addressesOf(more), addressesOf(fewer)];
  const pair = (plus: bigint, minus: bigint, format: (size: bigint) => string, unit: string) =>
    plus === 0n && minus === 0n
      ? ''
      : `${[plus > 0n ? `+${format(plus)}` : '', minus > 0n ? `-${format(minus)}` : ''].filter(Boolean).join(' ')} ${unit}`;
  return [
    pair(gained.ipv4.size, lost.ipv4.size, digits, 'IPv4'),
    pair(gained.ipv6.size, lost.ipv6.size, (size) => ipv6Size(size).replace(' ', ''), 'IPv6'),
    pair(BigInt(nameCount(more)), BigInt(nameCount(fewer)), digits, 'names'),
  ].filter((part) => part !== '');
}

function onPort(ports: string, parts: readonly string[]): string {
  return `${ports}: ${parts.join(', ')}`;
}

/** How many rule files are written anew, changed or removed. */
export function changedFiles(review: Review): number {
  return review.targets.flatMap(({ files }) => files).filter(({ presence }) => presence !== 'unchanged')
    .length;
}

function filesInWords(review: Review): string {
  const all = review.targets.reduce((sum, { files }) => sum + files.length, 0);
  const changed = changedFiles(review);
  return changed === all
    ? `${all === 1 ? 'the one rule file' : `all ${digits(all)} rule files`} ${all === 1 ? 'changes' : 'change'}`
    : `${digits(changed)} of ${counted(all, 'rule file')} ${changed === 1 ? 'changes' : 'change'}`;
}

function thingsInWords(admission: Admission): string | undefined {
  const names = nameCount(admission);
  const parts = [...(names > 0 ? [counted(names, 'name')] : []), ...spaceParts(addressesOf(admission))];
  return parts.length === 0 ? undefined : `${enumerate(parts)}${clientsOf(admission)}`;
}

/** For whom, where nothing of it is for every client. */
function clientsOf({ grants }: Admission): string {
  const bound = grants.flatMap(({ clients }) => clients ?? []);
  if (bound.length < grants.length) return '';
  const all = DualStackSet.union(bound);
  // Each part is for some, and no client is left out of all of them.
  return all.equals(EVERY_CLIENT) ? ' for some clients' : ` for ${clientsInWords(all)}`;
}
