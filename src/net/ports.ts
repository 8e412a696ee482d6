/** The protocols that have ports, in the order in which port sets are spelled. */
export const PROTOCOLS = ['tcp', 'udp'] as const;

export type Protocol = (typeof PROTOCOLS)[number];

/** A closed range of ports of one protocol. */
export interface PortRange {
  readonly protocol: Protocol;
  readonly first: number;
  readonly last: number;
}

/** The ports of a protocol: 1-65535. */
const LAST_PORT = 65_535;

/** An immutable set of TCP and UDP ports (1-65535 each): sorted, disjoint, non-adjacent closed ranges, TCP first. */
export class PortSet {
  static readonly empty = new PortSet([]);
  static readonly all = PortSet.allOf(PROTOCOLS);
  readonly ranges: readonly PortRange[];

  private constructor(ranges: readonly PortRange[]) {
    this.ranges = ranges;
  }

  /** Single TCP ports. */
  static of(...ports: readonly number[]): PortSet {
    return PortSet.fromRanges(ports.map((port) => ({ protocol: 'tcp', first: port, last: port })));
  }

  /** Every port of these protocols. */
  static allOf(protocols: readonly Protocol[]): PortSet {
    return PortSet.fromRanges(protocols.map((protocol) => ({ protocol, first: 1, last: LAST_PORT })));
  }

  static fromRanges(ranges: Iterable<PortRange>): PortSet {
    const sorted = [...ranges].sort(compareRanges);
    const merged: { protocol: Protocol; first: number; last: number }[] = [];
    for (const { protocol, first, last } of sorted) {
      if (
        !Number.isInteger(first) ||
        !Number.isInteger(last) ||
        first < 1 ||
        last > LAST_PORT ||
        last < first
      )
        throw new RangeError(`not a range of ports: ${first}-${last}`);
      const previous = merged.at(-1);
      if (previous !== undefined && previous.protocol === protocol && first <= previous.last + 1)
        previous.last = Math.max(previous.last, last);
      else merged.push({ protocol, first, last });
    }
    return new PortSet(merged);
  }

  /** Parses one port (`443`), a range (`8080-8090`), or either of a protocol (`3478-3481/udp`); TCP if none is named. @throws RangeError */
  static parse(text: string): PortSet {
    const match = /^([1-9]\d{0,4})(?:-([1-9]\d{0,4}))?(?:\/(tcp|udp))?$/.exec(text);
    if (match === null)
      throw new RangeError(
        `${JSON.stringify(text)} is not a port (443), a range (8080-8090), or one of UDP (3478-3481/udp)`,
      );
    const first = Number(match[1]);
    return PortSet.fromRanges([
      {
        protocol: match[3] === 'udp' ? 'udp' : 'tcp',
        first,
        last: match[2] === undefined ? first : Number(match[2]),
      },
    ]);
  }

  /** Parses the canonical spelling, `80,443,8080-8090,123/udp`; nothing is the empty set. @throws RangeError */
  static parseList(text: string): PortSet {
    if (text === '') return PortSet.empty;
    return PortSet.fromRanges(text.split(',').flatMap((part) => PortSet.parse(part).ranges));
  }

  get isEmpty(): boolean {
    return this.ranges.length === 0;
  }

  has(port: number, protocol: Protocol = 'tcp'): boolean {
    return this.ranges.some(
      (range) => range.protocol === protocol && range.first <= port && port <= range.last,
    );
  }

  /** The ports of one protocol. */
  only(protocol: Protocol): PortSet {
    return new PortSet(this.ranges.filter((range) => range.protocol === protocol));
  }

  /** These ports, whatever their protocol, as ports of one. */
  as(protocol: Protocol): PortSet {
    return PortSet.fromRanges(this.ranges.map((range) => ({ ...range, protocol })));
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
        if (a.protocol === b.protocol && first <= last) result.push({ protocol: a.protocol, first, last });
      }
    return PortSet.fromRanges(result);
  }

  difference(other: PortSet): PortSet {
    return this.intersection(other.complement());
  }

  /** The ports of both protocols that are not in it. */
  complement(): PortSet {
    return new PortSet(
      PROTOCOLS.flatMap((protocol) => {
        const result: PortRange[] = [];
        let next = 1;
        for (const { first, last } of this.only(protocol).ranges) {
          if (first > next) result.push({ protocol, first: next, last: first - 1 });
          next = last + 1;
        }
        if (next <= LAST_PORT) result.push({ protocol, first: next, last: LAST_PORT });
        return result;
      }),
    );
  }

  isSupersetOf(other: PortSet): boolean {
    return other.difference(this).isEmpty;
  }

  equals(other: PortSet): boolean {
    return this.toString() === other.toString();
  }

  /** Each range as `443`, `8080-8090` or `3478-3481/udp`, in order. */
  toStrings(): string[] {
    return this.ranges.map((range) => `${portsInRange(range)}${range.protocol === 'tcp' ? '' : '/udp'}`);
  }

  /** `80,443,8080-8090,123/udp`: the canonical spelling. */
  toString(): string {
    return this.toStrings().join(',');
  }
}

/** `443` or `8080-8090`, without the protocol. */
export function portsInRange({ first, last }: Pick<PortRange, 'first' | 'last'>): string {
  return first === last ? `${first}` : `${first}-${last}`;
}

/** The order of ranges: TCP first, then by the first and the last port. */
export function compareRanges(a: PortRange, b: PortRange): number {
  return (
    PROTOCOLS.indexOf(a.protocol) - PROTOCOLS.indexOf(b.protocol) || a.first - b.first || a.last - b.last
  );
}
