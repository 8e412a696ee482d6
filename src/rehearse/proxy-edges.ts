import { type Family, formatAddress, parseAddress } from '../net/address.ts';
import { DualStackSet } from '../net/dual-stack-set.ts';
import { parsePrefix } from '../net/prefix.ts';
import type { TargetPlan } from '../targets/plan.ts';
import { boundariesOf } from './boundaries.ts';
import { nameEdgesOf, rulesOf } from './name-edges.ts';
import type { RuleEdges } from './trial.ts';

/** One request through a proxy. */
export interface ProxyAttempt {
  readonly method: 'CONNECT' | 'GET';
  /** A name, or an address as clients write it. */
  readonly host: string;
  readonly port: number;
  /** The address that the request comes from. */
  readonly client: string;
}

/** A client that no rule is bound to, unless it is bound to loopback. */
const STRANGER = '127.0.0.1';

const METHODS = ['CONNECT', 'GET'] as const;

/**
 * Where what a proxy allows begins and ends, in any of these plans: each name, a name below it, one beside it and the name
 * above; the first and last address of every range and their neighbours outside. Each on the first and last port and
 * theirs, as a tunnel and as a plain request, and for rules that are bound to clients from one of them and from another.
 */
export function proxyEdgesOf(plans: readonly TargetPlan[]): RuleEdges<ProxyAttempt>[] {
  const rules = rulesOf(plans);
  const clients = new Map(rules.map((rule) => [rule, clientsOf(plans, rule)]));
  const requests = (rule: string, host: string, port: number): ProxyAttempt[] =>
    clients.get(rule)!.flatMap((client) => METHODS.map((method) => ({ method, host, port, client })));
  const names = rules.flatMap((rule): RuleEdges<ProxyAttempt>[] => {
    const asked = nameEdgesOf(plans, rule).filter(({ protocol }) => protocol === 'tcp');
    return asked.length === 0
      ? []
      : [
          {
            rule,
            kind: 'names',
            attempts: asked.flatMap(({ host, port }) => requests(rule, host, port)),
          },
        ];
  });
  const addresses = boundariesOf(plans).map(
    ({ rule, family, attempts }): RuleEdges<ProxyAttempt> => ({
      rule,
      kind: `IPv${family}`,
      attempts: attempts
        .filter(({ protocol }) => protocol === 'tcp')
        .flatMap(({ address, port }) => requests(rule, address, port)),
    }),
  );
  return [...names, ...addresses].sort((a, b) => rules.indexOf(a.rule) - rules.indexOf(b.rule));
}

/** What the files of a side say of a request. */
export function admitsRequest(
  { admission }: TargetPlan,
  { method, host, port, client }: ProxyAttempt,
): boolean {
  const { hosts, addresses } = admission
    .from(setOf(client))
    .only(method === 'CONNECT' ? 'tunnel' : 'plain')
    .onPort(port);
  if (!isAddress(host)) return hosts.has(host);
  const { family, value } = parseAddress(host);
  return (family === 4 ? addresses.ipv4 : addresses.ipv6).contains(value);
}

/** Whether it is an address and no name; a name's last label is never a number. */
export function isAddress(host: string): boolean {
  return /:|\d$/.test(host);
}

/** One client that the rule is bound to, and one that it is not. */
function clientsOf(plans: readonly TargetPlan[], rule: string): string[] {
  const bound = plans.flatMap((plan) =>
    plan.rules.flatMap(({ name, clients }) => (name === rule && clients !== undefined ? [clients] : [])),
  );
  const [own] = bound.flatMap(({ ipv4, ipv6 }) =>
    [ipv4, ipv6].flatMap((set) => {
      const [range] = set.ranges();
      return range === undefined ? [] : [formatAddress(set.family, range.last)];
    }),
  );
  return own === undefined ? [STRANGER] : [own, STRANGER];
}

function setOf(address: string): DualStackSet {
  const family: Family = address.includes(':') ? 6 : 4;
  return DualStackSet.fromPrefixes([parsePrefix(`${address}/${family === 4 ? 32 : 128}`)]);
}
