import { deviceLines } from '../device-line.ts';
import { type Block, type Line, outside } from '../outline.ts';
import type { Review } from '../review.ts';

/** A line a target: what each will do differently. */
export function deviceSection({ targets }: Review): Block[] {
  if (targets.length === 0) return [];
  return [
    {
      kind: 'list',
      of: ['target', 'targets'],
      items: deviceLines(targets).map(({ id, line }): Line => [outside(id), ' ', ...line]),
    },
  ];
}
