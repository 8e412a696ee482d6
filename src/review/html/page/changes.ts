import { AddressSyntaxError } from '../../../net/address.ts';
import { lastAddress, parsePrefix } from '../../../net/prefix.ts';
import type { PageData } from '../page-data.ts';
import { digits, element } from './dom.ts';

/** Rows made at first, and with each further press. */
const FIRST = 200;
const FURTHER = 500;

/** A row with what it is found and sorted by. */
interface Entry {
  readonly sign: '+' | '-';
  readonly what: string;
  readonly source: string;
  readonly region: string;
  readonly rule: string;
  readonly effect: string;
  readonly text: string;
  /** Addresses in a prefix; 0 for a name. */
  readonly size: number;
  /** For prefixes: family and numeric bounds. */
  readonly block: Block | undefined;
}

interface Block {
  readonly family: 4 | 6;
  readonly first: bigint;
  readonly last: bigint;
}

interface Column {
  readonly title: string;
  readonly align: 'left' | 'right';
  readonly cell: (entry: Entry) => Node | string;
  readonly order: (a: Entry, b: Entry) => number;
}

const COLUMNS: Readonly<Record<string, Column>> = {
  what: {
    title: 'Name or prefix',
    align: 'left',
    cell: ({ sign, what }) =>
      element(
        'span',
        { class: sign === '+' ? 'gain' : 'loss' },
        sign === '+' ? '+ ' : '− ',
        element('code', {}, what),
      ),
    order: byBlock,
  },
  source: {
    title: 'Service tag',
    align: 'left',
    cell: ({ source }) => source,
    order: (a, b) => compare(a.source, b.source),
  },
  region: {
    title: 'Region',
    align: 'left',
    cell: ({ region }) => region,
    order: (a, b) => compare(a.region, b.region),
  },
  rule: { title: 'Rule', align: 'left', cell: ({ rule }) => rule, order: (a, b) => compare(a.rule, b.rule) },
  size: {
    title: 'Addresses',
    align: 'right',
    cell: sizeInWords,
    order: (a, b) => a.size - b.size,
  },
  effect: {
    title: 'Effect',
    align: 'left',
    cell: ({ effect }) => effect,
    order: (a, b) => compare(a.effect, b.effect),
  },
};

/** The table of everything that came and went: searchable, sortable, and shown in parts. */
export function showChanges(where: HTMLElement, data: PageData): void {
  const entries = data.rows.map(([group, sign, what, effect]) => entryOf(data, group, sign, what, effect));
  const rules = [...new Set(entries.map(({ rule }) => rule))];
  const columns = Object.keys(COLUMNS).filter((key) => {
    if (key === 'rule') return rules.length > 1;
    return key !== 'region' || entries.some(({ region }) => region !== '');
  });
  let sort: { key: string; down: boolean } | undefined;
  let shown = FIRST;
  let matching: readonly Entry[] = entries;

  const search = element('input', {
    type: 'search',
    id: 'search',
    placeholder: 'tag, region, prefix, address …',
    autocomplete: 'off',
    spellcheck: 'false',
  });
  const sign = select('sign', 'Change', [
    ['', 'all changes'],
    ['+', 'added (+)'],
    ['-', 'removed (−)'],
  ]);
  const effect = select('effect', 'Effect', [
    ['', 'all effects'],
    ...data.effects
      .filter((text) => entries.some((entry) => entry.effect === text))
      .map((text): [string, string] => [text, text]),
  ]);
  const rule = select('rule', 'Rule', [
    ['', 'all rules'],
    ...rules.map((name): [string, string] => [name, name]),
  ]);
  const status = element('p', { id: 'count', role: 'status' });
  const body = element('tbody');
  const more = element('button', { type: 'button', id: 'more' });
  const heads = new Map(columns.map((key) => [key, head(key)]));

  function head(key: string): HTMLTableCellElement {
    const { title, align } = COLUMNS[key]!;
    const button = element(
      'button',
      { type: 'button' },
      title,
      element('span', { class: 'arrow', 'aria-hidden': 'true' }),
    );
    button.addEventListener('click', () => {
      // Up, down, and back to the order of importance.
      sort = sort?.key !== key ? { key, down: false } : sort.down ? undefined : { key, down: true };
      for (const [name, cell] of heads) {
        if (sort?.key === name) cell.setAttribute('aria-sort', sort.down ? 'descending' : 'ascending');
        else cell.removeAttribute('aria-sort');
      }
      update();
    });
    return element('th', { scope: 'col', class: align }, button);
  }

  function update(): void {
    const words = search.value
      .toLowerCase()
      .split(/\s+/)
      .filter((word) => word !== '');
    const tests = words.map(testOf);
    matching = entries.filter(
      (entry) =>
        (sign.value === '' || entry.sign === sign.value) &&
        (effect.value === '' || entry.effect === effect.value) &&
        (rule.value === '' || entry.rule === rule.value) &&
        tests.every((test) => test(entry)),
    );
    if (sort !== undefined) {
      const { order } = COLUMNS[sort.key]!;
      const direction = sort.down ? -1 : 1;
      matching = [...matching].sort((a, b) => direction * order(a, b));
    }
    shown = FIRST;
    body.replaceChildren();
    render(0);
  }

  function render(from: number): void {
    body.append(
      ...matching.slice(from, shown).map((entry) =>
        element(
          'tr',
          {},
          ...columns.map((key) => {
            const { title, align, cell } = COLUMNS[key]!;
            return element('td', { class: align, 'data-label': title }, cell(entry));
          }),
        ),
      ),
    );
    const visible = Math.min(shown, matching.length);
    status.textContent =
      matching.length === 0
        ? 'No change matches.'
        : `${digits(visible)} of ${digits(matching.length)} ${matching.length === entries.length ? 'changes' : `matching changes (${digits(entries.length)} in all)`}`;
    more.hidden = visible === matching.length;
    more.textContent = `Show ${digits(Math.min(FURTHER, matching.length - visible))} more`;
  }

  more.addEventListener('click', () => {
    const from = shown;
    shown += FURTHER;
    render(from);
  });
  search.addEventListener('input', update);
  for (const control of [sign, effect, rule]) control.addEventListener('change', update);
  // The map asks for an address.
  addEventListener('search', (event) => {
    search.value = (event as CustomEvent<string>).detail;
    update();
    search.focus();
    search.scrollIntoView({ block: 'center' });
  });

  where.append(
    element(
      'div',
      { class: 'controls', role: 'search' },
      element('label', { for: 'search', class: 'hidden' }, 'Search the changes'),
      search,
      ...[sign, effect, ...(rules.length > 1 ? [rule] : [])],
    ),
    status,
    element(
      'div',
      { class: 'scroll tall', tabindex: '0', role: 'region', 'aria-label': 'Changes' },
      element(
        'table',
        { class: 'cards changes' },
        element('caption', { class: 'hidden' }, 'Names and published prefixes that came or went'),
        element('thead', {}, element('tr', {}, ...heads.values())),
        body,
      ),
    ),
    more,
  );
  update();
}

function entryOf(
  { groups, effects }: PageData,
  group: number,
  sign: '+' | '-',
  what: string,
  effectIndex: number,
): Entry {
  const { rule, source, region } = groups[group]!;
  const effect = effects[effectIndex] ?? '';
  const slash = source === 'names' ? -1 : what.lastIndexOf('/');
  let block: Block | undefined;
  return {
    sign,
    what,
    source,
    region,
    rule,
    effect,
    text: `${what} ${source} ${region} ${rule} ${effect}`.toLowerCase(),
    size: slash < 0 ? 0 : 2 ** ((what.includes(':') ? 128 : 32) - Number(what.slice(slash + 1))),
    get block() {
      if (slash >= 0) block ??= blockOf(what);
      return block;
    },
  };
}

function blockOf(text: string): Block | undefined {
  try {
    const prefix = parsePrefix(text.includes('/') ? text : `${text}/${text.includes(':') ? 128 : 32}`);
    return { family: prefix.family, first: prefix.first, last: lastAddress(prefix) };
  } catch (error) {
    if (error instanceof AddressSyntaxError) return undefined;
    throw error;
  }
}

/** A whole address or prefix finds the rows that overlap it; all else is looked for as text. */
function testOf(word: string): (entry: Entry) => boolean {
  const wanted = /^[0-9a-f:.]+(\/\d+)?$/.test(word) ? blockOf(word) : undefined;
  if (wanted === undefined) return ({ text }) => text.includes(word);
  return ({ block }) =>
    block !== undefined &&
    block.family === wanted.family &&
    block.first <= wanted.last &&
    wanted.first <= block.last;
}

function byBlock(a: Entry, b: Entry): number {
  if (a.block === undefined || b.block === undefined)
    return Number(a.block !== undefined) - Number(b.block !== undefined) || compare(a.what, b.what);
  return (
    a.block.family - b.block.family ||
    (a.block.first < b.block.first ? -1 : a.block.first > b.block.first ? 1 : b.size - a.size)
  );
}

function sizeInWords({ size, what }: Entry): string {
  if (size === 0) return '';
  if (!what.includes(':') || size < 2 ** 64) return digits(size);
  return `${digits(size / 2 ** 64)} /64`;
}

function select(
  id: string,
  label: string,
  options: readonly (readonly [string, string])[],
): HTMLSelectElement {
  return element(
    'select',
    { id, 'aria-label': label },
    ...options.map(([value, text]) => element('option', { value }, text)),
  );
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
