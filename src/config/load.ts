import { ConfigurationError, type Problem } from '../problem.ts';
import { schemaProblems } from '../schema-problems.ts';
import type { AllowlistConfig } from './config.ts';
import { type Layer, parseLayer, readLayers } from './layers.ts';
import { normalise } from './normalise.ts';
import { CONFIG_VERSION, configJsonSchema, configSchema } from './schema.ts';

/**
 * Reads and checks a configuration file, with the files that it extends.
 * @throws ConfigurationError listing every problem with its line
 */
export async function loadConfig(file: string): Promise<AllowlistConfig> {
  return checkLayer(await readLayers(file), file);
}

/** Parses and checks a configuration that extends none. @throws ConfigurationError listing every problem with its line */
export function parseConfig(text: string, file: string): AllowlistConfig {
  return checkLayer(parseLayer(text, file), file);
}

function checkLayer({ content, place }: Layer, file: string): AllowlistConfig {
  const refuse = (problems: readonly Problem[]): never => {
    throw invalid(file, problems);
  };
  const { version } = (content ?? {}) as { readonly version?: unknown };
  if (typeof version === 'number' && version > CONFIG_VERSION)
    return refuse([
      {
        where: place(['version']),
        what: `is ${version}, for a later azure-allowlist; this one reads version ${CONFIG_VERSION}`,
        next: 'update the program',
      },
    ]);
  const shaped = configSchema.safeParse(content);
  if (!shaped.success)
    return refuse(
      schemaProblems(shaped.error.issues, {
        file,
        document: content,
        jsonSchema: configJsonSchema(),
        at: place,
      }),
    );
  const { config, problems } = normalise(shaped.data, file);
  if (problems.length > 0)
    refuse(problems.map((problem) => ({ ...problem, where: place(parsePath(problem.where)) })));
  return config;
}

/** The refusal of a configuration. */
export function invalid(file: string, problems: readonly Problem[]): ConfigurationError {
  return new ConfigurationError(`${file} is not a valid configuration`, problems);
}

/** Adds the lines of the file to problems that are found only after it was read; without the file they stay as they are. */
export async function withLines(file: string, problems: readonly Problem[]): Promise<readonly Problem[]> {
  try {
    const { place } = await readLayers(file);
    return problems.map((problem) => ({ ...problem, where: place(parsePath(problem.where)) }));
  } catch {
    return problems;
  }
}

function parsePath(where: string): PropertyKey[] {
  return [...where.matchAll(/\[(\d+)\]|([^.[\]]+)/g)].map(([, index, key]) =>
    index === undefined ? (key ?? '').replace(/^"|"$/g, '') : Number(index),
  );
}
