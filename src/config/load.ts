import { type Document, isMap, isScalar, LineCounter, parseDocument, visit } from 'yaml';
import { ConfigurationError, type Problem } from '../problem.ts';
import { readRegularText } from '../regular-file.ts';
import { formatKeyPath, schemaProblems } from '../schema-problems.ts';
import type { AllowlistConfig } from './config.ts';
import { normalise } from './normalise.ts';
import { configJsonSchema, configSchema } from './schema.ts';

/**
 * Reads and checks a configuration file.
 * @throws ConfigurationError listing every problem with its line
 */
export async function loadConfig(file: string): Promise<AllowlistConfig> {
  let text: string;
  try {
    text = await readRegularText(file);
  } catch (error) {
    throw new ConfigurationError(
      `cannot read the configuration ${file}: ${(error as Error).message}. \`azure-allowlist init\` writes one.`,
      [],
      { cause: error },
    );
  }
  return parseConfig(text, file);
}

/** Parses and checks a configuration. @throws ConfigurationError listing every problem with its line */
export function parseConfig(text: string, file: string): AllowlistConfig {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true });
  const refuse = (problems: readonly Problem[]): never => {
    throw new ConfigurationError(`${file} is not a valid configuration`, problems);
  };
  if (document.errors.length > 0)
    refuse(
      document.errors.map(({ message, linePos }) => ({
        where: linePos === undefined ? file : `line ${linePos[0].line}`,
        what: message.replace(/ at line \d+, column \d+:[\s\S]*$/, ''),
      })),
    );
  const place = placer(document, lines);
  const hidden: Problem[] = [];
  visit(document, {
    Pair: (_, { key }) => {
      // A key of this name never becomes a property: it would vanish without a word.
      if (isScalar(key) && key.value === '__proto__')
        hidden.push({
          where: key.range == null ? file : `line ${lines.linePos(key.range[0]).line}`,
          what: '__proto__ cannot be a key',
        });
    },
  });
  if (hidden.length > 0) refuse(hidden);
  let content: unknown;
  try {
    content = document.toJS();
  } catch (error) {
    // Aliases that multiply: a small file would become an endless one.
    return refuse([{ where: file, what: (error as Error).message }]);
  }
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

/** Tells a path of keys with its line. */
function placer(document: Document, lines: LineCounter): (path: readonly PropertyKey[]) => string {
  const lineOf = (path: readonly PropertyKey[]): number | undefined => {
    for (let length = path.length; length >= 0; length--) {
      const parent = length === 0 ? undefined : document.getIn(path.slice(0, length - 1), true);
      const pair = isMap(parent)
        ? parent.items.find(({ key }) => isScalar(key) && key.value === path[length - 1])
        : undefined;
      const node = pair?.key ?? document.getIn(path.slice(0, length), true);
      const offset = (node as { range?: readonly number[] } | undefined)?.range?.[0];
      if (offset !== undefined) return lines.linePos(offset).line;
    }
    return undefined;
  };
  return (path) => {
    const line = lineOf(path);
    return `${line === undefined ? '' : `line ${line}, `}${formatKeyPath(path) || 'the file'}`;
  };
}

/** Adds the lines of the file to problems that are found only after it was read; without the file they stay as they are. */
export async function withLines(file: string, problems: readonly Problem[]): Promise<readonly Problem[]> {
  const lines = new LineCounter();
  try {
    const document = parseDocument(await readRegularText(file), { lineCounter: lines });
    const place = placer(document, lines);
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
