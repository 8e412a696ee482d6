import type { Family } from '../../net/address.ts';
import { AddressSet } from '../../net/address-set.ts';
import { DualStackSet } from '../../net/dual-stack-set.ts';
import { formatPrefix, type Prefix, parsePrefix } from '../../net/prefix.ts';
import { Admission } from '../../policy/admission.ts';
import { ReadBackError } from '../read-back.ts';
import type { RuleFile } from '../render.ts';
import type { Vendor } from '../vendor.ts';
import type { AddressListView, View } from '../view.ts';
import { type Multiport, multiports, readChain, statements } from './iptables-chain.ts';
import { expectLoadScript } from './load-script.ts';

/**
 * The same for every set: `create -exist` of a set that is there with another maxelem fails, and after a
 * swap the live set has that of the file. Memory is taken by entries, not by this.
 */
const MAXELEM = 1_048_576;

export const vendor: Vendor = {
  extendView(view) {
    const sets = view.addressLists.map((list) => ({
      name: setName(list),
      temporary: `${setName(list)}-new`,
      family: list.family === 4 ? 'inet' : 'inet6',
      hashsize: hashSize(list.count),
      prefixes: list.prefixes.flatMap(({ prefix }) => halves(prefix)),
    }));
    return {
      ...view,
      maxelem: `${MAXELEM}`,
      sets,
      ipv4Rules: chainRules(view, 4),
      ipv6Rules: chainRules(view, 6),
    };
  },

  readBack(files, templates) {
    const byPath = new Map(files.map((file) => [file.path, file]));
    const take = (path: string): RuleFile => {
      const file = byPath.get(path);
      if (file === undefined) throw new ReadBackError(`${path} is missing`);
      byPath.delete(path);
      return file;
    };
    const sets = readSets(take('azure.ipset'));
    const chains = [readChain(take('iptables.rules'), 4), readChain(take('ip6tables.rules'), 6)] as const;
    expectLoadScript(take('load.sh'), templates, 'load.sh.hbs', { maxelem: `${MAXELEM}` });
    for (const path of byPath.keys()) throw new ReadBackError(`${path}: not a file of this target`);
    if (chains[0].chain !== chains[1].chain)
      throw new ReadBackError(`the families use different chains: ${chains[0].chain}, ${chains[1].chain}`);
    const unused = new Set(sets.keys());
    const admissions = chains.flatMap(({ rules }) =>
      rules.map(({ set, family, ports, clients, where }) => {
        const content = sets.get(set);
        if (content === undefined) throw new ReadBackError(`${where}: there is no set ${set}`);
        if (content.family !== family)
          throw new ReadBackError(`${where}: the set ${set} is of the other family`);
        unused.delete(set);
        return Admission.addresses(content.addresses, ports).from(clients);
      }),
    );
    for (const set of unused) throw new ReadBackError(`the set ${set} is in no rule`);
    return Admission.union(admissions);
  },

  readSettings(files) {
    const file = files.find(({ path }) => path === 'iptables.rules');
    if (file === undefined) throw new ReadBackError('iptables.rules is missing');
    return { chain: readChain(file, 4).chain };
  },
};

/** At most 3 + 20 + 2 characters, and four more while it is filled; ipset allows 31. */
function setName({ rule, family }: AddressListView): string {
  return `az-${rule}-${family}`;
}

/** Buckets for this many entries without a resize while they are added: a power of two, 64 at least. */
function hashSize(count: number): string {
  return `${Math.max(64, 2 ** Math.ceil(Math.log2(count)))}`;
}

/** A hash:net set refuses a prefix of length 0; its two halves say the same. */
function halves(text: string): string[] {
  const { family, length } = parsePrefix(text);
  if (length > 0) return [text];
  const whole: Prefix = { family, first: 0n, length: 1 };
  return [formatPrefix(whole), formatPrefix({ ...whole, first: 1n << (family === 4 ? 31n : 127n) })];
}

interface ChainLine extends Multiport {
  readonly set: string;
  /** `-s 192.0.2.10/32 `, or nothing where every client may reach the set. */
  readonly source: string;
}

function chainRules(view: View, family: Family): ChainLine[] {
  return view.addressLists
    .filter((list) => list.family === family)
    .flatMap((list) => {
      const { every, prefixes } = list.clients;
      const sources = every ? [''] : prefixes.map(({ prefix }) => `-s ${prefix} `);
      return sources.flatMap((source) =>
        multiports(list.ports).map((match) => ({ ...match, source, set: setName(list) })),
      );
    });
}

interface LoadedSet {
  readonly family: Family;
  /** Undefined while the content is what an earlier load left behind. */
  prefixes: Map<string, Prefix> | undefined;
}

const CREATE =
  /^create (?<set>\S+) hash:net family (?<family>inet6?) hashsize (?<size>\d+) maxelem (?<max>\d+) -exist$/;
const ADD = /^add (?<set>\S+) (?<prefix>\S+)$/;
const SWAP = /^swap (?<set>\S+) (?<other>\S+)$/;
const ONE = /^(?<command>flush|destroy) (?<set>\S+)$/;

/** Does to a model what `ipset restore` does to the kernel, after a first load and after one that failed. */
function readSets(file: RuleFile): Map<string, { family: Family; addresses: DualStackSet }> {
  const sets = new Map<string, LoadedSet>();
  for (const [where, line] of statements(file)) {
    const fail = (what: string): never => {
      throw new ReadBackError(`${where}: ${what}: ${JSON.stringify(line)}`);
    };
    const existing = (name: string | undefined): LoadedSet =>
      sets.get(name ?? '') ?? fail('there is no such set');
    // Of ten thousand lines all but a few add a prefix.
    const add = ADD.exec(line)?.groups;
    const [create, swap, one] =
      add === undefined ? [CREATE, SWAP, ONE].map((command) => command.exec(line)?.groups) : [];
    if (create !== undefined) {
      const name = create.set!;
      const size = Number(create.size);
      if (name.length > 31) fail('a set name has at most 31 characters');
      if (Number(create.max) !== MAXELEM)
        fail(`a set of another size than ${MAXELEM} cannot be loaded twice`);
      if (size < 64 || !Number.isInteger(Math.log2(size))) fail('the hash size must be a power of two');
      if (sets.has(name)) fail('the set is created twice');
      sets.set(name, { family: create.family === 'inet' ? 4 : 6, prefixes: undefined });
    } else if (add !== undefined) {
      const { family, prefixes } = existing(add.set);
      const prefix = canonicalPrefix(add.prefix!, fail);
      if (prefixes === undefined) return fail('the set may still hold what an earlier load left in it');
      if (prefix.family !== family) fail('a prefix of the other family');
      if (prefix.length === 0) fail('ipset refuses a prefix of length 0');
      if (prefixes.has(add.prefix!)) fail('the prefix is in the set already');
      if (prefixes.size === MAXELEM) fail('the set is full');
      prefixes.set(add.prefix!, prefix);
    } else if (swap !== undefined) {
      const a = existing(swap.set);
      const b = existing(swap.other);
      if (a.family !== b.family) fail('sets of different families');
      [a.prefixes, b.prefixes] = [b.prefixes, a.prefixes];
    } else if (one !== undefined) {
      const set = existing(one.set);
      if (one.command === 'destroy') sets.delete(one.set!);
      else if (set.prefixes !== undefined) fail('the set is empty, or filled, already');
      else set.prefixes = new Map();
    } else fail('not a command of this format');
  }
  return new Map(
    [...sets].map(([name, { family, prefixes }]) => {
      if (prefixes === undefined || prefixes.size === 0)
        throw new ReadBackError(`${file.path}: the set ${name} is created but never filled`);
      const addresses = AddressSet.fromPrefixes(family, prefixes.values());
      return [
        name,
        {
          family,
          addresses:
            family === 4
              ? new DualStackSet(addresses, AddressSet.empty(6))
              : new DualStackSet(AddressSet.empty(4), addresses),
        },
      ];
    }),
  );
}

function canonicalPrefix(text: string, fail: (what: string) => never): Prefix {
  try {
    const prefix = parsePrefix(text);
    return formatPrefix(prefix) === text ? prefix : fail('the prefix is not in canonical spelling');
  } catch (error) {
    if (error instanceof ReadBackError) throw error;
    return fail((error as Error).message);
  }
}
