// Aggregates a text file of prefixes, one a line, to standard output.
import { readFileSync, writeSync } from 'node:fs';
import { parsePrefixList } from '../../dist/net/prefix-list.js';

const { ipv4, ipv6 } = parsePrefixList(readFileSync(process.argv[2]));
for (const bytes of [ipv4.coverBytes(), ipv6.coverBytes()])
  for (let at = 0; at < bytes.length; ) at += writeSync(1, bytes, at);
