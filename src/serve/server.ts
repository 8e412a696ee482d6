import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import fresh from 'fresh';
import Negotiator from 'negotiator';
import parseRange from 'range-parser';
import { LOCK_FILE } from '../committed/lock.ts';
import { AllowlistError } from '../problem.ts';
import { type Access, clientAddress, isKnown, mayAsk } from './access.ts';
import { type Generation, type Representation, readGeneration, type ServedFile } from './generation.ts';
import { Pulls } from './pulls.ts';

/** Certificates of a server that speaks TLS, as PEM texts. */
export interface TlsSettings {
  readonly certificate: string;
  readonly key: string;
  /** The authority of the certificates that clients must show; undefined where they need none. */
  readonly clientAuthority: string | undefined;
}

export interface ServeOptions {
  readonly directory: string;
  readonly host: string;
  /** 0 for one that is free. */
  readonly port: number;
  readonly access: Access;
  readonly tls: TlsSettings | undefined;
  /** One line a pull, as JSON. */
  readonly log: (line: string) => void;
  /** What goes wrong with the tree. */
  readonly report: (line: string) => void;
}

export interface RunningServer {
  /** `http://127.0.0.1:8080` */
  readonly origin: string;
  /** Answers what was asked, and takes nothing more. */
  readonly close: () => Promise<void>;
}

/** Milliseconds between two looks at the lock. */
const LOOK = 500;

/** Milliseconds: a device that sends its request this slowly is cut off. */
const REQUEST_TIMEOUT = 30_000;

/** The paths that are the server's own; no published file has such a name. */
const STATUS = '/status';
const HEALTH = '/healthz';

/**
 * Serves an output tree to devices that pull. Only files that the lock lists are served, with the bytes that it names,
 * all of one tree: a tree that is being written, or that somebody has edited, is not served, and what was served before
 * stays.
 * @throws AllowlistError for a tree that is not as its lock says, and for an address that cannot be listened on
 */
export async function serveTree(options: ServeOptions): Promise<RunningServer> {
  const { directory, report } = options;
  const trees = await WatchedTree.open(directory, report);
  const pulls = new Pulls();
  const app: FastifyInstance = fastify({
    logger: false,
    requestTimeout: REQUEST_TIMEOUT,
    connectionTimeout: REQUEST_TIMEOUT,
    keepAliveTimeout: 60_000,
    exposeHeadRoutes: false,
    bodyLimit: 1024,
    ...(options.tls === undefined
      ? {}
      : {
          https: {
            cert: options.tls.certificate,
            key: options.tls.key,
            ...(options.tls.clientAuthority === undefined
              ? {}
              : { ca: options.tls.clientAuthority, requestCert: true, rejectUnauthorized: true }),
          },
        }),
  } as object);

  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-content-type-options', 'nosniff');
    if (!mayAsk(options.access, request.socket.remoteAddress ?? '')) return reply.code(403).send();
    if (!isKnown(options.access, request.headers.authorization))
      return reply.code(401).header('www-authenticate', 'Basic realm="azure-allowlist"').send();
  });
  app.addHook('onResponse', async (request, reply) => {
    options.log(
      JSON.stringify({
        time: new Date().toISOString(),
        client: clientText(request),
        method: request.method,
        path: request.url.slice(0, 500),
        status: reply.statusCode,
        bytes: Number(reply.getHeader('content-length') ?? 0),
        etag: reply.getHeader('etag') ?? null,
        agent: request.headers['user-agent']?.slice(0, 200) ?? null,
        seconds: Math.round(reply.elapsedTime) / 1000,
      }),
    );
  });
  app.route({
    method: ['GET', 'HEAD'],
    url: '/*',
    handler: async (request, reply) => {
      const path = request.url.replace(/[?#].*$/, '');
      const generation = await trees.current();
      if (path === HEALTH) return reply.send({ status: 'ok', digest: generation.digest });
      if (path === STATUS) return reply.send(statusOf(generation, pulls, trees.problem));
      // A proxy configuration is asked for at the root of its host (WPAD).
      const file =
        generation.files.get(path.slice(1)) ?? (path === '/wpad.dat' ? wpadOf(generation) : undefined);
      if (file === undefined) return reply.code(404).type('text/plain').send('not found\n');
      await answer(request, reply, file);
      if ([200, 206, 304].includes(reply.statusCode))
        pulls.record({
          client: clientText(request),
          path: file.path,
          digest: generation.digest,
          status: reply.statusCode,
          at: new Date().toISOString(),
        });
      return reply;
    },
  });
  app.setNotFoundHandler((_, reply) => reply.code(405).header('allow', 'GET, HEAD').send());

  const origin = await app.listen({ host: options.host, port: options.port }).catch((cause: Error) => {
    trees.close();
    throw new AllowlistError(`cannot listen on ${options.host} port ${options.port}: ${cause.message}`, [], {
      cause,
    });
  });
  return {
    origin,
    close: async () => {
      trees.close();
      await app.close();
    },
  };
}

/** Answers with a file: not at all if the client has it, a part of it if it asks for one, compressed if it may be. */
async function answer(request: FastifyRequest, reply: FastifyReply, file: ServedFile): Promise<void> {
  const compressed =
    file.gzip !== undefined &&
    request.headers.range === undefined &&
    new Negotiator(request.raw).encoding(['gzip', 'identity']) === 'gzip';
  const form: Representation = compressed ? file.gzip! : file.plain;
  reply
    .type(file.type)
    .header('etag', form.etag)
    .header('last-modified', file.modified.toUTCString())
    .header('cache-control', 'no-cache')
    .header('accept-ranges', 'bytes');
  if (file.gzip !== undefined) reply.header('vary', 'accept-encoding');
  if (compressed) reply.header('content-encoding', 'gzip');
  // `Cache-Control: no-cache` of a request is for the caches on the way: this is the origin.
  const { 'cache-control': _, ...headers } = request.headers;
  if (fresh(headers, { etag: form.etag, 'last-modified': file.modified.toUTCString() })) {
    await reply.code(304).send();
    return;
  }
  const { bytes } = form;
  const range = rangeOf(request, form, file.modified);
  if (range === 'unsatisfiable') {
    await reply.code(416).header('content-range', `bytes */${bytes.length}`).send();
    return;
  }
  const { start, end } = range ?? { start: 0, end: bytes.length - 1 };
  if (range !== undefined) reply.code(206).header('content-range', `bytes ${start}-${end}/${bytes.length}`);
  reply.header('content-length', end - start + 1);
  await reply.send(request.method === 'HEAD' ? undefined : bytes.subarray(start, end + 1));
}

/** The one range that is asked for; several are answered with the whole, as a server may. */
function rangeOf(
  { headers }: FastifyRequest,
  { bytes, etag }: Representation,
  modified: Date,
): { readonly start: number; readonly end: number } | 'unsatisfiable' | undefined {
  if (headers.range === undefined || bytes.length === 0) return undefined;
  // `If-Range`: a part only of what the client has the rest of.
  const condition = headers['if-range'];
  if (condition !== undefined && condition !== etag && condition !== modified.toUTCString()) return undefined;
  const ranges = parseRange(bytes.length, headers.range);
  if (ranges === -1) return 'unsatisfiable';
  if (ranges === -2 || ranges.type !== 'bytes' || ranges.length !== 1) return undefined;
  return ranges[0]!;
}

function wpadOf({ files }: Generation): ServedFile | undefined {
  const found = [...files.values()].filter(({ path }) => path.endsWith('/wpad.dat'));
  return found.length === 1 ? found[0] : undefined;
}

function statusOf(
  { digest, policyDigest, fileDate, files }: Generation,
  pulls: Pulls,
  problem: string | undefined,
) {
  return {
    tree: { digest, policyDigest, fileDate: fileDate ?? null, files: files.size },
    ...(problem === undefined ? {} : { problem }),
    pulls: pulls.all().map((pull) => ({ ...pull, current: pull.digest === digest })),
  };
}

function clientText({ socket }: FastifyRequest): string {
  const text = socket.remoteAddress ?? '';
  return text === '' ? '-' : (text.replace(/^::ffff:(?=\d+\.)/i, '') satisfies string);
}

/** The tree in a directory, read anew when its lock changes. */
class WatchedTree {
  readonly #directory: string;
  readonly #report: (line: string) => void;
  #generation: Generation;
  #stamp: string;
  #looked = Date.now();
  #reading: Promise<void> | undefined;
  #closed = false;
  /** Why what lies in the directory is not what is served. */
  problem: string | undefined;

  private constructor(
    directory: string,
    report: (line: string) => void,
    generation: Generation,
    stamp: string,
  ) {
    this.#directory = directory;
    this.#report = report;
    this.#generation = generation;
    this.#stamp = stamp;
  }

  static async open(directory: string, report: (line: string) => void): Promise<WatchedTree> {
    const stamp = await stampOf(directory);
    return new WatchedTree(directory, report, await readGeneration(directory), stamp);
  }

  close(): void {
    this.#closed = true;
  }

  /** The tree to answer from; looks at the lock first where the last look is a while ago. */
  async current(): Promise<Generation> {
    if (!this.#closed && Date.now() - this.#looked >= LOOK) {
      this.#reading ??= this.#look().finally(() => {
        this.#reading = undefined;
      });
      await this.#reading;
    }
    return this.#generation;
  }

  async #look(): Promise<void> {
    this.#looked = Date.now();
    const stamp = await stampOf(this.#directory);
    if (stamp === this.#stamp) return;
    try {
      this.#generation = await readGeneration(this.#directory);
      this.#stamp = stamp;
      this.problem = undefined;
      this.#report(
        `serving ${this.#generation.digest.slice(0, 12)}, of the week of ${this.#generation.fileDate}`,
      );
    } catch (error) {
      const message = (error as Error).message;
      // Told once: a tree that is being written is whole at the next look.
      if (this.problem !== message) this.#report(`${message}; serving what was served before`);
      this.problem = message;
    }
  }
}

/** What tells one state of the lock from another without reading it. */
async function stampOf(directory: string): Promise<string> {
  return stat(join(directory, LOCK_FILE)).then(
    ({ ino, mtimeMs, size }) => `${ino} ${mtimeMs} ${size}`,
    () => 'none',
  );
}

/** Whether an address is one of this machine alone. */
export function isLoopback(host: string): boolean {
  if (host === 'localhost') return true;
  try {
    const { family, value } = clientAddress(host);
    return family === 4 ? value >> 24n === 127n : value === 1n;
  } catch {
    return false;
  }
}
