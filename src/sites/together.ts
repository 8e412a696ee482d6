import { sep } from 'node:path';
import type { Once } from '../job.ts';
import { ConfigurationError, type Problem } from '../problem.ts';

/** Loads each key once; what failed has failed for all that ask for it. */
export function onceByKey(): Once {
  const found = new Map<string, Promise<unknown>>();
  return <T>(key: readonly unknown[], load: () => Promise<T>): Promise<T> => {
    const text = JSON.stringify(key, (_, value: unknown) => (typeof value === 'bigint' ? `${value}` : value));
    const known = found.get(text);
    if (known !== undefined) return known as Promise<T>;
    const made = load();
    // Each who asks for it is told; nobody else has to be.
    made.catch(() => undefined);
    found.set(text, made);
    return made;
  };
}

/** @throws ConfigurationError where two sites write to one directory, or one into the other's */
export function requireApart(sites: readonly { readonly name: string; readonly output: string }[]): void {
  const sorted = sites.toSorted((one, other) => (`${one.output}${sep}` < `${other.output}${sep}` ? -1 : 1));
  const problems = sorted.flatMap(({ name, output }, index): Problem[] => {
    const last = sorted[index - 1];
    return last !== undefined && `${output}${sep}`.startsWith(`${last.output}${sep}`)
      ? [
          {
            where: name,
            what: `writes to ${output}, ${last.output === output ? 'as' : 'inside the output of'} ${last.name}${last.output === output ? ' does' : ''}`,
            next: 'give each site an output of its own',
          },
        ]
      : [];
  });
  if (problems.length > 0) throw new ConfigurationError('two sites write to one place', problems);
}
