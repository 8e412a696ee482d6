import { DualStackSet } from '../net/dual-stack-set.ts';
import type { Policy } from './policy.ts';
import { hasQueried, type Query } from './query.ts';

/**
 * Whether rules ask for all of it, on the query's port or, without one, on any: what `prepareAnswers` says of
 * a policy without targets, for a few questions about many policies.
 */
export function askedFor({ rules }: Policy, query: Query): boolean {
  const { port } = query;
  if (query.kind === 'name')
    return rules.some(({ names }) =>
      names.some(({ hosts, ports }) => hosts.has(query.host) && hasQueried(ports, port)),
    );
  const sets = rules
    .filter(({ addressPorts }) => !addressPorts.isEmpty && hasQueried(addressPorts, port))
    .map(({ addresses }) => addresses);
  if (query.kind === 'address') {
    const { family, value } = query;
    return sets.some(({ ipv4, ipv6 }) => (family === 4 ? ipv4 : ipv6).contains(value));
  }
  const within = DualStackSet.fromPrefixes([query.prefix]);
  return within.difference(DualStackSet.union(sets.map((set) => set.intersection(within)))).isEmpty;
}
