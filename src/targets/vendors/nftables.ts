import { type Family, width } from '../../net/address.ts';
import { AddressSet } from '../../net/address-set.ts';
import { DualStackSet } from '../../net/dual-stack-set.ts';
import { formatPrefix, type Prefix, parsePrefix } from '../../net/prefix.ts';
import { Admission } from '../../policy/admission.ts';
import { ReadBackError } from '../read-back.ts';
import type { RuleFile } from '../render.ts';
import type { Vendor } from '../vendor.ts';
import { expectLoadScript } from './load-script.ts';
import { NftLines, nftRulePorts, nftSettings, nftSource, takeSetRules } from './nft-lines.ts';

export const vendor: Vendor = {
  extendView: (view) => ({
    ...view,
    sets: view.addressLists.map((list) => ({
      // No rule's name holds a `_`; the load adds six characters, see load.sh.
      name: `${list.rule}_ipv${list.family}`,
      type: `ipv${list.family}_addr`,
      protocol: list.family === 4 ? 'ip' : 'ip6',
      source: nftSource(list),
      ports: nftRulePorts(list.ports),
      prefixes: list.prefixes,
    })),
  }),

  readBack(files, templates) {
    const byPath = new Map(files.map((file) => [file.path, file]));
    const take = (path: string): RuleFile => {
      const file = byPath.get(path);
      if (file === undefined) throw new ReadBackError(`${path} is missing`);
      byPath.delete(path);
      return file;
    };
    const { table, sets } = readSets(new NftLines(take('azure-sets.nft')));
    const { admission, hook } = readChain(new NftLines(take('azure-chain.nft')), table, sets);
    expectLoadScript(take('load.sh'), templates, 'load.sh.hbs', {
      'options.table': table,
      'options.hook': hook,
    });
    for (const path of byPath.keys()) throw new ReadBackError(`${path}: not a file of this target`);
    return admission;
  },

  readSettings: (files) => nftSettings(files, 'azure-chain.nft'),
};

interface ReadSet {
  readonly family: Family;
  readonly addresses: DualStackSet;
}

/** The table and its sets, statement by statement, in the only order in which they are written. */
function readSets(lines: NftLines): { table: string; sets: Map<string, ReadSet> } {
  const table = lines.take(/^table inet (?<table>[a-z][a-z0-9_]*) \{$/).table!;
  const families = new Map<string, Family>();
  for (;;) {
    const set = lines.takeIf(/^\tset (?<name>\S+) \{$/);
    if (set === undefined) break;
    if (families.has(set.name!)) lines.fail('the set is declared twice');
    if (!/^[a-z0-9-]{1,20}_ipv[46]$/.test(set.name!)) lines.fail('not the name of a set of this target');
    families.set(set.name!, lines.take(/^\t\ttype ipv(?<family>[46])_addr$/).family === '4' ? 4 : 6);
    lines.takeText('\t\tflags interval');
    lines.takeText('\t}');
  }
  lines.takeText('}');
  const sets = new Map<string, ReadSet>();
  for (const [name, family] of families) {
    lines.takeText(`flush set inet ${table} ${name}`);
    lines.takeText(`add element inet ${table} ${name} {`);
    sets.set(name, { family, addresses: readElements(lines, family) });
  }
  lines.end();
  return { table, sets };
}

function readChain(
  lines: NftLines,
  table: string,
  sets: ReadonlyMap<string, ReadSet>,
): { admission: Admission; hook: string } {
  lines.takeText(`table inet ${table} {`);
  const chain = lines.take(/^\tchain (?<chain>forward|output) \{$/).chain!;
  lines.takeText(`\t\ttype filter hook ${chain} priority filter - 10; policy accept;`);
  lines.takeText('\t}');
  lines.takeText('}');
  lines.takeText(`flush chain inet ${table} ${chain}`);
  const marks = new Set<string>();
  const admissions = [...sets].map(([name, { family, addresses }]) => {
    const { ports, clients } = takeSetRules(
      lines,
      `${table} ${chain}`,
      family,
      `${family === 4 ? 'ip' : 'ip6'} daddr @${name}`,
      marks,
    );
    return Admission.addresses(addresses, ports).from(clients);
  });
  lines.end();
  return { admission: Admission.union(admissions), hook: chain };
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
