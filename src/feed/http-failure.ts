/** Why one document could not be had over HTTP; its message is safe to show: no credentials, no secrets. */
export class HttpFailure extends Error {
  override readonly name = 'HttpFailure';
  /** The status of the answer, if there was one. */
  readonly status: number | undefined;
  /** Whether the same request may succeed a little later. */
  readonly transient: boolean;
  /** Seconds that the server asked to wait. */
  readonly retryAfter: number | undefined;
  /** What the reader can do about it. */
  readonly next: string | undefined;
  /** Whether this machine has no network, as far as can be told: no name is resolved, or there is no route. */
  readonly offline: boolean;

  constructor(
    message: string,
    details: {
      readonly status?: number | undefined;
      readonly transient?: boolean;
      readonly retryAfter?: number | undefined;
      readonly next?: string | undefined;
      readonly offline?: boolean;
    } = {},
  ) {
    super(message);
    this.status = details.status;
    this.transient = details.transient ?? false;
    this.retryAfter = details.retryAfter;
    this.next = details.next;
    this.offline = details.offline ?? false;
  }
}

const TRANSIENT_STATUS: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);

const STATUS_HINTS: Readonly<Record<number, string>> = {
  401: 'the token is missing, wrong or expired',
  403: 'the server or a proxy on the way refuses this client',
  407: 'put user and password into the proxy URL: http://user:password@proxy.example:8080',
  429: 'run less often',
};

/** An answer with a status that is no success. */
export function statusFailure(status: number, retryAfter: number | undefined): HttpFailure {
  return new HttpFailure(`the answer is HTTP ${status}`, {
    status,
    retryAfter,
    transient: TRANSIENT_STATUS.has(status),
    next: STATUS_HINTS[status],
  });
}

const CERTIFICATE_CODES: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'ERR_TLS_CERT_ALTNAME_INVALID',
]);

const CODE_REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the connection is refused',
  ECONNRESET: 'the connection was cut',
  EPIPE: 'the connection was cut',
  ECONNABORTED: 'the connection was cut',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
  ENOTFOUND: 'the host name is unknown',
  EAI_AGAIN: 'the host name cannot be resolved now',
  ERR_HTTP_CONTENT_LENGTH_MISMATCH: 'the body is shorter than its Content-Length',
};

const OFFLINE_CODES: ReadonlySet<string> = new Set(['EAI_AGAIN', 'ENETUNREACH']);

/** A failure below HTTP, told from the error of the socket, of TLS, of the proxy agent or of got. */
export function transportFailure(error: unknown): HttpFailure {
  if (error instanceof HttpFailure) return error;
  const { code, message } = detailsOf(error);
  const proxied = /^Bad response: (\d{3})$/.exec(message)?.[1];
  if (proxied !== undefined) {
    const status = Number(proxied);
    const what = status === 407 ? 'wants authentication' : 'refuses the connection';
    return new HttpFailure(`the proxy ${what} (HTTP ${status})`, {
      status,
      transient: TRANSIENT_STATUS.has(status),
      next: STATUS_HINTS[status],
    });
  }
  if (CERTIFICATE_CODES.has(code))
    return new HttpFailure(`the certificate is not trusted (${code})`, {
      next: 'where TLS is inspected, name the inspecting CA in feed.http.certificateAuthority or NODE_EXTRA_CA_CERTS',
    });
  const waiting = /^Timeout awaiting '(\w+)' for (\d+)ms$/.exec(message);
  if (waiting !== null)
    return new HttpFailure(`no ${PHASES[waiting[1]!] ?? 'answer'} within ${Number(waiting[2]) / 1000} s`, {
      transient: true,
    });
  if (message === 'Proxy timeout')
    return new HttpFailure('the proxy did not answer in time', { transient: true });
  if (message.includes('aborted')) return new HttpFailure('the connection was cut', { transient: true });
  const reason = CODE_REASONS[code];
  if (reason !== undefined)
    return new HttpFailure(`${reason} (${code})`, {
      transient: code !== 'ENOTFOUND',
      offline: OFFLINE_CODES.has(code),
    });
  return new HttpFailure(`the request failed${code === '' ? '' : ` (${code})`}`, {
    transient: code === 'ETIMEDOUT',
  });
}

const PHASES: Readonly<Record<string, string>> = {
  lookup: 'host name',
  connect: 'connection',
  secureConnect: 'TLS connection',
  response: 'answer',
  socket: 'data',
};

function detailsOf(error: unknown): { readonly code: string; readonly message: string } {
  if (!(error instanceof Error)) return { code: '', message: String(error) };
  const own = 'code' in error && typeof error.code === 'string' ? error.code : '';
  const inner = error.cause instanceof Error ? detailsOf(error.cause) : { code: '', message: '' };
  const generic = own === '' || own.startsWith('ERR_GOT') || own === 'ERR_READING_RESPONSE_STREAM';
  return { code: generic && inner.code !== '' ? inner.code : own, message: error.message };
}
