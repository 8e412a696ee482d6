import { typedPrefixes } from '../config/typed-prefix.ts';
import { ConfigurationError } from '../problem.ts';
import { readRegularText } from '../regular-file.ts';
import { isLoopback, serveTree } from '../serve/server.ts';
import type { Io } from './io.ts';
import { listenPlace } from './listen-place.ts';

interface ServeFlags {
  readonly listen: string;
  readonly client?: readonly string[];
  readonly user?: string;
  readonly passwordFile?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly clientCa?: string;
}

/** Serves an output tree to devices that pull, until it is told to stop. */
export async function serveCommand(directory: string, flags: ServeFlags, io: Io): Promise<void> {
  const { host, port } = listenPlace(flags.listen);
  const tls = await tlsOf(flags);
  const credentials = await credentialsOf(flags, io);
  if (credentials !== undefined && tls === undefined && !isLoopback(host))
    io.err(
      'noted: the password is asked for without TLS: whoever sees the traffic can read it (--tls-cert, --tls-key)',
    );
  const server = await serveTree({
    directory,
    host,
    port,
    access: {
      clients: flags.client === undefined ? undefined : typedPrefixes(flags.client, '--client'),
      credentials,
    },
    tls,
    log: io.out,
    report: io.err,
  });
  io.err(`serving ${directory} at ${server.origin}`);
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve());
  });
  await server.close();
}

async function tlsOf({ tlsCert, tlsKey, clientCa }: ServeFlags) {
  if (tlsCert === undefined && tlsKey === undefined && clientCa === undefined) return undefined;
  if (tlsCert === undefined || tlsKey === undefined)
    throw new ConfigurationError('TLS needs both --tls-cert and --tls-key');
  return {
    certificate: await textOf('--tls-cert', tlsCert),
    key: await textOf('--tls-key', tlsKey),
    clientAuthority: clientCa === undefined ? undefined : await textOf('--client-ca', clientCa),
  };
}

async function credentialsOf({ user, passwordFile }: ServeFlags, { environment }: Io) {
  const fromEnvironment = environment.AZURE_ALLOWLIST_SERVE_PASSWORD ?? '';
  if (user === undefined) {
    if (passwordFile !== undefined) throw new ConfigurationError('--password-file needs --user');
    return undefined;
  }
  const password =
    passwordFile === undefined
      ? fromEnvironment
      : (await textOf('--password-file', passwordFile)).replace(/\r?\n$/, '');
  if (password === '')
    throw new ConfigurationError(
      '--user needs a password: --password-file, or the variable AZURE_ALLOWLIST_SERVE_PASSWORD',
    );
  return { user, password };
}

async function textOf(flag: string, path: string): Promise<string> {
  return readRegularText(path).catch((cause: Error) => {
    throw new ConfigurationError(`${flag} ${path} cannot be read: ${cause.message}`, [], { cause });
  });
}
