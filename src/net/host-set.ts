import { compareHostPatterns, formatHostPattern, type HostPattern } from './host-pattern.ts';

/** A node of the label trie. `rest` holds for every descendant that has no node of its own. */
interface Node {
  readonly self: boolean;
  readonly rest: boolean;
  readonly children: ReadonlyMap<string, Node>;
}

const NONE: Node = { self: false, rest: false, children: new Map() };
const ALL: Node = { self: true, rest: true, children: new Map() };

/**
 * An immutable set of host names, held as a label trie in canonical form: two sets are equal exactly if
 * their tries are. Closed under union, intersection and difference, so that a difference may hold
 * exceptions (`*.a.com` without `x.a.com`).
 */
export class HostSet {
  static readonly empty = new HostSet(NONE);
  readonly #root: Node;

  private constructor(root: Node) {
    this.#root = root;
  }

  static fromPatterns(patterns: Iterable<HostPattern>): HostSet {
    // Pairs, then pairs of pairs: uniting one by one would copy the whole trie for each pattern.
    let layer = Array.from(patterns, single);
    while (layer.length > 1)
      layer = Array.from({ length: Math.ceil(layer.length / 2) }, (_, i) =>
        combine(layer[2 * i]!, layer[2 * i + 1] ?? NONE, (a, b) => a || b),
      );
    return new HostSet(layer[0] ?? NONE);
  }

  get isEmpty(): boolean {
    return isUniform(this.#root, false);
  }

  union(other: HostSet): HostSet {
    return new HostSet(combine(this.#root, other.#root, (a, b) => a || b));
  }

  intersection(other: HostSet): HostSet {
    return new HostSet(combine(this.#root, other.#root, (a, b) => a && b));
  }

  difference(other: HostSet): HostSet {
    return new HostSet(combine(this.#root, other.#root, (a, b) => a && !b));
  }

  equals(other: HostSet): boolean {
    return isUniform(
      combine(this.#root, other.#root, (a, b) => a !== b),
      false,
    );
  }

  isSupersetOf(other: HostSet): boolean {
    return other.difference(this).isEmpty;
  }

  /** Whether some host is in both. */
  intersects(other: HostSet): boolean {
    return !this.intersection(other).isEmpty;
  }

  /** Whether every host that the pattern means is in the set. */
  containsPattern(pattern: HostPattern): boolean {
    return this.isSupersetOf(HostSet.fromPatterns([pattern]));
  }

  /** Whether the host, in canonical spelling, is in the set. */
  has(host: string): boolean {
    let node = this.#root;
    for (const label of host.split('.').reverse()) {
      const child = node.children.get(label);
      if (child === undefined) return node.rest;
      node = child;
    }
    return node.self;
  }

  /**
   * The fewest patterns whose union is the set, in canonical order, less `except`; `except` is empty
   * for every set that was built by union.
   */
  patterns(): { readonly include: readonly HostPattern[]; readonly except: readonly HostPattern[] } {
    const include: HostPattern[] = [];
    const except: HostPattern[] = [];
    const walk = (node: Node, name: string, inherited: boolean): void => {
      const into = (value: boolean) => (value ? include : except);
      if (node.rest !== inherited) {
        const apex = node.self === node.rest;
        into(node.rest).push({ name, apex, subdomains: true });
      } else if (node.self !== inherited) into(node.self).push({ name, apex: true, subdomains: false });
      for (const [label, child] of node.children)
        walk(child, name === '' ? label : `${label}.${name}`, node.rest);
    };
    for (const [label, child] of this.#root.children) walk(child, label, this.#root.rest);
    return { include: include.sort(compareHostPatterns), except: except.sort(compareHostPatterns) };
  }

  /** The patterns as text, exceptions as `!pattern`. */
  toStrings(): string[] {
    const { include, except } = this.patterns();
    return [...include.map(formatHostPattern), ...except.map((pattern) => `!${formatHostPattern(pattern)}`)];
  }
}

function single({ name, apex, subdomains }: HostPattern): Node {
  let node: Node = { self: apex, rest: subdomains, children: new Map() };
  for (const label of name.split('.'))
    node = { self: false, rest: false, children: new Map([[label, node]]) };
  return node;
}

function combine(a: Node, b: Node, keep: (a: boolean, b: boolean) => boolean): Node {
  const rest = keep(a.rest, b.rest);
  const children = new Map<string, Node>();
  for (const label of new Set([...a.children.keys(), ...b.children.keys()])) {
    const child = combine(
      a.children.get(label) ?? (a.rest ? ALL : NONE),
      b.children.get(label) ?? (b.rest ? ALL : NONE),
      keep,
    );
    if (!isUniform(child, rest)) children.set(label, child);
  }
  return { self: keep(a.self, b.self), rest, children };
}

function isUniform(node: Node, value: boolean): boolean {
  return node.self === value && node.rest === value && node.children.size === 0;
}
