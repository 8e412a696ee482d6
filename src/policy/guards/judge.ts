import { ConfigurationError } from '../../problem.ts';
import { closest } from '../../suggest.ts';
import { broadName } from './broad-name.ts';
import { broader } from './broader.ts';
import { emptyPolicy, tagEmpty, tagMissing } from './configured-tags.ts';
import { crossTag } from './cross-tag.ts';
import { dateAhead } from './date-ahead.ts';
import { drift } from './drift.ts';
import { feedAbsurd } from './feed-absurd.ts';
import { feedQuarantine } from './feed-quarantine.ts';
import { feedRollback } from './feed-rollback.ts';
import { feedShrink } from './feed-shrink.ts';
import { feedStale } from './feed-stale.ts';
import type { Finding, Guard, GuardContext, Remark } from './guard.ts';
import { lockEdited } from './lock-edited.ts';
import { m365Rollback, m365Set } from './m365-sets.ts';
import { newSpace } from './new-space.ts';
import { origins } from './origins.ts';
import { regionLost } from './region-lost.ts';
import { specialUse } from './special-use.ts';
import { tagGrowth } from './tag-growth.ts';
import { tagPrecedent } from './tag-precedent.ts';
import { tagShrink } from './tag-shrink.ts';
import { tooBroad } from './too-broad.ts';
import { unallocated } from './unallocated.ts';

/** Every guard between compare and render, in the order they are reported. */
export const GUARDS: readonly Guard[] = [
  lockEdited,
  feedRollback,
  feedStale,
  dateAhead,
  feedShrink,
  feedAbsurd,
  feedQuarantine,
  tagMissing,
  tagEmpty,
  tagShrink,
  tagGrowth,
  tagPrecedent,
  regionLost,
  crossTag,
  drift,
  newSpace,
  origins,
  specialUse,
  unallocated,
  tooBroad,
  broader,
  m365Rollback,
  m365Set,
  broadName,
  emptyPolicy,
];

/** The guard that looks at what the targets let through, once they are built. */
export const MUST_HAVE = 'must-have';

/** The guard of `constraints.within` with `outside: refuse`. */
export const CONSTRAINTS = 'constraints';

/** What came of a guard that is asked beside those of the list. */
export function findingsOf(guard: string, remarks: readonly Remark[], accept: readonly string[]): Finding[] {
  if (remarks.length === 0) return [{ guard, outcome: 'passed', message: '' }];
  return remarks.map(({ refuse, look, message }) => ({
    guard,
    outcome: refuse ? (accept.includes(guard) ? 'accepted' : 'refused') : 'noted',
    message,
    ...(look === true && !refuse ? { look } : {}),
  }));
}

/**
 * Runs every guard. A refusal that `accept` names becomes an acceptance, which lock and review record.
 * @throws ConfigurationError if `accept` names a guard that does not exist
 */
export function judge(context: GuardContext, accept: readonly string[]): Finding[] {
  checkAcceptances(accept);
  return GUARDS.flatMap(({ name, applies, cannot, judge: ask }): readonly Finding[] => {
    if (applies?.(context) === false) return [];
    const why = cannot?.(context);
    if (why !== undefined) return [{ guard: name, outcome: 'not judged', message: why }];
    return findingsOf(name, ask(context), accept);
  });
}

/** @throws ConfigurationError for a name that no guard has */
export function checkAcceptances(accept: readonly string[]): void {
  const known = [...GUARDS.map(({ name }) => name), CONSTRAINTS, MUST_HAVE];
  for (const name of accept)
    if (!known.includes(name)) {
      const near = closest(name, known);
      throw new ConfigurationError(
        `--accept ${name}: there is no guard of that name that can be accepted; ${near.length > 0 ? `did you mean ${near.join(' or ')}?` : `known: ${known.join(', ')}`}`,
      );
    }
}

/** What to check before accepting a refusal of the guards that are asked beside those of the list. */
const OTHER_CHECKS: Readonly<Record<string, string>> = {
  [CONSTRAINTS]: 'Extend constraints.within if the addresses are meant, instead of accepting them once.',
  [MUST_HAVE]: 'Test the host from a device that needs it: sign-in or what require names would stop.',
};

/** What a person should check before accepting a refusal of a guard. */
export function checkOf(guard: string): string | undefined {
  return GUARDS.find(({ name }) => name === guard)?.check ?? OTHER_CHECKS[guard];
}

/**
 * The message of a refusal: every refusing guard with its figures, what the devices would do, what to check, and the
 * flag that accepts it once.
 * @param devices a line a target: what the refused change would do; empty where that is not known
 */
export function describeRefusal(
  findings: readonly Finding[],
  devices: readonly string[] = [],
): string | undefined {
  const refused = findings.filter(({ outcome }) => outcome === 'refused');
  if (refused.length === 0) return undefined;
  const names = [...new Set(refused.map(({ guard }) => guard))];
  return [
    `refused by ${names.join(', ')}; the previous output stands`,
    ...refused.map(({ guard, message }) => `  ${guard}: ${message}`),
    ...(devices.length === 0 ? [] : ['What the devices would get:', ...devices.map((line) => `  ${line}`)]),
    'Before you accept it:',
    ...names.map((name) => `  ${name}: ${checkOf(name)}`),
    `To accept it once: --accept ${names.join(',')}`,
  ].join('\n');
}
