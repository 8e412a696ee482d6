import { parse } from 'tldts';
import { formatHostPattern, type HostPattern } from '../../net/host-pattern.ts';
import { HostSet } from '../../net/host-set.ts';
import type { Policy, PolicyRule } from '../policy.ts';
import type { Guard } from './guard.ts';
import { isM365Table } from './m365-sets.ts';

/** How many names a remark lists. */
const SHOWN = 5;

/** Why a host pattern is broader than any service needs, by the Public Suffix List. */
export type Breadth =
  /** All names of a public suffix, of a top-level domain that does not exist, or a name without a dot. */
  | 'suffix'
  /** All names below a domain that anybody can have a name below: `*.blob.core.windows.net`. */
  | 'shared'
  /** A name that looks like another: no host of Microsoft has letters beyond ASCII. */
  | 'look-alike';

/** Judges a host pattern; undefined where nothing is wrong with it. */
export function breadthOf({ name, subdomains }: HostPattern): Breadth | undefined {
  if (name.split('.').some((label) => label.startsWith('xn--'))) return 'look-alike';
  const { domain } = parse(name, { allowPrivateDomains: false, detectSpecialUse: false });
  if (domain === null) return 'suffix';
  const { publicSuffix } = parse(name, { allowPrivateDomains: true });
  return subdomains && publicSuffix === name ? 'shared' : undefined;
}

/**
 * A name that no rule in force has, and that lets far more through than one service: `*.com`, `localhost`, a
 * look-alike; of Microsoft 365 also all of a domain that anybody can get a name below.
 */
export const broadName: Guard = {
  name: 'broad-name',
  check:
    'Confirm in the document of the endpoint set or in the configuration that every name below is meant.',
  judge: ({ policy, baseline }) => {
    const known = namesOf(baseline?.policy);
    return policy.rules.flatMap((rule) => {
      const fresh = patternsOf(rule).filter(
        ({ pattern }) => !HostSet.fromPatterns([pattern]).difference(known).isEmpty,
      );
      const of = (breadth: Breadth, m365?: boolean) =>
        fresh
          .filter(
            ({ pattern, published }) => breadthOf(pattern) === breadth && (m365 ?? published) === published,
          )
          .map(({ pattern }) => formatHostPattern(pattern));
      const say = (refuse: boolean, names: readonly string[], why: string) =>
        names.length === 0 ? [] : [{ refuse, message: `rule ${rule.name}: ${listed(names)} ${why}` }];
      return [
        ...say(true, of('suffix'), 'allows a whole top-level domain or public suffix'),
        ...say(true, of('look-alike'), 'has letters beyond ASCII, as names made to look like others have'),
        // A first run has nothing in force, and Microsoft 365 has published such names for years.
        ...say(
          baseline?.policy !== undefined,
          of('shared', true),
          'is a domain below which anybody can get a name, and the set had no such name',
        ),
        ...say(false, of('shared', false), 'is a domain below which anybody can get a name'),
      ];
    });
  },
};

function listed(names: readonly string[]): string {
  const more = names.length > SHOWN ? ` and ${names.length - SHOWN} more` : '';
  return `${names.slice(0, SHOWN).join(', ')}${more}`;
}

function namesOf(policy: Policy | undefined): HostSet {
  const grants = policy?.rules.flatMap(({ names }) => names.map(({ hosts }) => hosts)) ?? [];
  return HostSet.fromPatterns(grants.flatMap((hosts) => hosts.patterns().include));
}

/** The patterns of a rule, and whether the Microsoft 365 service published them. A table's shared domains are reviewed. */
function patternsOf({ names, rows }: PolicyRule): { pattern: HostPattern; published: boolean }[] {
  const m365 = rows.filter(({ table }) => isM365Table(table)).map(({ host }) => host);
  const tables = HostSet.fromPatterns(
    rows.filter(({ table }) => !isM365Table(table)).map(({ host }) => host),
  );
  const published = HostSet.fromPatterns(m365);
  return names
    .flatMap(({ hosts }) => hosts.patterns().include)
    .flatMap((pattern) => {
      const set = HostSet.fromPatterns([pattern]);
      const ofService = set.difference(published).isEmpty;
      if (!ofService && set.difference(tables).isEmpty && breadthOf(pattern) === 'shared') return [];
      return [{ pattern, published: ofService }];
    });
}
