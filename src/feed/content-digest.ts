import { createHash } from 'node:crypto';
import { comparePrefixes, formatPrefix } from '../net/prefix.ts';
import type { Cloud, ServiceTag } from './snapshot.ts';

/** The canonical texts of a tag's prefixes in numeric order, where they are known; undefined for other tags. */
export type LinesOfTag = (tag: ServiceTag) => readonly string[] | undefined;

/**
 * SHA-256 (hex) of what a week says: cloud, tags by name, each with region, service, platform and its
 * prefixes in numeric order. Change numbers are left out, for they move without content and content
 * moves without them (public, 2025-03-03).
 */
export function contentDigest(
  cloud: Cloud,
  tags: Iterable<ServiceTag>,
  linesOf: LinesOfTag = () => undefined,
): string {
  const hash = createHash('sha256').update(`azure-allowlist snapshot 1\n${cloud}\n`);
  const sorted = [...tags].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  for (const tag of sorted) {
    const { name, id, region, systemService, platform } = tag;
    const lines = linesOf(tag) ?? tag.prefixes.toSorted(comparePrefixes).map(formatPrefix);
    hash.update(`${JSON.stringify([name, id, region, systemService, platform])}\n${lines.join('\n')}\n`);
  }
  return hash.digest('hex');
}
