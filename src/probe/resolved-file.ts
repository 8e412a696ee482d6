import { isIP } from 'node:net';
import { HostSyntaxError, parseHost } from '../net/host-pattern.ts';
import { ConfigurationError, type Problem } from '../problem.ts';
import type { ResolvedAddresses } from './inside-policy.ts';

/**
 * Reads a list of names with the addresses that another machine resolved: `host address…`, one host a line or
 * several, `#` begins a comment.
 * @throws ConfigurationError listing every line that is neither
 */
export function parseResolved(text: string, file: string): ResolvedAddresses {
  const found = new Map<string, string[]>();
  const problems: Problem[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const [name, ...addresses] = line.replace(/#.*/, '').trim().split(/\s+/);
    if (name === undefined || name === '') continue;
    const where = `${file}:${index + 1}`;
    try {
      const host = parseHost(name);
      const wrong = addresses.filter((address) => isIP(address) === 0 || address.includes('%'));
      if (addresses.length === 0)
        problems.push({ where, what: `${host} has no address`, next: 'write `host address…`' });
      for (const address of wrong) problems.push({ where, what: `${JSON.stringify(address)} is no address` });
      if (wrong.length === 0) found.set(host, [...new Set([...(found.get(host) ?? []), ...addresses])]);
    } catch (error) {
      if (!(error instanceof HostSyntaxError)) throw error;
      problems.push({ where, what: error.message, next: 'write `host address…`' });
    }
  }
  if (problems.length > 0) throw new ConfigurationError('The list of addresses is unusable', problems);
  return found;
}
