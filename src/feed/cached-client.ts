import { sha256 } from '../sha256.ts';
import type { CacheRecord, FeedCache } from './cache.ts';
import type { HttpClient, HttpDocument, HttpRequest } from './http-client.ts';

/**
 * A client that asks for a document it has in the cache only if it has changed, and answers an unchanged one
 * from there. A damaged cache entry is asked for in full.
 */
export function withCache(client: HttpClient, cache: FeedCache, records: readonly CacheRecord[]): HttpClient {
  return {
    maximumBytes: client.maximumBytes,
    async get(url: string, request: HttpRequest = {}): Promise<HttpDocument> {
      const requestSha256 = sha256(url);
      const record = records.find(
        (candidate) =>
          candidate.requestSha256 === requestSha256 &&
          (candidate.etag !== undefined || candidate.lastModified !== undefined),
      );
      const bytes = record === undefined ? undefined : await cache.read(record);
      if (record === undefined || bytes === undefined) return await client.get(url, request);
      const { etag, lastModified } = record;
      const document = await client.get(url, { ...request, etag, lastModified });
      return document.unchanged
        ? {
            ...document,
            body: bytes,
            etag: document.etag ?? etag,
            lastModified: document.lastModified ?? lastModified,
          }
        : document;
    },
  };
}
