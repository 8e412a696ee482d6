import { DualStackSet } from '../net/dual-stack-set.ts';
import type { Prefix } from '../net/prefix.ts';
import type { TargetAdmission } from './answer/register.ts';
import type { RuleMatch } from './answer.ts';
import type { Policy, PolicyRule } from './policy.ts';
import { makePolicy } from './resolve.ts';

/** What of a policy is for a client, or for all of a prefix of clients. */
export function policyForClient(policy: Policy, client: Prefix): Policy {
  return policy.rules.every((rule) => isForClient(rule, client))
    ? policy
    : makePolicy(policy.rules.filter((rule) => isForClient(rule, client)));
}

/** Behind a proxy it is the proxy that asks a firewall. */
function isForClient({ clients, proxies }: PolicyRule, client: Prefix): boolean {
  return (clients?.containsPrefix(client) ?? true) || (proxies?.containsPrefix(client) ?? false);
}

/** What of a target is for a client, as if nobody else were there. */
export function targetForClient<T extends TargetAdmission>(target: T, client: Prefix): T {
  const only = DualStackSet.fromPrefixes([client]);
  const seen = (admission: TargetAdmission['admission']) => admission.from(only).forAnyClient();
  return {
    ...target,
    admission: seen(target.admission),
    omissions: target.omissions.map((one) => ({ ...one, omitted: seen(one.omitted) })),
    widenings: target.widenings.map((one) => ({ ...one, admitted: seen(one.admitted) })),
  };
}

/** Why a client is refused what others may reach. */
export function forOthersOnly(rules: readonly RuleMatch[]): string {
  const asking = rules.map(({ rule, clients }) => `rule ${rule} for ${clients?.join(' ') ?? 'every client'}`);
  return `it is asked for by others only: ${asking.join(', ')}`;
}
