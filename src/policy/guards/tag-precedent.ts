import type { DualStackSet } from '../../net/dual-stack-set.ts';
import { digits } from '../../numbers.ts';
import { comparableTags } from './comparable-tags.ts';
import type { Guard, Remark } from './guard.ts';
import { allowances, withoutPrecedent } from './new-space.ts';

/** IPv4 addresses from which on a tag is large: what lawful weeks do to it is narrow. */
const LARGE = 1_048_576n;

/**
 * The most that a step of a named tag may gain and lose, in IPv4 addresses: of the archive's steps of 2022 to 2025,
 * AzureActiveDirectory (56,820 addresses) gained 10 and lost 128 at most.
 */
const NAMED: ReadonlyMap<string, { readonly gain: bigint; readonly loss: bigint }> = new Map([
  ['AzureActiveDirectory', { gain: 256n, loss: 1024n }],
]);

/** A tag against what lawful weeks did to it, or to tags of its size: a swap of a third keeps every other guard quiet. */
export const tagPrecedent: Guard = {
  name: 'tag-precedent',
  check:
    'Compare the changed prefixes with the download page; sign-in stops working if this tag loses the wrong ones.',
  cannot: withoutPrecedent,
  judge: (context) => {
    const times = BigInt(allowances(context));
    return comparableTags(context).flatMap(({ tag, before, after }) =>
      judgeTag(context.limits, tag, before, after, times),
    );
  },
};

function judgeTag(
  limits: { readonly precedentLossPercent: number; readonly precedentGainPercent: number },
  tag: string,
  before: DualStackSet,
  after: DualStackSet,
  times: bigint,
): Remark[] {
  const gained = after.ipv4.difference(before.ipv4).size;
  const lost = before.ipv4.difference(after.ipv4).size;
  const named = NAMED.get(tag);
  const remarks: Remark[] = [];
  const refuse = (what: string) => remarks.push({ refuse: true, message: `the service tag ${tag} ${what}` });
  if (named !== undefined) {
    if (gained > named.gain * times)
      refuse(
        `gains ${digits(gained)} of ${digits(before.ipv4.size)} IPv4 addresses; a lawful week gained 10 at most, ${named.gain} are allowed`,
      );
    if (lost > named.loss * times)
      refuse(
        `loses ${digits(lost)} of ${digits(before.ipv4.size)} IPv4 addresses; a lawful week lost 128 at most, ${named.loss} are allowed`,
      );
    return remarks;
  }
  if (before.ipv4.size < LARGE) return remarks;
  // Lawful weeks of tags of this size lost 0.18 % (AzureCloud.eastus, 20220725) and gained 16.9 % at most
  // (AzureCloud.uksouth, 20221017).
  if (lost * 100n > before.ipv4.size * BigInt(limits.precedentLossPercent) * times)
    refuse(
      `loses ${digits(lost)} of ${digits(before.ipv4.size)} IPv4 addresses, more than ${limits.precedentLossPercent} % (guards.tag-precedent.lossPercent); a lawful week of a large tag lost 0.18 % at most`,
    );
  if (gained * 100n > before.ipv4.size * BigInt(limits.precedentGainPercent) * times)
    refuse(
      `gains ${digits(gained)} on ${digits(before.ipv4.size)} IPv4 addresses, more than ${limits.precedentGainPercent} % (guards.tag-precedent.gainPercent); a lawful week of a large tag gained 16.9 % at most`,
    );
  return remarks;
}
