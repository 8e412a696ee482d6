import type { Colors } from 'picocolors/types.js';
import { type Block, type Column, type Line, type Noun, type Span, type Tone, toned } from './outline.ts';
import type { Review } from './review.ts';
import { outline } from './sections.ts';
import { counted } from './wording.ts';

export interface TextOptions {
  /** Columns of the terminal; lines that can be broken are broken before it. */
  readonly width: number;
  /** picocolors, on or off: whether colours are wanted is for the caller to know. */
  readonly colors: Colors;
  /** How many entries of each list are shown; the rest are counted. */
  readonly shown?: number;
}

const SHOWN = 40;

/** The review for a terminal; ends with a line break. */
export function writeText(review: Review, options: TextOptions): string {
  return blocksText(outline(review), options);
}

/** Blocks for a terminal; ends with a line break. */
export function blocksText(blocks: readonly Block[], options: TextOptions): string {
  const lines = writeBlocks(blocks, { shown: SHOWN, ...options }, '');
  return `${lines.join('\n').trimEnd()}\n`;
}

type Settings = Required<TextOptions>;

function writeBlocks(blocks: readonly Block[], settings: Settings, indent: string): string[] {
  return blocks.flatMap((block) => writeBlock(block, settings, indent));
}

function writeBlock(block: Block, settings: Settings, indent: string): string[] {
  const { colors } = settings;
  switch (block.kind) {
    case 'heading': {
      const lines = wrap(block.line, settings, indent, indent).map((text) => colors.bold(text));
      return block.level === 1 ? [...lines, ''] : ['', ...lines];
    }
    case 'paragraph':
      return wrap(block.line, settings, indent, indent);
    case 'list':
      return [
        ...block.items
          .slice(0, settings.shown)
          .flatMap((item) => wrap(item, settings, `${indent}  `, `${indent}    `)),
        ...rest(block.items.length, block.of, settings, `${indent}  `),
      ];
    case 'values':
      return [
        ...wrap(
          block.values
            .slice(0, settings.shown)
            .flatMap(
              (text, index): Line => [index === 0 ? '' : ' ', { text, outside: true, tone: block.tone }],
            ),
          settings,
          `${indent}  `,
          `${indent}  `,
        ),
        ...rest(block.values.length, block.of, settings, `${indent}  `),
      ];
    case 'table':
      return [
        ...writeTable(block.columns, block.rows.slice(0, settings.shown), settings, `${indent}  `),
        ...rest(block.rows.length, block.of, settings, `${indent}  `),
      ];
    case 'fold':
      return [
        ...wrap(block.summary, settings, indent, `${indent}  `),
        ...writeBlocks(block.blocks, settings, indent),
      ];
  }
}

function rest(length: number, of: Noun, { shown, colors }: Settings, indent: string): string[] {
  const hidden = length - shown;
  return hidden <= 0
    ? []
    : [`${indent}${colors.dim(`… and ${counted(hidden, `more ${of[0]}`, `more ${of[1]}`)}`)}`];
}

function writeTable(
  columns: readonly Column[],
  rows: readonly (readonly Line[])[],
  settings: Settings,
  indent: string,
): string[] {
  const { colors, width } = settings;
  const heads = columns.map(({ title }): Line => [{ text: title, outside: false, tone: 'faint' }]);
  const lines = [heads, ...rows];
  const widths = columns.map((_, column) => Math.max(...lines.map((cells) => lengthOf(cells[column] ?? []))));
  // On a narrow terminal a row turns into a line of its name and one or more of the rest: no column is cut.
  if (widths.reduce((sum, one) => sum + one + 2, indent.length) - 2 > width)
    return rows.flatMap(([name = [], ...cells]) => [
      ...wrap(name, settings, indent, `${indent}  `),
      ...wrap(cellsInWords(columns.slice(1), cells), settings, `${indent}  `, `${indent}    `),
    ]);
  return lines.map((cells) =>
    `${indent}${cells
      .map((cell, column) => {
        const padding = ' '.repeat(widths[column]! - lengthOf(cell));
        return columns[column]!.align === 'right'
          ? padding + paint(cell, colors)
          : paint(cell, colors) + padding;
      })
      .join('  ')}`.trimEnd(),
  );
}

/** `Ports: 443; pac: by name`: the cells that say something, each with the title of its column. */
function cellsInWords(columns: readonly Column[], cells: readonly Line[]): Line {
  return cells
    .map((cell, index) => ({ cell, title: columns[index]!.title }))
    .filter(({ cell }) => lengthOf(cell) > 0)
    .flatMap(
      ({ cell, title }, index): Line => [
        index === 0 ? '' : '; ',
        ...(title === '' ? [] : [toned(`${title}: `, 'faint')]),
        ...cell,
      ],
    );
}

/** Text that stands in one line, in its tones. */
type Word = readonly { readonly text: string; readonly tone: Tone | undefined }[];

/** Breaks a line at spaces; what has none stays whole, and so does a short parenthesis, where they fit in a line. */
function wrap(line: Line, { width, colors }: Settings, indent: string, hanging: string): string[] {
  const lines: string[] = [];
  let current = indent;
  let used = indent.length;
  let empty = true;
  for (const word of wordsOf(line, width - hanging.length)) {
    const text = word.map((piece) => piece.text).join('');
    if (!empty && used + text.trimEnd().length > width) {
      lines.push(current.trimEnd());
      current = hanging;
      used = hanging.length;
      empty = true;
    }
    if (empty && text.trim() === '' && lines.length > 0) continue;
    for (const piece of word) {
      // Uncoloured, the space after a word can go where the line ends with it.
      const bare = piece.text.trimEnd();
      current += `${bare === '' ? '' : color(bare, piece.tone, colors)}${piece.text.slice(bare.length)}`;
    }
    used += text.length;
    empty = false;
  }
  return [...lines, current.trimEnd()];
}

/** A parenthesis of at most so many characters is not broken. */
const SHORT = 32;

/** The words of a line, across its spans; those that do not fit in `most` columns as their parts. */
function wordsOf(line: Line, most: number): Word[] {
  const single: Word[] = [];
  let open: Word[number][] = [];
  // A number stays with its sign, and a family with the length of its networks.
  for (const { text, tone } of line.map(spanOf))
    for (const part of visible(text).split(/(?<= )(?!%|\/64\b)/)) {
      open.push({ text: part, tone });
      if (!part.endsWith(' ')) continue;
      single.push(open);
      open = [];
    }
  if (open.length > 0) single.push(open);
  const words: Word[] = [];
  for (let index = 0; index < single.length; ) {
    const count = wordsOfParenthesis(single.slice(index), Math.min(SHORT, most));
    const word = single.slice(index, index + count).flat();
    words.push(...(lengthOfWord(word) <= most ? [word] : word.map((piece) => [piece])));
    index += count;
  }
  return words;
}

/** How many words stand together: those up to the end of a parenthesis that the first opens, where that is short. */
function wordsOfParenthesis(words: readonly Word[], most: number): number {
  let open = 0;
  let length = 0;
  for (const [index, word] of words.entries()) {
    for (const character of word.map(({ text }) => text).join(''))
      open += character === '(' ? 1 : character === ')' ? -1 : 0;
    if (open <= 0) return length + lengthOfWord(word) <= most ? index + 1 : 1;
    length += word.reduce((sum, { text }) => sum + text.length, 0);
    if (length > most) return 1;
  }
  return 1;
}

/** Without the space after it. */
function lengthOfWord(word: Word): number {
  return word
    .map(({ text }) => text)
    .join('')
    .trimEnd().length;
}

function paint(line: Line, colors: Colors): string {
  return line
    .map(spanOf)
    .map(({ text, tone }) => color(visible(text), tone, colors))
    .join('');
}

function lengthOf(line: Line): number {
  return line.reduce((sum, span) => sum + visible(spanOf(span).text).length, 0);
}

function spanOf(span: string | Span): Span {
  return typeof span === 'string' ? { text: span, outside: false } : span;
}

/** Control characters could drive the terminal of the one who reads. */
function visible(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (character) =>
    character === '\n' || character === '\t' ? ' ' : `\\u{${character.codePointAt(0)!.toString(16)}}`,
  );
}

function color(text: string, tone: Tone | undefined, colors: Colors): string {
  switch (tone) {
    // Not green: more that is allowed is no good news by itself.
    case 'gain':
      return colors.cyan(text);
    case 'loss':
      return colors.red(text);
    case 'attention':
      return colors.yellow(text);
    case 'good':
      return colors.green(text);
    case 'faint':
      return colors.dim(text);
    case undefined:
      return text;
  }
}
