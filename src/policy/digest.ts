import { createHash } from 'node:crypto';
import type { PolicyRule } from './policy.ts';

/**
 * SHA-256 (hex) of what the rules admit: names, addresses as exact covers, ports, methods, how addresses are used, for which
 * clients, which way they leave, what is held, and what the rules ask for in vain. How Microsoft cut the addresses into prefixes and tags does not count: where no
 * address changed, no rule file changes.
 */
export function digestRules(rules: readonly PolicyRule[]): string {
  const canonical = rules.map((rule) => ({
    name: rule.name,
    names: rule.names.map(({ hosts, ports, by }) => ({
      hosts: hosts.toStrings(),
      ports: ports.toString(),
      ...(by === undefined ? {} : { tunnel: by.tunnel.toString(), plain: by.plain.toString() }),
    })),
    addresses: rule.addresses.toStrings(),
    addressPorts: rule.addressPorts.toString(),
    addressUse: rule.addressUse,
    clients: rule.clients?.toStrings(),
    scenario: rule.scenario,
    proxies: rule.proxies?.toStrings(),
    omitted: rule.omitted,
    held: rule.held?.map(({ until, addresses }) => ({ until, addresses: addresses.toStrings() })),
  }));
  return createHash('sha256').update(JSON.stringify(canonical)).digest('hex');
}
