import { DualStackSet } from '../net/dual-stack-set.ts';
import { parseHostPattern } from '../net/host-pattern.ts';
import { HostSet } from '../net/host-set.ts';
import { PortSet } from '../net/ports.ts';
import { parsePrefix } from '../net/prefix.ts';
import { Admission } from '../policy/admission.ts';
import { readClientTexts } from '../policy/clients.ts';
import type { Lock } from './lock.ts';

/** What an omission or a widening of a lock admits, as the value it was written from. */
export function readDeclared({ admits }: Lock['targets'][string]['omissions'][number]): Admission {
  return Admission.of(
    admits.map(({ ports, hosts, prefixes, clients, method }) => {
      // An exception is spelled with a leading "!"; the set is what is included less what is excepted.
      const included = hosts.filter((host) => !host.startsWith('!'));
      const excepted = hosts.filter((host) => host.startsWith('!')).map((host) => host.slice(1));
      return {
        hosts: hostSet(included).difference(hostSet(excepted)),
        addresses: DualStackSet.fromPrefixes(prefixes.map(parsePrefix)),
        ports: PortSet.parseList(ports),
        ...(clients === undefined ? {} : { clients: readClientTexts(clients) }),
        ...(method === undefined ? {} : { method }),
      };
    }),
  );
}

function hostSet(patterns: readonly string[]): HostSet {
  return HostSet.fromPatterns(patterns.map(parseHostPattern));
}
