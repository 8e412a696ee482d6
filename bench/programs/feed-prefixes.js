import { readFileSync } from 'node:fs';
import { parsePrefixArrays } from '../../dist/net/prefix-list.js';

/** All prefixes of a weekly file: the sets of both families. */
export function readFeedPrefixes(path) {
  return parsePrefixArrays(readFileSync(path), 'addressPrefixes');
}
