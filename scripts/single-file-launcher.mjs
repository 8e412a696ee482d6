#!/usr/bin/env node
// azure-allowlist in one file: unpacks what is packed at its end into the cache folder of the user, once for each version, and
// runs it from there. It needs Node.js and nothing else.
import { createHash } from 'node:crypto';
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { brotliDecompressSync } from 'node:zlib';

/** Set when the file is made: version, SHA-256 of what is packed, and the files in it with their sizes. */
const PACKED = { version: '', digest: '', files: [] };

const NEEDS = [20, 19];

function fail(message) {
  process.stderr.write(`azure-allowlist: ${message}\n`);
  process.exit(1);
}

/** Where it is kept: below XDG_CACHE_HOME or ~/.cache; undefined where there is neither. */
function keptAt() {
  const { XDG_CACHE_HOME: base = '', HOME: home = process.env.USERPROFILE ?? '' } = process.env;
  const cache = isAbsolute(base) ? base : home === '' ? undefined : join(home, '.cache');
  return cache === undefined
    ? undefined
    : join(cache, 'azure-allowlist', `program-${PACKED.version}-${PACKED.digest.slice(0, 16)}`);
}

/** Whether a folder is this user's, and nobody else can write to it. */
function isOwn(folder) {
  const status = lstatSync(folder);
  if (!status.isDirectory()) return false;
  return process.getuid === undefined || (status.uid === process.getuid() && (status.mode & 0o022) === 0);
}

function isWhole(folder) {
  try {
    return (
      isOwn(dirname(folder)) &&
      isOwn(folder) &&
      PACKED.files.every(([path, size]) => statSync(join(folder, path)).size === size)
    );
  } catch {
    return false;
  }
}

/** What is packed at the end of this file. */
function contents() {
  const file = fileURLToPath(import.meta.url);
  const [, text = ''] = /\n\/\/ packed: ([A-Za-z0-9+/=]+)\n?$/.exec(readFileSync(file, 'latin1')) ?? [];
  const packed = Buffer.from(text, 'base64');
  if (createHash('sha256').update(packed).digest('hex') !== PACKED.digest)
    fail(`${file} is damaged: copy it again, and compare its SHA-256 with SHA256SUMS`);
  return brotliDecompressSync(packed);
}

function unpackInto(folder, bytes) {
  let at = 0;
  for (const [path, size] of PACKED.files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), bytes.subarray(at, at + size));
    at += size;
  }
}

/** Unpacks beside the place, then moves it there: of two starts at once each finds a whole folder. */
function keep(place, bytes) {
  mkdirSync(dirname(place), { recursive: true, mode: 0o700 });
  if (!isOwn(dirname(place))) return false;
  const fresh = mkdtempSync(`${place}.`);
  try {
    unpackInto(fresh, bytes);
    for (let tries = 0; tries < 3 && !isWhole(place); tries++) {
      // What others or a cleaner have left there is of no use.
      rmSync(place, { recursive: true, force: true });
      try {
        renameSync(fresh, place);
      } catch (error) {
        if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
      }
    }
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  return isWhole(place);
}

/** The folder of the unpacked program. */
function unpacked() {
  const place = keptAt();
  if (place !== undefined && isWhole(place)) return place;
  const bytes = contents();
  if (place !== undefined) {
    try {
      if (keep(place, bytes)) return place;
    } catch (error) {
      if (!['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'ENOSPC', 'EDQUOT'].includes(error.code)) throw error;
    }
  }
  // Without a place of its own it is unpacked for this run alone.
  try {
    const folder = mkdtempSync(join(tmpdir(), 'azure-allowlist-'));
    process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
    unpackInto(folder, bytes);
    return folder;
  } catch (error) {
    fail(
      `cannot unpack the program: ${error.message}; it needs a folder of its own below XDG_CACHE_HOME, ~/.cache or ${tmpdir()}`,
    );
  }
}

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < NEEDS[0] || (major === NEEDS[0] && minor < NEEDS[1]))
  fail(`Node.js ${NEEDS.join('.')} or later is needed, this is ${process.versions.node}`);
await import(pathToFileURL(join(unpacked(), 'dist/program/main.js')).href);
