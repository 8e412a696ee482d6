import { createHash } from 'node:crypto';
import { comparePrefixes, formatPrefix, type Prefix } from '../net/prefix.ts';
import type { Cloud, ServiceTag } from './snapshot.ts';

/**
 * SHA-256 (hex) of what a week says: cloud, tags by name, each with region, service, platform and its
 * prefixes in numeric order. Change numbers are left out, for they move without content and content
 * moves without them (public, 2025-03-03).
 * @param textOf a prefix's canonical text, where the caller knows it already
 */
export function contentDigest(
  cloud: Cloud,
  tags: Iterable<ServiceTag>,
  textOf: (prefix: Prefix) => string = formatPrefix,
): string {
  const hash = createHash('sha256').update(`azure-allowlist snapshot 1\n${cloud}\n`);
  const sorted = [...tags].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  for (const { name, id, region, systemService, platform, prefixes } of sorted) {
    const lines = [...prefixes].sort(comparePrefixes).map(textOf);
    hash.update(`${JSON.stringify([name, id, region, systemService, platform])}\n${lines.join('\n')}\n`);
  }
  return hash.digest('hex');
}
