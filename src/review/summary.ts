import { DualStackSet } from '../net/dual-stack-set.ts';
import type { Admission } from '../policy/admission.ts';
import { clientsInWords } from '../policy/clients.ts';
import { type Effect, isNoEffect, unionOfEffects } from '../policy/effect.ts';
import { changesDevice } from './device-line.ts';
import type { Review } from './review.ts';
import { addressesOf, counted, digits, enumerate, ipv6Size, nameCount, spaceParts } from './wording.ts';

/**
 * What at least one device will newly let through, and what at least one will not any more; of two feeds, what entered
 * and left the service tags. After the first run, a target that is new or gone is told by itself: the others' figures
 * would drown in its own. So is one whose files in force cannot be read.
 */
export function effectOfReview({ scope, feed, diff, targets }: Review): Effect {
  if (scope === 'feeds' || targets.length === 0) return diff.admission;
  const counted = feed.before === undefined ? targets : targets.filter(({ presence }) => presence === 'kept');
  return unionOfEffects(counted.flatMap(({ effect }) => effect ?? []));
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
  const effect = effectOfReview(review);
  const gained = thingsInWords(effect.gained);
  const lost = thingsInWords(effect.lost);
  const unread = review.targets.filter(({ effect }) => effect === undefined).map(({ id }) => id);
  const unknown = unread.length === 0 ? '' : `; what ${enumerate(unread)} will do differently is not known`;
  const files = review.scope === 'feeds' ? '' : `${unknown}${configured(review)}; ${filesInWords(review)}`;
  if (review.feed.before === undefined)
    return `First run: ${counted(review.targets.length, 'target')} ${review.targets.length === 1 ? 'lets' : 'let'} ${gained ?? 'nothing'} through${files}.`;
  const [more, fewer] =
    review.scope === 'feeds'
      ? ['Entered the service tags', 'Left the service tags']
      : ['Newly allowed', 'No longer allowed'];
  if (gained === undefined && lost === undefined && unread.length > 0)
    return `${unknown}${configured(review)}; ${filesInWords(review)}.`.replace('; what', 'What');
  if (gained === undefined && lost === undefined)
    return review.scope === 'feeds'
      ? 'No address enters or leaves the service tags.'
      : !changesDevices(review) && changedFiles(review) === 0
        ? 'Nothing changes on any device.'
        : `${unchangedTargets(review)}${files}.`.replace(/^; /, '');
  const [first, second] = [
    ...(gained === undefined ? [] : [`${more}: ${gained}`]),
    ...(lost === undefined ? [] : [`${fewer}: ${lost}`]),
  ];
  return `${first}${second === undefined ? '' : `; ${second.charAt(0).toLowerCase()}${second.slice(1)}`}${files}.`;
}

/** Which targets let through what they did; nothing where every target is new, or is gone. */
function unchangedTargets({ targets }: Review): string {
  const kept = targets.filter(({ presence }) => presence === 'kept').map(({ id }) => id);
  if (kept.length === targets.length) return 'No device lets more or less through';
  return kept.length === 0 ? '' : `No change on ${enumerate(kept)}`;
}

function configured({ feed, targets }: Review): string {
  if (feed.before === undefined) return '';
  const named = (presence: string) => targets.filter((one) => one.presence === presence).map(({ id }) => id);
  const [added, removed] = [named('added'), named('removed')];
  return [
    ...(added.length === 0 ? [] : [`; ${enumerate(added)} ${added.length === 1 ? 'is' : 'are'} new`]),
    ...(removed.length === 0
      ? []
      : [`; ${enumerate(removed)} ${removed.length === 1 ? 'is' : 'are'} no longer configured`]),
  ].join('');
}

/** The longest commit subject that git tools show whole. */
const SUBJECT_LENGTH = 72;

/** The change in numbers as a commit subject: ASCII, at most 72 characters. */
export function summarise(review: Review): string {
  const effect = effectOfReview(review);
  const [gained, lost] = [addressesOf(effect.gained), addressesOf(effect.lost)];
  const pair = (more: bigint, fewer: bigint, format: (size: bigint) => string, unit: string) =>
    more === 0n && fewer === 0n
      ? ''
      : `${[more > 0n ? `+${format(more)}` : '', fewer > 0n ? `-${format(fewer)}` : ''].filter(Boolean).join(' ')} ${unit}`;
  const parts = [
    pair(gained.ipv4.size, lost.ipv4.size, digits, 'IPv4'),
    pair(gained.ipv6.size, lost.ipv6.size, (size) => ipv6Size(size).replace(' ', ''), 'IPv6'),
    pair(BigInt(nameCount(effect.gained)), BigInt(nameCount(effect.lost)), digits, 'names'),
  ].filter((part) => part !== '');
  const date = review.feed.after.fileDate;
  const week = date === undefined ? '' : ` of ${date}`;
  const numbers =
    parts.length > 0
      ? parts.join(', ')
      : !isNoEffect(effect)
        ? 'other ports'
        : review.targets.some(({ effect }) => effect === undefined)
          ? 'effect not known, files written anew'
          : review.targets.some(({ presence }) => presence !== 'kept')
            ? 'other targets'
            : changedFiles(review) === 0
              ? 'no change'
              : 'same reach, files written anew';
  const candidates = [
    `Azure allowlist${week}: ${numbers}`,
    `Allowlist${week}: ${numbers}`,
    `Allowlist: ${numbers}`,
    `Allowlist: ${parts.slice(0, 2).join(', ')}`,
    `Allowlist${week}: many changes`,
  ];
  return candidates.find((text) => text.length <= SUBJECT_LENGTH)!;
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
  return bound.length < grants.length ? '' : ` for ${clientsInWords(DualStackSet.union(bound))}`;
}
