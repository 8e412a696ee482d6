import { DualStackSet } from '../net/dual-stack-set.ts';
import type { Prefix } from '../net/prefix.ts';
import type { Constraints } from '../policy/constraints.ts';
import type { Origins } from '../policy/guards/origins.ts';
import { ConfigurationError, FeedError, type Problem } from '../problem.ts';
import { readRegularText } from '../regular-file.ts';
import type { ConstraintsConfig, RangeSource, RuleConfig } from './config.ts';
import { parseTypedPrefix } from './typed-prefix.ts';

/**
 * Reads the files that constraints name, and checks the rules' own prefixes against them.
 * @throws ConfigurationError listing every problem with file and line
 */
export async function loadConstraints(
  { never, within, outside }: ConstraintsConfig,
  rules: readonly Pick<RuleConfig, 'name' | 'prefixes'>[],
  second?: Origins,
): Promise<Constraints> {
  const problems: Problem[] = [];
  const read = async ({ prefixes, files }: RangeSource): Promise<DualStackSet> => {
    const all = [...prefixes];
    for (const file of files) all.push(...(await readRangeFile(file, problems)));
    return DualStackSet.fromPrefixes(all);
  };
  const constraints: Constraints = {
    never: await read(never),
    within:
      within === undefined
        ? undefined
        : (await read(within)).union(within.origins ? announcedBy(second) : DualStackSet.empty),
    outside,
  };
  for (const [index, { name, prefixes }] of rules.entries()) {
    const forbidden = DualStackSet.fromPrefixes(prefixes).intersection(constraints.never);
    if (!forbidden.isEmpty)
      problems.push({
        where: `rules[${index}].prefixes`,
        what: `${forbidden.toStrings()[0]} is in constraints.never, and rule ${name} asks for it`,
        next: 'take it out of one of the two',
      });
  }
  if (problems.length > 0) throw new ConfigurationError('the constraints cannot be used', problems);
  return constraints;
}

/** @throws ConfigurationError, FeedError */
function announcedBy(second: Origins | undefined): DualStackSet {
  if (second === undefined)
    throw new ConfigurationError('the constraints cannot be used', [
      {
        where: 'constraints.within',
        what: 'names origins, which are not configured',
        next: 'add origins: { asns: [8075] }',
      },
    ]);
  if ('unavailable' in second.found)
    throw new FeedError('constraints.within needs the second source', [
      { where: 'origins', what: second.found.unavailable },
    ]);
  return second.found.addresses;
}

async function readRangeFile(file: string, problems: Problem[]): Promise<Prefix[]> {
  let text: string;
  try {
    text = await readRegularText(file);
  } catch (error) {
    problems.push({ where: file, what: (error as Error).message, next: 'check the path' });
    return [];
  }
  const prefixes = text.split(/\r?\n/).flatMap((line, index) => {
    const entry = line.replace(/#.*/, '').trim();
    if (entry === '') return [];
    try {
      return [parseTypedPrefix(entry)];
    } catch (error) {
      problems.push({ where: `${file}:${index + 1}`, what: (error as Error).message });
      return [];
    }
  });
  // An empty list of what may never be let through protects nothing, and one of what alone may be allows nothing.
  if (prefixes.length === 0 && problems.length === 0)
    problems.push({ where: file, what: 'holds no address', next: 'one address or CIDR a line' });
  return prefixes;
}
