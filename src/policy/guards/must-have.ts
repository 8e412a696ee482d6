import { DualStackSet } from '../../net/dual-stack-set.ts';
import { HostSet } from '../../net/host-set.ts';
import { PortSet } from '../../net/ports.ts';
import { Admission } from '../admission.ts';
import type { Remark } from './guard.ts';

/** A host, or ranges, that have to stay reachable. */
export interface MustHave {
  /** Where it is said: `require[0]`, or an endpoint table. */
  readonly where: string;
  /** Undefined where only addresses are named. */
  readonly host: string | undefined;
  /** Of the host, or by themselves; empty where the host is enough. */
  readonly addresses: DualStackSet;
  readonly ports: PortSet;
  /**
   * `always`: the configuration asks for it. `kept`: what a target lets through now it may not lose; a table cannot
   * know what each configuration means to let through.
   */
  readonly strength: 'always' | 'kept';
}

/** What one target lets through, now and in force. */
export interface Reach {
  readonly target: string;
  readonly planned: Admission;
  /** Undefined where the target is new, or what is in force cannot be read. */
  readonly inForce: Admission | undefined;
}

const HTTPS = PortSet.of(443);

/** How many missing ranges a refusal names. */
const SHOWN = 3;

/** Refuses for every target that a must-have cannot be reached through, neither by its name nor by its addresses. */
export function judgeMustHaves(mustHaves: readonly MustHave[], reaches: readonly Reach[]): Remark[] {
  return mustHaves.flatMap((wanted) =>
    reaches.flatMap(({ target, planned, inForce }): Remark[] => {
      if (isReachable(wanted, planned)) return [];
      if (wanted.strength === 'kept' && (inForce === undefined || !isReachable(wanted, inForce))) return [];
      return [{ refuse: true, message: `${target} ${lackInWords(wanted, planned)} (${wanted.where})` }];
    }),
  );
}

/** Whoever may, and however a proxy is asked: but for TLS, which nobody asks for without a tunnel. */
function isReachable({ host, addresses, ports }: MustHave, admission: Admission): boolean {
  const open = admission.forAnyClient();
  if (host !== undefined) {
    const wanted = Admission.hosts(oneHost(host), ports);
    const overTls = Admission.hosts(oneHost(host), ports.intersection(HTTPS)).only('tunnel');
    if (wanted.difference(open.byAnyMethod()).isEmpty && overTls.difference(open.only('tunnel')).isEmpty)
      return true;
  }
  return !addresses.isEmpty && Admission.addresses(addresses, ports).difference(open.byAnyMethod()).isEmpty;
}

function lackInWords({ host, addresses, ports }: MustHave, planned: Admission): string {
  const admitted = DualStackSet.union(
    planned.grants.filter((grant) => ports.difference(grant.ports).isEmpty).map((grant) => grant.addresses),
  );
  const missing = addresses.difference(admitted).toStrings();
  const more = missing.length > SHOWN ? ` and ${missing.length - SHOWN} more ranges` : '';
  const lack = `${missing.slice(0, SHOWN).join(', ')}${more} on port ${ports}`;
  if (host === undefined) return `does not allow ${lack}`;
  return addresses.isEmpty
    ? `does not allow the host ${host} on port ${ports}`
    : `allows ${host} neither by name nor by address: it does not allow ${lack}`;
}

function oneHost(name: string): HostSet {
  return HostSet.fromPatterns([{ name, apex: true, subdomains: false }]);
}
