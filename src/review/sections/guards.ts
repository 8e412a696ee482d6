import { type Block, type Line, outside, toned } from '../outline.ts';
import type { Review } from '../review.ts';
import { enumerate } from '../wording.ts';

/** What the guards found, those that passed last. */
export function guardSection({ guards, acceptances }: Pick<Review, 'guards' | 'acceptances'>): Block[] {
  if (guards.length === 0 && acceptances.length === 0) return [];
  const passed = guards.filter(({ outcome }) => outcome === 'passed');
  const loud = guards.filter(({ outcome }) => outcome !== 'passed' && outcome !== 'not judged');
  const unjudged = guards.filter(({ outcome }) => outcome === 'not judged');
  const recorded = acceptances.filter(
    (acceptance) =>
      !guards.some(({ guard, outcome }) => guard === acceptance.guard && outcome === 'accepted'),
  );
  return [
    { kind: 'heading', level: 2, line: ['Guards'] },
    {
      kind: 'list',
      of: ['finding', 'findings'],
      items: [
        ...loud.map(
          ({ guard, outcome, message }): Line => [
            toned(outcome, outcome === 'refused' ? 'loss' : 'attention'),
            ' ',
            outside(guard),
            ': ',
            message,
          ],
        ),
        ...recorded.map(
          ({ guard, message }): Line => [
            toned('acceptance', 'attention'),
            ' ',
            outside(guard),
            ': ',
            message,
          ],
        ),
        ...reasonsNotJudged(unjudged).map(
          ([reason, names]): Line => [toned('not judged', 'attention'), ` ${enumerate(names)}: ${reason}`],
        ),
        ...(passed.length === 0
          ? []
          : [[toned('passed', 'good'), ` ${enumerate(passed.map(({ guard }) => guard))}`] satisfies Line]),
      ],
    },
  ];
}

/** Guards that could not judge, by their reason. */
function reasonsNotJudged(guards: Review['guards']): [string, string[]][] {
  const reasons = new Map<string, string[]>();
  for (const { guard, message } of guards) reasons.set(message, [...(reasons.get(message) ?? []), guard]);
  return [...reasons];
}
