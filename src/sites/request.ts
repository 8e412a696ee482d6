import { relative } from 'node:path';
import { loadConfig } from '../config/load.ts';
import { defaultCacheDirectory } from '../feed/cache.ts';
import type { JobRequest } from '../job.ts';
import { REVIEW_FILE } from '../pipeline.ts';
import type { Site } from './select.ts';

/** What the runs of all sites have in common: plain data, which goes from one thread to another. */
export interface SitesOptions {
  /** `--feed FILE|URL` */
  readonly feed: string | undefined;
  readonly dryRun: boolean;
  readonly accept: readonly string[];
  readonly offline: boolean;
  /** `--cache DIR`, absolute. */
  readonly cache: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** YYYY-MM-DD */
  readonly today: string;
  /** How the terminal shows a change. */
  readonly terminal: { readonly width: number; readonly colours: boolean; readonly details: boolean };
  /** Whether the review of each site is asked for as a document. */
  readonly json: boolean;
}

/** Reads the configuration of a site, for its run. @throws ConfigurationError listing every problem */
export async function requestOf(
  { file }: Site,
  { feed, dryRun, accept, offline, cache, environment, today }: SitesOptions,
  report: (line: string) => void,
): Promise<JobRequest> {
  const config = await loadConfig(file);
  return {
    config,
    ...(feed === undefined ? {} : { feed }),
    dryRun,
    accept,
    offline,
    cacheDirectory: cache ?? config.feed.cache.directory ?? defaultCacheDirectory(environment),
    environment,
    today,
    report,
  };
}

/** Where the whole review of a site will stand, as one types it. */
export function reviewPath({ config }: Pick<JobRequest, 'config'>): string {
  return relative('', `${config.output}/${REVIEW_FILE}`);
}
