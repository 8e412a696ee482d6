// Aggregates all tags of a weekly file (uncompressed JSON) to standard output.
import { writeSync } from 'node:fs';
import { readFeedPrefixes } from './feed-prefixes.js';

const { ipv4, ipv6 } = readFeedPrefixes(process.argv[2]);
writeSync(1, ipv4.coverBytes());
writeSync(1, ipv6.coverBytes());
