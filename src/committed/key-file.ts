import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { ConfigurationError } from '../problem.ts';
import { readRegularText } from '../regular-file.ts';
import { parseKey, type Signer, signerOf } from './signature.ts';

/** Where the private key is: a file, or a variable of the environment that holds its PEM text. */
export type SigningKey = { readonly file: string } | { readonly environment: string };

/** Reads the key that a run signs with. @throws ConfigurationError, which does not tell the key */
export async function readSigner(
  source: SigningKey,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Signer> {
  const where = 'sign.key';
  if ('file' in source)
    return signerOf(parseKey(await textOf(source.file, where), createPrivateKey, `${where}: ${source.file}`));
  const name = source.environment;
  const isName = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/.test(name);
  const text = isName ? environment[name] : undefined;
  if (text === undefined || text.trim() === '')
    throw new ConfigurationError('the key cannot be used', [
      {
        where,
        what: isName ? `the environment variable ${name} is not set` : 'names no environment variable',
      },
    ]);
  // Some CI systems keep a variable in one line.
  return signerOf(
    parseKey(text.replaceAll('\\n', '\n'), createPrivateKey, `${where}: the environment variable ${name}`),
  );
}

/** Reads a public key from a PEM file. @throws ConfigurationError */
export async function readPublicKey(file: string): Promise<KeyObject> {
  const text = await textOf(file, 'the public key');
  if (/PRIVATE KEY/.test(text))
    throw new ConfigurationError('the key cannot be used', [
      {
        where: 'the public key',
        what: `${file} holds the private key, which belongs to the job alone`,
        next: 'make the public one with: openssl pkey -in sign.pem -pubout -out sign.pub.pem',
      },
    ]);
  return parseKey(text, createPublicKey, `the public key ${file}`);
}

async function textOf(file: string, where: string): Promise<string> {
  return readRegularText(file).catch((cause: Error) => {
    throw new ConfigurationError(
      'the key cannot be used',
      [{ where, what: `${file} cannot be read: ${cause.message}` }],
      { cause },
    );
  });
}
