import { Admission } from './admission.ts';
import type { Change } from './diff/change.ts';

/** What devices will let through that they did not before, and what they will not any more. */
export type Effect = Change<Admission>;

/** Nothing changes. */
export const NO_EFFECT: Effect = { gained: Admission.empty, lost: Admission.empty };

/** The difference between what is admitted in force and what will be. */
export function effectOf(before: Admission, after: Admission): Effect {
  return { gained: after.difference(before), lost: before.difference(after) };
}

/** What at least one of the devices will newly let through, and what at least one will not any more. */
export function unionOfEffects(effects: readonly Effect[]): Effect {
  return {
    gained: Admission.union(effects.map(({ gained }) => gained)),
    lost: Admission.union(effects.map(({ lost }) => lost)),
  };
}

export function isNoEffect({ gained, lost }: Effect): boolean {
  return gained.isEmpty && lost.isEmpty;
}
