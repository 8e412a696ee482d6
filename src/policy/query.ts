import { parseTypedPrefix } from '../config/typed-prefix.ts';
import { AddressSyntaxError, type Family, formatAddress, parseAddress } from '../net/address.ts';
import { HostSyntaxError, parseHost } from '../net/host-pattern.ts';
import type { Method } from '../net/method.ts';
import { PortSet, type Protocol } from '../net/ports.ts';
import { formatPrefix, type Prefix } from '../net/prefix.ts';

/** One port of a protocol. */
export interface QueriedPort {
  readonly port: number;
  readonly protocol: Protocol;
}

/** What may be asked about: one address, one host name, or a CIDR; on one port, or on any. */
export type Query =
  | {
      readonly kind: 'address';
      readonly family: Family;
      readonly value: bigint;
      readonly port: QueriedPort | undefined;
    }
  | {
      readonly kind: 'name';
      /** In canonical spelling. */
      readonly host: string;
      readonly port: QueriedPort | undefined;
      /** Of a URL, without what follows `?` or `#`. */
      readonly path: string | undefined;
      /** How a proxy would be asked; of a URL as its scheme says, else absent. */
      readonly method?: Method;
    }
  | { readonly kind: 'prefix'; readonly prefix: Prefix; readonly port: QueriedPort | undefined };

/** Text that asks for nothing that can be looked up. */
export class QuerySyntaxError extends Error {
  override readonly name = 'QuerySyntaxError';
}

/** Ports that a URL need not spell out; those of schemes that Azure's endpoints are reached by. */
const SCHEME_PORTS: Readonly<Record<string, number>> = {
  http: 80,
  ws: 80,
  https: 443,
  wss: 443,
  ftp: 21,
  amqp: 5672,
  amqps: 5671,
};

/** Those of them for which a client asks a proxy without a tunnel. */
const PLAIN_SCHEMES: ReadonlySet<string> = new Set(['http', 'ftp']);

/**
 * Parses `20.190.137.45`, `[2001:db8::1]:443`, `login.example.com:443`, `https://host/path` or
 * `40.126.0.0/18`, the last also with a port behind it. A port is one of TCP unless `/udp` follows it. An address
 * without brackets that has two colons or more is IPv6 without a port.
 * @throws QuerySyntaxError saying what is wrong and what may have been meant
 */
export function parseQuery(text: string): Query {
  try {
    return parse(text);
  } catch (error) {
    if (
      error instanceof AddressSyntaxError ||
      error instanceof HostSyntaxError ||
      error instanceof RangeError
    )
      throw new QuerySyntaxError(error.message, { cause: error });
    throw error;
  }
}

/** The address, host or CIDR in canonical spelling, without the port. */
export function formatSubject(query: Query): string {
  switch (query.kind) {
    case 'address':
      return formatAddress(query.family, query.value);
    case 'name':
      return query.host;
    case 'prefix':
      return formatPrefix(query.prefix);
  }
}

function parse(text: string): Query {
  if (text === '') throw new QuerySyntaxError('there is nothing to look up');
  // Most of what is asked by the million, and nothing else looks like it.
  if (/^[\d.]+$/.test(text)) return { kind: 'address', ...parseAddress(text), port: undefined };
  if (/\s/.test(text))
    throw new QuerySyntaxError(
      `${JSON.stringify(text)} is more than one word; a query is one host, address, CIDR or URL`,
    );
  const url = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)([^?#]*)/i.exec(text);
  if (url !== null) return parseUrl(text, url[1]!.toLowerCase(), url[2]!, url[3]!);
  const slash = text.replace(/:\d+\/(?:tcp|udp)$/, (port) => '_'.repeat(port.length)).indexOf('/');
  if (slash >= 0) return parseCidr(text, slash);
  return parseAuthority(text, undefined);
}

function parseUrl(text: string, scheme: string, authority: string, path: string): Query {
  // Credentials say nothing about where the request goes.
  const asked = parseAuthority(authority.slice(authority.lastIndexOf('@') + 1), path === '' ? '/' : path);
  const query: Query =
    asked.kind === 'name' ? { ...asked, method: PLAIN_SCHEMES.has(scheme) ? 'plain' : 'tunnel' } : asked;
  if (query.port !== undefined) return query;
  const port = SCHEME_PORTS[scheme];
  if (port === undefined)
    throw new QuerySyntaxError(
      `${JSON.stringify(text)}: the port of ${scheme} is not known here; write it behind the host`,
    );
  return { ...query, port: { port, protocol: 'tcp' } };
}

function parseCidr(text: string, slash: number): Query {
  const before = text.slice(0, slash);
  if (!before.includes(':') && !/^[\d.]+$/.test(before))
    throw new QuerySyntaxError(
      `${JSON.stringify(text)} has a path but no scheme; did you mean https://${text} or ${before}?`,
    );
  const colon = text.indexOf(':', slash);
  const prefix = parseTypedPrefix(colon < 0 ? text : text.slice(0, colon));
  return { kind: 'prefix', prefix, port: colon < 0 ? undefined : parsePort(text.slice(colon + 1)) };
}

function parseAuthority(text: string, path: string | undefined): Query {
  if (text.startsWith('[')) {
    const match = /^\[([^\]]*)\](?::(.*))?$/.exec(text);
    if (match === null || !match[1]!.includes(':'))
      throw new QuerySyntaxError(`${JSON.stringify(text)} is not [IPv6 address] or [IPv6 address]:port`);
    return {
      kind: 'address',
      ...parseAddress(match[1]!),
      port: match[2] === undefined ? undefined : parsePort(match[2]),
    };
  }
  const colon = text.indexOf(':');
  if (colon >= 0 && text.indexOf(':', colon + 1) >= 0)
    return { kind: 'address', ...parseAddress(text), port: undefined };
  const host = colon < 0 ? text : text.slice(0, colon);
  const port = colon < 0 ? undefined : parsePort(text.slice(colon + 1));
  if (/^[\d.]+$/.test(host)) return { kind: 'address', ...parseAddress(host), port };
  if (host.includes('*'))
    throw new QuerySyntaxError(
      `${JSON.stringify(text)} is a pattern; ask for one host, such as ${host.replaceAll('*', 'a')}`,
    );
  return { kind: 'name', host: parseHost(host), port, path };
}

function parsePort(text: string): QueriedPort {
  const ports = PortSet.parse(text);
  const { protocol, first, last } = ports.ranges[0]!;
  if (first !== last) throw new QuerySyntaxError(`${JSON.stringify(text)} is a range; ask for one port`);
  return { port: first, protocol };
}

/** Whether the port is among them; whatever they are, where none is asked about. */
export function hasQueried(ports: PortSet, port: QueriedPort | undefined): boolean {
  return port === undefined || ports.has(port.port, port.protocol);
}

export function queriedPorts({ port, protocol }: QueriedPort): PortSet {
  return PortSet.of(port).as(protocol);
}
