import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { counted, digits } from '../numbers.ts';
import { ConfigurationError, FeedError } from '../problem.ts';
import { readRegularFile } from '../regular-file.ts';
import { sha256 } from '../sha256.ts';
import { MICROSOFT_HOSTS } from './allowed-hosts.ts';
import { type CacheRecord, dayOf, FeedCache } from './cache.ts';
import { withCache } from './cached-client.ts';
import { download, publishedBytes } from './download.ts';
import { daysBetween, fileDateOf } from './file-date.ts';
import { gunzipIfNeeded } from './gzip.ts';
import type { HttpClient, HttpDocument } from './http-client.ts';
import { HttpFailure } from './http-failure.ts';
import { parseServiceTags } from './parse.ts';
import { isPublicIpsXml, parsePublicIpsXml } from './parse-xml.ts';
import type { Environment } from './proxy.ts';
import { publicUrl } from './redact.ts';
import type { Cloud, FeedSource, Snapshot, TagNames } from './snapshot.ts';
import { API_DEFAULTS, type FeedSourceConfig, HTTP_DEFAULTS, type HttpConfig } from './source-config.ts';

export interface FeedRequest {
  readonly cloud: Cloud;
  /** Default: `{ kind: 'download' }`. */
  readonly source?: FeedSourceConfig;
  readonly http?: HttpConfig;
  /** `--feed FILE|URL`: used instead of `source`. */
  readonly override?: string;
  /** Where fetched files are kept; none are kept without it. */
  readonly cacheDirectory?: string;
  /** The service tags that rules use: what is wrong in others is noted and left out. Without it all are read strictly. */
  readonly used?: TagNames;
  /**
   * SHA-256 of the published bytes that are in force. The answer that a document is unchanged is asked for them alone: a cache
   * is a folder that others may have written to. Without it every record that is whole may be asked for.
   */
  readonly inForce?: () => Promise<string | undefined>;
  /** How many fetched files are kept for each cloud. Default 12. */
  readonly cachedFiles?: number;
  /** Use the newest cached file, and no network. */
  readonly offline?: boolean;
  /** For HTTPS_PROXY, NO_PROXY, NODE_EXTRA_CA_CERTS and the variable that holds a token. */
  readonly environment: Environment;
  /** YYYY-MM-DD */
  readonly today: string;
  /** Told about each attempt, without secrets. */
  readonly report: (line: string) => void;
}

/** A feed, and where it came from. */
export interface ParsedFeed {
  readonly snapshot: Snapshot;
  readonly source: FeedSource;
}

export interface LoadedFeed extends ParsedFeed {
  /** What it was parsed from, and what its problems name as the place. */
  readonly readFrom: { readonly bytes: Uint8Array; readonly where: string };
}

/**
 * Gets the feed of a cloud from where the configuration, or `--feed`, says.
 * @throws FeedError if it cannot be fetched or is not usable; ConfigurationError for an unusable proxy or CA
 */
export async function loadFeed(request: FeedRequest): Promise<LoadedFeed> {
  const source = effectiveSource(request);
  switch (source.kind) {
    case 'file':
      return await loadFile(request, source.path);
    case 'xml':
      return isUrl(source.location)
        ? await loadUrl(request, source.location)
        : await loadFile(request, source.location);
    case 'url':
      return await loadUrl(request, source.url);
    case 'download':
      return await loadDownload(request, source);
    case 'api':
      return await loadApi(request, source);
  }
}

function effectiveSource({ override, source }: FeedRequest): FeedSourceConfig {
  if (override === undefined) return source ?? { kind: 'download' };
  if (!isUrl(override)) {
    if (/^[a-z][a-z0-9+.-]+:\/\//i.test(override))
      throw new ConfigurationError(
        `--feed ${publicUrl(override)}: a file, or a URL that begins with http:// or https://`,
      );
    return { kind: 'file', path: override };
  }
  if (!URL.canParse(override)) throw new ConfigurationError(`--feed ${publicUrl(override)}: not a URL`);
  return { kind: 'url', url: override };
}

function isUrl(text: string): boolean {
  return /^https?:\/\//i.test(text);
}

async function loadFile(request: FeedRequest, path: string): Promise<LoadedFeed> {
  const maximum = (request.http?.maximumMegabytes ?? HTTP_DEFAULTS.maximumMegabytes) * 1024 * 1024;
  const name = basename(path);
  let bytes: Uint8Array;
  try {
    const { size } = await stat(path);
    if (size > maximum)
      throw new FeedError('the feed is not usable', [
        { where: path, what: `the file has ${counted(size, 'byte')}, more than ${digits(maximum)}` },
      ]);
    bytes = await readRegularFile(path);
  } catch (cause) {
    if (cause instanceof FeedError) throw cause;
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
    const kind = cause instanceof Error && 'kind' in cause ? String(cause.kind) : undefined;
    const what =
      code === 'ENOENT'
        ? 'there is no such file'
        : kind === undefined
          ? `the file cannot be read (${code})`
          : `is ${kind}, not a file`;
    throw new FeedError('the feed cannot be read', [{ where: path, what }], { cause });
  }
  const published = gunzipIfNeeded(bytes, path, maximum);
  return readPublished(published, path, request, { kind: 'file', name });
}

async function loadUrl(request: FeedRequest, url: string): Promise<LoadedFeed> {
  return await fetched(request, `url:${sha256(url)}`, [url], async (client) => {
    const name = basename(new URL(publicUrl(url)).pathname);
    const document = await client.get(url, { accept: 'application/json' });
    const published = publishedBytes(document.body, name, client.maximumBytes);
    const source = { kind: 'url', name, url: publicUrl(url) } as const;
    return { ...readPublished(published, name, request, source), published, document, url };
  });
}

async function loadDownload(
  request: FeedRequest,
  source: Extract<FeedSourceConfig, { kind: 'download' }>,
): Promise<LoadedFeed> {
  if (request.cloud === 'germany' && source.page === undefined && source.directory === undefined)
    throw new FeedError('cannot fetch the germany feed', [
      {
        where: 'feed.source',
        what: 'the cloud closed; its last file is of 2022-03-07 and its page is gone',
        next: 'use a file of your own: source: { kind: file, path: … }',
      },
    ]);
  const configured = [source.page, source.directory].filter((url) => url !== undefined);
  const { cloud, today, report } = request;
  return await fetched(request, 'download', configured, async (client) =>
    download<Fetched>({
      cloud,
      source,
      client,
      today,
      report,
      accept: (document, { url, name, strategy }) => {
        const published = publishedBytes(document.body, name, client.maximumBytes);
        const described = { kind: 'download', name, url: publicUrl(url), strategy } as const;
        return { ...readPublished(published, name, request, described), published, document, url };
      },
    }),
  );
}

async function loadApi(
  request: FeedRequest,
  source: Extract<FeedSourceConfig, { kind: 'api' }>,
): Promise<LoadedFeed> {
  const { apiUrl, getServiceTagPages, API_DIFFERENCES } = await import('./service-tag-api.ts');
  const { readSecret } = await import('./secret.ts');
  const first = apiUrl(source, request.cloud);
  const key = `api:${sha256(first.href)}`;
  request.report(API_DIFFERENCES);
  return await fetched(request, key, [first.href], async (client) => {
    const token = await readSecret(
      source.token ?? API_DEFAULTS.token,
      request.environment,
      'feed.source.token',
    );
    const published = new TextEncoder().encode(await getServiceTagPages(client, first, token));
    const described = { kind: 'api', name: 'serviceTags', url: publicUrl(first) } as const;
    return { ...readPublished(published, 'serviceTags', request, described), published, url: first.href };
  });
}

/** What was fetched, with what the cache needs to know of it. */
interface Fetched extends LoadedFeed {
  readonly published: Uint8Array;
  readonly document?: HttpDocument;
  /** As it was asked for. */
  readonly url: string;
}

/** Fetches through the cache, or takes the newest cached file when offline. */
async function fetched(
  request: FeedRequest,
  key: string,
  urls: readonly string[],
  fetch: (client: HttpClient) => Promise<Fetched>,
): Promise<LoadedFeed> {
  const cache =
    request.cacheDirectory === undefined ? undefined : new FeedCache(request.cacheDirectory, request.report);
  const records = (await cache?.records(request.cloud)) ?? [];
  if (request.offline === true)
    return await newestCached(
      request,
      cache,
      records.filter((record) => record.key === key),
    );
  try {
    const client = await clientFor(request, urls);
    const trusted = await trustedRecords(request, records);
    const feed = await fetch(cache === undefined ? client : withCache(client, cache, trusted));
    await cache?.store(recordOf(request, key, feed), feed.published, request.cachedFiles);
    return { snapshot: feed.snapshot, source: feed.source, readFrom: feed.readFrom };
  } catch (error) {
    throw error instanceof HttpFailure ? unavailable(publicUrl(urls[0] ?? key), error) : error;
  }
}

async function trustedRecords(
  { inForce }: FeedRequest,
  records: readonly CacheRecord[],
): Promise<readonly CacheRecord[]> {
  if (inForce === undefined || records.length === 0) return records;
  const sha = await inForce();
  return records.filter(({ source }) => source.sha256 === sha);
}

async function newestCached(
  request: FeedRequest,
  cache: FeedCache | undefined,
  records: readonly CacheRecord[],
): Promise<LoadedFeed> {
  for (const record of records) {
    const bytes = await cache?.read(record);
    if (bytes === undefined) continue;
    const { fileDate, size, sha256, ...described } = record.source;
    const days = daysBetween(dayOf(record), request.today);
    request.report(
      `offline: ${record.source.name} of ${dayOf(record)}, ${days === 1 ? '1 day' : `${days} days`} old, fetched ${record.fetchedOn}`,
    );
    return readPublished(bytes, record.source.name, request, described);
  }
  throw new FeedError('the feed is not available offline', [
    {
      where: request.cacheDirectory ?? 'the cache',
      what: `no file of the cloud ${request.cloud} from this source is in the cache`,
      next: 'run once without --offline',
    },
  ]);
}

function recordOf(
  request: FeedRequest,
  key: string,
  { snapshot, source, document, url }: Fetched,
): CacheRecord {
  return {
    version: 1,
    cloud: snapshot.cloud,
    key,
    requestSha256: sha256(url),
    source,
    changeNumber: snapshot.changeNumber,
    contentSha256: snapshot.contentSha256,
    ...(document?.etag === undefined ? {} : { etag: document.etag }),
    ...(document?.lastModified === undefined ? {} : { lastModified: document.lastModified }),
    fetchedOn: request.today,
  };
}

async function clientFor(request: FeedRequest, urls: readonly string[]): Promise<HttpClient> {
  const { createHttpClient } = await import('./http-client.ts');
  const configured = urls.filter((url) => URL.canParse(url)).map((url) => new URL(url).hostname);
  return createHttpClient({
    config: request.http ?? {},
    allowedHosts: [...MICROSOFT_HOSTS, ...configured, ...(request.http?.allowedHosts ?? [])],
    environment: request.environment,
    report: request.report,
  });
}

/** Parses published bytes by what they are, JSON or the older XML, and describes their source. */
export function readPublished(
  published: Uint8Array,
  where: string,
  { cloud, used }: Pick<FeedRequest, 'cloud' | 'used'>,
  source: Omit<FeedSource, 'size' | 'sha256' | 'fileDate'>,
): LoadedFeed {
  const isXml = isPublicIpsXml(new TextDecoder().decode(published.subarray(0, 1000)));
  const snapshot = isXml
    ? parsePublicIpsXml(published, where, cloud)
    : parseServiceTags(published, where, {
        cloud,
        used,
        ...(source.kind === 'api' ? { dialect: 'api' } : {}),
      });
  return {
    snapshot,
    readFrom: { bytes: published, where },
    source: {
      ...source,
      kind: isXml ? 'xml' : source.kind,
      fileDate: fileDateOf(source.name),
      size: published.length,
      sha256: sha256(published),
    },
  };
}

function unavailable(url: string, failure: HttpFailure): FeedError {
  const { message, next } = failure;
  return new FeedError(
    'cannot fetch the feed',
    [{ where: url, what: message, ...(next === undefined ? {} : { next }) }],
    { cause: failure },
  );
}
