import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { readRegularFile, readRegularText } from '../regular-file.ts';
import { sha256 } from '../sha256.ts';
import { isDate } from './file-date.ts';
import type { Environment } from './proxy.ts';
import type { Cloud, FeedSource } from './snapshot.ts';
import { CACHED_FILES } from './source-config.ts';
import { writeWhole } from './whole-file.ts';

/** What the cache knows of one fetched file. */
export interface CacheRecord {
  readonly version: 1;
  readonly cloud: Cloud;
  /** Which configuration it answers: files of one source never stand in for another's when offline. */
  readonly key: string;
  /** SHA-256 (hex) of the URL that was asked for: the URL itself may hold secrets. */
  readonly requestSha256: string;
  readonly source: FeedSource;
  readonly changeNumber: number;
  readonly contentSha256: string;
  readonly etag?: string;
  readonly lastModified?: string;
  /** YYYY-MM-DD */
  readonly fetchedOn: string;
}

/** What other runs may be in the middle of is left alone for this long. */
const ORPHAN_AGE_MILLISECONDS = 3_600_000;

/** `$XDG_CACHE_HOME/azure-allowlist`, or `~/.cache/azure-allowlist`; undefined where neither is known. */
export function defaultCacheDirectory(environment: Environment): string | undefined {
  const base = environment.XDG_CACHE_HOME;
  // The XDG base directory specification: a relative path is invalid and must be ignored.
  if (base?.startsWith('/')) return join(base, 'azure-allowlist');
  const home = environment.HOME ?? environment.USERPROFILE;
  return home === undefined || home === '' ? undefined : join(home, '.cache', 'azure-allowlist');
}

/**
 * Fetched files, content-addressed: `blobs/<sha256>` holds the published bytes, `feeds/<cloud>/*.json` what is
 * known of them. Every file is written whole under another name and then renamed, and a record after its
 * blob, so that runs at the same time, and runs that are killed, leave nothing torn. What is damaged all the
 * same is found by its hash.
 */
export class FeedCache {
  readonly #directory: string;
  readonly #report: (line: string) => void;
  #isSafe: Promise<boolean> | undefined;

  constructor(directory: string, report: (line: string) => void) {
    this.#directory = directory;
    this.#report = report;
  }

  /** Keeps a file; a cache that cannot be written is reported and does not stop the run. */
  async store(record: CacheRecord, bytes: Uint8Array, keep = CACHED_FILES): Promise<void> {
    if (!(await this.#safe())) return;
    try {
      await this.#write(join('blobs', record.source.sha256), bytes);
      await this.#write(
        join('feeds', record.cloud, fileNameOf(record)),
        `${JSON.stringify(record, null, 2)}\n`,
      );
      await this.#prune(record.cloud, keep);
    } catch (error) {
      this.#report(`${this.#directory}: the file is not kept: ${errorCode(error)}`);
    }
  }

  /** The records of a cloud, the newest file first; unreadable ones are reported and left out. */
  async records(cloud: Cloud): Promise<readonly CacheRecord[]> {
    if (!(await this.#safe())) return [];
    const found = await this.#named(cloud);
    return found.map(({ record }) => record);
  }

  /** Whether nobody else can put files into it; what another account may write is not read. */
  #safe(): Promise<boolean> {
    this.#isSafe ??= this.#look();
    return this.#isSafe;
  }

  async #look(): Promise<boolean> {
    const own = process.getuid?.();
    if (own === undefined) return true;
    for (const path of [this.#directory, join(this.#directory, 'feeds'), join(this.#directory, 'blobs')]) {
      const found = await stat(path).catch(() => undefined);
      if (found === undefined) continue;
      const what =
        found.uid !== own && found.uid !== 0
          ? `it belongs to the user ${found.uid}, and this is ${own}`
          : (found.mode & 0o002) !== 0
            ? `everybody can write to it (mode ${(found.mode & 0o7777).toString(8)})`
            : undefined;
      if (what === undefined) continue;
      this.#report(
        `${path}: the cache is not used: ${what}; chmod o-w or chown it, or name another with --cache`,
      );
      return false;
    }
    return true;
  }

  /** The bytes of a record; undefined, and the record is forgotten, if they are missing or not those that were stored. */
  async read(record: CacheRecord): Promise<Uint8Array | undefined> {
    const path = join(this.#directory, 'blobs', record.source.sha256);
    let reason = 'is damaged: its hash is another';
    try {
      const bytes = await readRegularFile(path);
      if (sha256(bytes) === record.source.sha256) return bytes;
    } catch (error) {
      reason = `cannot be read (${errorCode(error)})`;
    }
    this.#report(`${path}: the cached ${record.source.name} ${reason}`);
    await rm(join(this.#directory, 'feeds', record.cloud, fileNameOf(record)), { force: true });
    return undefined;
  }

  async #named(cloud: Cloud): Promise<readonly { readonly name: string; readonly record: CacheRecord }[]> {
    const directory = join(this.#directory, 'feeds', cloud);
    const found: { readonly name: string; readonly record: CacheRecord }[] = [];
    for (const name of await namesIn(directory)) {
      if (!name.endsWith('.json')) continue;
      const path = join(directory, name);
      const record = await readRecord(path);
      if (record === 'absent') continue;
      if (record !== 'damaged' && record.cloud === cloud && fileNameOf(record) === name) {
        found.push({ name, record });
        continue;
      }
      this.#report(`${path}: the cache record is damaged; it is removed`);
      await rm(path, { force: true });
    }
    return found.sort((a, b) => compareText(orderOf(b.record), orderOf(a.record)));
  }

  async #prune(cloud: Cloud, keep: number): Promise<void> {
    const records = await this.#named(cloud);
    for (const { name } of records.slice(Math.max(1, keep)))
      await rm(join(this.#directory, 'feeds', cloud, name), { force: true });
    const used = new Set<string>();
    for (const other of await namesIn(join(this.#directory, 'feeds')))
      for (const { record } of await this.#named(other as Cloud)) used.add(record.source.sha256);
    const blobs = join(this.#directory, 'blobs');
    const dropped = new Set(records.slice(Math.max(1, keep)).map(({ record }) => record.source.sha256));
    for (const name of await namesIn(blobs)) {
      if (used.has(name)) continue;
      if (dropped.has(name) || (await isOld(join(blobs, name)))) await rm(join(blobs, name), { force: true });
    }
  }

  async #write(name: string, content: string | Uint8Array): Promise<void> {
    await writeWhole(join(this.#directory, name), content, join(this.#directory, 'blobs'));
  }
}

/** A file's day: of its name, else the day it was fetched. */
export function dayOf({ source, fetchedOn }: CacheRecord): string {
  return source.fileDate ?? fetchedOn;
}

function orderOf(record: CacheRecord): string {
  return `${dayOf(record)} ${record.fetchedOn} ${String(record.changeNumber).padStart(16, '0')} ${record.source.sha256}`;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function fileNameOf(record: CacheRecord): string {
  const identity = sha256(`${record.key}\n${record.source.name}\n${record.source.sha256}`).slice(0, 24);
  return `${dayOf(record)}-${identity}.json`;
}

/** Absent: another run has pruned it meanwhile. */
async function readRecord(path: string): Promise<CacheRecord | 'damaged' | 'absent'> {
  try {
    const value: unknown = JSON.parse(await readRegularText(path));
    return isRecord(value) ? value : 'damaged';
  } catch (error) {
    return errorCode(error) === 'ENOENT' ? 'absent' : 'damaged';
  }
}

function isRecord(value: unknown): value is CacheRecord {
  const record = value as Partial<CacheRecord> | null;
  const source = record?.source as Partial<FeedSource> | null | undefined;
  return (
    record?.version === 1 &&
    typeof record.cloud === 'string' &&
    typeof record.key === 'string' &&
    typeof record.requestSha256 === 'string' &&
    typeof record.changeNumber === 'number' &&
    typeof record.fetchedOn === 'string' &&
    isDate(record.fetchedOn) &&
    typeof source?.kind === 'string' &&
    typeof source.name === 'string' &&
    typeof source.sha256 === 'string' &&
    /^[0-9a-f]{64}$/.test(source.sha256) &&
    (source.fileDate === undefined || (typeof source.fileDate === 'string' && isDate(source.fileDate)))
  );
}

async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return (await readdir(directory)).sort();
  } catch {
    return [];
  }
}

async function isOld(path: string): Promise<boolean> {
  try {
    return Date.now() - (await stat(path)).mtimeMs > ORPHAN_AGE_MILLISECONDS;
  } catch {
    return false;
  }
}

function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
}
