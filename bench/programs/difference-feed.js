// Writes what a second weekly file adds to the first, and what it removes, over all tags.
import { writeSync } from 'node:fs';
import { readFeedPrefixes } from './feed-prefixes.js';

const before = readFeedPrefixes(process.argv[2]);
const after = readFeedPrefixes(process.argv[3]);
for (const [a, b] of [
  [after, before],
  [before, after],
]) {
  writeSync(1, a.ipv4.difference(b.ipv4).coverBytes());
  writeSync(1, a.ipv6.difference(b.ipv6).coverBytes());
  writeSync(1, '\n');
}
