import { execFileSync } from 'node:child_process';

/** One family of a set of prefixes, as Python's `ipaddress.collapse_addresses` sees it. */
export interface Collapsed {
  readonly addresses: string;
  /** The fewest prefixes, in order. */
  readonly cover: readonly string[];
}

const PROGRAM = `
import ipaddress, json, sys
def family(prefixes, version):
    nets = (ipaddress.ip_network(prefix) for prefix in prefixes)
    cover = list(ipaddress.collapse_addresses(net for net in nets if net.version == version))
    return {'addresses': str(sum(net.num_addresses for net in cover)), 'cover': [str(net) for net in cover]}
groups = json.load(sys.stdin)
json.dump({name: {'ipv4': family(prefixes, 4), 'ipv6': family(prefixes, 6)} for name, prefixes in groups.items()}, sys.stdout)
`;

/** Collapses groups of prefixes with Python's standard library: an implementation that is not ours. */
export function collapseAddresses(
  groups: Readonly<Record<string, readonly string[]>>,
): Record<string, { readonly ipv4: Collapsed; readonly ipv6: Collapsed }> {
  return JSON.parse(
    execFileSync('python3', ['-c', PROGRAM], {
      input: JSON.stringify(groups),
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
      timeout: 60_000,
    }),
  );
}
