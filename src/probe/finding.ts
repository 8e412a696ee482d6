import type { Protocol } from '../net/ports.ts';

/** What a probe of one endpoint found. */
export type FindingKind =
  | 'works'
  | 'not-probed'
  | 'udp-not-probed'
  | 'name-unknown'
  | 'name-server'
  | 'name-outside'
  | 'unanswered'
  | 'reset'
  | 'unreachable'
  | 'proxy-name'
  | 'proxy-unanswered'
  | 'proxy-reset'
  | 'proxy-authentication'
  | 'proxy-refuses'
  | 'proxy-unclear'
  | 'tls-intercepted'
  | 'tls-failed'
  | 'certificate-expired'
  | 'certificate-not-yet'
  | 'certificate-name'
  | 'certificate-untrusted'
  | 'clock-skew'
  | 'http-failed'
  | 'outside-policy';

/**
 * `good`: it works. `blocked`: the connector will not work like this. `note`: worth knowing, but may be harmless.
 * `unjudged`: could not be tried, which is no sign of anything good.
 */
export type Level = 'good' | 'blocked' | 'note' | 'unjudged';

/** The way a probe went: straight to the address, through the proxy, or nowhere (addresses alone were judged). */
export type Route = 'direct' | 'proxy' | 'none';

/** One finding; several may be about one endpoint. */
export interface ProbeFinding {
  /** As the table has it, `*.msappproxy.net`. */
  readonly endpoint: string;
  /** The name that was asked for. */
  readonly host: string;
  readonly port: number;
  readonly protocol: Protocol;
  readonly route: Route;
  /** The address that was dialled; undefined where none was. */
  readonly address: string | undefined;
  readonly kind: FindingKind;
  readonly level: Level;
  /** What was seen, in figures and names: `403 Forbidden`, the issuer, the last name of the chain. */
  readonly seen: string;
  /** Time of the attempt, in milliseconds. */
  readonly milliseconds: number;
}

const LEVELS: Readonly<Partial<Record<FindingKind, Level>>> = {
  works: 'good',
  'not-probed': 'unjudged',
  'udp-not-probed': 'unjudged',
  'name-outside': 'note',
  'proxy-unclear': 'note',
};

/** `443`, `3478/udp`. */
export function portText({ port, protocol }: Pick<ProbeFinding, 'port' | 'protocol'>): string {
  return protocol === 'udp' ? `${port}/udp` : String(port);
}

/** How bad a kind of finding is, unless the circumstances say otherwise. */
export function levelOf(kind: FindingKind): Level {
  return LEVELS[kind] ?? 'blocked';
}
