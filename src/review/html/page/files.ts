import type { PageData, PageFile } from '../page-data.ts';
import { digits, element } from './dom.ts';

/** The rule files that changed; the lines of one are made when it is opened. */
export function showFiles(where: HTMLElement, { files }: PageData): void {
  for (const file of files) {
    const added = countSign(file, '+');
    const removed = countSign(file, '-');
    const details = element(
      'details',
      { class: 'file' },
      element(
        'summary',
        {},
        element('code', {}, file.path),
        ' ',
        element('span', { class: 'gain' }, `+${digits(added)}`),
        ' ',
        element('span', { class: 'loss' }, `−${digits(removed)}`),
        ...(file.hidden > 0 ? [` and ${digits(file.hidden)} more changed lines`] : []),
      ),
    );
    details.addEventListener('toggle', () => details.append(linesOf(file)), { once: true });
    where.append(details);
  }
}

function countSign({ hunks }: PageFile, sign: string): number {
  return hunks.reduce((sum, hunk) => sum + hunk.filter(([of]) => of === sign).length, 0);
}

const SIGN_CLASS = { '+': 'added', '-': 'removed', ' ': 'kept' } as const;
const SIGN_WORD = { '+': '+', '-': '−', ' ': '' } as const;

function linesOf({ path, hunks, hidden }: PageFile): HTMLElement {
  const body = element('tbody');
  for (const [index, hunk] of hunks.entries()) {
    if (index > 0) body.append(element('tr', { class: 'gap' }, element('td', { colspan: '4' }, '⋯')));
    for (const [sign, before, after, text] of hunk)
      body.append(
        element(
          'tr',
          { class: SIGN_CLASS[sign] },
          element('td', { class: 'number' }, before === 0 ? '' : String(before)),
          element('td', { class: 'number' }, after === 0 ? '' : String(after)),
          element('td', { class: 'sign' }, SIGN_WORD[sign]),
          element('td', { class: 'line' }, text),
        ),
      );
  }
  const table = element(
    'table',
    { class: 'lines' },
    element('caption', { class: 'hidden' }, `Changed lines of ${path}: old number, new number, line`),
    body,
  );
  return element(
    'div',
    { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': `Changed lines of ${path}` },
    table,
    ...(hidden > 0
      ? [element('p', { class: 'faint' }, `${digits(hidden)} more changed lines are in the file itself.`)]
      : []),
  );
}
