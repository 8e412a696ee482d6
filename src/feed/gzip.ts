import { gunzipSync } from 'node:zlib';
import { digits } from '../numbers.ts';
import { FeedError } from '../problem.ts';

/** Whether the bytes begin like a gzip member (RFC 1952), whatever the file is called. */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes.length > 2 && bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/**
 * The published bytes: uncompressed if they came gzipped, else as they came.
 * @param maximum bytes; more are refused before they are held
 * @throws FeedError
 */
export function gunzipIfNeeded(bytes: Uint8Array, where: string, maximum: number): Uint8Array {
  if (!isGzip(bytes)) return bytes;
  try {
    return gunzipSync(bytes, { maxOutputLength: maximum });
  } catch (cause) {
    const tooLarge = cause instanceof Error && 'code' in cause && cause.code === 'ERR_BUFFER_TOO_LARGE';
    const what = tooLarge
      ? `the content is larger than ${digits(maximum)} bytes when uncompressed`
      : 'the content is damaged gzip data';
    throw new FeedError('the feed is not usable', [{ where, what }], { cause });
  }
}
