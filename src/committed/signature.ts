import { createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { ConfigurationError } from '../problem.ts';

/** Signs what a run writes, and knows its own signatures. */
export interface Signer {
  readonly sign: (digest: string) => string;
  readonly hasSigned: (digest: string, signature: string) => boolean;
}

/** What is signed: the digest of the lock, which names every other file by its own. */
const textOf = (digest: string) => Buffer.from(`azure-allowlist lock ${digest}\n`);

/** A signer for a private key of Ed25519, whose signatures of equal digests are equal. */
export function signerOf(key: KeyObject): Signer {
  const publicKey = createPublicKey(key);
  return {
    sign: (digest) => sign(null, textOf(digest), key).toString('base64'),
    hasSigned: (digest, signature) => isSignedBy(publicKey, digest, signature),
  };
}

/** Whether the signature of a lock with this digest is by the owner of the public key. */
export function isSignedBy(publicKey: KeyObject, digest: string, signature: string): boolean {
  const bytes = Buffer.from(signature, 'base64');
  // Decoding passes over what is no base64.
  return bytes.toString('base64') === signature && verify(null, textOf(digest), publicKey, bytes);
}

/**
 * Makes a key of its PEM text.
 * @throws ConfigurationError for anything but a key of Ed25519; the text is not repeated
 */
export function parseKey(text: string, make: (pem: string) => KeyObject, where: string): KeyObject {
  const refuse = (what: string, cause?: unknown): never => {
    throw new ConfigurationError(
      'the key cannot be used',
      [{ where, what, next: 'make one with: openssl genpkey -algorithm ed25519 -out sign.pem' }],
      { cause },
    );
  };
  let key: KeyObject;
  try {
    key = make(text);
  } catch (error) {
    return refuse('holds no key in PEM', error);
  }
  return key.asymmetricKeyType === 'ed25519'
    ? key
    : refuse(`holds a key of ${key.asymmetricKeyType ?? 'no known kind'}, not of Ed25519`);
}
