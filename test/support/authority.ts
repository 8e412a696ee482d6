import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface KeyPair {
  readonly key: string;
  readonly certificate: string;
}

/** A certificate authority for tests, made by openssl; its certificates name an organisation, as public ones do. */
export class Authority {
  readonly #directory = mkdtempSync(join(tmpdir(), 'authority-'));

  constructor(organisation: string) {
    writeFileSync(this.#path('index.txt'), '');
    writeFileSync(
      this.#path('ca.cnf'),
      `[ca]
default_ca = here
[here]
database = ${this.#path('index.txt')}
new_certs_dir = ${this.#directory}
certificate = ${this.#path('ca.pem')}
private_key = ${this.#path('ca.key')}
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
`,
    );
    this.#openssl(
      ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2'],
      ...['-subj', `/O=${organisation}/CN=${organisation} Root`],
      ...['-keyout', this.#path('ca.key'), '-out', this.#path('ca.pem')],
      ...['-addext', 'basicConstraints=critical,CA:TRUE'],
    );
  }

  /** The root, as PEM text. */
  get root(): KeyPair {
    return { key: this.#read('ca.key'), certificate: this.#read('ca.pem') };
  }

  /** A server's certificate for these names; `from` and `to` are times as openssl writes them, YYYYMMDDHHMMSSZ. */
  issue(names: readonly string[], dates: { readonly from?: string; readonly to?: string } = {}): KeyPair {
    writeFileSync(
      this.#path('extensions'),
      `subjectAltName=${names.map((name) => `DNS:${name}`).join(',')}\n`,
    );
    this.#openssl(
      ...['req', '-newkey', 'rsa:2048', '-nodes', '-subj', `/CN=${names[0]}`],
      ...['-keyout', this.#path('leaf.key'), '-out', this.#path('leaf.csr')],
    );
    this.#openssl(
      ...['ca', '-batch', '-notext', '-config', this.#path('ca.cnf'), '-extfile', this.#path('extensions')],
      ...['-in', this.#path('leaf.csr'), '-out', this.#path('leaf.pem')],
      ...(dates.from === undefined ? [] : ['-startdate', dates.from]),
      ...(dates.to === undefined ? ['-days', '2'] : ['-enddate', dates.to]),
    );
    return { key: this.#read('leaf.key'), certificate: this.#read('leaf.pem') };
  }

  remove(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #path(name: string): string {
    return join(this.#directory, name);
  }

  #read(name: string): string {
    return readFileSync(this.#path(name), 'utf8');
  }

  #openssl(...args: readonly string[]): void {
    execFileSync('openssl', args, { stdio: 'pipe', timeout: 30_000 });
  }
}
