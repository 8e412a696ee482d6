import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A self-signed certificate and its key, as PEM text; made by openssl, good for two days. */
export function selfSigned(commonName: string): { readonly key: string; readonly certificate: string } {
  const directory = mkdtempSync(join(tmpdir(), 'certificate-'));
  try {
    const files = ['key', 'certificate'].map((name) => join(directory, name)) as [string, string];
    execFileSync(
      'openssl',
      [
        ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', `/CN=${commonName}`],
        ...['-keyout', files[0], '-out', files[1], '-addext', 'basicConstraints=critical,CA:TRUE'],
      ],
      { stdio: 'pipe', timeout: 30_000 },
    );
    return { key: readFileSync(files[0], 'utf8'), certificate: readFileSync(files[1], 'utf8') };
  } finally {
    rmSync(directory, { recursive: true });
  }
}
