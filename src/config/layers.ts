import { dirname, relative, resolve } from 'node:path';
import { type Document, isMap, isScalar, LineCounter, parseDocument, visit } from 'yaml';
import { ConfigurationError, type Problem } from '../problem.ts';
import { readRegularText } from '../regular-file.ts';
import { formatKeyPath } from '../schema-problems.ts';

type Path = readonly PropertyKey[];
type Mapping = Readonly<Record<string, unknown>>;

/** What a configuration says, with the place where each key of it stands. */
export interface Layer {
  /** As YAML gives it; anything at all. */
  readonly content: unknown;
  /** A path of keys with its line, and its file where that is another one. */
  readonly place: (path: Path) => string;
}

/** How many files may extend each other in a row. */
const DEEPEST = 10;

/**
 * Reads a configuration together with the files that it extends, as if their text stood in it: mappings are merged key
 * by key, `rules` and `products` by their names, any other value of the file takes the place of the base's; a target
 * that is `false` is taken out. Paths are relative to the file that is read, not to its bases.
 * @throws ConfigurationError for a file that cannot be read, is no YAML, or extends itself
 */
export async function readLayers(file: string, above: readonly string[] = []): Promise<Layer> {
  let text: string;
  try {
    text = await readRegularText(file);
  } catch (error) {
    throw new ConfigurationError(
      `cannot read the configuration ${file}: ${(error as Error).message}. ${above.length === 0 ? '`azure-allowlist init` writes one.' : `${shown(above.at(-1)!)} extends it.`}`,
      [],
      { cause: error },
    );
  }
  const parsed = parseLayer(text, file);
  const own: Layer =
    above.length === 0 ? parsed : { ...parsed, place: (path) => `${shown(file)}, ${parsed.place(path)}` };
  if (!isMapping(own.content) || own.content.extends === undefined) return own;
  const { extends: named, ...content } = own.content;
  const bases = typeof named === 'string' ? [named] : named;
  const refuse = (what: string, next?: string): never => {
    throw new ConfigurationError(`${file} is not a valid configuration`, [
      { where: own.place(['extends']), what, ...(next === undefined ? {} : { next }) },
    ]);
  };
  if (!Array.isArray(bases) || !bases.every((base) => typeof base === 'string' && base !== ''))
    return refuse('must be the path of a file, or a list of some');
  const chain = [...above, resolve(file)];
  let merged: Layer | undefined;
  for (const base of bases as string[]) {
    const path = resolve(dirname(file), base);
    if (chain.includes(path)) refuse(`${base} extends this file again`, 'let one of them extend nothing');
    if (chain.length >= DEEPEST) refuse(`more than ${DEEPEST} files extend each other`);
    const layer = await readLayers(path, chain);
    if (!isMapping(layer.content)) refuse(`${base} is not a mapping`);
    merged = merged === undefined ? layer : merge(merged, layer);
  }
  const top: Layer = { content, place: own.place };
  return merged === undefined ? top : merge(merged, top);
}

/** Parses one file alone. @throws ConfigurationError with the line of what is no YAML */
export function parseLayer(text: string, file: string): Layer {
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
  try {
    return { content: document.toJS(), place: placer(document, lines) };
  } catch (error) {
    // Aliases that multiply: a small file would become an endless one.
    return refuse([{ where: file, what: (error as Error).message }]);
  }
}

/** Tells a path of keys with its line. */
function placer(document: Document, lines: LineCounter): (path: Path) => string {
  const lineOf = (path: Path): number | undefined => {
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

/** Lists whose entries have names: an entry of the file takes the place of the base's of the same name. */
const NAMED_LISTS: Readonly<Record<string, (entry: unknown) => unknown>> = {
  rules: (entry) => (isMapping(entry) ? entry.name : undefined),
  products: (entry) => (isMapping(entry) ? Object.keys(entry)[0] : entry),
};

function merge(base: Layer, own: Layer): Layer {
  // Where a part of the result was taken from as a whole, by its path.
  const taken = new Map<string, { readonly layer: Layer; readonly path: Path }>();
  const take = (layer: Layer, path: Path, value: unknown, at: Path = path): unknown => {
    taken.set(JSON.stringify(path), { layer, path: at });
    return value;
  };
  const mergeAt = (path: Path, below: unknown, above: unknown): unknown => {
    const nameOf = path.length === 1 ? NAMED_LISTS[String(path[0])] : undefined;
    if (nameOf !== undefined && Array.isArray(below) && Array.isArray(above))
      return mergeNamed(path, below, above, nameOf);
    if (!isMapping(below) || !isMapping(above)) return take(own, path, above);
    return Object.fromEntries(
      [...new Set([...Object.keys(below), ...Object.keys(above)])].flatMap((key): [string, unknown][] => {
        const place = [...path, key];
        if (!Object.hasOwn(above, key)) return [[key, take(base, place, below[key])]];
        if (!Object.hasOwn(below, key)) return [[key, take(own, place, above[key])]];
        if (path.length === 1 && path[0] === 'targets') {
          if (above[key] === false) return [];
          // A target without a word has the options of the base.
          if (above[key] === null) return [[key, take(base, place, below[key])]];
        }
        return [[key, mergeAt(place, below[key], above[key])]];
      }),
    );
  };
  const mergeNamed = (
    path: Path,
    below: readonly unknown[],
    above: readonly unknown[],
    nameOf: (entry: unknown) => unknown,
  ): unknown[] => {
    const replaced = below.map((entry) => {
      const name = nameOf(entry);
      return name === undefined ? -1 : above.findIndex((other) => nameOf(other) === name);
    });
    const entries = [
      ...below.map((entry, index) => {
        const at = replaced[index]!;
        return at < 0 ? { layer: base, entry, index } : { layer: own, entry: above[at], index: at };
      }),
      ...above.flatMap((entry, index) => (replaced.includes(index) ? [] : [{ layer: own, entry, index }])),
    ];
    return entries.map(({ layer, entry, index }, at) => take(layer, [...path, at], entry, [...path, index]));
  };
  const content = mergeAt([], base.content, own.content);
  return {
    content,
    place: (path) => {
      for (let length = path.length; length > 0; length--) {
        const found = taken.get(JSON.stringify(path.slice(0, length)));
        if (found !== undefined) return found.layer.place([...found.path, ...path.slice(length)]);
      }
      return own.place(path);
    },
  };
}

function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function shown(file: string): string {
  const below = relative('', file);
  return below === '' || below.startsWith('../../..') ? file : below;
}
