import { type Line, toned } from './outline.ts';
import { signed } from './wording.ts';

/** A gain and a loss in one cell, each in its colour; `format` says the size. */
export function signedLine(gained: bigint, lost: bigint, format: (size: bigint) => string): Line {
  if (gained === 0n && lost === 0n) return [toned('±0', 'faint')];
  return [
    ...(gained > 0n ? [toned(signed(gained, 0n, format), 'gain')] : []),
    ...(gained > 0n && lost > 0n ? [' '] : []),
    ...(lost > 0n ? [toned(signed(0n, lost, format), 'loss')] : []),
  ];
}
