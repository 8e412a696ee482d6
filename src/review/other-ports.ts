import { HostSet } from '../net/host-set.ts';
import { METHODS, methodInWords } from '../net/method.ts';
import { PortSet } from '../net/ports.ts';
import { Admission } from '../policy/admission.ts';
import { type Effect, NO_EFFECT, unionOfEffects } from '../policy/effect.ts';
import type { TargetReview } from './targets.ts';
import { addressesOf, portsInWords } from './wording.ts';

/** An effect in two: what comes and goes, and what stays and is let through on other ports than before. */
export interface Parts {
  /** Hosts and addresses that were let through on no port, or not to these clients on these ports; the same of what goes. */
  readonly whole: Effect;
  /** Hosts and addresses that were, or are, let through on others anyway, with the ports that open and close for them. */
  readonly ports: Effect;
}

/** The parts of what one target will do differently. Lists bind no ports: of a target with a list a rule, all is whole. */
export function partsOf({
  effect = NO_EFFECT,
  before,
  after,
  apart,
}: Pick<TargetReview, 'effect' | 'before' | 'after' | 'apart'>): Parts {
  if (apart) return { whole: effect, ports: NO_EFFECT };
  const opened = onOtherPorts(effect.gained, before);
  const closed = onOtherPorts(effect.lost, after);
  return {
    whole: { gained: effect.gained.difference(opened), lost: effect.lost.difference(closed) },
    ports: { gained: opened, lost: closed },
  };
}

/** The parts of what several targets will do differently, told as one. */
export function unionOfParts(parts: readonly Parts[]): Parts {
  return {
    whole: unionOfEffects(parts.map(({ whole }) => whole)),
    ports: unionOfEffects(parts.map(({ ports }) => ports)),
  };
}

/** What of a change the other side lets through as well, on other ports. */
function onOtherPorts(changed: Admission, other: Admission | undefined): Admission {
  if (other === undefined || changed.isEmpty) return Admission.empty;
  const known = Admission.of([
    {
      hosts: other.grants.reduce((hosts, grant) => hosts.union(grant.hosts), HostSet.empty),
      addresses: addressesOf(other),
      ports: PortSet.all,
    },
  ]);
  // What is on the same port for other clients is told of them.
  return changed.intersection(known).difference(other.forAnyClient());
}

/** How many port sets are told apart; more are told together. */
const SHOWN = 3;

interface OfPorts {
  readonly ports: PortSet;
  /** The ports, and the method where it is one alone. */
  readonly inWords: string;
  readonly admission: Admission;
}

/** What opens or closes, by its ports. */
export function byPorts(changed: Admission): readonly OfPorts[] {
  const of = changed.forAnyClient();
  if (of.isEmpty) return [];
  // Of many, those of each method are told together: what is new by one method alone is on no other port.
  const groups =
    of.told.length > SHOWN
      ? [undefined, ...METHODS].map((method) => of.told.filter((grant) => grant.method === method))
      : of.told.map((grant) => [grant]);
  return groups.flatMap((grants) => {
    if (grants.length === 0) return [];
    const ports = PortSet.fromRanges(grants.flatMap((grant) => grant.ports.ranges));
    const inWords = `${portsInWords(ports)}${methodInWords(grants[0]!.method)}`;
    return [{ ports, inWords, admission: Admission.of(grants) }];
  });
}
