import { parseTypedPrefix } from '../config/typed-prefix.ts';
import type { Prefix } from '../net/prefix.ts';
import { parseQuery, type Query, QuerySyntaxError } from '../policy/query.ts';

/** One request of a log: what was asked for, and whether the device refused it. */
export interface LoggedRequest {
  readonly query: Extract<Query, { readonly kind: 'address' | 'name' }>;
  /** `host:port`, as it is told. */
  readonly subject: string;
  readonly denied: boolean;
  /** Who asked; absent where the log does not tell an address. */
  readonly client?: Prefix;
  /** What the device wrote: `TCP_DENIED/403`, or `blocked`. */
  readonly status: string;
}

/** `squid`: the native access log; `flows`: a destination a line, each of them blocked. */
export type LogFormat = 'squid' | 'flows';

/**
 * Squid's native format: time, elapsed, client, code/status, bytes, method, URL, user, hierarchy, type. Source:
 * https://wiki.squid-cache.org/Features/LogFormat
 */
const SQUID = /^\s*\d+\.\d{3}\s+-?\d+\s+(\S+)\s+([A-Z_]+\/\d{3})\s+\d+\s+(\S+)\s+(\S+)\s/;

/** Which format a line is of; the first line of a log decides. */
export function formatOf(line: string): LogFormat {
  return SQUID.test(line) ? 'squid' : 'flows';
}

/**
 * Reads one line. A line of Squid's that names no destination (`error:…`) is `nothing`, and one that is no such line
 * at all `unreadable`.
 */
export function readLogLine(line: string, format: LogFormat): LoggedRequest | 'nothing' | 'unreadable' {
  if (format === 'flows') {
    const [host, port, ...rest] = line.trim().split(/[\s,]+/);
    if (host === undefined || rest.length > 0) return 'unreadable';
    return request(
      port === undefined ? host : `${host.includes(':') ? `[${host}]` : host}:${port}`,
      true,
      'blocked',
    );
  }
  const match = SQUID.exec(line);
  if (match === null) return 'unreadable';
  const [, client = '', status = '', method, url = ''] = match;
  // Transactions without a request, and Squid's own pages.
  if (url.startsWith('error:') || url.startsWith('cache_object:') || url.startsWith('/')) return 'nothing';
  // A 403 or 407 without DENIED is the server's own.
  const denied = status.includes('DENIED');
  const read = request(method === 'CONNECT' ? url : originOf(url), denied, status, clientOf(client));
  if (read === 'unreadable' || read.query.kind !== 'name') return read;
  return { ...read, query: { ...read.query, method: method === 'CONNECT' ? 'tunnel' : 'plain' } };
}

/** `host:port` of a URL; the text itself where it is none. */
function originOf(url: string): string {
  const match = /^(https?|ftp):\/\/(?:[^/@]*@)?(\[[^\]]*\]|[^/:?#]*)(?::(\d+))?/i.exec(url);
  if (match === null) return url;
  const [, scheme = '', host = '', port] = match;
  return `${host}:${port ?? { http: '80', https: '443', ftp: '21' }[scheme.toLowerCase()]}`;
}

/** The address of a client; a log may hide it, or write a name. */
function clientOf(text: string): Prefix | undefined {
  try {
    return parseTypedPrefix(text);
  } catch {
    return undefined;
  }
}

function request(
  text: string,
  denied: boolean,
  status: string,
  client?: Prefix,
): LoggedRequest | 'unreadable' {
  try {
    const query = parseQuery(text);
    if (query.kind === 'prefix' || query.port === undefined) return 'unreadable';
    return {
      query,
      subject: text.toLowerCase(),
      denied,
      status,
      ...(client === undefined ? {} : { client }),
    };
  } catch (error) {
    if (error instanceof QuerySyntaxError) return 'unreadable';
    throw error;
  }
}
