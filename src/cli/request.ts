import { existsSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import type { AllowlistConfig } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { defaultCacheDirectory } from '../feed/cache.ts';
import type { LoadedFeed } from '../feed/load.ts';
import type { Io } from './io.ts';

/** The configuration where no flag names one. */
export const DEFAULT_CONFIG = 'allowlist.yaml';

/** The flags of every command that gets a feed. */
export interface FeedFlags {
  readonly config: string;
  readonly feed?: string;
  readonly cache?: string;
  readonly offline?: boolean;
}

/** The configuration with `--out` in the place of its output. */
export async function configOf(flags: {
  readonly config: string;
  readonly out?: string;
}): Promise<AllowlistConfig> {
  const config = await loadConfig(flags.config);
  return flags.out === undefined ? config : { ...config, output: resolve(flags.out) };
}

/**
 * The output tree that a configuration names, as a path from here; `allowlists` where neither the flag nor the file of
 * the default name is there.
 */
export async function outputOf(config: string | undefined): Promise<string> {
  if (config === undefined && !existsSync(DEFAULT_CONFIG)) return 'allowlists';
  const { output } = await loadConfig(config ?? DEFAULT_CONFIG);
  const near = relative('.', output);
  return near === '' ? '.' : near.startsWith('..') ? output : near;
}

/** Where fetched files are kept: the flag, the configuration, or the cache directory of the environment. */
export function cacheDirectory(
  flags: FeedFlags,
  config: AllowlistConfig | undefined,
  io: Io,
): string | undefined {
  if (flags.cache !== undefined) return resolve(flags.cache);
  return config?.feed.cache.directory ?? defaultCacheDirectory(io.environment);
}

/** Gets the feed that the flags and the configuration ask for; with `--feed` no configuration is needed. */
export async function feedOf(flags: FeedFlags, io: Io): Promise<LoadedFeed & { readonly cloud: string }> {
  const { loadFeed } = await import('../feed/load.ts');
  const config = await loadConfig(flags.config).catch((error: unknown) => {
    if (flags.feed !== undefined && flags.config === DEFAULT_CONFIG) return undefined;
    throw error;
  });
  const cloud = config?.feed.cloud ?? cloudOfName(flags.feed ?? '');
  const directory = cacheDirectory(flags, config, io);
  const keep = config?.feed.cache.keep;
  const loaded = await loadFeed({
    cloud,
    ...(config === undefined ? {} : { source: config.feed.source, http: config.feed.http }),
    ...(flags.feed === undefined ? {} : { override: flags.feed }),
    ...(directory === undefined ? {} : { cacheDirectory: directory }),
    ...(keep === undefined ? {} : { cachedFiles: keep }),
    offline: flags.offline ?? false,
    environment: io.environment,
    today: io.today(),
    report: io.err,
  });
  return { ...loaded, cloud };
}

/** The cloud that a file's name speaks of; public where it speaks of none. */
export function cloudOfName(name: string): AllowlistConfig['feed']['cloud'] {
  if (name.includes('AzureGovernment')) return 'usgov';
  if (name.includes('China')) return 'china';
  if (name.includes('AzureGermany')) return 'germany';
  return 'public';
}
