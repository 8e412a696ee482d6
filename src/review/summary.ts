import type { Admission } from '../policy/admission.ts';
import { riskOfPolicy } from '../policy/diff/risk.ts';
import type { Review } from './review.ts';
import { addressesOf, counted, digits, enumerate, ipv6Size, nameCount, spaceParts } from './wording.ts';

/** How much attention a change needs. */
export type VerdictLevel = 'nothing' | 'routine' | 'look' | 'refused';

/** What a person should do about a change. */
export interface Verdict {
  readonly level: VerdictLevel;
  readonly text: string;
}

/** The change in numbers, in one sentence. */
export function sentence(review: Review): string {
  const { admission } = review.diff;
  const gained = thingsInWords(admission.gained);
  const lost = thingsInWords(admission.lost);
  const files = review.scope === 'feeds' ? '' : `; ${filesInWords(review)}`;
  if (review.feed.before === undefined)
    return `First run: ${counted(review.diff.rules.length, 'rule')} ${review.diff.rules.length === 1 ? 'allows' : 'allow'} ${gained ?? 'nothing'}${files}.`;
  const [more, fewer] =
    review.scope === 'feeds'
      ? ['Entered the service tags', 'Left the service tags']
      : ['Newly allowed', 'No longer allowed'];
  if (gained === undefined && lost === undefined)
    return review.scope === 'feeds'
      ? 'No address enters or leaves the service tags.'
      : `No address, name or port is newly allowed or no longer allowed${files}.`;
  const [first, second] = [
    ...(gained === undefined ? [] : [`${more}: ${gained}`]),
    ...(lost === undefined ? [] : [`${fewer}: ${lost}`]),
  ];
  return `${first}${second === undefined ? '' : `; ${second.charAt(0).toLowerCase()}${second.slice(1)}`}${files}.`;
}

/** The line that a person can act on. */
export function verdict(review: Review): Verdict {
  const refused = review.guards.filter(({ outcome }) => outcome === 'refused');
  if (refused.length > 0)
    return {
      level: 'refused',
      text: `Refused by ${enumerate(refused.map(({ guard }) => guard))}: nothing was written. Read the guard's message, then mend the cause or accept it once.`,
    };
  const accepted = review.guards.filter(({ outcome }) => outcome === 'accepted');
  if (accepted.length > 0)
    return {
      level: 'look',
      text: `Look closely: ${enumerate(accepted.map(({ guard }) => guard))} would have refused this and was accepted.`,
    };
  if (review.diff.isEmpty && changedFiles(review) === 0)
    return { level: 'nothing', text: 'Nothing to approve.' };
  if (review.scope === 'feeds') return { level: 'routine', text: FEED_VERDICTS[riskOfPolicy(review.diff)] };
  switch (riskOfPolicy(review.diff)) {
    case 'metadata':
    case 'move':
      return {
        level: 'routine',
        text: 'Safe to approve: nothing is let through that was not, nothing is blocked that was not.',
      };
    case 'narrowing':
      return {
        level: 'look',
        text: 'Less is let through: check that nothing of yours still uses what is no longer allowed.',
      };
    case 'widening':
      return {
        level: 'look',
        text: 'More is let through: check that it is what the rules are meant to admit.',
      };
    case 'exchange':
      return {
        level: 'look',
        text: 'Something is let through that was not, and something else no longer is: check both.',
      };
  }
}

const FEED_VERDICTS = {
  widening: 'The service tags grew and lost nothing.',
  narrowing: 'The service tags shrank and gained nothing.',
  exchange: 'The service tags gained and lost addresses.',
  move: 'Addresses moved between service tags; together the tags hold the same.',
  metadata: 'The same addresses, published in other words.',
} as const;

/** The longest commit subject that git tools show whole. */
const SUBJECT_LENGTH = 72;

/** The change in numbers as a commit subject: ASCII, at most 72 characters. */
export function summarise(review: Review): string {
  const { admission } = review.diff;
  const [gained, lost] = [addressesOf(admission.gained), addressesOf(admission.lost)];
  const pair = (more: bigint, fewer: bigint, format: (size: bigint) => string, unit: string) =>
    more === 0n && fewer === 0n
      ? ''
      : `${[more > 0n ? `+${format(more)}` : '', fewer > 0n ? `-${format(fewer)}` : ''].filter(Boolean).join(' ')} ${unit}`;
  const parts = [
    pair(gained.ipv4.size, lost.ipv4.size, digits, 'IPv4'),
    pair(gained.ipv6.size, lost.ipv6.size, (size) => ipv6Size(size).replace(' ', ''), 'IPv6'),
    pair(BigInt(nameCount(admission.gained)), BigInt(nameCount(admission.lost)), digits, 'names'),
  ].filter((part) => part !== '');
  const date = review.feed.after.fileDate;
  const week = date === undefined ? '' : ` of ${date}`;
  const numbers =
    parts.length > 0
      ? parts.join(', ')
      : review.diff.isEmpty
        ? 'no change of the policy'
        : 'same addresses, names and ports';
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
  return parts.length === 0 ? undefined : enumerate(parts);
}
