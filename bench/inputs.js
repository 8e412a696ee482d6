import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

const feedsDirectory = fileURLToPath(new URL('../../shared/feeds/public/', import.meta.url));
const workDirectory = mkdtempSync(join(tmpdir(), 'azure-allowlist-bench-'));
mkdirSync(workDirectory, { recursive: true });

/** The weekly files from the first date to the last, oldest first; none where the archive is absent. */
export function weeklyFiles(from = '0', to = '9') {
  if (!existsSync(feedsDirectory)) return [];
  return readdirSync(feedsDirectory)
    .filter((name) => name.slice(19, 27) >= from && name.slice(19, 27) <= to)
    .sort()
    .map((name) => join(feedsDirectory, name));
}

/** Tag name → prefixes as text. */
export function readTags(path) {
  const { values } = JSON.parse(gunzipSync(readFileSync(path)).toString());
  return new Map(values.map(({ name, properties }) => [name, properties.addressPrefixes]));
}

/** The path of a file of the bench's own, removed by the system some day. */
export function workPath(name) {
  return join(workDirectory, name);
}

/** Writes such a file and returns its path. */
export function workFile(name, content) {
  const path = workPath(name);
  writeFileSync(path, content);
  return path;
}

export function uncompressed(path, name) {
  return workFile(name, gunzipSync(readFileSync(path)));
}

/** Reproducible random 32-bit numbers (mulberry32). */
export function randomWords(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  };
}

/** `count` IPv4 prefixes of /20 to /32, mostly long ones, anywhere in the space, unsorted. */
export function syntheticIpv4(count, seed = 1) {
  const next = randomWords(seed);
  const lines = new Array(count);
  for (let i = 0; i < count; i++) {
    const length = 32 - Math.min(12, Math.clz32(next()) * 2);
    const value = length === 32 ? next() : (next() >>> (32 - length)) << (32 - length);
    lines[i] = `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}/${length}`;
  }
  return lines;
}

/** `count` IPv6 prefixes of /40 to /64 in a /29, unsorted. */
export function syntheticIpv6(count, seed = 2) {
  const next = randomWords(seed);
  const lines = new Array(count);
  for (let i = 0; i < count; i++) {
    const length = 64 - Math.min(24, Math.clz32(next()) * 2);
    const low = length === 64 ? next() : ((next() >>> (64 - length)) << (64 - length)) >>> 0;
    const word = (0x20010db8 + (next() & 7)) >>> 0;
    const groups = [word >>> 16, word & 0xffff, low >>> 16, low & 0xffff].map((group) => group.toString(16));
    lines[i] = `${groups.join(':')}::/${length}`.replace(/(:0)+::/, '::');
  }
  return lines;
}
