/** A closed range of TCP ports. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** An immutable set of TCP ports (1-65535): sorted, disjoint, non-adjacent closed ranges. */
export class PortSet {
  static readonly empty = new PortSet([]);
  readonly ranges: readonly PortRange[];

  private constructor(ranges: readonly PortRange[]) {
    this.ranges = ranges;
  }

  static of(...ports: readonly number[]): PortSet {
    return PortSet.fromRanges(ports.map((port) => ({ first: port, last: port })));
  }

  static fromRanges(ranges: Iterable<PortRange>): PortSet {
    const sorted = [...ranges].sort((a, b) => a.first - b.first);
    const merged: { first: number; last: number }[] = [];
    for (const { first, last } of sorted) {
      if (!Number.isInteger(first) || !Number.isInteger(last) || first < 1 || last > 65535 || last < first)
        throw new RangeError(`not a range of ports: ${first}-${last}`);
      const previous = merged.at(-1);
      if (previous !== undefined && first <= previous.last + 1) previous.last = Math.max(previous.last, last);
      else merged.push({ first, last });
    }
    return new PortSet(merged);
  }

  /** Parses one port (`443`) or range (`8080-8090`). @throws RangeError */
  static parse(text: string): PortSet {
    const match = /^([1-9]\d{0,4})(?:-([1-9]\d{0,4}))?$/.exec(text);
    if (match === null)
      throw new RangeError(`${JSON.stringify(text)} is not a port (443) or a range (8080-8090)`);
    const first = Number(match[1]);
    return PortSet.fromRanges([{ first, last: match[2] === undefined ? first : Number(match[2]) }]);
  }

  /** Parses the canonical spelling, `80,443,8080-8090`; nothing is the empty set. @throws RangeError */
  static parseList(text: string): PortSet {
    if (text === '') return PortSet.empty;
    return PortSet.fromRanges(text.split(',').flatMap((part) => PortSet.parse(part).ranges));
  }

  get isEmpty(): boolean {
    return this.ranges.length === 0;
  }

  has(port: number): boolean {
    return this.ranges.some(({ first, last }) => first <= port && port <= last);
  }

  union(other: PortSet): PortSet {
    return PortSet.fromRanges([...this.ranges, ...other.ranges]);
  }

  intersection(other: PortSet): PortSet {
    const result: PortRange[] = [];
    for (const a of this.ranges)
      for (const b of other.ranges) {
        const first = Math.max(a.first, b.first);
        const last = Math.min(a.last, b.last);
        if (first <= last) result.push({ first, last });
      }
    return PortSet.fromRanges(result);
  }

  difference(other: PortSet): PortSet {
    return this.intersection(other.complement());
  }

  complement(): PortSet {
    const result: PortRange[] = [];
    let next = 1;
    for (const { first, last } of this.ranges) {
      if (first > next) result.push({ first: next, last: first - 1 });
      next = last + 1;
    }
    if (next <= 65535) result.push({ first: next, last: 65535 });
    return new PortSet(result);
  }

  isSupersetOf(other: PortSet): boolean {
    return other.difference(this).isEmpty;
  }

  equals(other: PortSet): boolean {
    return this.toString() === other.toString();
  }

  /** Each range as `443` or `8080-8090`, in order. */
  toStrings(): string[] {
    return this.ranges.map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`));
  }

  /** `80,443,8080-8090`: the canonical spelling. */
  toString(): string {
    return this.toStrings().join(',');
  }
}
