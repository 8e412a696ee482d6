import { formatPrefix } from '../net/prefix.ts';
import type { TargetPlan } from '../targets/plan.ts';

/**
 * How many lines must come or go in the rule files of a target: the prefixes that one plan has in a rule
 * and the other has not. Names count likewise.
 */
export function fewestLines(before: TargetPlan, after: TargetPlan): number {
  const old = entries(before);
  const now = entries(after);
  return (
    [...now].filter((entry) => !old.has(entry)).length + [...old].filter((entry) => !now.has(entry)).length
  );
}

function entries({ rules }: TargetPlan): Set<string> {
  return new Set(
    rules.flatMap(({ name, names, addresses }) => [
      ...names.flatMap(({ hosts, ports }) => hosts.toStrings().map((host) => `${name} ${host} ${ports}`)),
      ...[...(addresses?.ipv4 ?? []), ...(addresses?.ipv6 ?? [])].map(
        (prefix) => `${name} ${formatPrefix(prefix)} ${addresses?.ports}`,
      ),
    ]),
  );
}
