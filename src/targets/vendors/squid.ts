import { PortSet } from '../../net/ports.ts';
import { ReadBackError } from '../read-back.ts';
import type { RuleFile } from '../render.ts';
import type { Vendor } from '../vendor.ts';
import {
  type AddressListView,
  type ClientsView,
  type NameListView,
  type OptionValues,
  type PortsView,
  portsView,
  type View,
} from '../view.ts';
import { ALLOW, HTTP, type ListKind, portsBeyond, readBack, squidPorts, TUNNEL } from './squid-read-back.ts';

/** One list file, and the ACLs that read it. */
interface ListView {
  readonly file: string;
  readonly acl: string;
  readonly kind: ListKind;
  readonly names: boolean;
  readonly type: string;
  /** The ACL type that compares names with the server name of a TLS handshake. */
  readonly tlsType: string;
  /** Whether a tunnel to its names may carry TLS. */
  readonly tls: boolean;
  readonly entries: readonly string[];
  /** One `http_access` line each. */
  readonly accesses: readonly AccessView[];
  /** The ports of tunnels; without any, nothing is exempt from inspection. */
  readonly on: PortAclView;
  readonly tunnels: PortSet;
  /** The ACL of the clients that may use the list, behind a space; nothing for every client. */
  readonly from: string;
  /** The same in the file that exempts the names from inspection. */
  readonly spliceFrom: string;
}

/** Ports of a list on which the same methods are allowed. */
interface AccessView {
  /** The ACL of CONNECT or its negation, and a space behind it; nothing where every method is allowed. */
  readonly method: string;
  readonly on: PortAclView;
}

/** A set of ports, and those of them on which a tunnel carries TLS. */
interface PortAclView {
  readonly acl: string;
  readonly ports: string;
  /** Whether port 80 is one of them. */
  readonly plain: boolean;
  /** The ports without port 80; empty if nothing is left. */
  readonly tlsPorts: string;
}

function extendView(view: View): View & Readonly<Record<string, unknown>> {
  const lists = [...view.nameLists.flatMap(nameLists), ...view.addressLists.map(addressList)];
  const portAcls = new Map(
    lists.flatMap(({ accesses }) => accesses.map(({ on }): [string, PortAclView] => [on.acl, on])),
  );
  const beyond = portsBeyond(unionOfPorts(lists.map(({ tunnels }) => tunnels)));
  const spliceLists = lists.filter(({ names, tunnels }) => names && !tunnels.isEmpty);
  const tlsLists = spliceLists.filter(({ tls }) => tls);
  const plainLists = spliceLists.filter(({ on }) => on.plain);
  const tlsPorts = new Map(tlsLists.map(({ on }) => [on.acl, on]));
  const methodAcls = lists.some(({ accesses }) => accesses.some(({ method }) => method !== ''))
    ? [{ acl: TUNNEL }]
    : [];
  const bound = new Map<string, ClientsView>();
  for (const { rule, clients } of [...view.nameLists, ...view.addressLists])
    if (!clients.every) bound.set(rule, clients);
  const unbound = view.rules.filter(({ name }) => !bound.has(name)).map(({ name }) => name);
  return {
    ...view,
    clientAcls: clientAcls(bound),
    // Of names of their own: a second file that names the same clients would name them twice.
    spliceClientAcls: clientAcls(
      new Map(
        view.nameLists
          .filter(({ clients, methods }) => !clients.every && methods.some(({ tunnel }) => tunnel))
          .map(({ rule, clients }) => [rule, clients]),
      ),
      '-splice',
    ),
    clientTexts:
      unbound.length === 0
        ? []
        : [
            `For every client that the proxy serves${bound.size === 0 ? '' : `, rule ${unbound.join(', ')}`}: the option \`clients\` binds the rules to some.`,
          ],
    lists,
    spliceLists,
    tlsLists,
    plainLists,
    methodAcls,
    portAcls: [...portAcls.values()],
    tlsPortAcls: [...tlsPorts.values()],
    plainPortAcls: plainLists.length === 0 ? [] : [{ acl: 'azure-plain-80', ports: squidPorts(HTTP) }],
    // Without anything to splice, other lines of the site decide by themselves whether Squid looks into a handshake.
    peeks: spliceLists.length === 0 ? [] : [view],
    beyond: beyond.isEmpty ? [] : [{ ports: squidPorts(beyond) }],
  };
}

/** The ACL of a rule's clients: no list has a name that ends so. */
function clientsAcl(rule: string): string {
  return `azure-${rule}-clients`;
}

/** One line for each client: Squid adds them up. */
function clientAcls(bound: ReadonlyMap<string, ClientsView>, after = '') {
  return [...bound].flatMap(([rule, { prefixes }]) =>
    prefixes.map(({ text }) => ({ acl: `${clientsAcl(rule)}${after}`, client: text })),
  );
}

/** Reads the option back: where the lists are. */
function readSettings(files: readonly RuleFile[]): OptionValues {
  const allow = files.find(({ path }) => path === ALLOW);
  if (allow === undefined) throw new ReadBackError(`${ALLOW} is missing`);
  const directory = /^# List files are read from (\S+)$/m.exec(allow.text)?.[1] ?? '';
  return { directory };
}

function nameLists({ id, rule, hosts, methods, clients }: NameListView): ListView[] {
  const tunnels = unionOfPorts(methods.filter(({ tunnel }) => tunnel).map(({ ports }) => readPorts(ports)));
  const on = portAcl(portsView(tunnels));
  const shared = {
    names: true,
    on,
    tunnels,
    tls: on.tlsPorts !== '',
    accesses: methods.map(
      ({ tunnel, plain, ports }): AccessView => ({
        method: tunnel && plain ? '' : tunnel ? `${TUNNEL} ` : `!${TUNNEL} `,
        on: portAcl(ports),
      }),
    ),
    ...fromClients(rule, clients),
  };
  const names = hosts.filter(({ apex }) => apex);
  const below = hosts.filter(({ apex }) => !apex);
  const lists: ListView[] = [
    {
      ...shared,
      file: `${id}.names.txt`,
      acl: `azure-${id}-names`,
      kind: 'names',
      type: 'dstdomain -n',
      tlsType: 'ssl::server_name',
      entries: names.map(({ name, subdomains }) => (subdomains ? `.${name}` : name)),
    },
    {
      ...shared,
      file: `${id}.below.txt`,
      acl: `azure-${id}-below`,
      kind: 'below',
      type: 'dstdom_regex -n -i',
      tlsType: 'ssl::server_name_regex -i',
      // dstdomain's `.x` lets x itself through as well.
      entries: below.map(({ name }) => `\\.${name.replaceAll('.', '\\.')}$`),
    },
  ];
  return lists.filter(({ entries }) => entries.length > 0);
}

function fromClients(rule: string, { every }: ClientsView): Pick<ListView, 'from' | 'spliceFrom'> {
  const from = every ? '' : ` ${clientsAcl(rule)}`;
  return { from, spliceFrom: every ? '' : `${from}-splice` };
}

function addressList({ id, rule, prefixes, ports, clients }: AddressListView): ListView {
  const on = portAcl(ports);
  return {
    file: `${id}.txt`,
    acl: `azure-${id}`,
    kind: 'addresses',
    names: false,
    type: 'dst -n',
    tlsType: '',
    tls: false,
    entries: prefixes.map(({ prefix }) => prefix),
    on,
    tunnels: readPorts(ports),
    accesses: [{ method: '', on }],
    ...fromClients(rule, clients),
  };
}

function readPorts({ text }: PortsView): PortSet {
  return PortSet.parseList(text);
}

function unionOfPorts(all: readonly PortSet[]): PortSet {
  return all.reduce((union, ports) => union.union(ports), PortSet.empty);
}

function portAcl(view: PortsView): PortAclView {
  const { key } = view;
  const ports = readPorts(view);
  return {
    acl: `azure-ports-${key}`,
    ports: squidPorts(ports),
    plain: ports.has(80),
    tlsPorts: squidPorts(ports.difference(HTTP)),
  };
}

/** Squid: ACL names, the list files behind them, and what may be reached with CONNECT. */
export const vendor = { extendView, readBack, readSettings } as const satisfies Vendor;
