import { readFileSync } from 'node:fs';
import { AddressSet } from '../../dist/net/address-set.js';
import { Ipv4Ranges } from '../../dist/net/ipv4-ranges.js';
import { Ipv6Ranges } from '../../dist/net/ipv6-ranges.js';
import { PrefixReader } from '../../dist/net/prefix-bytes.js';

const QUOTE = 34;
const COMMA = 44;
const CLOSE = 93;

/**
 * All prefixes of a weekly file, read from its bytes without a JSON tree: three quarters of what JSON.parse
 * builds is thrown away here. Returns the sets of both families.
 */
export function readFeedPrefixes(path) {
  const bytes = readFileSync(path);
  const ipv4 = new Ipv4Ranges(1 << 17);
  const ipv6 = new Ipv6Ranges(1 << 15);
  const reader = new PrefixReader();
  const key = Buffer.from('"addressPrefixes"');
  // From the end of one string to the beginning of the next, as it was last time.
  let gap = 1;
  for (let at = bytes.indexOf(key); at >= 0; at = bytes.indexOf(key, at)) {
    const from = at + key.length;
    at = nextQuote(bytes, from);
    while (at >= 0) {
      if (!reader.read(bytes, at + 1) || bytes[reader.end] !== QUOTE)
        throw new Error(`no prefix at byte ${at + 1} of ${path}`);
      const { end } = reader;
      if (reader.family === 4) {
        const first = reader.words[0];
        ipv4.add(first, first | (2 ** (32 - reader.length) - 1));
      } else ipv6.addPrefix(reader.words, 0, reader.length);
      if (bytes[end + 1] === COMMA && bytes[end + gap] === QUOTE) at = end + gap;
      else {
        at = nextQuote(bytes, end + 1);
        if (at >= 0) gap = at - end;
      }
    }
    at = Math.max(from, reader.end);
  }
  return { ipv4: AddressSet.fromCollected(ipv4), ipv6: AddressSet.fromCollected(ipv6) };
}

/** The next string of the array, or −1 at its end. */
function nextQuote(bytes, start) {
  for (let at = start; ; at++) {
    if (bytes[at] === QUOTE) return at;
    if (bytes[at] === CLOSE || at >= bytes.length) return -1;
  }
}
