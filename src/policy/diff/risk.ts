import { EVERY_CLIENT } from '../clients.ts';
import type { PolicyDiff } from '../diff.ts';
import type { Effect } from '../effect.ts';
import { isUnchangedSpace } from './change.ts';
import type { RuleDiff } from './rules.ts';
import type { TagDiff } from './tags.ts';

/**
 * What a change can do to the network: `widening` allows more, `narrowing` less, `exchange` both;
 * `move` is space that changed its tag and nothing else, `metadata` changes nothing that is let through.
 */
export type RiskClass = 'widening' | 'narrowing' | 'exchange' | 'move' | 'metadata';

export function riskOfTag({ space }: TagDiff): RiskClass {
  return classOf(!space.gained.isEmpty, !space.lost.isEmpty) ?? 'metadata';
}

/** By what the rule itself gains and loses; what its tags do to each other is at most a move. */
export function riskOfRule({
  presence,
  names,
  space,
  ports,
  moves,
  addressUse,
  clients,
  scenario,
  proxies,
}: RuleDiff): RiskClass {
  const gains = !names.gained.isEmpty || !space.gained.isEmpty || !ports.gained.isEmpty;
  const loses = !names.lost.isEmpty || !space.lost.isEmpty || !ports.lost.isEmpty;
  const use = addressUse === undefined ? 0 : USE[addressUse.after] - USE[addressUse.before];
  // Another way opens other devices and closes those of the one before.
  const moved = scenario !== undefined && presence === 'changed';
  const from = presence !== 'changed' ? [] : [clients, ...(moved ? [] : [proxies])];
  const replaced = from.flatMap((one) =>
    one === undefined ? [] : [{ before: one.before ?? EVERY_CLIENT, after: one.after ?? EVERY_CLIENT }],
  );
  const more = replaced.some(({ before, after }) => !after.difference(before).isEmpty);
  const fewer = replaced.some(({ before, after }) => !before.difference(after).isEmpty);
  return (
    classOf(gains || use > 0 || more || moved, loses || use < 0 || fewer || moved) ??
    (moves.length > 0 ? 'move' : 'metadata')
  );
}

/** By what all rules together admit. */
export function riskOfPolicy({ admission, rules }: PolicyDiff): RiskClass {
  return (
    classOf(!admission.gained.isEmpty, !admission.lost.isEmpty) ??
    (rules.some(({ moves, space }) => moves.length > 0 || !isUnchangedSpace(space)) ? 'move' : 'metadata')
  );
}

/** By what devices will let through. */
export function riskOfEffect({ gained, lost }: Effect): Exclude<RiskClass, 'move'> {
  return classOf(!gained.isEmpty, !lost.isEmpty) ?? 'metadata';
}

/** How far a rule's addresses reach. */
const USE = { never: 0, fallback: 1, always: 2 } as const;

function classOf(gains: boolean, loses: boolean): 'widening' | 'narrowing' | 'exchange' | undefined {
  if (gains) return loses ? 'exchange' : 'widening';
  return loses ? 'narrowing' : undefined;
}
