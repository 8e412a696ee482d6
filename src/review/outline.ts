/** How a piece of text bears on what is let through. */
export type Tone = 'gain' | 'loss' | 'attention' | 'good' | 'faint';

/** A piece of a line. `outside`: came from a feed, a configuration or a file, and must be escaped and set as code. */
export interface Span {
  readonly text: string;
  readonly outside: boolean;
  readonly tone?: Tone;
}

/** Text of our own and spans, in a row; a bare string is our own words. */
export type Line = readonly (string | Span)[];

/** One part of a review, before it takes a form. Text and Markdown are made from nothing else. */
export type Block =
  | { readonly kind: 'heading'; readonly level: 1 | 2 | 3; readonly line: Line }
  | { readonly kind: 'paragraph'; readonly line: Line }
  | {
      readonly kind: 'table';
      readonly columns: readonly Column[];
      readonly rows: readonly (readonly Line[])[];
      readonly of: Noun;
    }
  | { readonly kind: 'list'; readonly items: readonly Line[]; readonly of: Noun }
  /** Many short values of one kind, such as prefixes. */
  | { readonly kind: 'values'; readonly values: readonly string[]; readonly tone: Tone; readonly of: Noun }
  | { readonly kind: 'fold'; readonly summary: Line; readonly blocks: readonly Block[] };

export interface Column {
  readonly title: string;
  readonly align: 'left' | 'right';
}

/** What the entries of a list are called where the list is cut: `… and 12 more prefixes`. */
export type Noun = readonly [one: string, many: string];

export const PREFIXES: Noun = ['prefix', 'prefixes'];

/** A value from outside. */
export function outside(text: string, tone?: Tone): Span {
  return tone === undefined ? { text, outside: true } : { text, outside: true, tone };
}

/** Words of our own with a tone. */
export function toned(text: string, tone: Tone): Span {
  return { text, outside: false, tone };
}

/** A paragraph of our own words and spans. */
export function paragraph(...line: Line): Block {
  return { kind: 'paragraph', line };
}
