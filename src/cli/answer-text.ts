import type { Colors } from 'picocolors/types.js';
import type { Since } from '../committed/allowed-since.ts';
import { counted, digits } from '../numbers.ts';
import type { HoldingTag } from '../policy/answer/tags-holding.ts';
import type { Answer, RowMatch, TagMatch, TargetAnswer } from '../policy/answer.ts';

/** So many entries of a list are spelled out; the rest are counted. */
const SHOWN = 12;

/** Where the text behind a label begins. */
const INDENT = ' '.repeat(11);

/**
 * One answer as a person reads it: the verdict, then since when, why, and each target.
 * @param held the tags of a feed that hold it, the narrowest first; null for a name, undefined without a feed
 */
export function answerText(
  query: string,
  answer: Answer,
  colors: Colors,
  since: Since | null,
  held?: readonly HoldingTag[] | null,
): string {
  const lines = [`${query}  ${verdictText(answer, colors)}`];
  const add = (label: string, text: string) => lines.push(`  ${label.padEnd(8)} ${text}`);
  if (since !== null) add('since', sinceText(since));
  for (const { rule, reason, by, ports, clients, proxies, hosts, prefixes, rows } of answer.rules) {
    const own = [...hosts, ...prefixes];
    add('rule', `${rule}, by ${by}, on ${ports}${reason === '' ? '' : `: ${reason}`}`);
    if (own.length > 0) add('', `asks for ${list(own)}`);
    if (clients !== undefined) add('', `only for ${list(clients)}`);
    if (proxies !== undefined) add('', `on firewalls only for the proxies ${list(proxies)}`);
    for (const row of rows) add('row', rowText(row));
  }
  for (const tag of answer.tags.slice(0, SHOWN)) add('tag', tagText(tag));
  if (answer.tags.length > SHOWN) add('', rest(answer.tags.length - SHOWN));
  for (const tag of held?.slice(0, SHOWN) ?? []) add('feed', holdingText(tag));
  if (held?.length === 0) add('feed', 'no service tag holds any of it');
  if (held && held.length > SHOWN) add('', rest(held.length - SHOWN));
  if (answer.parts !== null) {
    const { allowed, other, allowedAddresses, otherAddresses } = answer.parts;
    for (const { ports, prefixes } of allowed) add('allowed', `on ${ports}: ${list(prefixes)}`);
    if (other.length > 0) add('other', list(other));
    add(
      '',
      `${counted(BigInt(allowedAddresses), 'address', 'addresses')} allowed, ${digits(BigInt(otherAddresses))} not`,
    );
  }
  for (const [text, names] of groupTargets(answer.targets)) add('target', `${names.join(', ')}: ${text}`);
  if (answer.hint !== null) add('hint', answer.hint);
  return lines.join('\n');
}

function holdingText({ name, region, contains, prefix }: HoldingTag): string {
  const where = region === '' ? '' : ` (${region})`;
  return `${name}${where}: ${prefix ?? (contains === 'part' ? 'a part of it' : 'several prefixes')}`;
}

function verdictText({ verdict, ports, port, targets }: Answer, colors: Colors): string {
  const through = targets.filter(({ lets }) => lets !== 'nothing').length;
  const where =
    targets.length > 0 && through < targets.length ? ` on ${through} of ${targets.length} targets` : '';
  const on = port === null && ports !== '' ? ` on port ${ports}` : '';
  switch (verdict) {
    case 'allowed':
      return colors.green(`allowed${on}${where}`);
    case 'partly':
      return colors.yellow(`allowed in part${on}${where}`);
    case 'refused':
      return colors.red(
        through === 0
          ? 'not allowed'
          : `not asked for, but allowed by ${through} of ${targets.length} targets`,
      );
  }
}

function sinceText({ fileDate, commit, atLeast }: Since): string {
  const week = fileDate === null ? 'a feed without a date' : `the week of ${fileDate}`;
  const place = commit === null ? 'not committed yet' : `commit ${commit.slice(0, 10)}`;
  return `${atLeast ? 'at least ' : ''}${week} (${place})`;
}

function rowText({ table, row, endpoint, ports, purpose, sources, outsidePath }: RowMatch): string {
  const outside = outsidePath ? '; the path asked about is outside it' : '';
  return `${table} #${row}: ${endpoint} on ${ports}, ${purpose} [${sources.join(', ')}]${outside}`;
}

function tagText({ tag, region, contains, prefix, rules }: TagMatch): string {
  const place = contains === 'part' ? 'has a part of it' : (prefix ?? 'by several prefixes together');
  return `${tag}${region === '' ? '' : ` (${region})`}: ${place}; in rule ${rules.join(', ')}`;
}

/** Targets of which the same is to be said stand together. */
function groupTargets(targets: readonly TargetAnswer[]): ReadonlyMap<string, readonly string[]> {
  const groups = new Map<string, string[]>();
  for (const target of targets) {
    const notes = target.notes.map(
      ({ kind, rule, reason }) => `\n${INDENT}  ${kind} (rule ${rule}): ${reason}`,
    );
    const text = targetText(target) + notes.join('');
    groups.set(text, [...(groups.get(text) ?? []), target.target]);
  }
  return groups;
}

function targetText({ lets, by, ports, prefixes }: TargetAnswer): string {
  if (lets === 'nothing') return 'no';
  return `by ${by} on ${ports}${lets === 'part' ? `, a part: ${list(prefixes)}` : ''}`;
}

function list(items: readonly string[]): string {
  return items.length <= SHOWN
    ? items.join(' ')
    : `${items.slice(0, SHOWN).join(' ')} ${rest(items.length - SHOWN)}`;
}

function rest(count: number): string {
  return `… and ${count} more (--json has all)`;
}
