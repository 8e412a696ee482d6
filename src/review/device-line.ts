import { DualStackSet } from '../net/dual-stack-set.ts';
import { PortSet } from '../net/ports.ts';
import { Admission } from '../policy/admission.ts';
import { clientsInWords, EVERY_CLIENT } from '../policy/clients.ts';
import { isNoEffect } from '../policy/effect.ts';
import { type Line, outside, type Span, toned } from './outline.ts';
import type { TargetReview } from './targets.ts';
import {
  addressesOf,
  counted,
  digits,
  enumerate,
  ipv6Size,
  nameCount,
  portsInWords,
  signed,
  spaceInWords,
  spaceParts,
} from './wording.ts';

/** How many rules a line names; more are counted. */
const RULES_SHOWN = 3;

/** A line a target, in the order of the review; one without a change says why where another target has one. */
export function deviceLines(
  targets: readonly TargetReview[],
): { readonly id: string; readonly line: Line }[] {
  const changing = new Set(targets.flatMap(({ rules }) => rules.map(({ rule }) => rule)));
  return targets.map((target) => ({ id: target.id, line: deviceLine(target, changing) }));
}

/** The lines of the targets as plain text, each with its id. */
export function deviceTexts(targets: readonly TargetReview[]): string[] {
  return deviceLines(targets).map(({ id, line }) => `${id} ${plain(line)}`);
}

/**
 * What one target will do differently, in one line without its id: `+512 IPv4 (storage-weu)`, `no change`.
 * @param changing the rules that change on any target
 */
export function deviceLine(target: TargetReview, changing: ReadonlySet<string> = new Set()): Line {
  const { presence, after, effect, problem } = target;
  if (presence === 'removed') return [toned('no longer configured', 'attention'), ': its files are removed'];
  if (effect === undefined)
    return [
      toned('not known', 'attention'),
      `: what is in force cannot be read (${problem ?? 'no reason given'})`,
    ];
  if (presence === 'added')
    return ['new: ', toned(reach(after ?? Admission.empty), 'gain'), ...extrasOf(target)];
  const parts: Line[] = [
    ...(isNoEffect(effect) ? [] : [[...figures(target), ...rulesOf(target)]]),
    ...optionsOf(target),
    ...budgetOf(target),
    ...holdOf(target),
    ...goneFilesOf(target),
  ];
  if (parts.length > 0) return parts.flatMap((part, index) => [index === 0 ? '' : '; ', ...part]);
  const files = target.files.filter(({ presence }) => presence !== 'unchanged').length;
  return files === 0
    ? [toned('no change', 'faint'), ...byNameInstead(target, changing)]
    : [`lets the same through; ${counted(files, 'file')} written anew`];
}

/** Why a target has no change where another has one: it allows the rule by name, and names did not change. */
function byNameInstead({ byName }: TargetReview, changing: ReadonlySet<string>): Line {
  const rules = byName.filter((rule) => changing.has(rule));
  return rules.length === 0 ? [] : [': allows ', ...ruleNames(rules), ' by name'];
}

/** A line as plain text. */
export function plain(line: Line): string {
  return line.map((span: string | Span) => (typeof span === 'string' ? span : span.text)).join('');
}

/** Whether a target will behave differently in any way that its files say. */
export function changesDevice(target: TargetReview): boolean {
  const { presence, effect, options } = target;
  return (
    presence !== 'kept' ||
    effect === undefined ||
    !isNoEffect(effect) ||
    options.length > 0 ||
    goneFiles(target).length > 0
  );
}

function reach(admission: Admission): string {
  const names = nameCount(admission);
  const space = addressesOf(admission);
  const parts = [...(names > 0 ? [counted(names, 'name')] : []), ...spaceParts(space)];
  return parts.length === 0 ? 'lets nothing through' : enumerate(parts);
}

function figures(target: TargetReview): Line {
  const { effect, before, after, apart } = target;
  const { gained, lost } = effect!;
  const [more, less] = [addressesOf(gained), addressesOf(lost)];
  const [names, namesLost] = [BigInt(nameCount(gained)), BigInt(nameCount(lost))];
  const parts: Line[] = [
    pair(more.ipv4.size, less.ipv4.size, digits, ' IPv4'),
    pair(more.ipv6.size, less.ipv6.size, ipv6Size, ' IPv6'),
    pair(names, namesLost, digits, names + namesLost === 1n ? ' name' : ' names'),
  ].filter((part) => part.length > 0);
  return [
    ...parts.flatMap((part, index): Line => [index === 0 ? '' : ', ', ...part]),
    // Lists bind no ports.
    ...(apart ? [] : portRemarks(portsOnly(gained, before!), portsOnly(lost, after!))),
    ...clientRemarks(target),
  ];
}

/** Clients that are newly, or no longer, let through to what is let through to others on the same ports. */
export function clientChanges({ effect, before, after, apart }: TargetReview) {
  const of = (changed: Admission | undefined, other: Admission | undefined) => {
    // What one list gains and another has is let through where it was not, to the same clients.
    if (apart || changed === undefined || other === undefined) return undefined;
    const shared = changed.intersection(other.forAnyClient());
    return shared.isEmpty
      ? undefined
      : DualStackSet.union(shared.grants.map(({ clients = EVERY_CLIENT }) => clients));
  };
  return { more: of(effect?.gained, before), fewer: of(effect?.lost, after) };
}

function clientRemarks(target: TargetReview): Line {
  const { more, fewer } = clientChanges(target);
  return [
    ...(more === undefined ? [] : [', newly for ', outside(clientsInWords(more))]),
    ...(fewer === undefined ? [] : [', no longer for ', outside(clientsInWords(fewer))]),
  ];
}

function pair(gained: bigint, lost: bigint, format: (size: bigint) => string, unit: string): Line {
  if (gained === 0n && lost === 0n) return [];
  const [plus, minus] = [signed(gained, 0n, format), signed(0n, lost, format)];
  // `/64` says the family by itself, and once for both.
  const shared = [...(gained > 0n ? [plus] : []), ...(lost > 0n ? [minus] : [])].every((text) =>
    text.endsWith(' /64'),
  );
  const cut = (text: string) => (shared ? text.slice(0, -' /64'.length) : text);
  return [
    ...(gained > 0n ? [toned(cut(plus), 'gain')] : []),
    ...(gained > 0n && lost > 0n ? [' '] : []),
    ...(lost > 0n ? [toned(cut(minus), 'loss')] : []),
    shared ? ' /64' : unit,
  ];
}

/** Says on which ports hosts or addresses come and go that are let through on others anyway. */
function portRemarks(opened: PortSet, closed: PortSet): Line {
  // Some open on the ports on which others close: the ports alone would contradict each other.
  if (!opened.intersection(closed).isEmpty) return [', some on other ports than before'];
  return [
    ...(opened.isEmpty ? [] : [`, newly on ${portsInWords(opened)}`]),
    ...(closed.isEmpty ? [] : [`, no longer on ${portsInWords(closed)}`]),
  ];
}

/** The ports of a change on which the same hosts or addresses are let through on others anyway. */
function portsOnly(changed: Admission, other: Admission): PortSet {
  const known = addressesOf(other);
  // What is on the same port for other clients is told of them.
  const fresh = changed.difference(other.forAnyClient());
  const ports = fresh.grants.filter(
    ({ addresses, hosts }) =>
      !addresses.intersection(known).isEmpty || other.grants.some((grant) => grant.hosts.intersects(hosts)),
  );
  return PortSet.fromRanges(ports.flatMap((grant) => grant.ports.ranges));
}

function rulesOf({ rules }: TargetReview): Line {
  return rules.length === 0 ? [] : [' (', ...ruleNames(rules.map(({ rule }) => rule)), ')'];
}

function ruleNames(names: readonly string[]): Line {
  if (names.length > RULES_SHOWN) return [counted(names.length, 'rule')];
  return names.flatMap((name, index): Line => [index === 0 ? '' : ', ', outside(name)]);
}

function optionsOf({ options }: TargetReview): Line[] {
  return options.map(
    ({ name, before, after }): Line => [
      'option ',
      outside(name),
      ' ',
      outside(`${before ?? 'unset'}`),
      ' → ',
      outside(`${after ?? 'unset'}`),
    ],
  );
}

/** Files that a device may load or fetch, and that will not be there any more. */
function goneFilesOf(target: TargetReview): Line[] {
  const gone = goneFiles(target);
  return gone.length === 0 ? [] : [['no longer written: ', outside(enumerate(gone))]];
}

/** The files that a target has in force and its next version has not. */
export function goneFiles({ presence, files }: TargetReview): string[] {
  return presence === 'kept'
    ? files.filter((file) => file.presence === 'removed').map(({ path }) => path)
    : [];
}

/** How much of what a new target lets through no rule asks for: the extra addresses of its budgets. */
function extrasOf({ widenings }: TargetReview): Line {
  const budgets = widenings.filter(({ kind }) => kind === 'budget');
  return budgets.flatMap(
    ({ rule, admission }): Line => [
      `, of them ${spaceInWords(addressesOf(admission))} extra for the budget of rule `,
      outside(rule),
    ],
  );
}

/** The extra addresses that a budget lets in, from → to. */
function budgetOf({ widenings }: TargetReview): Line[] {
  return widenings
    .filter(({ kind, presence }) => kind === 'budget' && presence !== 'unchanged')
    .map(({ rule, presence, admission, change }): Line => {
      const now = presence === 'removed' ? undefined : addressesOf(admission);
      const was = addressesOf(admission.union(change.lost).difference(change.gained));
      return [
        'extra addresses for the budget of rule ',
        outside(rule),
        `: ${spaceInWords(was)} → ${now === undefined ? 'none' : spaceInWords(now)}`,
      ];
    });
}

/** What is let through though no tag has it any more; until when, the declaration of the widening says. */
function holdOf({ widenings }: TargetReview): Line[] {
  return widenings
    .filter(({ kind, presence }) => kind === 'hold' && presence !== 'unchanged')
    .map(({ rule, presence, admission, change }): Line => {
      const ended = addressesOf(change.lost);
      const begun = addressesOf(change.gained);
      const parts = [
        ...(begun.isEmpty ? [] : [`holds ${spaceInWords(begun)} that no tag of it has any more`]),
        ...(ended.isEmpty ? [] : [`holds ${spaceInWords(ended)} no longer`]),
        ...(presence === 'changed' ? [`${spaceInWords(addressesOf(admission))} in all`] : []),
      ];
      return ['rule ', outside(rule), ` ${parts.join(', ')}`];
    });
}
