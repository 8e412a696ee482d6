import { DualStackSet } from '../net/dual-stack-set.ts';
import { HostSet } from '../net/host-set.ts';
import { METHODS, type Method, methodInWords } from '../net/method.ts';
import { compareRanges, type PortRange, PortSet, PROTOCOLS, type Protocol } from '../net/ports.ts';
import { clientsInWords, commonClients, EVERY_CLIENT } from './clients.ts';
import type { NameGrant } from './policy.ts';

/** Hosts and addresses that may be reached on some ports. */
export interface Grant {
  readonly hosts: HostSet;
  readonly addresses: DualStackSet;
  readonly ports: PortSet;
  /** Who may reach them; absent where every client may. Never empty. */
  readonly clients?: DualStackSet;
  /** The one way of asking a proxy by which alone they may be reached; absent where both ways are allowed. */
  readonly method?: Method;
}

type Content = Pick<Grant, 'hosts' | 'addresses'>;

const NOTHING: Content = { hosts: HostSet.empty, addresses: DualStackSet.empty };

/**
 * What is let through, whoever says it and in whatever form: the set of all (host, port) and
 * (address, port) pairs, each with the clients that may use it, and by which method where it is not by every one. Policies, omissions, widenings and rule files that were
 * read back are compared as admissions and as nothing else.
 *
 * Canonical form: disjoint port sets in port order, each with other hosts or addresses than the rest. Where some is for
 * some clients only, or by one method, that holds for each client and method: two grants may be on one port for different
 * clients, or one by each method.
 */
export class Admission {
  static readonly empty = new Admission([]);
  readonly grants: readonly Grant[];

  private constructor(grants: readonly Grant[]) {
    this.grants = grants;
  }

  static of(grants: Iterable<Grant>): Admission {
    return Admission.#build([...grants], (covering) => ({
      hosts: covering.reduce((hosts, grant) => hosts.union(grant.hosts), HostSet.empty),
      addresses: DualStackSet.union(covering.map((grant) => grant.addresses)),
    }));
  }

  static hosts(hosts: HostSet, ports: PortSet): Admission {
    return Admission.of([{ ...NOTHING, hosts, ports }]);
  }

  /** Names on their ports, by the methods that are asked for. */
  static names({ hosts, ports, by }: NameGrant): Admission {
    return by === undefined
      ? Admission.hosts(hosts, ports)
      : Admission.of(METHODS.map((method) => ({ ...NOTHING, hosts, ports: by[method], method })));
  }

  static addresses(addresses: DualStackSet, ports: PortSet): Admission {
    return Admission.of([{ ...NOTHING, addresses, ports }]);
  }

  /** The union of any number of admissions; nothing in, nothing admitted. */
  static union(admissions: Iterable<Admission>): Admission {
    return Admission.of([...admissions].flatMap((admission) => admission.grants));
  }

  get isEmpty(): boolean {
    return this.grants.length === 0;
  }

  union(other: Admission): Admission {
    return Admission.union([this, other]);
  }

  difference(other: Admission): Admission {
    return this.#combine(other, (a, b) => ({
      hosts: a.hosts.difference(b.hosts),
      addresses: a.addresses.difference(b.addresses),
    }));
  }

  intersection(other: Admission): Admission {
    return this.#combine(other, (a, b) => ({
      hosts: a.hosts.intersection(b.hosts),
      addresses: a.addresses.intersection(b.addresses),
    }));
  }

  equals(other: Admission): boolean {
    return this.difference(other).isEmpty && other.difference(this).isEmpty;
  }

  /** The part of it that is for these clients; all of it where they are every client. */
  from(clients: DualStackSet | undefined): Admission {
    if (clients === undefined) return this;
    return Admission.of(
      this.grants.flatMap((grant) => {
        const common = commonClients(grant.clients, clients)!;
        return common.isEmpty ? [] : [{ ...grant, clients: common }];
      }),
    );
  }

  /** The same for whichever clients: what at least one of them is let through to. */
  forAnyClient(): Admission {
    if (this.grants.every(({ clients }) => clients === undefined)) return this;
    return Admission.of(this.grants.map(({ clients: _, ...grant }) => grant));
  }

  /** The same, this way of asking alone. */
  only(method: Method): Admission {
    return Admission.of(
      this.grants
        .filter((grant) => grant.method === undefined || grant.method === method)
        .map((grant) => ({ ...grant, method })),
    );
  }

  /** The same by whichever method: what devices that see packets let through, and every program that does not ask how. */
  byAnyMethod(): Admission {
    if (this.grants.every(({ method }) => method === undefined)) return this;
    return Admission.of(this.grants.map(({ method: _, ...grant }) => grant));
  }

  /** The grants as they are told: what both methods allow on a port once and for neither, then what one alone does. */
  get told(): readonly Grant[] {
    if (this.grants.every(({ method }) => method === undefined)) return this.grants;
    const by = (method: Method) => this.only(method).byAnyMethod();
    const both = by('tunnel').intersection(by('plain'));
    return [...both.grants, ...this.difference(both).grants].sort(compareGrants);
  }

  /** What is admitted on one port, of TCP unless another protocol is named, to at least one client, by some method. */
  onPort(port: number, protocol: Protocol = 'tcp'): Content {
    return (
      this.forAnyClient()
        .byAnyMethod()
        .grants.find(({ ports }) => ports.has(port, protocol)) ?? NOTHING
    );
  }

  /** One line a grant, for messages: at most `shown` hosts and prefixes each, the rest counted. */
  describe(shown = 5): string[] {
    const list = (items: readonly string[]) =>
      items.length <= shown
        ? items.join(' ')
        : `${items.slice(0, shown).join(' ')} … and ${items.length - shown} more`;
    return this.told.map(({ hosts, addresses, ports, clients, method }) =>
      [
        `port ${ports}:`,
        list(hosts.toStrings()),
        list(addresses.toStrings()),
        method === undefined ? '' : `${methodInWords(method).trim()} only`,
        clients === undefined ? '' : `from ${clientsInWords(clients)}`,
      ]
        .filter((part) => part !== '')
        .join(' '),
    );
  }

  #combine(other: Admission, operate: (a: Content, b: Content) => Content): Admission {
    // Copies tell the sides apart where an admission is combined with itself.
    const ours = new Set(this.grants.map((grant) => ({ ...grant })));
    // Grants of one admission have disjoint ports for each client and method: at most one of each side covers a port.
    return Admission.#build([...ours, ...other.grants], (covering) =>
      operate(
        covering.find((grant) => ours.has(grant)) ?? NOTHING,
        covering.findLast((grant) => !ours.has(grant)) ?? NOTHING,
      ),
    );
  }

  /** Splits clients and ports at every boundary, merges what covers each part, joins parts of equal content. */
  static #build(grants: readonly Grant[], merge: (covering: readonly Grant[]) => Content): Admission {
    if (grants.every(({ clients }) => clients === undefined)) return new Admission(byPorts(grants, merge));
    const joined: (Grant & { readonly clients: DualStackSet })[] = [];
    for (const clients of elementaryClients(grants))
      for (const grant of byPorts(
        grants.filter((one) => one.clients?.isSupersetOf(clients) ?? true),
        merge,
      )) {
        const same = joined.findIndex(
          ({ hosts, addresses, ports, method }) =>
            method === grant.method &&
            ports.equals(grant.ports) &&
            hosts.equals(grant.hosts) &&
            addresses.equals(grant.addresses),
        );
        if (same < 0) joined.push({ ...grant, clients });
        else joined[same] = { ...grant, clients: joined[same]!.clients.union(clients) };
      }
    return new Admission(
      joined
        .map(({ clients, ...grant }) => (clients.equals(EVERY_CLIENT) ? grant : { ...grant, clients }))
        .sort((a, b) => compareGrants(a, b) || compareClients(a, b)),
    );
  }
}

/** By the first port, then by method. */
function compareGrants(a: Grant, b: Grant): number {
  return (
    compareRanges(a.ports.ranges[0]!, b.ports.ranges[0]!) ||
    METHODS.indexOf(a.method ?? 'tunnel') - METHODS.indexOf(b.method ?? 'tunnel')
  );
}

/** The parts between the boundaries of the grants' clients: inside one, the same grants apply to every client. */
function elementaryClients(grants: readonly Grant[]): DualStackSet[] {
  let parts = [EVERY_CLIENT];
  for (const { clients } of grants)
    if (clients !== undefined)
      parts = parts
        .flatMap((part) => [part.intersection(clients), part.difference(clients)])
        .filter((part) => !part.isEmpty);
  return parts;
}

function compareClients({ clients: a }: Grant, { clients: b }: Grant): number {
  const [first, second] = [clientsInWords(a), clientsInWords(b)];
  return first < second ? -1 : first > second ? 1 : 0;
}

/** Of grants for the same clients: disjoint port sets in port order, each with other content than the rest. */
function byPorts(grants: readonly Grant[], merge: (covering: readonly Grant[]) => Content): Grant[] {
  const parts = new Map<string, { ranges: PortRange[]; covering: readonly Grant[] }>();
  for (const range of elementaryRanges(grants)) {
    const indexes = grants.flatMap(({ ports }, index) =>
      ports.has(range.first, range.protocol) ? [index] : [],
    );
    if (indexes.length === 0) continue;
    const key = indexes.join();
    const part = parts.get(key) ?? { ranges: [], covering: indexes.map((index) => grants[index]!) };
    part.ranges.push(range);
    parts.set(key, part);
  }
  const merged: Grant[] = [];
  for (const { ranges, covering } of parts.values())
    for (const content of byMethods(covering, merge)) {
      const { hosts, addresses, method } = content;
      if (hosts.isEmpty && addresses.isEmpty) continue;
      const ports = PortSet.fromRanges(ranges);
      const same = merged.findIndex(
        (grant) => grant.method === method && grant.hosts.equals(hosts) && grant.addresses.equals(addresses),
      );
      if (same < 0) merged.push({ ...content, ports });
      else merged[same] = { ...content, ports: merged[same]!.ports.union(ports) };
    }
  return merged.sort(compareGrants);
}

/** What covers one port, once where it is the same by both methods, else once for each. */
function byMethods(
  covering: readonly Grant[],
  merge: (covering: readonly Grant[]) => Content,
): (Content & Pick<Grant, 'method'>)[] {
  if (covering.every(({ method }) => method === undefined)) return [merge(covering)];
  const each = METHODS.map((method) => ({
    method,
    ...merge(covering.filter((grant) => grant.method === undefined || grant.method === method)),
  }));
  const [{ hosts, addresses }, plain] = each as unknown as [Content, Content];
  return hosts.equals(plain.hosts) && addresses.equals(plain.addresses) ? [{ hosts, addresses }] : each;
}

/** The port ranges between neighbouring boundaries: inside one, the same grants apply everywhere. */
function elementaryRanges(grants: readonly Grant[]): PortRange[] {
  return PROTOCOLS.flatMap((protocol) => {
    const boundaries = new Set<number>();
    for (const { ports } of grants)
      for (const range of ports.ranges)
        if (range.protocol === protocol) boundaries.add(range.first).add(range.last + 1);
    const sorted = [...boundaries].sort((a, b) => a - b);
    return sorted.slice(0, -1).map((first, index) => ({ protocol, first, last: sorted[index + 1]! - 1 }));
  });
}
