import type { Random } from './seeded.ts';

/** Text in the neighbourhood of the grammar: valid spellings, and valid ones with a few wounds. */
export function almostPrefix(random: Random): string {
  const octets = () =>
    Array.from({ length: 4 }, () => random.pick([0, 0, 1, 9, 10, 99, 100, 249, 255, random.below(300)])).join(
      '.',
    );
  const group = () => random.pick(['0', '1', 'ab', 'CDEF', '00a0', 'ffff', '0000']);
  const groups = (most: number) => Array.from({ length: random.below(most + 1) }, group).join(':');
  let text: string;
  switch (random.below(4)) {
    case 0:
      text = octets();
      break;
    case 1:
      text = Array.from({ length: 8 }, group).join(':');
      break;
    case 2:
      text = `${groups(4)}::${groups(4)}`;
      break;
    default:
      text = `${random.pick(['::', `${groups(3)}::`, `${groups(2)}::${group()}:`, '1:2:3:4:5:6:'])}${octets()}`;
  }
  const width = text.includes(':') ? 128 : 32;
  text += `/${random.chance(2) ? width : random.pick([0, 1, 8, 15, 24, 31, 32, 33, 48, 64, 96, 112, 127, 128, 129])}`;
  for (let wounds = random.chance(2) ? 0 : 1 + random.below(2); wounds > 0; wounds--) {
    const at = random.below(text.length + 1);
    text =
      text.slice(0, at) +
      random.pick(['', '', '0', '1', ':', '.', '/', 'f', 'g', ' ', '::']) +
      text.slice(at + random.below(2));
  }
  return text;
}
