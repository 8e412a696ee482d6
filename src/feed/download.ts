import { FeedError, type Problem } from '../problem.ts';
import { CLOUDS } from './cloud.ts';
import { candidateDates, linksInMarkup, linksInPageData, type PageLink } from './download-page.ts';
import { daysBetween } from './file-date.ts';
import { gunzipIfNeeded } from './gzip.ts';
import type { HttpClient, HttpDocument } from './http-client.ts';
import { HttpFailure } from './http-failure.ts';
import { NotJsonError } from './json-text.ts';
import { publicUrl } from './redact.ts';
import type { Cloud } from './snapshot.ts';
import type { DownloadSource } from './source-config.ts';

/** The ways to find the newest file, in the order in which they are tried. */
export type DownloadStrategy = 'page data' | 'page links' | 'latest file' | 'date search';

/** A file and the way to it. */
export interface FoundFile {
  /** As it was asked for; it may hold secrets. */
  readonly url: string;
  readonly name: string;
  readonly strategy: DownloadStrategy;
}

export interface DownloadRequest<T> {
  readonly cloud: Cloud;
  readonly source: DownloadSource;
  readonly client: HttpClient;
  /** YYYY-MM-DD: where the search by date begins. */
  readonly today: string;
  readonly report: (line: string) => void;
  /**
   * Parses what came. NotJsonError lets the next strategy try; any other FeedError ends the search, for
   * an older file must not take the place of a newer one that is wrong.
   */
  readonly accept: (document: HttpDocument, found: FoundFile) => T;
}

/** At most this many links of one page are tried, newest first. */
const MOST_LINKS = 3;

/** A `…_Latest.json` that was last modified longer ago is told: it has been three months old before (2025-05-22). */
const LATEST_IS_OLD_AFTER_DAYS = 21;

/**
 * Finds and gets the newest weekly file of a cloud, by the four strategies in their order.
 * @throws FeedError with every attempt, if none succeeds
 */
export async function download<T>(request: DownloadRequest<T>): Promise<T> {
  const search = new Search(request);
  const found = (await search.fromPages()) ?? (await search.fromLatest()) ?? (await search.fromDates());
  if (found !== undefined) return found.accepted;
  throw new FeedError(`cannot fetch the ${request.cloud} feed: no strategy found a usable file`, [
    ...search.attempts,
    {
      where: 'next',
      what: 'fetch the file by hand and pass it with --feed FILE, or use --offline for the newest cached one',
    },
  ]);
}

/** What `accept` made of a file. */
interface Downloaded<T> {
  readonly accepted: T;
}

class Search<T> {
  readonly #request: DownloadRequest<T>;
  readonly #stem: string;
  readonly #pages: readonly string[];
  readonly #directory: string;
  /** Whether a configured mirror speaks http; else a link never leads down from https. */
  readonly #plainHttp: boolean;
  readonly #tried = new Set<string>();
  readonly attempts: Problem[] = [];

  constructor(request: DownloadRequest<T>) {
    this.#request = request;
    const facts = CLOUDS[request.cloud];
    this.#stem = facts.fileStem;
    this.#pages = pagesOf(request.source, facts.pageId);
    const directory = request.source.directory ?? facts.directory;
    this.#directory = directory.endsWith('/') ? directory : `${directory}/`;
    this.#plainHttp = [...this.#pages, this.#directory].some((url) => url.startsWith('http:'));
  }

  async fromPages(): Promise<Downloaded<T> | undefined> {
    for (const page of this.#pages) {
      const html = await this.#page(page);
      if (html === undefined) continue;
      const where = publicUrl(page);
      const data = linksInPageData(html, this.#stem);
      const found =
        (await this.#firstOf('page data', data.links, where, data.reason)) ??
        (await this.#fromMarkup(html, where));
      if (found !== undefined) return found;
    }
    return undefined;
  }

  async #fromMarkup(html: string, where: string): Promise<Downloaded<T> | undefined> {
    const { links, reason } = linksInMarkup(html, this.#stem);
    return await this.#firstOf('page links', links, where, reason);
  }

  async fromLatest(): Promise<Downloaded<T> | undefined> {
    const name = `${this.#stem}_Latest.json`;
    const result = await this.#file('latest file', this.#directory + name, name);
    return typeof result === 'object' ? result : undefined;
  }

  async fromDates(): Promise<Downloaded<T> | undefined> {
    const dates = candidateDates(this.#request.today);
    for (const [index, date] of dates.entries()) {
      const name = `${this.#stem}_${date.replaceAll('-', '')}.json`;
      const result = await this.#file('date search', this.#directory + name, name, true);
      if (typeof result === 'object') return result;
      if (result === 'absent') continue;
      const rest = dates.length - index - 1;
      if (rest > 0) this.#failed('date search', this.#directory, `${rest} more dates are not tried`);
      return undefined;
    }
    this.#failed(
      'date search',
      this.#directory,
      `there is no ${this.#stem}_<date>.json for ${dates.length} days back from ${this.#request.today}`,
    );
    return undefined;
  }

  async #page(url: string): Promise<string | undefined> {
    try {
      const { body } = await this.#request.client.get(url, { accept: 'text/html,application/xhtml+xml' });
      return new TextDecoder().decode(body);
    } catch (error) {
      this.#failed('page', publicUrl(url), reasonOf(error));
      return undefined;
    }
  }

  async #firstOf(
    strategy: DownloadStrategy,
    links: readonly PageLink[],
    where: string,
    reason = '',
  ): Promise<Downloaded<T> | undefined> {
    if (links.length === 0) this.#failed(strategy, where, reason);
    for (const { url, name } of links.slice(0, MOST_LINKS)) {
      const result = await this.#file(strategy, url, name);
      if (typeof result === 'object') return result;
    }
    return undefined;
  }

  /** The file, or whether it is not there (HTTP 404) or could not be had. */
  async #file(
    strategy: DownloadStrategy,
    url: string,
    name: string,
    mayBeAbsent = false,
  ): Promise<Downloaded<T> | 'absent' | 'failed'> {
    if (this.#tried.has(url)) return 'failed';
    this.#tried.add(url);
    if (url.startsWith('http:') && !this.#plainHttp) {
      this.#failed(strategy, publicUrl(url), 'the link is not https; it is not followed');
      return 'failed';
    }
    const { client, accept, report } = this.#request;
    try {
      const document = await client.get(url, { accept: 'application/json' });
      const accepted = accept(document, { url, name, strategy });
      if (strategy === 'latest file') this.#reportAge(name, document.lastModified);
      report(`${strategy}: ${publicUrl(url)}`);
      return { accepted };
    } catch (error) {
      if (mayBeAbsent && error instanceof HttpFailure && error.status === 404) return 'absent';
      this.#failed(strategy, publicUrl(url), reasonOf(error));
      return 'failed';
    }
  }

  #reportAge(name: string, lastModified: string | undefined): void {
    const time = Date.parse(lastModified ?? '');
    const { report, today } = this.#request;
    if (Number.isNaN(time)) {
      report(`${name}: the server does not say how old it is`);
      return;
    }
    const date = new Date(time).toISOString().slice(0, 10);
    const days = daysBetween(date, today);
    report(
      `${name}: last modified ${date}${days > LATEST_IS_OLD_AFTER_DAYS ? `, ${days} days ago: it may not be the latest` : ''}`,
    );
  }

  #failed(strategy: string, where: string, what: string): void {
    this.attempts.push({ where: `${strategy}: ${where}`, what });
    this.#request.report(`${strategy}: ${where}: ${what}`);
  }
}

/** The details page, then the confirmation page, which held the link before 2023-05 and at times later. */
function pagesOf({ page }: DownloadSource, id: number): readonly string[] {
  const details = page ?? 'https://www.microsoft.com/en-us/download/details.aspx';
  const withId = details.includes('?') ? details : `${details}?id=${id}`;
  return withId.includes('details.aspx')
    ? [withId, withId.replace('details.aspx', 'confirmation.aspx')]
    : [withId];
}

/** What to say of a failed attempt; errors that end the search are thrown on. */
function reasonOf(error: unknown): string {
  if (error instanceof HttpFailure)
    return error.next === undefined ? error.message : `${error.message} (${error.next})`;
  if (error instanceof NotJsonError) return error.problems.map(({ what }) => what).join('; ');
  throw error;
}

/** The published bytes of a document: uncompressed, however it was compressed. @throws NotJsonError */
export function publishedBytes(body: Uint8Array, name: string, maximum: number): Uint8Array {
  try {
    return gunzipIfNeeded(body, name, maximum);
  } catch (cause) {
    if (!(cause instanceof FeedError)) throw cause;
    throw new NotJsonError('the feed is not usable', cause.problems, { cause });
  }
}
