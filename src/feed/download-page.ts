import { addDays, fileDateOf } from './file-date.ts';

/** A weekly file that a page names. */
export interface PageLink {
  readonly url: string;
  readonly name: string;
  /** YYYY-MM-DD */
  readonly date: string;
}

/** What a page says about the weekly file, or why it says nothing. */
export interface PageLinks {
  /** Newest first; each file once. */
  readonly links: readonly PageLink[];
  /** Set where there are none. */
  readonly reason?: string;
}

/**
 * The links in the data object that the details page carries since 2024: `window.__DLCDetails__` with
 * `dlcDetailsView.downloadFile[]`.
 * @param stem the file's name up to the date, e.g. `ServiceTags_Public`
 */
export function linksInPageData(html: string, stem: string): PageLinks {
  const start = /window\.__DLCDetails__\s*=\s*/.exec(html);
  if (start === null) return { links: [], reason: 'the page has no window.__DLCDetails__' };
  const rest = html.slice(start.index + start[0].length);
  const end = rest.search(/<\/script/i);
  let data: unknown;
  try {
    data = JSON.parse((end < 0 ? rest : rest.slice(0, end)).trim().replace(/;$/, ''));
  } catch {
    return { links: [], reason: 'window.__DLCDetails__ is not JSON' };
  }
  const files = member(member(data, 'dlcDetailsView'), 'downloadFile');
  if (!Array.isArray(files)) return { links: [], reason: 'dlcDetailsView.downloadFile is not a list' };
  const links = files
    .map((file: unknown) => member(file, 'url'))
    .filter((url) => typeof url === 'string')
    .flatMap((url) => linkTo(url, stem) ?? []);
  return newestFirst(links, `dlcDetailsView.downloadFile names no ${stem}_<date>.json`);
}

/**
 * Every link to a dated weekly file anywhere in the page's markup: anchors, scripts, a meta refresh, in
 * whatever of the forms that the page has had since 2019.
 */
export function linksInMarkup(html: string, stem: string): PageLinks {
  const text = html
    .replace(/\\u002f/gi, '/')
    .replace(/\\\//g, '/')
    .replace(/&#x2f;|&#47;/gi, '/')
    .replace(/&amp;/gi, '&');
  // One greedy run per link, so that a hostile page costs no more than its length.
  const links = [...text.matchAll(/https?:\/\/[^\s"'<>\\(){}?#&,;]+/gi)].flatMap(
    ([url]) => linkTo(url, stem) ?? [],
  );
  return newestFirst(links, `the page has no link to a ${stem}_<date>.json`);
}

/**
 * The dates to try in the known directory, without any page: Mondays first, for 232 of 237 files were dated
 * on one, then the other days, each newest first.
 * @param days how far to look back from `today`
 */
export function candidateDates(today: string, days = 21): string[] {
  const all = Array.from({ length: days + 1 }, (_, back) => addDays(today, -back));
  const isMonday = (date: string) => new Date(`${date}T00:00:00Z`).getUTCDay() === 1;
  return [...all.filter(isMonday), ...all.filter((date) => !isMonday(date))];
}

function linkTo(url: string, stem: string): PageLink | undefined {
  if (!URL.canParse(url)) return undefined;
  const name = new URL(url).pathname.split('/').at(-1)!;
  const date = fileDateOf(name);
  const expected = name.slice(0, stem.length + 1).toLowerCase() === `${stem}_`.toLowerCase();
  return date !== undefined && expected && /_\d{8}\.json(\.gz)?$/i.test(name)
    ? { url, name, date }
    : undefined;
}

function newestFirst(links: readonly PageLink[], reason: string): PageLinks {
  const byUrl = new Map(links.map((link) => [link.url, link]));
  const sorted = [...byUrl.values()].sort((a, b) => (a.date < b.date ? 1 : a.date > b.date ? -1 : 0));
  return sorted.length === 0 ? { links: [], reason } : { links: sorted };
}

function member(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null
    ? (value as Readonly<Record<string, unknown>>)[key]
    : undefined;
}
