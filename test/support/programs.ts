import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const required = process.env.REQUIRE_LIVE === '1';

/** Where a program stands, searched on PATH and in the system directories; undefined if absent. */
export function findProgram(name: string): string | undefined {
  const places = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin', '/usr/bin', '/bin'];
  return places.map((place) => join(place, name)).find((path) => existsSync(path));
}

/**
 * For `describe.skipIf`/`it.skipIf`: true if any of the programs is absent.
 * With `REQUIRE_LIVE=1` an absent program is a failure instead of a skip.
 */
export function lacks(...names: readonly string[]): boolean {
  const missing = names.filter((name) => findProgram(name) === undefined);
  if (missing.length === 0) return false;
  if (required) throw new Error(`REQUIRE_LIVE=1, but these programs are missing: ${missing.join(', ')}`);
  process.stderr.write(`skipped, not installed: ${missing.join(', ')}\n`);
  return true;
}

/** Like `lacks`, for the right and ability to make network namespaces. */
export function lacksNamespaces(): boolean {
  const able = spawnSync('unshare', ['-n', 'true']).status === 0;
  if (!able && required) throw new Error('REQUIRE_LIVE=1, but network namespaces cannot be made here');
  if (!able) process.stderr.write('skipped, no network namespaces: root is needed\n');
  return !able;
}
