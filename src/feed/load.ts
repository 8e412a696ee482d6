import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { FeedError } from '../problem.ts';
import { MICROSOFT_HOSTS } from './allowed-hosts.ts';
import { download, publishedBytes } from './download.ts';
import { fileDateOf } from './file-date.ts';
import { gunzipIfNeeded } from './gzip.ts';
import type { HttpClient } from './http-client.ts';
import { HttpFailure } from './http-failure.ts';
import { parseServiceTags } from './parse.ts';
import { isPublicIpsXml, parsePublicIpsXml } from './parse-xml.ts';
import type { Environment } from './proxy.ts';
import { publicUrl } from './redact.ts';
import type { Cloud, FeedSource, Snapshot } from './snapshot.ts';
import { type FeedSourceConfig, HTTP_DEFAULTS, type HttpConfig } from './source-config.ts';

export interface FeedRequest {
  readonly cloud: Cloud;
  /** Default: `{ kind: 'download' }`. */
  readonly source?: FeedSourceConfig;
  readonly http?: HttpConfig;
  /** `--feed FILE|URL`: used instead of `source`. */
  readonly override?: string;
  /** Where fetched files are kept; none are kept without it. */
  readonly cacheDirectory?: string;
  /** Use the newest cached file, and no network. */
  readonly offline?: boolean;
  /** For HTTPS_PROXY, NO_PROXY, NODE_EXTRA_CA_CERTS and the variable that holds a token. */
  readonly environment: Environment;
  /** YYYY-MM-DD */
  readonly today: string;
  /** Told about each attempt, without secrets. */
  readonly report: (line: string) => void;
}

export interface LoadedFeed {
  readonly snapshot: Snapshot;
  readonly source: FeedSource;
}

/**
 * Gets the feed of a cloud from where the configuration, or `--feed`, says.
 * @throws FeedError if it cannot be had or is not usable; ConfigurationError for an unusable proxy or CA
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
      throw new FeedError('the Service Tag Discovery API is not supported yet');
  }
}

function effectiveSource({ override, source }: FeedRequest): FeedSourceConfig {
  if (override === undefined) return source ?? { kind: 'download' };
  return isUrl(override) ? { kind: 'url', url: override } : { kind: 'file', path: override };
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
        { where: path, what: `the file has ${size} bytes, more than ${maximum}` },
      ]);
    bytes = await readFile(path);
  } catch (cause) {
    if (cause instanceof FeedError) throw cause;
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
    const what = code === 'ENOENT' ? 'there is no such file' : `the file cannot be read (${code})`;
    throw new FeedError('the feed cannot be read', [{ where: path, what }], { cause });
  }
  const published = gunzipIfNeeded(bytes, path, maximum);
  return understood(published, path, request.cloud, { kind: 'file', name });
}

async function loadUrl(request: FeedRequest, url: string): Promise<LoadedFeed> {
  const client = await clientFor(request, [url]);
  const shown = publicUrl(url);
  const name = basename(new URL(shown).pathname);
  try {
    const { body } = await client.get(url, { accept: 'application/json' });
    const published = publishedBytes(body, name, client.maximumBytes);
    return understood(published, name, request.cloud, { kind: 'url', name, url: shown });
  } catch (error) {
    throw error instanceof HttpFailure ? unavailable(shown, error) : error;
  }
}

async function loadDownload(
  request: FeedRequest,
  source: Extract<FeedSourceConfig, { kind: 'download' }>,
): Promise<LoadedFeed> {
  if (request.cloud === 'germany' && source.page === undefined && source.directory === undefined)
    throw new FeedError('the germany feed cannot be had', [
      {
        where: 'feed.source',
        what: 'the cloud closed; its last file is of 2022-03-07 and its page is gone',
        next: 'use a file of your own: source: { kind: file, path: … }',
      },
    ]);
  const configured = [source.page, source.directory].filter((url) => url !== undefined);
  const client = await clientFor(request, configured);
  const { accepted } = await download<LoadedFeed>({
    cloud: request.cloud,
    source,
    client,
    today: request.today,
    report: request.report,
    known: () => ({}),
    accept: ({ body, url }, name, strategy) => {
      const published = publishedBytes(body, name, client.maximumBytes);
      return understood(published, name, request.cloud, { kind: 'download', name, url, strategy });
    },
  });
  return accepted;
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
function understood(
  published: Uint8Array,
  where: string,
  cloud: Cloud,
  source: Omit<FeedSource, 'size' | 'sha256' | 'fileDate'>,
): LoadedFeed {
  const isXml = isPublicIpsXml(new TextDecoder().decode(published.subarray(0, 1000)));
  const snapshot = isXml
    ? parsePublicIpsXml(published, where, cloud)
    : parseServiceTags(published, where, cloud);
  return {
    snapshot,
    source: {
      ...source,
      kind: isXml ? 'xml' : source.kind,
      fileDate: fileDateOf(source.name),
      size: published.length,
      sha256: createHash('sha256').update(published).digest('hex'),
    },
  };
}

function unavailable(url: string, failure: HttpFailure): FeedError {
  const { message, next } = failure;
  return new FeedError(
    'the feed cannot be had',
    [{ where: url, what: message, ...(next === undefined ? {} : { next }) }],
    { cause: failure },
  );
}
