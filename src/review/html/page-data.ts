/** What the page's script is given, as JSON in the file. Sizes of IPv6 are counted in /64 networks. */
export interface PageData {
  /** Where the rows come from. */
  readonly groups: readonly RowGroup[];
  /** One row a name or published prefix that came or went. */
  readonly rows: readonly Row[];
  /** What a row means for what is let through; rows name it by position. */
  readonly effects: readonly string[];
  /** The IPv4 space of the rules that changed. */
  readonly map: { readonly kept: Ranges; readonly gained: Ranges; readonly lost: Ranges };
  readonly bars: { readonly tags: readonly Bar[]; readonly regions: readonly Bar[] };
  /** Rule files that changed, in the order of the page. */
  readonly files: readonly PageFile[];
}

export interface RowGroup {
  readonly rule: string;
  /** A service tag, or `names` and `configured`. */
  readonly source: string;
  readonly region: string;
}

/** Group, what happened, the name or prefix, effect. */
export type Row = readonly [group: number, sign: '+' | '-', what: string, effect: number];

/** First and last address of each range, one after the other, as numbers. */
export type Ranges = readonly number[];

export interface Bar {
  readonly label: string;
  readonly gained: { readonly ipv4: number; readonly ipv6: number };
  readonly lost: { readonly ipv4: number; readonly ipv6: number };
}

export interface PageFile {
  readonly path: string;
  /** Undefined where the file is too long to be shown. */
  readonly hunks: readonly (readonly PageLine[])[];
  /** Changed lines that are not shown. */
  readonly hidden: number;
}

export type PageLine = readonly [sign: ' ' | '+' | '-', before: number, after: number, text: string];
