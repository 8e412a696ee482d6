import type { Protocol } from '../net/ports.ts';
import type { TargetPlan } from '../targets/plan.ts';
import { edgesOfPorts } from './boundaries.ts';

/** A name on a port: of a rule, or beside what the rule allows. */
export interface NamedPort {
  readonly host: string;
  readonly protocol: Protocol;
  readonly port: number;
}

/**
 * Where what one rule allows by name begins and ends, in any of these plans: each name, a name below it, one beside it and
 * the name above, each on the first and last port of every range and their neighbours outside.
 */
export function nameEdgesOf(plans: readonly TargetPlan[], rule: string): NamedPort[] {
  const found = new Map<string, NamedPort>();
  for (const plan of plans)
    for (const grant of plan.rules.find(({ name }) => name === rule)?.names ?? []) {
      const { include, except } = grant.hosts.patterns();
      const hosts = [...include, ...except].flatMap(({ name }) => besides(name));
      for (const edge of edgesOfPorts(grant.ports))
        for (const { protocol, first: port } of edge.ranges)
          for (const host of hosts) found.set(`${host} ${port} ${protocol}`, { host, protocol, port });
    }
  return [...found.values()];
}

/** The names of all rules, in order. */
export function rulesOf(plans: readonly TargetPlan[]): string[] {
  return [...new Set(plans.flatMap((plan) => plan.rules.map(({ name }) => name)))];
}

function besides(name: string): string[] {
  const above = name.split('.').slice(1).join('.');
  return [name, `below.${name}`, `not${name}`, ...(above.includes('.') ? [above] : [])];
}
