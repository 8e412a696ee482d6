import type { core } from 'zod';
import { publicUrl } from './feed/redact.ts';
import type { Problem } from './problem.ts';
import { closest } from './suggest.ts';

type Path = readonly PropertyKey[];
type JsonSchema = core.JSONSchema.BaseSchema;

/** `rules[0].ports[1]`: a path into a document as its reader would write it. */
export function formatKeyPath(path: Path): string {
  return path
    .map((key, place) => {
      if (typeof key === 'number') return `[${key}]`;
      if (!/^[A-Za-z_$][\w$-]*$/.test(String(key))) return `[${JSON.stringify(String(key))}]`;
      return place === 0 ? String(key) : `.${String(key)}`;
    })
    .join('');
}

/**
 * Tells the issues that zod found in a document as problems with key path, offending value and, for unknown keys,
 * the key that was probably meant.
 * @param place.jsonSchema the same schema as JSON Schema, from which the keys known at a place are read
 * @param place.at how a place is told; by file and key path where not given
 */
export function schemaProblems(
  issues: readonly core.$ZodIssue[],
  place: {
    readonly file: string;
    readonly document: unknown;
    readonly jsonSchema: JsonSchema;
    readonly at?: (path: Path) => string;
  },
): Problem[] {
  return issues.flatMap((issue) => problemsOf(issue, [], place));
}

function problemsOf(
  issue: core.$ZodIssue,
  base: Path,
  place: Parameters<typeof schemaProblems>[1],
): readonly Problem[] {
  const path = [...base, ...issue.path];
  const at = place.at ?? ((key: Path) => `${place.file}${key.length === 0 ? '' : `: ${formatKeyPath(key)}`}`);
  switch (issue.code) {
    case 'unrecognized_keys': {
      const known = keysAt(place.jsonSchema, path);
      return issue.keys.map((key) => {
        const near = closest(key, known);
        const choice =
          near.length > 0 ? `did you mean ${near.join(' or ')}?` : `known are ${known.join(', ')}`;
        return {
          where: at([...path, key]),
          what: 'unknown key',
          ...(known.length > 0 && { next: choice }),
        };
      });
    }
    case 'invalid_union': {
      // The branch with the fewest complaints is what the writer most likely meant.
      const branches = issue.errors.filter((branch) => branch.some(({ path: inner }) => inner.length > 0));
      const best = [...branches].sort((a, b) => a.length - b.length)[0];
      if (best !== undefined) return best.flatMap((inner) => problemsOf(inner, path, place));
      return [{ where: at(path), what: withValue(issue.message, valueAt(place.document, path), path) }];
    }
    default:
      return [{ where: at(path), what: withValue(issue.message, valueAt(place.document, path), path) }];
  }
}

/** zod's names of types, in the words of those who write YAML. */
const KINDS: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a mapping',
  record: 'a mapping',
};

/** Keys whose values are not repeated: what stands there may be the secret itself. */
const SECRET_KEY = /token|secret|password/i;

function withValue(message: string, value: unknown, path: Path): string {
  const expected = /^Invalid input: expected (\w+), received \w+$/.exec(message)?.[1];
  if (value === undefined && (expected !== undefined || message.endsWith('received undefined')))
    return 'is missing';
  const said = expected === undefined ? message : `must be ${KINDS[expected] ?? expected}`;
  if (value === undefined || (typeof value === 'string' && said.includes(JSON.stringify(value)))) return said;
  if (value !== null && typeof value === 'object')
    return expected === undefined
      ? said
      : `${said}, not ${Array.isArray(value) ? KINDS.array : KINDS.object}`;
  if (path.some((key) => SECRET_KEY.test(String(key)))) return `${said} (what stands there is not repeated)`;
  // Before it is cut: half a URL does not show where its password ends.
  const whole = typeof value === 'string' && value.includes('://') ? publicUrl(value) : value;
  const text = JSON.stringify(whole) ?? String(whole);
  return `${said}, not ${text.length > 80 ? `${text.slice(0, 79)}…` : text}`;
}

function valueAt(document: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (value, key) =>
      value !== null && typeof value === 'object' ? Reflect.get(value, key as string | number) : undefined,
    document,
  );
}

function keysAt(schema: JsonSchema, path: Path): readonly string[] {
  const [key, ...rest] = path;
  const branches = [schema, ...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])];
  const found = branches.flatMap((branch) => {
    if (typeof branch === 'boolean') return [];
    if (key === undefined) return Object.keys(branch.properties ?? {});
    const next =
      typeof key === 'number'
        ? branch.items
        : (branch.properties?.[String(key)] ?? branch.additionalProperties);
    return next !== null && typeof next === 'object' && !Array.isArray(next)
      ? keysAt(next as JsonSchema, rest)
      : [];
  });
  return [...new Set(found)].sort();
}
