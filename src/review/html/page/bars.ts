import type { Bar, PageData } from '../page-data.ts';
import { digits, element } from './dom.ts';

type By = 'tags' | 'regions';
type Family = 'ipv4' | 'ipv6';

/** Bars shown before all are asked for. */
const SHOWN = 12;

/** Gains and losses by tag or by region, the largest first. */
export function showBars(where: HTMLElement, { bars }: PageData): void {
  let by: By = 'tags';
  let family: Family = bars.tags.some((bar) => bar.gained.ipv4 + bar.lost.ipv4 > 0) ? 'ipv4' : 'ipv6';
  let all = false;
  const list = element('ol', { class: 'bars' });
  const more = element('button', { type: 'button' });
  const render = () => {
    const shown = bars[by]
      .filter((bar) => bar.gained[family] + bar.lost[family] > 0)
      .sort((a, b) => b.gained[family] + b.lost[family] - a.gained[family] - a.lost[family]);
    const [gain, loss] = (['gained', 'lost'] as const).map((side) =>
      Math.max(...shown.map((bar) => bar[side][family]), 0),
    ) as [number, number];
    const largest = Math.max(gain, loss);
    // Each side gets the width that its longest bar needs.
    list.style.setProperty('--gain-share', `${Math.sqrt(gain / (largest || 1))}fr`);
    list.style.setProperty('--loss-share', `${Math.sqrt(loss / (largest || 1))}fr`);
    list.replaceChildren(
      ...(shown.length === 0
        ? [element('li', { class: 'none' }, 'No change of this family.')]
        : shown.slice(0, all ? undefined : SHOWN).map((bar) => barItem(bar, family, { gain, loss }))),
    );
    more.hidden = shown.length <= SHOWN;
    more.textContent = all ? `Show the largest ${SHOWN}` : `Show all ${digits(shown.length)}`;
  };
  more.addEventListener('click', () => {
    all = !all;
    render();
  });
  where.append(
    element(
      'div',
      { class: 'controls' },
      choice(
        'By',
        [
          ['tags', 'service tag'],
          ['regions', 'region'],
        ] as const,
        by,
        (value) => {
          by = value;
          render();
        },
      ),
      choice(
        'Addresses',
        [
          ['ipv4', 'IPv4'],
          ['ipv6', 'IPv6'],
        ] as const,
        family,
        (value) => {
          family = value;
          render();
        },
      ),
    ),
    list,
    more,
    element(
      'p',
      { class: 'faint' },
      'The length of a bar is the square root of the size, so that small changes stay visible. Service tags overlap: the same addresses can count in several.',
    ),
  );
  render();
}

function barItem(
  { label, gained, lost }: Bar,
  family: Family,
  largest: Readonly<Record<'gain' | 'loss', number>>,
): HTMLElement {
  const half = (side: 'gain' | 'loss', size: number) => {
    const bar = element('span', { class: `fill ${side}` });
    bar.style.width = `${Math.sqrt(size / (largest[side] || 1)) * 100}%`;
    const text = size === 0 ? '' : `${side === 'gain' ? '+' : '−'}${sizeInWords(size, family)}`;
    return element('span', { class: `half ${side}` }, bar, element('span', { class: 'figure' }, text));
  };
  return element(
    'li',
    {},
    element('span', { class: 'label' }, label),
    half('loss', lost[family]),
    half('gain', gained[family]),
  );
}

function sizeInWords(size: number, family: Family): string {
  if (family === 'ipv4') return digits(size);
  return size >= 1 ? `${digits(size)} /64` : digits(size * 2 ** 64);
}

/** A group of buttons of which one is pressed. */
function choice<T extends string>(
  label: string,
  options: readonly (readonly [value: T, text: string])[],
  start: T,
  choose: (value: T) => void,
): HTMLElement {
  const buttons = options.map(([value, text]) => {
    const button = element('button', { type: 'button', 'aria-pressed': String(value === start) }, text);
    button.addEventListener('click', () => {
      for (const other of buttons) other.setAttribute('aria-pressed', String(other === button));
      choose(value);
    });
    return button;
  });
  return element('div', { class: 'choice', role: 'group', 'aria-label': label }, ...buttons);
}
