import { type LoadedFeed, readPublished } from '../feed/load.ts';
import type { M365Endpoints, M365Row } from '../feed/m365.ts';
import type { Cloud, FeedSource } from '../feed/snapshot.ts';
import { DualStackSet } from '../net/dual-stack-set.ts';
import { PortSet } from '../net/ports.ts';
import type { Prefix } from '../net/prefix.ts';
import { RunRefused } from '../pipeline.ts';
import type { Finding } from '../policy/guards/guard.ts';
import type { Origins } from '../policy/guards/origins.ts';
import {
  AllowlistError,
  ConfigurationError,
  EXIT_STATUS,
  type ExitStatus,
  FeedError,
  GuardRefusal,
} from '../problem.ts';

/** A feed as the bytes that were published: each thread parses them once. */
export interface SentFeed {
  readonly bytes: Uint8Array;
  readonly where: string;
  readonly cloud: Cloud;
  readonly source: FeedSource;
}

export function sendFeed({ snapshot, source, readFrom }: LoadedFeed): SentFeed {
  return { ...readFrom, cloud: snapshot.cloud, source };
}

/** What is wrong in a service tag is noted: it is no fault of those that do not use it. */
export function receiveFeed({ bytes, where, cloud, source }: SentFeed): LoadedFeed {
  return readPublished(bytes, where, { cloud, used: { has: () => false } }, source);
}

/** Endpoint sets of Microsoft 365 with their ports as text. */
export interface SentM365 extends Omit<M365Endpoints, 'rows'> {
  readonly rows: readonly (Omit<M365Row, 'ports'> & { readonly ports: string })[];
}

export function sendM365(endpoints: M365Endpoints): SentM365 {
  return { ...endpoints, rows: endpoints.rows.map((row) => ({ ...row, ports: row.ports.toString() })) };
}

export function receiveM365(sent: SentM365): M365Endpoints {
  return { ...sent, rows: sent.rows.map((row) => ({ ...row, ports: PortSet.parseList(row.ports) })) };
}

/** A second source with its addresses as prefixes. */
export interface SentOrigins extends Omit<Origins, 'found'> {
  readonly found:
    | { readonly name: string; readonly prefixes: readonly Prefix[]; readonly asOf: string | undefined }
    | { readonly unavailable: string };
}

export function sendOrigins({ found, ...rest }: Origins): SentOrigins {
  if ('unavailable' in found) return { ...rest, found };
  const { name, addresses, asOf } = found;
  return { ...rest, found: { name, prefixes: addresses.cover(), asOf } };
}

export function receiveOrigins({ found, ...rest }: SentOrigins): Origins {
  if ('unavailable' in found) return { ...rest, found };
  const { name, prefixes, asOf } = found;
  return { ...rest, found: { name, addresses: DualStackSet.fromPrefixes(prefixes), asOf } };
}

/** An error that the product explains. */
export interface SentError {
  readonly message: string;
  readonly exitStatus: ExitStatus;
  /** Of a refusal. */
  readonly findings: readonly Finding[] | undefined;
}

export function sendError(error: AllowlistError): SentError {
  const { message, exitStatus } = error;
  return { message, exitStatus, findings: error instanceof RunRefused ? error.findings : undefined };
}

export function receiveError({ message, exitStatus, findings }: SentError): AllowlistError {
  if (findings !== undefined) return new RunRefused(message, findings);
  const Kind =
    exitStatus === EXIT_STATUS.refused
      ? GuardRefusal
      : exitStatus === EXIT_STATUS.feed
        ? FeedError
        : exitStatus === EXIT_STATUS.configuration
          ? ConfigurationError
          : AllowlistError;
  return new Kind(message);
}
