import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Real weekly files, read in place; they are not part of the repository. */
export const feedsDirectory = fileURLToPath(new URL('../../../shared/feeds/', import.meta.url));

/** Whether the real weekly files are at hand; with `REQUIRE_FEEDS=1` their absence is a failure. */
export const feedsAvailable = existsSync(feedsDirectory);
if (!feedsAvailable && process.env.REQUIRE_FEEDS === '1')
  throw new Error(`REQUIRE_FEEDS=1, but ${feedsDirectory} does not exist`);

/** The path of one weekly file, e.g. `feedFile('20250714')`. */
export function feedFile(date: string): string {
  return `${feedsDirectory}public/ServiceTags_Public_${date}.json.gz`;
}

/** The weekly files of a folder of the archive, oldest first. */
export function feedFiles(folder: 'public' | 'usgov' | 'china' | 'germany' = 'public'): string[] {
  return readdirSync(feedsDirectory + folder)
    .sort()
    .map((name) => `${feedsDirectory}${folder}/${name}`);
}
