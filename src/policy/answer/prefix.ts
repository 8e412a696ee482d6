import { DualStackSet } from '../../net/dual-stack-set.ts';
import { PortSet } from '../../net/ports.ts';
import { formatPrefix, lastAddress } from '../../net/prefix.ts';
import { Admission } from '../admission.ts';
import type { Answer, RuleMatch, TagMatch, TargetAnswer, TargetNote } from '../answer.ts';
import { formatSubject, hasQueried, type Query, queriedPorts } from '../query.ts';
import { nearestAddress } from './nearest.ts';
import {
  ofFamily,
  type Register,
  type RegisteredRule,
  type RegisteredTag,
  type TargetAdmission,
} from './register.ts';
import { askedInVain, byName, clientsOf, describePort } from './single.ts';

type PrefixQuery = Extract<Query, { kind: 'prefix' }>;

/** Answers for a CIDR, by set algebra: exact, whatever the rules cut out of it. */
export function answerPrefix(register: Register, query: PrefixQuery): Answer {
  const { prefix, port } = query;
  const within = DualStackSet.fromPrefixes([prefix]);
  const window = Admission.addresses(within, port === undefined ? PortSet.all : queriedPorts(port));
  const meeting = register.rules
    .map((registered) => ({ ...registered, part: registered.rule.addresses.intersection(within) }))
    .filter(({ part }) => !part.isEmpty);
  const matches = meeting.filter(({ rule }) => hasQueried(rule.addressPorts, port));
  const asked = Admission.union(
    matches.map(({ rule, part }) => Admission.addresses(part, rule.addressPorts)),
  ).intersection(window);

  const targets = register.targets.map((target) => {
    const admitted = target.admission.forAnyClient().intersection(window);
    return { admitted, answer: answerTarget(target, admitted, asked, window, within, matches) };
  });
  const delivered =
    targets.length === 0
      ? asked
      : asked.intersection(Admission.union(targets.map(({ admitted }) => admitted)));
  const allowed = addressesOf(delivered);
  const other = within.difference(allowed);
  const verdict = other.isEmpty ? 'allowed' : allowed.isEmpty ? 'refused' : 'partly';
  return {
    kind: 'prefix',
    subject: formatSubject(query),
    ...describePort(port),
    verdict,
    ports: portsOf(delivered).toString(),
    rules: matches.map((match) => describeRule(match, within)),
    tags: tagsOf(register, query, within),
    parts: {
      allowed: delivered.grants.map(({ ports, addresses }) => ({
        ports: ports.toString(),
        prefixes: addresses.toStrings(),
      })),
      other: other.toStrings(),
      allowedAddresses: ofFamily(allowed, prefix.family).size.toString(),
      otherAddresses: ofFamily(other, prefix.family).size.toString(),
    },
    targets: targets.map(({ answer }) => answer),
    hint: verdict === 'refused' ? hintOf(register, query, meeting, matches) : null,
  };
}

function describeRule({ rule }: RegisteredRule, within: DualStackSet): RuleMatch {
  const own = rule.prefixes.filter(
    (prefix) => !DualStackSet.fromPrefixes([prefix]).intersection(within).isEmpty,
  );
  return {
    rule: rule.name,
    reason: rule.reason,
    by: 'address',
    ports: rule.addressPorts.toString(),
    ...clientsOf(rule),
    prefixes: own.map(formatPrefix),
    hosts: [],
    rows: [],
  };
}

function tagsOf(register: Register, { prefix }: PrefixQuery, within: DualStackSet): TagMatch[] {
  const size = ({ tag }: RegisteredTag) => ofFamily(tag.addresses, prefix.family).size;
  const tags = register.tags
    .map((entry) => ({ ...entry, size: size(entry), part: entry.tag.addresses.intersection(within) }))
    .filter(({ part }) => !part.isEmpty)
    .sort((a, b) => (a.size < b.size ? -1 : a.size > b.size ? 1 : 0))
    .map(({ tag, rules, published, part }): TagMatch => {
      const whole = published.narrowest(prefix.family, prefix.first, prefix.length);
      return {
        tag: tag.tag,
        region: tag.region,
        contains: part.equals(within) ? 'all' : 'part',
        prefix: whole === undefined ? null : formatPrefix(whole),
        rules,
      };
    });
  return [
    ...tags.filter(({ contains }) => contains === 'all'),
    ...tags.filter(({ contains }) => contains === 'part'),
  ];
}

function answerTarget(
  target: TargetAdmission,
  admitted: Admission,
  asked: Admission,
  window: Admission,
  within: DualStackSet,
  matches: readonly RegisteredRule[],
): TargetAnswer {
  const addresses = addressesOf(admitted);
  const lets = addresses.equals(within) ? 'all' : addresses.isEmpty ? 'nothing' : 'part';
  const missing = asked.difference(admitted);
  const notes: TargetNote[] = [];
  if (!missing.isEmpty) {
    for (const { rule, omitted, reason } of target.omissions)
      if (!omitted.intersection(missing).isEmpty) notes.push({ kind: 'omitted', rule, reason });
    notes.push(...byName(target, matches));
  }
  for (const { rule, admitted: widened, reason } of target.widenings)
    if (!widened.intersection(window).isEmpty) notes.push({ kind: 'widened', rule, reason });
  return {
    target: target.id,
    lets,
    by: lets === 'nothing' ? null : 'address',
    ports: portsOf(admitted).toString(),
    prefixes: lets === 'part' ? addresses.toStrings() : [],
    notes,
  };
}

function addressesOf({ grants }: Admission): DualStackSet {
  return DualStackSet.union(grants.map(({ addresses }) => addresses));
}

function portsOf({ grants }: Admission): PortSet {
  return grants.reduce((sum, { ports }) => sum.union(ports), PortSet.empty);
}

function hintOf(
  register: Register,
  { prefix }: PrefixQuery,
  meeting: readonly RegisteredRule[],
  matches: readonly RegisteredRule[],
): string | null {
  if (matches.length > 0) return askedInVain(matches);
  if (meeting.length > 0)
    return `it, or a part of it, is asked for on other ports: ${meeting.map(({ rule }) => `${rule.addressPorts} (rule ${rule.name})`).join(', ')}`;
  return nearestAddress(register, prefix.family, prefix.first, lastAddress(prefix));
}
