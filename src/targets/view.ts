import { Netmask } from 'netmask';
import { formatAddress, width } from '../net/address.ts';
import type { DualStackSet } from '../net/dual-stack-set.ts';
import { compareHostPatterns, formatHostPattern, type HostPattern } from '../net/host-pattern.ts';
import { type Method, type MethodPorts, portsOf } from '../net/method.ts';
import { portKey } from '../net/port-key.ts';
import { type PortSet, PROTOCOLS, type Protocol, portsInRange } from '../net/ports.ts';
import { formatPrefix, lastAddress, type Prefix } from '../net/prefix.ts';
import { clientText } from '../policy/clients.ts';
import { DIGEST_PLACE } from './content-digest.ts';
import { makeHeader } from './header.ts';
import type { Manifest } from './manifest.ts';
import { nameHash } from './name-hash.ts';
import type { TargetPlan } from './plan.ts';

/** What a template sees of a set of ports. */
export interface PortsView {
  /** `80,443,8080-8090`; of UDP `123/udp` */
  readonly text: string;
  /** `80-443-8080_8090-123u`: fit for names; at most 7 characters, otherwise `p` and six digits of a hash. */
  readonly key: string;
  /** In order, apart; those of TCP first. */
  readonly ranges: readonly PortRangeView[];
  /** The same by protocol: one item for each that has ports, TCP first. */
  readonly protocols: readonly ProtocolPortsView[];
}

/** What a template sees of the ports of one protocol. */
export interface ProtocolPortsView {
  /** `tcp` or `udp` */
  readonly protocol: Protocol;
  /** `80,443,8080-8090`: without the protocol */
  readonly text: string;
  /** The key of these ports, without the protocol. */
  readonly key: string;
  /** In order, apart. */
  readonly ranges: readonly PortRangeView[];
}

/** What a template sees of one range of ports. */
export interface PortRangeView {
  /** `443` */
  readonly first: number;
  /** Equal to `first` for a single port. */
  readonly last: number;
  /** `443` or `8080-8090`: without the protocol */
  readonly text: string;
  /** Whether it is one port, for `{{#if single}}`: templates cannot compare. */
  readonly single: boolean;
  /** `tcp` or `udp` */
  readonly protocol: Protocol;
  /** The protocol, for `{{#if udp}}`: templates cannot compare. */
  readonly tcp: boolean;
  /** The other protocol. */
  readonly udp: boolean;
}

/** What a template sees of ports on which the same methods are allowed. */
export interface MethodView {
  /** Whether tunnels are allowed on them, by CONNECT. */
  readonly tunnel: boolean;
  /** Whether plain requests are. */
  readonly plain: boolean;
  /** The ports. */
  readonly ports: PortsView;
}

/** What a template sees of one prefix. */
export interface PrefixView {
  /** `198.51.100.0/24` */
  readonly prefix: string;
  /** `198.51.100.0` */
  readonly address: string;
  /** `198.51.100.255` */
  readonly last: string;
  /** `24` */
  readonly length: number;
  /** `255.255.255.0`; empty for IPv6 */
  readonly netmask: string;
  /** `0.0.0.255`; empty for IPv6 */
  readonly wildcard: string;
  /** The family, for `{{#if ipv4}}`: templates cannot compare. */
  readonly ipv4: boolean;
  /** The other family. */
  readonly ipv6: boolean;
  /** Whether it is one address, for `{{#if single}}`: templates cannot compare. */
  readonly single: boolean;
}

/** What a template sees of one host pattern. */
export interface HostView {
  /** `example.com`, without any wildcard */
  readonly name: string;
  /** `example.com`, `*.example.com` or `.example.com` (both) */
  readonly pattern: string;
  /** Whether `name` itself is meant. */
  readonly apex: boolean;
  /** Whether the names below it, at any depth, are meant. */
  readonly subdomains: boolean;
  /** Eight hexadecimal digits of a hash of the name, for names of objects. */
  readonly key: string;
}

/** What a template sees of the clients that may use a rule. */
export interface ClientsView {
  /** Whether every client may: then none is listed. Always true where the manifest's `clients` is `none`. */
  readonly every: boolean;
  /** Aggregated, disjoint, in numeric order; of an address list where the manifest says `same-family`, of that family. */
  readonly prefixes: readonly ClientView[];
}

/** What a template sees of a client, or of a prefix of clients. */
export interface ClientView extends PrefixView {
  /** `192.0.2.10`, or `192.0.2.0/24` where it is more than one address */
  readonly text: string;
}

/** Names of one rule on one set of ports; never empty. */
export interface NameListView {
  /** `<rule>_<ports key>`; behind it `_tunnel` or the like where not every method is allowed on all of the ports */
  readonly id: string;
  /** The name of the rule: `[a-z][a-z0-9-]*`, 20 characters at most. */
  readonly rule: string;
  /** The ports on which the names may be reached. */
  readonly ports: PortsView;
  /** On which of them by CONNECT alone, by plain requests alone, and by both; one item for each that has ports. */
  readonly methods: readonly MethodView[];
  /** The clients that may reach them. */
  readonly clients: ClientsView;
  /** The fewest patterns, sorted from the top-level domain down. */
  readonly hosts: readonly HostView[];
  /** How many hosts there are. */
  readonly count: number;
}

/** Addresses of one rule and family; never empty. */
export interface AddressListView {
  /** `<rule>-ipv4` or `<rule>-ipv6`; read-back holds a group of this name to just this list */
  readonly id: string;
  /** The name of the rule: `[a-z][a-z0-9-]*`, 20 characters at most. */
  readonly rule: string;
  /** `4` or `6` */
  readonly family: 4 | 6;
  /** The family, for `{{#if ipv4}}`: templates cannot compare. */
  readonly ipv4: boolean;
  /** The other family. */
  readonly ipv6: boolean;
  /** The ports on which the addresses may be reached. */
  readonly ports: PortsView;
  /** The clients that may reach them. */
  readonly clients: ClientsView;
  /** Aggregated, disjoint, in numeric order. */
  readonly prefixes: readonly PrefixView[];
  /** How many prefixes there are. */
  readonly count: number;
}

/** The id of a rule's address list. */
export function addressListId(rule: string, family: 4 | 6): string {
  return `${rule}-ipv${family}`;
}

/** One rule; a rule of which nothing is left on this target is not there. */
export interface RuleView {
  /** As configured. */
  readonly name: string;
  /** Its names, one list a distinct set of ports. */
  readonly nameLists: readonly NameListView[];
  /** Its addresses, one list a family. */
  readonly addressLists: readonly AddressListView[];
}

/** Everything a template sees. Plain data: strings, numbers, booleans, arrays, objects. */
export interface View {
  /** Comment lines without the comment sign: provenance, rules and counts, omissions and widenings. */
  readonly header: readonly string[];
  /** The same without counts, for a file that holds no prefixes: it need not change as often as they do. */
  readonly headerWithoutCounts: readonly string[];
  /** SHA-256 of the file in which it stands, without the digest itself, in hexadecimal. */
  readonly digest: string;
  /** The options of the manifest, checked, with their defaults. */
  readonly options: Readonly<Record<string, string | number | boolean>>;
  /** The rules of which something is left on this target, in configured order. */
  readonly rules: readonly RuleView[];
  /** The name lists of all rules. */
  readonly nameLists: readonly NameListView[];
  /** The address lists of all rules. */
  readonly addressLists: readonly AddressListView[];
  /** Lines that take back what earlier files said and this one does not; where the manifest says how (`undo`). */
  readonly retiredLines: readonly string[];
}

export type OptionValues = View['options'];

export function buildView(plan: TargetPlan, manifest: Manifest, options: OptionValues): View {
  const rules = plan.rules
    .map(({ name, names, addresses, clients }): RuleView => {
      const addressList = (family: 4 | 6, prefixes: readonly Prefix[], ports: PortSet): AddressListView[] =>
        prefixes.length === 0
          ? []
          : [
              {
                id: addressListId(name, family),
                rule: name,
                family,
                ipv4: family === 4,
                ipv6: family === 6,
                ports: portsView(ports),
                clients: clientsView(
                  clients,
                  manifest.capabilities.clients === 'same-family' ? family : undefined,
                ),
                prefixes: prefixes.map(prefixView),
                count: prefixes.length,
              },
            ];
      return {
        name,
        nameLists: names.map(({ hosts, ...on }) => {
          const views = [...hosts.patterns().include].sort(compareHostPatterns).map(hostView);
          const view = portsView(on.ports);
          return {
            id: `${name}_${view.key}${methodsKey(on)}`,
            rule: name,
            ports: view,
            methods: methodViews(on),
            clients: clientsView(clients, undefined),
            hosts: views,
            count: views.length,
          };
        }),
        addressLists:
          addresses === undefined
            ? []
            : [
                ...addressList(4, addresses.ipv4, addresses.ports),
                ...addressList(6, addresses.ipv6, addresses.ports),
              ],
      };
    })
    .filter(({ nameLists, addressLists }) => nameLists.length + addressLists.length > 0);
  return {
    ...makeHeader(plan, manifest),
    digest: DIGEST_PLACE,
    options,
    rules,
    nameLists: rules.flatMap(({ nameLists }) => nameLists),
    addressLists: rules.flatMap(({ addressLists }) => addressLists),
    retiredLines: [],
  };
}

function methodViews(on: MethodPorts): MethodView[] {
  const tunnels = portsOf(on, 'tunnel');
  const plain = portsOf(on, 'plain');
  return [
    { tunnel: true, plain: true, of: tunnels.intersection(plain) },
    { tunnel: true, plain: false, of: tunnels.difference(plain) },
    { tunnel: false, plain: true, of: plain.difference(tunnels) },
  ].flatMap(({ of, ...methods }) => (of.isEmpty ? [] : [{ ...methods, ports: portsView(of) }]));
}

/** What tells lists of the same ports apart: nothing, `_tunnel`, `_plain`, `_plain-80` where tunnels have the other ports too. */
function methodsKey(on: MethodPorts): string {
  if (on.by === undefined) return '';
  const { tunnel, plain } = on.by;
  const key = (method: Method, ports: PortSet) =>
    ports.equals(on.ports) ? method : `${method}-${portKey(ports)}`;
  if (plain.isEmpty) return `_${key('tunnel', tunnel)}`;
  if (tunnel.isEmpty || tunnel.equals(on.ports)) return `_${key('plain', plain)}`;
  if (plain.equals(on.ports)) return `_${key('tunnel', tunnel)}`;
  // Both in full would be longer than names of objects may be.
  return `_mixed-${hashText(`${tunnel} ${plain}`)}`;
}

export function portsView(ports: PortSet): PortsView {
  const ranges = ports.ranges.map(
    ({ protocol, first, last }): PortRangeView => ({
      first,
      last,
      text: portsInRange({ first, last }),
      single: first === last,
      protocol,
      tcp: protocol === 'tcp',
      udp: protocol === 'udp',
    }),
  );
  const protocols = PROTOCOLS.map((protocol): ProtocolPortsView => {
    // Spelled as ports of TCP are: without the protocol.
    const plain = ports.only(protocol).as('tcp');
    return {
      protocol,
      text: plain.toString(),
      key: portKey(plain),
      ranges: ranges.filter((range) => range.protocol === protocol),
    };
  });
  return {
    text: ports.toString(),
    key: portKey(ports),
    ranges,
    protocols: protocols.filter(({ ranges: own }) => own.length > 0),
  };
}

function clientsView(clients: DualStackSet | undefined, family: 4 | 6 | undefined): ClientsView {
  if (clients === undefined) return { every: true, prefixes: [] };
  const prefixes = clients.cover().filter((prefix) => family === undefined || prefix.family === family);
  return {
    every: false,
    prefixes: prefixes.map((prefix) => ({ ...prefixView(prefix), text: clientText(prefix) })),
  };
}

const MASKS = new Map<number, Netmask>();

/** The masks of an IPv4 prefix of a length. */
function maskOf(length: number): Netmask {
  const known = MASKS.get(length);
  if (known !== undefined) return known;
  // netmask guesses at loose text, so that it only ever sees canonical prefixes.
  const mask = new Netmask(`0.0.0.0/${length}`);
  MASKS.set(length, mask);
  return mask;
}

function prefixView(prefix: Prefix): PrefixView {
  const mask = prefix.family === 4 ? maskOf(prefix.length) : undefined;
  return {
    prefix: formatPrefix(prefix),
    address: formatAddress(prefix.family, prefix.first),
    // Few formats write it.
    get last() {
      return formatAddress(prefix.family, lastAddress(prefix));
    },
    length: prefix.length,
    netmask: mask?.mask ?? '',
    wildcard: mask?.hostmask ?? '',
    ipv4: prefix.family === 4,
    ipv6: prefix.family === 6,
    single: prefix.length === width(prefix.family),
  };
}

function hostView(pattern: HostPattern): HostView {
  return { ...pattern, pattern: formatHostPattern(pattern), key: hashText(pattern.name) };
}

/** Eight hexadecimal digits. */
function hashText(text: string): string {
  return nameHash(text).toString(16).padStart(8, '0');
}
