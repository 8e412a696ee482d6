import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProgram } from '../support/programs.ts';
import type { Handler } from './loopback-server.ts';

/** An HTTPS server on loopback, with a certificate for 127.0.0.1 from a CA of its own. */
export interface TlsOrigin {
  readonly origin: string;
  readonly port: number;
  /** The PEM file of the CA. */
  readonly authority: string;
  readonly requests: string[];
  handle(handler: Handler): void;
  close(): Promise<void>;
}

/** Needs the program openssl. */
export async function startTlsOrigin(): Promise<TlsOrigin> {
  const directory = mkdtempSync(join(tmpdir(), 'tls-'));
  const at = (name: string) => join(directory, name);
  const openssl = (...parameters: string[]) =>
    execFileSync(findProgram('openssl')!, parameters, { stdio: 'pipe', timeout: 30_000 });
  const key = (name: string) => [
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-keyout',
    at(name),
  ];
  openssl('req', '-x509', ...key('ca.key'), '-out', at('ca.pem'), '-days', '2', '-subj', '/CN=Feed test CA');
  openssl('req', '-new', ...key('server.key'), '-out', at('server.csr'), '-subj', '/CN=127.0.0.1');
  writeFileSync(at('server.ext'), 'subjectAltName=IP:127.0.0.1\n');
  openssl(
    ...[
      'x509',
      '-req',
      '-in',
      at('server.csr'),
      '-CA',
      at('ca.pem'),
      '-CAkey',
      at('ca.key'),
      '-CAcreateserial',
    ],
    ...['-days', '2', '-extfile', at('server.ext'), '-out', at('server.pem')],
  );
  let current: Handler = (_, response) => response.end();
  const requests: string[] = [];
  const server = createServer(
    { key: readFileSync(at('server.key')), cert: readFileSync(at('server.pem')) },
    (request, response) => {
      requests.push(`${request.method} ${request.url}`);
      current(request, response);
    },
  );
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    origin: `https://127.0.0.1:${port}`,
    port,
    authority: at('ca.pem'),
    requests,
    handle(next) {
      current = next;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      rmSync(directory, { recursive: true });
    },
  };
}
