import { basename, dirname, relative } from 'node:path';
import { glob, isDynamicPattern } from 'tinyglobby';
import { ConfigurationError } from '../problem.ts';
import { closest } from '../suggest.ts';

/** One configuration of many. */
export interface Site {
  /** What people call it: the path of its folder, `sites/berlin`, where the file has the usual name; else the path. */
  readonly name: string;
  /** The configuration, absolute. */
  readonly file: string;
}

/** Which of the sites are taken. */
export interface SiteChoice {
  /** Names, or the last parts of names. */
  readonly only?: readonly string[] | undefined;
  /** `3/20`: every twentieth site, from the third on. */
  readonly shard?: string | undefined;
}

const USUAL = 'allowlist.yaml';

/** Whether a command line speaks of many sites: several configurations, a pattern, or a choice among them. */
export function isOfSites(patterns: readonly string[], { only, shard }: SiteChoice): boolean {
  return (
    patterns.length > 1 || patterns.some((one) => isDynamicPattern(one)) || (only ?? shard) !== undefined
  );
}

/**
 * Finds the configurations that paths and patterns name, by name.
 * @throws ConfigurationError for a pattern without a file, a name without a site, a shard that is none
 */
export async function selectSites(
  patterns: readonly string[],
  { only, shard }: SiteChoice = {},
  directory = process.cwd(),
): Promise<Site[]> {
  const found = new Set<string>();
  for (const pattern of patterns) {
    const files = await glob(isDynamicPattern(pattern) ? pattern : literal(pattern), {
      cwd: directory,
      absolute: true,
      expandDirectories: false,
    });
    if (files.length === 0)
      throw new ConfigurationError('a configuration is missing', [
        {
          where: `-c ${pattern}`,
          what: 'there is no such file',
          next: 'quote a pattern, and name files, not folders',
        },
      ]);
    for (const file of files) found.add(file);
  }
  const isBelow = [...found].every((file) => file.startsWith(`${directory}/`));
  const from = isBelow ? directory : commonFolder([...found]);
  const all = [...found]
    .map((file): Site => ({ name: nameOf(relative(from, file)), file }))
    .sort((one, other) => (one.name < other.name ? -1 : 1));
  const chosen = only === undefined ? all : choose(all, only);
  return shard === undefined ? chosen : shardOf(chosen, shard);
}

/** The nearest folder that all files are below, other than one that a file is named by. */
function commonFolder(files: readonly string[]): string {
  let folder = dirname(dirname(files[0]!));
  while (!files.every((file) => file.startsWith(`${folder}/`)) && folder !== dirname(folder))
    folder = dirname(folder);
  return folder;
}

function nameOf(path: string): string {
  return basename(path) === USUAL && dirname(path) !== '.' ? dirname(path) : path;
}

/** A path that is meant as it stands, whatever signs a pattern would have. */
function literal(path: string): string {
  return path.replace(/[\\()[\]{}!*?@+|]/g, '\\$&');
}

function choose(all: readonly Site[], only: readonly string[]): Site[] {
  const taken = new Set<Site>();
  for (const name of only) {
    const sites = all.filter((site) => site.name === name || site.name.endsWith(`/${name}`));
    if (sites.length === 0) {
      const near = closest(
        name,
        all.flatMap((site) => [site.name, site.name.split('/').at(-1)!]),
      );
      throw new ConfigurationError('a site is missing', [
        {
          where: `--only ${name}`,
          what: `none of the ${all.length} sites has this name`,
          ...(near.length > 0 && { next: `did you mean ${near.join(' or ')}?` }),
        },
      ]);
    }
    for (const site of sites) taken.add(site);
  }
  return all.filter((site) => taken.has(site));
}

function shardOf(sites: readonly Site[], shard: string): Site[] {
  const [, place, count] = /^(\d{1,4})\/(\d{1,4})$/.exec(shard) ?? [];
  const [index, shards] = [Number(place), Number(count)];
  if (place === undefined || index < 1 || index > shards)
    throw new ConfigurationError('a shard is needed as 3/20: the third of twenty', [
      { where: `--shard ${shard}`, what: 'is not a shard' },
    ]);
  return sites.filter((_, at) => at % shards === index - 1);
}
