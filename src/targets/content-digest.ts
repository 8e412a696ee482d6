import { createHash } from 'node:crypto';
import type { RuleFile } from './render.ts';

/**
 * What a template writes where the digest of its own file shall stand: as long as the digest, so that lines break
 * in the same places.
 */
export const DIGEST_PLACE = 'digest-of-this-file-'.padEnd(64, '.');

/**
 * Puts into every file that asks for it the SHA-256 of that file's text without the digest: a file changes exactly
 * when what it says changes, whatever becomes of the files beside it.
 */
export function withContentDigest({ path, text }: RuleFile): RuleFile {
  if (!text.includes(DIGEST_PLACE)) return { path, text };
  const digest = createHash('sha256').update(text.replaceAll(DIGEST_PLACE, '')).digest('hex');
  return { path, text: text.replaceAll(DIGEST_PLACE, digest) };
}
