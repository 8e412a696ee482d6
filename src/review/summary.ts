import type { Admission } from '../policy/admission.ts';
import type { Review } from './review.ts';
import { addressesOf, counted, digits, enumerate, ipv6Size, nameCount, spaceParts } from './wording.ts';

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
