import { AddressSet } from './address-set.ts';
import type { Prefix } from './prefix.ts';

/** Addresses of both families: one address set each. */
export class DualStackSet {
  static readonly empty = new DualStackSet(AddressSet.empty(4), AddressSet.empty(6));
  readonly ipv4: AddressSet;
  readonly ipv6: AddressSet;

  constructor(ipv4: AddressSet, ipv6: AddressSet) {
    this.ipv4 = ipv4;
    this.ipv6 = ipv6;
  }

  static fromPrefixes(prefixes: Iterable<Prefix>): DualStackSet {
    const ipv4: Prefix[] = [];
    const ipv6: Prefix[] = [];
    for (const prefix of prefixes) (prefix.family === 4 ? ipv4 : ipv6).push(prefix);
    return new DualStackSet(AddressSet.fromPrefixes(4, ipv4), AddressSet.fromPrefixes(6, ipv6));
  }

  /** The union of any number of sets; nothing in, empty set out. */
  static union(sets: Iterable<DualStackSet>): DualStackSet {
    const all = [...sets];
    return new DualStackSet(
      AddressSet.union(
        4,
        all.map(({ ipv4 }) => ipv4),
      ),
      AddressSet.union(
        6,
        all.map(({ ipv6 }) => ipv6),
      ),
    );
  }

  get isEmpty(): boolean {
    return this.ipv4.isEmpty && this.ipv6.isEmpty;
  }

  union(other: DualStackSet): DualStackSet {
    return new DualStackSet(this.ipv4.union(other.ipv4), this.ipv6.union(other.ipv6));
  }

  intersection(other: DualStackSet): DualStackSet {
    return new DualStackSet(this.ipv4.intersection(other.ipv4), this.ipv6.intersection(other.ipv6));
  }

  difference(other: DualStackSet): DualStackSet {
    return new DualStackSet(this.ipv4.difference(other.ipv4), this.ipv6.difference(other.ipv6));
  }

  equals(other: DualStackSet): boolean {
    return this.ipv4.equals(other.ipv4) && this.ipv6.equals(other.ipv6);
  }

  isSupersetOf(other: DualStackSet): boolean {
    return this.ipv4.isSupersetOf(other.ipv4) && this.ipv6.isSupersetOf(other.ipv6);
  }

  containsPrefix(prefix: Prefix): boolean {
    return (prefix.family === 4 ? this.ipv4 : this.ipv6).containsPrefix(prefix);
  }

  /** The exact cover of both families, IPv4 first, in numeric order. */
  cover(): Prefix[] {
    return [...this.ipv4.cover(), ...this.ipv6.cover()];
  }

  /** The exact cover as text, for messages and canonical forms. */
  toStrings(): string[] {
    return [...this.ipv4.coverTexts(), ...this.ipv6.coverTexts()];
  }
}
