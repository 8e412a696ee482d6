import type { DualStackSet } from '../net/dual-stack-set.ts';
import { formatHostPattern } from '../net/host-pattern.ts';
import { methodInWords } from '../net/method.ts';
import { clientsInWords } from '../policy/clients.ts';
import { DIGEST_PLACE } from './content-digest.ts';
import type { Manifest } from './manifest.ts';
import type { Omission, PlannedRule, TargetPlan, Widening } from './plan.ts';

/** How many names or prefixes of an omission or widening a header spells out; the lock has them all. */
const SHOWN = 8;

/** The comment lines at the head of rule files. */
export interface Header {
  readonly header: readonly string[];
  /** The same without the counts of the rules. */
  readonly headerWithoutCounts: readonly string[];
}

/**
 * Writes the comment lines at the head of every rule file. They hold nothing that changes while the content
 * does not: no date, no changeNumber, no host.
 */
export function makeHeader(plan: TargetPlan, manifest: Manifest): Header {
  const counted = plan.rules.map((rule) => `Rule ${rule.name}: ${counts(rule)}`);
  return {
    header: lines(plan, manifest, counted),
    headerWithoutCounts: lines(plan, manifest, []),
  };
}

function lines(plan: TargetPlan, manifest: Manifest, counted: readonly string[]): string[] {
  return [
    `azure-allowlist: ${manifest.title}`,
    'Generated; the next run overwrites edits.',
    `Content sha256 ${DIGEST_PLACE}`,
    ...counted,
    ...plan.rules.flatMap(({ name, clients }) =>
      clients === undefined ? [] : [`Rule ${name}: only for ${clientsInWords(clients)}`],
    ),
    ...plan.omissions.map((omission) => `NOT IN THESE FILES ${describe(omission, omission.omitted)}`),
    ...plan.widenings.map((widening) => `ALSO ALLOWS ${describe(widening, widening.admitted)}`),
    ...manifest.notes,
  ].flatMap(wrap);
}

/** Comments of a program count toward its limit for a line; short ones are read more easily, too. */
const WIDTH = 110;

/** Breaks a line at spaces, what follows indented; only a word that is longer stays so. */
function wrap(line: string): string[] {
  const lines: string[] = [];
  let current = '';
  for (const word of line.split(' ')) {
    if (current !== '' && current.length + 1 + word.length > WIDTH) {
      lines.push(current);
      current = `  ${word}`;
    } else current = current === '' ? word : `${current} ${word}`;
  }
  return [...lines, current];
}

function counts({ names, addresses }: PlannedRule): string {
  const parts = names.map(({ hosts, ports }) => {
    const count = hosts.patterns().include.length;
    return `${count} ${count === 1 ? 'name' : 'names'} on port ${ports}`;
  });
  if (addresses !== undefined)
    parts.push(
      `${addresses.ipv4.length} IPv4 and ${addresses.ipv6.length} IPv6 prefixes on port ${addresses.ports}`,
    );
  return parts.length === 0 ? 'nothing on this target' : parts.join('; ');
}

/** Whole families of a rule by their name: their prefixes come and go every week, and the file does not say them. */
function families({ ipv4, ipv6 }: DualStackSet): string[] {
  const present = [...(ipv4.isEmpty ? [] : ['IPv4']), ...(ipv6.isEmpty ? [] : ['IPv6'])];
  return present.length === 0 ? [] : [`its ${present.join(' and ')} addresses`];
}

function describe({ rule, kind, reason }: Omission | Widening, admission: Omission['omitted']): string {
  const what = admission.told.map(({ hosts, addresses, ports, method }) => {
    const things = [
      ...hosts.patterns().include.map(formatHostPattern),
      ...(kind === 'budget' || kind === 'hold' ? addresses.toStrings() : families(addresses)),
    ];
    const more = things.length > SHOWN ? ` and ${things.length - SHOWN} more` : '';
    return `${things.slice(0, SHOWN).join(' ')}${more} (port ${ports}${methodInWords(method)})`;
  });
  return `(rule ${rule}; ${reason})${what.length === 0 ? '' : `: ${what.join('; ')}`}`;
}
