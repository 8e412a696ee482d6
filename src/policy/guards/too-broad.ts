import { formatPrefix } from '../../net/prefix.ts';
import type { Guard } from './guard.ts';

/** A prefix broader than any lawful one: `0.0.0.0/0` in a list lets everything in. */
export const tooBroad: Guard = {
  name: 'too-broad',
  check: 'Look the prefix up in the registry (RDAP, whois): no lawful week had one as broad.',
  judge: ({ policy, limits }) =>
    policy.rules.flatMap((rule) =>
      [...rule.tags, { tag: 'configured prefixes', prefixes: rule.prefixes }].flatMap(({ tag, prefixes }) =>
        prefixes
          .filter(({ family, length }) => length < (family === 4 ? limits.shortestIpv4 : limits.shortestIpv6))
          .map((prefix) => ({
            refuse: true,
            message: `rule ${rule.name}, ${tag}: ${formatPrefix(prefix)} is broader than /${prefix.family === 4 ? limits.shortestIpv4 : limits.shortestIpv6} (guards.too-broad.ipv${prefix.family})`,
          })),
      ),
    ),
};
