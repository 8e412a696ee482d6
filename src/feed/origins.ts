import { join } from 'node:path';
import type { OriginsConfig } from '../config/config.ts';
import { DualStackSet } from '../net/dual-stack-set.ts';
import { type Prefix, readPrefixText } from '../net/prefix.ts';
import { counted, digits } from '../numbers.ts';
import type { Announced } from '../policy/guards/origins.ts';
import { readRegularText } from '../regular-file.ts';
import { sha256 } from '../sha256.ts';
import type { HttpClient } from './http-client.ts';
import { HttpFailure } from './http-failure.ts';
import type { Environment } from './proxy.ts';
import { publicUrl } from './redact.ts';
import type { HttpConfig } from './source-config.ts';
import { writeWhole } from './whole-file.ts';

export interface OriginsRequest {
  readonly config: OriginsConfig;
  readonly http: HttpConfig;
  readonly cacheDirectory: string | undefined;
  readonly offline: boolean;
  readonly environment: Environment;
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly report: (line: string) => void;
}

/** A list is asked for again after so many milliseconds: routing tables are read every eight hours. */
const FRESH = 8 * 3_600_000;

/** The largest list that is read, in prefixes; a network of the largest announces some ten thousand. */
const MOST_PREFIXES = 200_000;

/** The shortest lengths that a network announces: a default route is nobody's. */
const SHORTEST = { 4: 8, 6: 16 } as const;

/** One list as it was read. */
interface OriginList {
  readonly prefixes: readonly Prefix[];
  readonly asOf: string | undefined;
}

/** A list as it is kept. */
interface Kept {
  /** Milliseconds since 1970. */
  readonly fetchedAt: number;
  readonly etag?: string | undefined;
  readonly lastModified?: string | undefined;
  readonly sha256: string;
  readonly text: string;
}

/** What is wrong with a list. */
class ListError extends Error {}

/**
 * Reads what the configured networks announce. A source that cannot be fetched, or whose list is damaged, gives the list
 * that was kept last, and without one says why: a second source never fails a run by itself.
 */
export async function loadOrigins(
  request: OriginsRequest,
): Promise<Announced | { readonly unavailable: string }> {
  const { config } = request;
  const { source, asns } = config;
  const lists: OriginList[] = [];
  try {
    if (source.kind === 'file') lists.push(parseOriginList(await readRegularText(source.path), source.path));
    else
      for (const url of new Set(asns.map((asn) => source.url.replaceAll('{asn}', `${asn}`))))
        lists.push(await loadList(url, request));
  } catch (error) {
    if (!(error instanceof ListError || error instanceof HttpFailure || source.kind === 'file')) throw error;
    return { unavailable: `the second source cannot be used: ${(error as Error).message}` };
  }
  const days = lists.flatMap(({ asOf }) => asOf ?? []).sort();
  const more = asns.length === 1 ? '' : ` and ${asns.length - 1} more`;
  return {
    name: config.set ?? `AS${asns[0]}${more}`,
    addresses: DualStackSet.fromPrefixes(lists.flatMap(({ prefixes }) => prefixes)),
    // The oldest list is what all of them together are worth.
    asOf: days.length === lists.length ? days[0] : undefined,
  };
}

async function loadList(url: string, request: OriginsRequest): Promise<OriginList> {
  const { cacheDirectory, offline, now, report } = request;
  const where = publicUrl(url);
  const directory = cacheDirectory === undefined ? undefined : join(cacheDirectory, 'origins');
  const path = directory === undefined ? undefined : join(directory, `${sha256(url).slice(0, 16)}.json`);
  const kept = path === undefined ? undefined : await readKept(path);
  if (kept !== undefined && (offline || (now >= kept.fetchedAt && now - kept.fetchedAt < FRESH)))
    return parseOriginList(kept.text, where);
  if (offline) throw new ListError(`nothing is kept of ${where}, and this run is offline`);
  try {
    const client = await clientFor(url, request);
    const document = await client.get(url, {
      accept: 'application/json, text/plain;q=0.9',
      finalStatuses: [429],
      etag: kept?.etag,
      lastModified: kept?.lastModified,
    });
    const text =
      document.unchanged && kept !== undefined ? kept.text : new TextDecoder().decode(document.body);
    const list = parseOriginList(text, where);
    if (kept !== undefined) requireWhole(list, parseOriginList(kept.text, where), where);
    if (path !== undefined) {
      const next: Kept = {
        fetchedAt: now,
        // An answer that nothing changed need not repeat them.
        etag: document.etag ?? (document.unchanged ? kept?.etag : undefined),
        lastModified: document.lastModified ?? (document.unchanged ? kept?.lastModified : undefined),
        sha256: sha256(text),
        text,
      };
      await writeWhole(path, JSON.stringify(next), directory!).catch(() =>
        report(`${path}: the list is not kept: the file cannot be written`),
      );
    }
    return list;
  } catch (error) {
    if (!(error instanceof ListError || error instanceof HttpFailure)) throw error;
    const message = error instanceof HttpFailure ? `${where}: ${error.message}` : error.message;
    if (kept === undefined) throw new ListError(message, { cause: error });
    report(
      `origins: ${message}; the list kept on ${new Date(kept.fetchedAt).toISOString().slice(0, 10)} is used`,
    );
    return parseOriginList(kept.text, where);
  }
}

/** A list that loses half of what it had is half a list; the one that was kept says more. */
function requireWhole(list: OriginList, before: OriginList, where: string): void {
  if (list.prefixes.length * 2 < before.prefixes.length)
    throw new ListError(
      `${where}: has ${counted(list.prefixes.length, 'prefix', 'prefixes')} and had ${digits(before.prefixes.length)}: it looks incomplete`,
    );
}

/**
 * Reads a list of announced prefixes: JSON as RIPEstat gives it (https://stat.ripe.net/docs/data-api/api-endpoints/announced-prefixes), or
 * as `bgpq4 -j` writes it, or one CIDR a line with `#` comments. What was announced at some time of the queried two weeks counts.
 * @throws Error that names the place, for anything else and for an empty list
 */
export function parseOriginList(text: string, where: string): OriginList {
  const list = text.trimStart().startsWith('{') ? fromJson(text, where) : fromLines(text, where);
  if (list.prefixes.length === 0) throw new ListError(`${where}: the list is empty`);
  return list;
}

function fromLines(text: string, where: string): OriginList {
  const prefixes = text.split(/\r?\n/).flatMap((line, index) => {
    const entry = line.replace(/#.*/, '').trim();
    return entry === '' ? [] : [prefixOf(entry, `${where}:${index + 1}`)];
  });
  return { prefixes: withinBound(prefixes, where), asOf: undefined };
}

function fromJson(text: string, where: string): OriginList {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    throw new ListError(`${where}: is no JSON: ${(error as Error).message}`, { cause: error });
  }
  const { status, messages, data } = document as {
    status?: unknown;
    messages?: unknown;
    data?: { prefixes?: unknown; query_endtime?: unknown; latest_time?: unknown };
  };
  if (status !== undefined && status !== 'ok')
    throw new ListError(
      `${where}: the service answers with status ${JSON.stringify(status)}: ${JSON.stringify(messages ?? '').slice(0, 200)}`,
    );
  const time = data?.query_endtime ?? data?.latest_time;
  const entries =
    data === undefined
      ? Object.values(document as object).flatMap((list) => (Array.isArray(list) ? list : []))
      : data.prefixes;
  if (!Array.isArray(entries)) throw new ListError(`${where}: has no list data.prefixes`);
  const prefixes = withinBound(entries, where).map((entry, index) => {
    const { prefix } = (entry ?? {}) as { prefix?: unknown };
    if (typeof prefix !== 'string') throw new ListError(`${where}: entry ${index + 1} has no prefix`);
    return prefixOf(prefix, `${where}: entry ${index + 1}`);
  });
  return {
    prefixes,
    asOf: typeof time === 'string' && /^\d{4}-\d{2}-\d{2}/.test(time) ? time.slice(0, 10) : undefined,
  };
}

function withinBound<Entry>(entries: readonly Entry[], where: string): readonly Entry[] {
  if (entries.length > MOST_PREFIXES)
    throw new ListError(`${where}: has ${digits(entries.length)} prefixes, ${digits(MOST_PREFIXES)} at most`);
  return entries;
}

function prefixOf(text: string, where: string): Prefix {
  const prefix = readPrefixText(text);
  if (prefix === undefined) throw new ListError(`${where}: ${JSON.stringify(text.slice(0, 60))} is no CIDR`);
  if (prefix.length < SHORTEST[prefix.family])
    throw new ListError(`${where}: ${text} is broader than any network announces`);
  return prefix;
}

/** Undefined if nothing is kept, or if it is damaged: it is fetched again then. */
async function readKept(path: string): Promise<Kept | undefined> {
  try {
    const value = JSON.parse(await readRegularText(path)) as Partial<Kept>;
    const isWhole =
      typeof value.fetchedAt === 'number' &&
      typeof value.text === 'string' &&
      value.sha256 === sha256(value.text);
    return isWhole ? (value as Kept) : undefined;
  } catch {
    return undefined;
  }
}

async function clientFor(url: string, { http, environment, report }: OriginsRequest): Promise<HttpClient> {
  const { createHttpClient } = await import('./http-client.ts');
  return createHttpClient({
    config: http,
    allowedHosts: [new URL(url).hostname, ...(http.allowedHosts ?? [])],
    environment,
    report,
  });
}
