import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzip as gzipWithCallback } from 'node:zlib';
import { LOCK_FILE, parseLock } from '../committed/lock.ts';
import { fileDigest } from '../committed/output-tree.ts';
import { AllowlistError } from '../problem.ts';
import { readOwnFile, readRegularFile } from '../regular-file.ts';

const gzip = promisify(gzipWithCallback);

/** One form of a file: as it is, or compressed. */
export interface Representation {
  readonly bytes: Buffer;
  /** Strong: other bytes have another one. */
  readonly etag: string;
}

/** A file that may be served. */
export interface ServedFile {
  /** Below the output tree, with forward slashes. */
  readonly path: string;
  readonly type: string;
  readonly modified: Date;
  readonly plain: Representation;
  /** Undefined where compression gains nothing. */
  readonly gzip: Representation | undefined;
}

/** A whole tree as it was published, held in memory: what is served never mixes two of them. */
export interface Generation {
  /** By path; the lock among them. */
  readonly files: ReadonlyMap<string, ServedFile>;
  /** SHA-256 of the lock: it names every file and its hash. */
  readonly digest: string;
  /** Of the feed, YYYY-MM-DD. */
  readonly fileDate: string | undefined;
  readonly policyDigest: string;
}

/** Below this size a compressed form is not worth its header. */
const SMALLEST = 512;

/**
 * Reads a tree whose every file is the one that the lock names.
 * @throws AllowlistError naming each file that is missing or has other bytes
 */
export async function readGeneration(directory: string): Promise<Generation> {
  const where = join(directory, LOCK_FILE);
  const bytes = await readOwnFile(directory, LOCK_FILE).catch((cause: unknown) => {
    throw new AllowlistError(`${directory} is not an output tree: ${(cause as Error).message}`, [], {
      cause,
    });
  });
  const text = bytes.toString('utf8');
  const lock = parseLock(text, where);
  const files = new Map<string, ServedFile>();
  const problems = [];
  for (const [path, digest] of Object.entries(lock.files)) {
    const file = await readServed(directory, path).catch(() => undefined);
    if (file === undefined) problems.push({ where: join(directory, path), what: 'cannot be read' });
    else if (fileDigest(file.plain.bytes.toString('utf8')) !== digest)
      problems.push({ where: join(directory, path), what: 'is not the file that the lock names' });
    // What begins with a dot is for tools beside the files.
    else if (!path.split('/').some((part) => part.startsWith('.'))) files.set(path, file);
  }
  if (problems.length > 0)
    throw new AllowlistError(`${directory} is not as its lock says; it is not served`, problems);
  files.set(LOCK_FILE, await readServed(directory, LOCK_FILE));
  if (files.get(LOCK_FILE)!.plain.bytes.toString('utf8') !== text)
    throw new AllowlistError(`${directory} is being written; it is read again in a moment`);
  return {
    files,
    digest: fileDigest(text),
    fileDate: lock.feed.fileDate,
    policyDigest: lock.policy.digest,
  };
}

async function readServed(directory: string, path: string): Promise<ServedFile> {
  const full = join(directory, path);
  const bytes = await readRegularFile(full);
  const { mtime } = await stat(full);
  const digest = fileDigest(bytes.toString('utf8'));
  const compressed = bytes.length < SMALLEST ? undefined : await gzip(bytes, { level: 9 });
  // HTTP knows whole seconds.
  const modified = new Date(Math.floor(mtime.getTime() / 1000) * 1000);
  return {
    path,
    type: typeOf(path),
    modified,
    plain: { bytes, etag: `"${digest}"` },
    gzip:
      compressed === undefined || compressed.length >= bytes.length
        ? undefined
        : { bytes: compressed, etag: `"${digest}-gzip"` },
  };
}

/** What the formats are sent as; rule files of devices are plain text. */
const TYPES: Readonly<Record<string, string>> = {
  // https://developer.mozilla.org/docs/Web/HTTP/Guides/Proxy_servers_and_tunneling/Proxy_Auto-Configuration_PAC_file
  dat: 'application/x-ns-proxy-autoconfig',
  pac: 'application/x-ns-proxy-autoconfig',
  json: 'application/json; charset=utf-8',
  md: 'text/markdown; charset=utf-8',
  xml: 'application/xml; charset=utf-8',
};

function typeOf(path: string): string {
  return TYPES[path.slice(path.lastIndexOf('.') + 1)] ?? 'text/plain; charset=utf-8';
}
