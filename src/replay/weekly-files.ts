import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileDateOf } from '../feed/file-date.ts';
import { loadFeed } from '../feed/load.ts';
import type { Cloud } from '../feed/snapshot.ts';
import { ConfigurationError } from '../problem.ts';
import type { WeeklyFile } from './replay.ts';

/**
 * The weekly files of a directory in the order of their dates, and the names of what is none.
 * @throws ConfigurationError if there is none
 */
export async function weeklyFiles(
  directory: string,
  cloudOf: (names: readonly string[]) => Cloud,
): Promise<{
  readonly cloud: Cloud;
  readonly weeks: readonly WeeklyFile[];
  readonly others: readonly string[];
}> {
  const names = await readdir(directory).catch((cause: unknown) => {
    throw new ConfigurationError(`cannot read ${directory}: ${(cause as Error).message}`, [], { cause });
  });
  const dated = names.flatMap((name) => {
    const date = fileDateOf(name);
    return date === undefined ? [] : [{ name, date }];
  });
  if (dated.length === 0)
    throw new ConfigurationError(
      `${directory} has no weekly file, such as ServiceTags_Public_20250714.json or the same with .gz`,
    );
  dated.sort((a, b) => (`${a.date} ${a.name}` < `${b.date} ${b.name}` ? -1 : 1));
  const cloud = cloudOf(dated.map(({ name }) => name));
  return {
    cloud,
    weeks: dated.map(({ name, date }) => ({
      name,
      date,
      load: () =>
        loadFeed({
          cloud,
          override: join(directory, name),
          environment: {},
          today: date,
          report: () => undefined,
        }),
    })),
    others: names.filter((name) => fileDateOf(name) === undefined).sort(),
  };
}
