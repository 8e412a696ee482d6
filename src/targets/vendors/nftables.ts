import { type Family, width } from '../../net/address.ts';
import { AddressSet } from '../../net/address-set.ts';
import { DualStackSet } from '../../net/dual-stack-set.ts';
import { formatPrefix, type Prefix, parsePrefix } from '../../net/prefix.ts';
import { Admission } from '../../policy/admission.ts';
import { parsePorts, ReadBackError } from '../read-back.ts';
import type { Vendor } from '../vendor.ts';
import { NftLines } from './nft-lines.ts';

export const vendor: Vendor = {
  extendView: (view) => ({
    ...view,
    sets: view.addressLists.map((list) => ({
      // No rule's name holds a `_`, and no keyword ends like this.
      name: `${list.rule}_ipv${list.family}`,
      type: `ipv${list.family}_addr`,
      protocol: list.family === 4 ? 'ip' : 'ip6',
      ports: list.ports.ranges.map(({ text }) => text).join(', '),
      prefixes: list.prefixes,
    })),
  }),

  readBack(files) {
    const [file, ...others] = files;
    if (file?.path !== 'azure.nft' || others.length > 0)
      throw new ReadBackError(`expected azure.nft alone, found ${files.map(({ path }) => path).join(', ')}`);
    return readTable(new NftLines(file));
  },
};

/**
 * The file, statement by statement, in the only order in which it is written. The table is not deleted and
 * made anew, which loses packets: a packet may meet the new chain before the commit and the old one after it.
 */
function readTable(lines: NftLines): Admission {
  const { table } = lines.take(/^table inet (?<table>[a-z][a-z0-9_]*) \{$/);
  const families = new Map<string, Family>();
  for (;;) {
    const set = lines.takeIf(/^\tset (?<name>\S+) \{$/);
    if (set === undefined) break;
    if (families.has(set.name!)) lines.fail('the set is declared twice');
    families.set(set.name!, lines.take(/^\t\ttype ipv(?<family>[46])_addr$/).family === '4' ? 4 : 6);
    lines.takeText('\t\tflags interval');
    lines.takeText('\t}');
  }
  lines.takeText('\tchain allow {');
  lines.take(/^\t\ttype filter hook (forward|output) priority filter - 10; policy accept;$/);
  lines.takeText('\t}');
  lines.takeText('}');
  lines.takeText(`flush chain inet ${table} allow`);
  const marks = new Set<string>();
  const admissions = [...families].map(([name, family]) => {
    lines.takeText(`flush set inet ${table} ${name}`);
    lines.takeText(`add element inet ${table} ${name} {`);
    const addresses = readElements(lines, family);
    const rule = lines.take(
      /^add rule inet (?<place>\S+ \S+) tcp dport \{ (?<ports>[\d, -]+) \} (?<protocol>ip6?) daddr @(?<set>\S+) meta mark set meta mark or (?<mark>0x[0-9a-f]{8}) accept$/,
    );
    if (rule.place !== `${table} allow` || rule.set !== name) lines.fail(`expected the rule of ${name}`);
    if (rule.protocol !== (family === 4 ? 'ip' : 'ip6')) lines.fail('the set is of the other family');
    marks.add(rule.mark!);
    if (marks.size > 1 || Number(rule.mark) === 0) lines.fail('another mark, or none');
    return Admission.addresses(
      addresses,
      lines.parsed(() => parsePorts(rule.ports!)),
    );
  });
  lines.end();
  return Admission.union(admissions);
}

function readElements(lines: NftLines, family: Family): DualStackSet {
  const prefixes: Prefix[] = [];
  for (;;) {
    const element = lines.takeIf(/^\t(?<prefix>\S+),$/);
    if (element === undefined) break;
    const prefix = lines.parsed(() => parsePrefix(element.prefix!));
    if (formatPrefix(prefix) !== element.prefix) lines.fail('the prefix is not in canonical spelling');
    if (prefix.family !== family) lines.fail('a prefix of the other family');
    prefixes.push(prefix);
  }
  lines.takeText('}');
  if (prefixes.length === 0) lines.fail('a set must not be empty');
  const addresses = AddressSet.fromPrefixes(family, prefixes);
  // nft refuses intervals that overlap.
  const sizes = prefixes.map(({ length }) => 1n << BigInt(width(family) - length));
  if (sizes.reduce((sum, size) => sum + size, 0n) !== addresses.size)
    lines.fail('prefixes of the set overlap');
  return family === 4
    ? new DualStackSet(addresses, AddressSet.empty(6))
    : new DualStackSet(AddressSet.empty(4), addresses);
}
