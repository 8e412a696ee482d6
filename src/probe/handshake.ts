import { isIP, type Socket } from 'node:net';
import {
  connect,
  createSecureContext,
  type PeerCertificate,
  rootCertificates,
  type SecureContext,
  type TLSSocket,
} from 'node:tls';
import { AttemptFailure } from './dial.ts';

/** Whom the certificates of the services come from. */
export interface TrustedIssuers {
  /** Organisations (O) of the authority that signed the server's own certificate. */
  readonly organisations: readonly string[];
  /** The roots that a chain may end at. */
  readonly roots: SecureContext;
}

/** The roots that Node brings, whatever this machine trusts, and further ones as PEM text. */
export function trustedRoots(further: readonly string[]): SecureContext {
  return createSecureContext({ ca: [...rootCertificates, ...further] });
}

/**
 * Shakes hands over an open connection, with the host as SNI, and judges the certificate.
 * @throws AttemptFailure `tls-…` or `certificate-…`
 */
export async function shakeHands(
  socket: Socket,
  host: string,
  issuers: TrustedIssuers,
  milliseconds: number,
): Promise<string> {
  const secure = await handshake(socket, host, issuers, milliseconds);
  try {
    return judge(secure, issuers.organisations);
  } finally {
    secure.destroy();
  }
}

function handshake(
  socket: Socket,
  host: string,
  { roots }: TrustedIssuers,
  milliseconds: number,
): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const secure = connect({
      socket,
      host,
      ...(isIP(host) === 0 ? { servername: host } : {}),
      // The certificate is judged below, so that what is wrong with it can be told.
      rejectUnauthorized: false,
      secureContext: roots,
    });
    const fail = (seen: string, cause?: Error) => {
      clearTimeout(timer);
      secure.destroy();
      socket.destroy();
      reject(new AttemptFailure('tls-failed', seen, cause === undefined ? {} : { cause }));
    };
    const timer = setTimeout(() => fail(`no TLS handshake in ${milliseconds / 1000} s`), milliseconds);
    secure.on('error', (error: NodeJS.ErrnoException) => fail(error.code ?? error.message, error));
    socket.once('close', () => fail('the connection closed within the TLS handshake'));
    secure.once('secureConnect', () => {
      clearTimeout(timer);
      resolve(secure);
    });
  });
}

/** Of several faults the one that explains the others: who inspects TLS shows a name or date of its own as well. */
function judge(secure: TLSSocket, organisations: readonly string[]): string {
  const certificate = secure.getPeerCertificate();
  const issuer = organisationOf(certificate);
  if (!organisations.includes(issuer))
    throw new AttemptFailure('tls-intercepted', `the certificate was issued by ${issuer || 'nobody named'}`);
  const error = secure.authorizationError as Error | string | undefined;
  const code =
    typeof error === 'object' && error !== null
      ? ((error as NodeJS.ErrnoException).code ?? error.message)
      : error;
  // No error: the chain, the dates and the name were all found right.
  if (code === undefined || code === null || code === '') return `TLS, issued by ${issuer}`;
  if (code === 'CERT_HAS_EXPIRED')
    throw new AttemptFailure('certificate-expired', `valid to ${certificate.valid_to}`);
  if (code === 'CERT_NOT_YET_VALID')
    throw new AttemptFailure('certificate-not-yet', `valid from ${certificate.valid_from}`);
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    throw new AttemptFailure(
      'certificate-name',
      `it is for ${certificate.subjectaltname ?? certificate.subject?.CN ?? 'no name'}`,
    );
  throw new AttemptFailure('certificate-untrusted', `${code}, issued by ${issuer}`);
}

function organisationOf({ issuer }: PeerCertificate): string {
  const { O, CN } = (issuer ?? {}) as { O?: string | string[]; CN?: string | string[] };
  const first = (value: string | string[] | undefined) => (Array.isArray(value) ? value[0] : value);
  return first(O) ?? first(CN) ?? '';
}
