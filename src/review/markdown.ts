import { codeLine, codeSpan, escapeHtmlLine, escapeMarkdown } from './markdown-escape.ts';
import type { Block, Column, Line, Noun } from './outline.ts';
import type { Review } from './review.ts';
import { outline } from './sections.ts';
import { counted } from './wording.ts';

/** Below GitHub's 65,536 for the body of a pull request, with room for what a caller puts around it. */
export const MARKDOWN_LIMIT = 59_000;

/** How many entries of each list are tried to be shown, until the whole fits. */
const SHOWN = [2_000, 1_000, 500, 200, 100, 50, 20, 10, 5, 2, 1, 0] as const;

/**
 * The review as GitHub-flavoured Markdown, for `REVIEW.md` and pull requests: at most `MARKDOWN_LIMIT`
 * characters. A list that is cut says how many entries are missing.
 */
export function writeMarkdown(review: Review): string {
  return writeMarkdownBlocks(outline(review));
}

/** Blocks as GitHub-flavoured Markdown of at most `MARKDOWN_LIMIT` characters. */
export function writeMarkdownBlocks(blocks: readonly Block[]): string {
  let text = '';
  for (const shown of SHOWN) {
    text = writeWithin(blocks, shown);
    if (text.length <= MARKDOWN_LIMIT) return text;
  }
  return writeSections(blocks, SHOWN.at(-1)!);
}

function writeWithin(blocks: readonly Block[], shown: number): string {
  return `${writeBlocks(blocks, shown).join('\n\n')}\n`;
}

/** Even without entries it is too long: there are very many rules. As many sections as fit, the others counted. */
function writeSections(blocks: readonly Block[], shown: number): string {
  const sections: Block[][] = [];
  for (const block of blocks)
    if (block.kind === 'heading' || sections.length === 0) sections.push([block]);
    else sections.at(-1)!.push(block);
  const texts = sections.map((section) => writeBlocks(section, shown).join('\n\n'));
  const room = MARKDOWN_LIMIT - 200;
  let length = 0;
  const kept = texts.findIndex((text) => {
    length += text.length + 2;
    return length > room;
  });
  return `${[
    ...texts.slice(0, kept),
    `… and ${counted(texts.length - kept, 'more section')} that do not fit here; the JSON form has everything.`,
  ].join('\n\n')}\n`;
}

function writeBlocks(blocks: readonly Block[], shown: number): string[] {
  return blocks.map((block) => writeBlock(block, shown)).filter((text) => text !== '');
}

function writeBlock(block: Block, shown: number): string {
  switch (block.kind) {
    case 'heading':
      return `${'#'.repeat(block.level)} ${inline(block.line)}`;
    case 'paragraph':
      return inline(block.line);
    case 'list':
      return [
        ...block.items.slice(0, shown).map((item) => `- ${inline(item)}`),
        ...rest(block.items.length, shown, block.of).map((line) => `- ${line}`),
      ].join('\n');
    case 'values':
      return [
        '```text',
        ...block.values.slice(0, shown).map(codeLine),
        ...rest(block.values.length, shown, block.of),
        '```',
      ].join('\n');
    case 'table':
      return writeTable(block.columns, block.rows, shown, block.of);
    case 'fold':
      return [
        `<details><summary>${summaryLine(block.summary)}</summary>`,
        ...writeBlocks(block.blocks, shown),
        '</details>',
      ].join('\n\n');
  }
}

function writeTable(
  columns: readonly Column[],
  rows: readonly (readonly Line[])[],
  shown: number,
  of: Noun,
): string {
  const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [
    row(columns.map(({ title }) => escapeMarkdown(title))),
    row(columns.map(({ align }) => (align === 'right' ? '--:' : ':--'))),
    ...rows.slice(0, shown).map((cells) => row(cells.map((cell) => inline(cell, true)))),
    ...rest(rows.length, shown, of).map((line) => row([line, ...columns.slice(1).map(() => '')])),
  ].join('\n');
}

function rest(length: number, shown: number, of: Noun): string[] {
  const hidden = length - shown;
  return hidden <= 0 ? [] : [`… and ${counted(hidden, `more ${of[0]}`, `more ${of[1]}`)}`];
}

function inline(line: Line, inTable = false): string {
  const text = line
    .map((span) => {
      if (typeof span === 'string') return escapeMarkdown(span);
      return span.outside ? codeSpan(span.text, inTable) : emphasis(escapeMarkdown(span.text), span.tone);
    })
    .join('');
  // Where a line begins, these would begin a list, a heading or a quotation.
  return text.replace(/^(\d*)([-+=.)])(?=\s)/, '$1\\$2');
}

/** GitHub does not read Markdown inside a `summary` element. */
function summaryLine(line: Line): string {
  return line
    .map((span) => {
      if (typeof span === 'string') return escapeHtmlLine(span);
      return span.outside ? `<code>${escapeHtmlLine(span.text)}</code>` : escapeHtmlLine(span.text);
    })
    .join('');
}

function emphasis(text: string, tone: string | undefined): string {
  return tone === 'attention' || tone === 'loss' ? `**${text}**` : text;
}
