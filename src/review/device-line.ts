import { DualStackSet } from '../net/dual-stack-set.ts';
import { Admission } from '../policy/admission.ts';
import { clientsInWords, EVERY_CLIENT } from '../policy/clients.ts';
import { type Effect, isNoEffect } from '../policy/effect.ts';
import { byPorts, partsOf } from './other-ports.ts';
import { type Line, outside, type Span, type Tone, toned } from './outline.ts';
import type { TargetReview } from './targets.ts';
import {
  addressesOf,
  counted,
  digits,
  enumerate,
  ipv6Size,
  nameCount,
  signed,
  sizeInShort,
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
    return [
      `${FIRST_FILES}: `,
      toned(reach(after), 'gain'),
      ...extrasOf(target),
      ...beyondOf(target, () => true),
    ];
  const parts: Line[] = [
    ...(isNoEffect(effect) ? [] : [[...figures(target), ...rulesOf(target), ...beyondOfChange(target)]]),
    ...optionsOf(target),
    ...budgetOf(target),
    ...holdOf(target),
    ...goneFilesOf(target),
  ];
  if (parts.length > 0) return parts.flatMap((part, index) => [index === 0 ? '' : '; ', ...part]);
  const files = target.files.filter(({ presence }) => presence !== 'unchanged').length;
  return files === 0
    ? [toned('no change', 'faint'), ...byNameInstead(target, changing)]
    : [`allows the same; ${counted(files, 'file')} written anew`];
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

/** What a target gets that was not configured before. */
export const FIRST_FILES = 'first files';

/** `22 names and 14,864 IPv4 addresses`: all that files let through. */
export function reach(admission: Admission = Admission.empty): string {
  const names = nameCount(admission);
  const space = addressesOf(admission);
  const parts = [...(names > 0 ? [counted(names, 'name')] : []), ...spaceParts(space)];
  return parts.length === 0 ? 'allow nothing' : enumerate(parts);
}

function figures(target: TargetReview): Line {
  const { whole, ports } = partsOf(target);
  const parts: Line[] = [
    ...differences(whole),
    ...portRemarks(ports.gained, 'newly on', 'gain'),
    ...portRemarks(ports.lost, 'no longer on', 'loss'),
  ];
  return [
    ...parts.flatMap((part, index): Line => [index === 0 ? '' : ', ', ...part]),
    ...clientRemarks(target),
  ];
}

/** `+512 −256 IPv4`, `+4 /64`, `+1 name`: what comes and goes. */
function differences({ gained, lost }: Effect): Line[] {
  const [more, less] = [addressesOf(gained), addressesOf(lost)];
  const [names, namesLost] = [BigInt(nameCount(gained)), BigInt(nameCount(lost))];
  return [
    pair(more.ipv4.size, less.ipv4.size, digits, ' IPv4'),
    pair(more.ipv6.size, less.ipv6.size, ipv6Size, ' IPv6'),
    pair(names, namesLost, digits, names + namesLost === 1n ? ' name' : ' names'),
  ].filter((part) => part.length > 0);
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

/** `14,096 IPv4 newly on port 8443`: what stays, and the ports that come or go for it. */
function portRemarks(changed: Admission, verb: string, tone: Tone): Line[] {
  return byPorts(changed).map(({ inWords, admission }) => [
    toned(sizeInShort(admission), tone),
    ` ${verb} ${inWords}`,
  ]);
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

/** What the files of a target cannot bind what they let through to, as far as a rule asks for it. */
const BEYOND: readonly (readonly [kind: string, what: string])[] = [
  ['ports', 'ports'],
  ['clients', 'clients'],
];

/** `; also allows other ports`: where the files of a rule bind less than it asks for. */
function beyondOf({ widenings }: TargetReview, isMeant: (rule: string) => boolean): Line {
  const kinds = new Set(
    widenings.filter(({ presence, rule }) => presence !== 'removed' && isMeant(rule)).map(({ kind }) => kind),
  );
  const found = BEYOND.filter(([kind]) => kinds.has(kind)).map(([, what]) => what);
  return found.length === 0 ? [] : [`; also allows other ${enumerate(found)}`];
}

function beyondOfChange(target: TargetReview): Line {
  const changed = new Set(target.rules.map(({ rule }) => rule));
  return target.effect?.gained.isEmpty === false ? beyondOf(target, (rule) => changed.has(rule)) : [];
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

/** The extra addresses that budgets let in, from → to, by rule; the same ones on other ports are no change of them. */
export function budgetChanges({ widenings }: TargetReview) {
  return widenings
    .filter(({ kind, presence }) => kind === 'budget' && presence !== 'unchanged')
    .map(({ rule, presence, admission, change }) => ({
      rule,
      was: addressesOf(admission.union(change.lost).difference(change.gained)),
      now: presence === 'removed' ? DualStackSet.empty : addressesOf(admission),
    }))
    .filter(({ was, now }) => !was.equals(now));
}

/** `512 IPv4 addresses → 1,024 IPv4 addresses`, with `none` for nothing. */
export function fromTo({ was, now }: { readonly was: DualStackSet; readonly now: DualStackSet }): string {
  return [was, now].map((set) => (set.isEmpty ? 'none' : spaceInWords(set))).join(' → ');
}

function budgetOf(target: TargetReview): Line[] {
  return budgetChanges(target).map(
    ({ rule, ...change }): Line => [
      'extra addresses for the budget of rule ',
      outside(rule),
      `: ${fromTo(change)}`,
    ],
  );
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
