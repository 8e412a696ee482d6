import { ConfigurationError, type Problem } from '../problem.ts';
import { closest } from '../suggest.ts';
import { withinTime } from '../within-time.ts';
import type { Manifest } from './manifest.ts';
import type { OptionValues } from './view.ts';

/**
 * Checks a target's options against its manifest and fills in defaults.
 * @param where the place in the configuration, e.g. `targets.pac`
 * @throws ConfigurationError listing every problem
 */
export function resolveOptions(
  manifest: Manifest,
  given: Readonly<Record<string, unknown>>,
  where: string,
): OptionValues {
  const problems: Problem[] = [];
  const values: Record<string, string | number | boolean> = {};
  const known = Object.keys(manifest.options).sort();
  for (const key of Object.keys(given)) {
    if (known.includes(key)) continue;
    const near = closest(key, known);
    problems.push({
      where: `${where}.${key}`,
      what: 'unknown key',
      next: near.length > 0 ? `did you mean ${near.join(', ')}?` : `known: ${known.join(', ') || 'none'}`,
    });
  }
  for (const key of known) {
    const option = manifest.options[key]!;
    const value = given[key] ?? option.default;
    const at = `${where}.${key}`;
    if (value === undefined) {
      problems.push({ where: at, what: 'is required', next: option.description });
      continue;
    }
    const right = option.type === 'integer' ? Number.isInteger(value) : typeof value === option.type;
    if (!right) problems.push({ where: at, what: `${JSON.stringify(value)} is not of type ${option.type}` });
    else if (option.values !== undefined && !option.values.includes(String(value)))
      problems.push({
        where: at,
        what: `${JSON.stringify(value)} is not one of ${option.values.join(', ')}`,
      });
    else if (option.pattern !== undefined && !matches(option.pattern, String(value), at))
      problems.push({
        where: at,
        what: `${JSON.stringify(value)} does not match ${option.pattern}`,
        next: option.description,
      });
    else values[key] = value as string | number | boolean;
  }
  if (problems.length > 0)
    throw new ConfigurationError(`${where}: the options of target ${manifest.id} are wrong`, problems);
  return values;
}

/** Seconds that a pattern may take for one value. */
const LONGEST_MATCHING = 5;

/** What values have matched: many configurations have the same, and the limit of time costs more than the match. */
const MATCHED = new Set<string>();

/** How many are remembered. */
const MATCHED_AT_MOST = 10_000;

/** @throws ConfigurationError for a pattern that does not come to an end */
function matches(pattern: string, value: string, at: string): boolean {
  const key = `${pattern}\0${value}`;
  if (MATCHED.has(key)) return true;
  const isMatched = matchWithinTime(pattern, value, at);
  if (isMatched && MATCHED.size < MATCHED_AT_MOST) MATCHED.add(key);
  return isMatched;
}

function matchWithinTime(pattern: string, value: string, at: string): boolean {
  return withinTime(
    () => new RegExp(`^(?:${pattern})$`, 'u').test(value),
    LONGEST_MATCHING,
    () =>
      new ConfigurationError('a pattern of the manifest takes too long', [
        {
          where: at,
          what: `${pattern} takes over ${LONGEST_MATCHING} seconds: it repeats what already repeats`,
          next: 'write it without a repetition within a repetition',
        },
      ]),
  );
}
