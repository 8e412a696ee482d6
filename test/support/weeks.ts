import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { parseServiceTags } from '../../src/feed/parse.ts';
import type { Snapshot } from '../../src/feed/snapshot.ts';
import { formatPrefix } from '../../src/net/prefix.ts';
import { feedFile } from './feeds.ts';

/** One real week, e.g. `readWeek('20250714')`; ask `feedsAvailable` first. */
export function readWeek(date: string): Snapshot {
  return parseServiceTags(gunzipSync(readFileSync(feedFile(date))), feedFile(date).replace(/\.gz$/, ''));
}

/** The prefixes of tags of a week, as published. */
export function tagPrefixes(week: Snapshot, ...names: readonly string[]): string[] {
  return names.flatMap((name) => {
    const tag = week.tags.get(name);
    if (tag === undefined) throw new Error(`no tag ${name} in the week of ${week.fileDate}`);
    return tag.prefixes.map(formatPrefix);
  });
}
