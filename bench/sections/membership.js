import { BlockList } from 'node:net';
import CIDRMatcher from 'cidr-matcher';
import IPCIDR from 'ip-cidr';
import ipRangeCheck from 'ip-range-check';
import { Netmask } from 'netmask';
import { formatIpv4 } from '../../dist/net/address.js';
import { AddressSet } from '../../dist/net/address-set.js';
import { formatPrefix, parsePrefix } from '../../dist/net/prefix.js';
import { median } from '../contest.js';
import { randomWords, readTags, syntheticIpv4, weeklyFiles } from '../inputs.js';
import { atLeast } from '../targets.js';

/** Is the address in the set? Half of the questions inside it, half anywhere. */
export async function run() {
  const file = weeklyFiles('20250818').at(0);
  const prefixes = (file ? readTags(file).get('AzureCloud') : syntheticIpv4(1e4)).filter(
    (text) => !text.includes(':'),
  );
  const set = AddressSet.fromPrefixes(4, prefixes.map(parsePrefix));
  const merged = set.cover().map(formatPrefix);
  const ranges = [...set.ranges()];
  const next = randomWords(5);
  const numbers = Uint32Array.from({ length: 1 << 16 }, (_, i) => {
    if (i % 2 === 0) return next();
    const { first, last } = ranges[next() % ranges.length];
    return Number(first) + (next() % Number(last - first + 1n));
  });
  // As a log has them: lines of one text. Strings put together one by one lie scattered in memory, and take longer.
  const texts = Array.from(numbers, formatIpv4).join('\n').split('\n');

  const blockList = (list) => {
    const result = new BlockList();
    for (const text of list) result.addSubnet(text.split('/')[0], Number(text.split('/')[1]), 'ipv4');
    return (i) => result.check(texts[i], 'ipv4');
  };
  const matcher = (list) => {
    const result = new CIDRMatcher(list);
    return (i) => result.contains(texts[i]);
  };
  const masks = merged.map((text) => new Netmask(text));
  const cidrs = merged.map((text) => new IPCIDR(text));
  const contestants = [
    ['azure-allowlist kernel, numeric', (i) => set.containsIpv4(numbers[i])],
    ['azure-allowlist kernel, text', (i) => set.containsIpv4Text(texts[i])],
    ['azure-allowlist kernel, bigint', (i) => set.contains(BigInt(numbers[i]))],
    ['cidr-matcher, merged', matcher(merged)],
    ['cidr-matcher, raw', matcher(prefixes)],
    ['node:net BlockList, merged', blockList(merged)],
    ['node:net BlockList, raw', blockList(prefixes)],
    ['netmask in a loop, merged', (i) => masks.some((mask) => mask.contains(texts[i]))],
    ['ip-cidr in a loop, merged', (i) => cidrs.some((cidr) => cidr.contains(texts[i]))],
    ['ip-range-check, merged', (i) => ipRangeCheck(texts[i], merged)],
  ];
  const rows = contestants.map(([name, ask]) => {
    process.stderr.write(`Membership: ${name}\n`);
    let wrong = 0;
    for (let i = 0; i < 200; i++) if (ask(i) !== set.contains(BigInt(numbers[i]))) wrong++;
    const rates = [];
    // Each round lasts at least 60 ms, in batches that grow until they do.
    let batch = 16;
    for (let round = 0; round < 9; ) {
      let found = 0;
      const begin = performance.now();
      for (let i = 0; i < batch; i++) if (ask(i & 0xffff)) found++;
      const time = performance.now() - begin;
      if (found < 0) throw new Error('the loop was not run');
      if (time < 60) batch *= 2;
      else {
        rates.push(batch / time / 1000);
        round++;
      }
    }
    return { name, rate: median(rates), verdict: wrong === 0 ? 'same answer' : `WRONG in ${wrong} of 200` };
  });
  for (const row of rows) row.ratio = rows[0].rate / row.rate;
  return [
    {
      title: 'Membership: AzureCloud, IPv4',
      note: `${prefixes.length.toLocaleString('en')} prefixes, ${merged.length.toLocaleString('en')} merged.`,
      columns: [
        ['name', 'who'],
        ['rate', 'million look-ups a second'],
        ['ratio', 'times slower than ours, numeric'],
        ['verdict', ''],
      ],
      rows,
      targets: [
        atLeast('numeric look-ups, million a second', 20, rows[0].rate),
        atLeast('textual look-ups, million a second', 8, rows[1].rate),
      ],
    },
  ];
}
