import type { Block, Line, Noun } from '../outline.ts';
import { counted } from '../wording.ts';
import { escapeHtml } from './escape-html.ts';

/** Rows of a table and entries of a list that stand in the page itself; the table of changes has all prefixes. */
const SHOWN = 300;
const VALUES_SHOWN = 5_000;

/** A table of more rows scrolls in a frame of its own, or what comes after it would be far away. */
const TALL = 20;

/** Blocks as HTML; headings go one level down, below the page's own. */
export function blocksHtml(blocks: readonly Block[]): string {
  return blocks.map(blockHtml).join('\n');
}

function blockHtml(block: Block): string {
  switch (block.kind) {
    case 'heading': {
      const level = block.level + 1;
      return `<h${level}>${lineHtml(block.line)}</h${level}>`;
    }
    case 'paragraph':
      return `<p>${lineHtml(block.line)}</p>`;
    case 'list':
      return block.items.length === 0
        ? ''
        : `<ul>${[...block.items.slice(0, SHOWN).map(lineHtml), ...rest(block.items.length, SHOWN, block.of)]
            .map((item) => `<li>${item}</li>`)
            .join('')}</ul>`;
    case 'values':
      return `<pre class="values ${block.tone}" tabindex="0" role="group" aria-label="${escapeHtml(block.of[1])}">${[
        ...block.values.slice(0, VALUES_SHOWN).map(escapeHtml),
        ...rest(block.values.length, VALUES_SHOWN, block.of),
      ].join('\n')}</pre>`;
    case 'table':
      return tableHtml(block);
    case 'fold':
      return `<details><summary>${lineHtml(block.summary)}</summary>${blocksHtml(block.blocks)}</details>`;
  }
}

function tableHtml({ columns, rows, of }: Extract<Block, { kind: 'table' }>): string {
  const cell = (line: Line, column: number) => {
    const { title, align } = columns[column]!;
    const tag = column === 0 ? 'th scope="row"' : 'td';
    return `<${tag} class="${align}" data-label="${escapeHtml(title)}">${lineHtml(line)}</${tag.slice(0, 2)}>`;
  };
  const head = columns.map(({ title, align }) =>
    title === ''
      ? `<td class="${align}"></td>`
      : `<th scope="col" class="${align}">${escapeHtml(title)}</th>`,
  );
  return `<div class="scroll${rows.length > TALL ? ' tall' : ''}" tabindex="0" role="region" aria-label="${escapeHtml(of[1])}"><table class="cards"><thead><tr>${head.join('')}</tr></thead><tbody>${rows
    .slice(0, SHOWN)
    .map((cells) => `<tr>${cells.map(cell).join('')}</tr>`)
    .join('')}</tbody></table></div>${rest(rows.length, SHOWN, of)
    .map((text) => `<p class="faint">${text}</p>`)
    .join('')}`;
}

function rest(length: number, shown: number, of: Noun): string[] {
  const hidden = length - shown;
  return hidden <= 0 ? [] : [escapeHtml(`… and ${counted(hidden, `more ${of[0]}`, `more ${of[1]}`)}`)];
}

export function lineHtml(line: Line): string {
  return line
    .map((span) => {
      if (typeof span === 'string') return escapeHtml(span);
      const text = escapeHtml(span.text);
      const inner = span.outside ? `<code>${text}</code>` : text;
      return span.tone === undefined ? inner : `<span class="${span.tone}">${inner}</span>`;
    })
    .join('');
}
