import { clientsInWords } from '../policy/clients.ts';
import { type Note, noteworthy } from '../policy/diff/notes.ts';
import { riskOfPolicy } from '../policy/diff/risk.ts';
import type { RuleDiff } from '../policy/diff/rules.ts';
import type { PolicyDiff } from '../policy/diff.ts';
import { isNoEffect } from '../policy/effect.ts';
import { budgetChanges, clientChanges, FIRST_FILES, goneFiles } from './device-line.ts';
import type { Review } from './review.ts';
import { driftInWords } from './sections/drift.ts';
import { changedFiles, changesDevices, effectOfReview } from './summary.ts';
import type { TargetReview } from './targets.ts';
import { addressesOf, counted, digits, enumerate, ipv6Size, percent, spaceInWords } from './wording.ts';

/** How much attention a change needs. */
export type VerdictLevel = 'nothing' | 'routine' | 'look' | 'refused';

/** What a person should do about a change. */
export interface Verdict {
  readonly level: VerdictLevel;
  readonly text: string;
}

/**
 * Percent of a rule's addresses, of either family, up to which a week's gains and losses are routine. Of 228
 * public weeks from 2019 to 2025, 95 of 100 added at most 3.0 % of the published prefixes and removed at
 * most 0.85 %.
 */
const ROUTINE_GAIN = 5n;
const ROUTINE_LOSS = 1n;

/** Notes that make a change worth a look; the others explain what the figures say anyway. */
const LOUD: ReadonlySet<Note['kind']> = new Set([
  'broadest-prefix',
  'renamed-rule',
  'short-lived',
  'reorganised',
  'tag-gone',
  'every-client',
  'constrained',
  'released',
]);

/** Whether a note is worth a look of its own. */
export function isLoud({ kind, look }: Note): boolean {
  return look ?? LOUD.has(kind);
}

/** How many reasons the line spells out. */
const SHOWN = 8;

/** The line that a person can act on. */
export function verdict(review: Review): Verdict {
  const { diff, guards, scope } = review;
  const named = (outcome: string) =>
    enumerate(guards.filter((finding) => finding.outcome === outcome).map(({ guard }) => guard));
  if (named('refused') !== '')
    return {
      level: 'refused',
      text: `Refused by ${named('refused')}: nothing was written. Read what the guard says, then mend the cause or accept it once.`,
    };
  if (scope === 'feeds') return { level: 'routine', text: FEED_VERDICTS[riskOfPolicy(diff)] };
  if (!changesDevices(review) && changedFiles(review) === 0)
    return { level: 'nothing', text: 'Nothing to approve.' };
  const accepted =
    named('accepted') === ''
      ? []
      : [`${named('accepted')} refused this change and was overruled with --accept`];
  if (review.feed.before === undefined && accepted.length === 0)
    return { level: 'look', text: 'First run: check that the rules admit what they are meant to.' };
  const noted = guards.flatMap(({ guard, look, message }) => (look === true ? [`${guard}: ${message}`] : []));
  const reasons = [...accepted, ...noted, ...reasonsToLook(review)];
  if (reasons.length > 0)
    return {
      level: 'look',
      text: `Review required: ${[
        ...reasons.slice(0, SHOWN),
        ...(reasons.length > SHOWN ? [`and ${counted(reasons.length - SHOWN, 'more point')} below`] : []),
      ].join('; ')}.${capitalised([...routineShares(review), ...fewerExtras(review)])}`,
    };
  return { level: 'routine', text: routineVerdict(review) };
}

/** As a sentence of its own; nothing for none. */
function capitalised(parts: readonly string[]): string {
  const text = parts.join('; ');
  return text === '' ? '' : ` ${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

const FEED_VERDICTS = {
  widening: 'The service tags grew and lost nothing.',
  narrowing: 'The service tags shrank and gained nothing.',
  exchange: 'The service tags gained and lost addresses.',
  move: 'Addresses moved between service tags; together the tags hold the same.',
  metadata: 'The same addresses, published in other words.',
} as const;

/** The largest share of its addresses, of either family, that a rule gains or loses. */
function largestShare({ rules }: PolicyDiff, part: 'gained' | 'lost') {
  return rules
    .flatMap(({ rule, space }) =>
      FAMILIES.map((family) => ({
        rule,
        family,
        size: space[part][family].size,
        whole: space.before[family].size,
      })),
    )
    .filter(({ size, whole }) => size > 0n && whole > 0n)
    .reduce<Share | undefined>(
      (most, one) => (most === undefined || one.size * most.whole > most.size * one.whole ? one : most),
      undefined,
    );
}

const FAMILIES = ['ipv4', 'ipv6'] as const;

interface Share {
  readonly rule: string;
  readonly family: (typeof FAMILIES)[number];
  readonly size: bigint;
  readonly whole: bigint;
}

/** `3.2 % of a rule's addresses (storage-weu, 512 of 16,128 IPv4; limit 5 %)`. */
function shareInWords({ rule, family, size, whole }: Share, limit: bigint): string {
  const sizes =
    family === 'ipv4'
      ? `${digits(size)} of ${digits(whole)} IPv4`
      : `${ipv6Size(size)} of ${ipv6Size(whole)} in IPv6`;
  return `${percent(size, whole)} of a rule's addresses (${rule}, ${sizes}; limit ${limit} %)`;
}

/** The largest gain and loss of a rule, where they are routine; others are reasons to look. */
function routineShares({ diff, ...review }: Review): string[] {
  if (isNoEffect(effectOfReview({ diff, ...review }))) return [];
  return [
    ['gain', largestShare(diff, 'gained'), ROUTINE_GAIN] as const,
    ['loss', largestShare(diff, 'lost'), ROUTINE_LOSS] as const,
  ].flatMap(([what, share, limit]) =>
    share === undefined || share.size * 100n > share.whole * limit
      ? []
      : [`the largest ${what} is ${shareInWords(share, limit)}`],
  );
}

function routineVerdict(review: Review): string {
  const fewer = fewerExtras(review);
  if (isNoEffect(effectOfReview(review)))
    return `Routine: ${['what is allowed stays the same', ...fewer].join('; ')}.`;
  return `Routine: ${[...routineShares(review), ...fewer, 'nothing asks for a look'].join('; ')}.`;
}

/**
 * Which budgets let fewer extra addresses in and no others. Nobody asked for what goes, so it is told, but is no reason to
 * look; a large share of what the target allows is one by itself.
 */
function fewerExtras({ targets }: Review): string[] {
  return targets
    .filter(({ presence }) => presence === 'kept')
    .flatMap((target) =>
      budgetChanges(target)
        .filter(({ was, now }) => now.difference(was).isEmpty)
        .map(
          ({ rule, was, now }) =>
            `${now.isEmpty ? 'no extra addresses any more' : 'fewer extra addresses'} for the budget of rule ${rule} on ${target.id} (−${spaceInWords(was.difference(now))})`,
        ),
    );
}

function reasonsToLook({ diff, context, targets, drift }: Review): string[] {
  return [
    ...drift.map(driftInWords),
    ...targets.flatMap(({ id, effect }) =>
      effect === undefined ? [`what ${id} lets through now cannot be read`] : [],
    ),
    ...noteworthy(diff, context)
      .filter(isLoud)
      .map(({ rule, tag, text }) => `${tag === '' ? `rule ${rule}` : tag} ${text}`),
    ...diff.rules.flatMap((rule) => reasonsOfRule(rule, targets)),
    ...targets.flatMap((target) => {
      const { id, presence, options, omissions, widenings } = target;
      const gone = goneFiles(target);
      // A target that is new or gone is one point, whatever it declares.
      if (presence === 'added') return [`${id} gets its ${FIRST_FILES}`];
      if (presence === 'removed') return [`${id} is no longer configured`];
      // What is held was let through before.
      const fresh = (declared: typeof omissions) =>
        declared.filter(({ presence, kind }) => presence === 'added' && kind !== 'hold').length;
      const budgets = budgetChanges(target);
      // A budget that is new to a rule is a new widening.
      const others = budgets.filter(({ was, now }) => !was.isEmpty && !now.difference(was).isEmpty);
      return [
        ...clientReasons(target),
        ...(options.length > 0 ? [`${id} changes ${counted(options.length, 'option')}`] : []),
        ...(gone.length > 0
          ? [
              `${id} no longer writes ${enumerate(gone)}: a device that fetches ${gone.length === 1 ? 'it keeps its last copy' : 'them keeps its last copies'}`,
            ]
          : []),
        ...others.map(
          ({ rule, was, now }) =>
            `${id} lets other extra addresses in for the budget of rule ${rule} (${spaceInWords(now.difference(was))}${was.difference(now).isEmpty ? '' : `, and no longer ${spaceInWords(was.difference(now))}`})`,
        ),
        ...(budgets.length > 0 ? sharesOfTarget(target) : []),
        ...(fresh(omissions) > 0 ? [`${id} has ${counted(fresh(omissions), 'new omission')}`] : []),
        ...(fresh(widenings) > 0 ? [`${id} has ${counted(fresh(widenings), 'new widening')}`] : []),
      ];
    }),
  ];
}

/** Who is let through to what others were let through to before; it is a widening, whoever is meant. */
function clientReasons(target: TargetReview): string[] {
  const { more } = clientChanges(target);
  return more === undefined ? [] : [`${target.id} lets ${clientsInWords(more)} through to what others reach`];
}

/**
 * What a target gains or loses beyond the limits of a routine week, measured at what its files let through: the extra
 * addresses of a budget are no rule's.
 */
function sharesOfTarget({ id, before, effect }: TargetReview): string[] {
  if (before === undefined || effect === undefined) return [];
  const whole = addressesOf(before);
  return FAMILIES.flatMap((family) =>
    (
      [
        ['gains', effect.gained, ROUTINE_GAIN],
        ['loses', effect.lost, ROUTINE_LOSS],
      ] as const
    ).flatMap(([verb, admission, limit]) => {
      const [part, all] = [addressesOf(admission)[family].size, whole[family].size];
      const size = family === 'ipv4' ? digits : ipv6Size;
      return all === 0n || part * 100n <= all * limit
        ? []
        : [
            `${id} ${verb} ${percent(part, all)} of what it allows in ${family === 'ipv4' ? 'IPv4' : 'IPv6'} (${size(part)} of ${size(all)}; limit ${limit} %)`,
          ];
    }),
  );
}

/** Whether a target that was there before gains addresses of a rule. */
function gainsOnKept(rule: string, family: 'ipv4' | 'ipv6', targets: readonly TargetReview[]): boolean {
  return targets.some(
    ({ presence, rules }) =>
      presence === 'kept' &&
      rules.some((one) => one.rule === rule && !addressesOf(one.effect.gained)[family].isEmpty),
  );
}

function reasonsOfRule(diff: RuleDiff, targets: readonly TargetReview[]): string[] {
  const { rule, presence, names, ports, addressUse, clients, scenario, proxies, prefixes, space } = diff;
  if (presence !== 'changed') return [`rule ${rule} is ${presence === 'added' ? 'new' : 'gone'}`];
  const changed = [
    ...(names.gained.isEmpty && names.lost.isEmpty ? [] : [diff.methodsOnly === true ? 'methods' : 'names']),
    ...(ports.gained.isEmpty && ports.lost.isEmpty ? [] : ['ports']),
    ...(addressUse === undefined ? [] : ['use of addresses']),
    ...(clients === undefined ? [] : ['clients']),
    ...(scenario === undefined ? [] : ['scenario']),
    ...(proxies === undefined ? [] : ['proxies']),
    ...(prefixes.gained.length + prefixes.lost.length === 0 ? [] : ['configured prefixes']),
  ];
  const shares = (['ipv4', 'ipv6'] as const).flatMap((family) => {
    const whole = space.before[family].size;
    const unit = family === 'ipv4' ? 'IPv4' : 'IPv6';
    const size = family === 'ipv4' ? digits : ipv6Size;
    const of = (part: bigint) => `${size(part)} of ${size(whole)}`;
    const [gained, lost] = [space.gained[family].size, space.lost[family].size];
    // What no target wrote before comes with the first files of one, which are a point of their own.
    const isOfFirstFiles =
      whole === 0n &&
      targets.some(({ presence }) => presence === 'added') &&
      !gainsOnKept(rule, family, targets);
    return [
      ...(gained * 100n > whole * ROUTINE_GAIN && !isOfFirstFiles
        ? [
            `rule ${rule} gains ${whole === 0n ? `its first ${unit} addresses` : `${percent(gained, whole)} in ${unit} (${of(gained)}; limit ${ROUTINE_GAIN} %)`}`,
          ]
        : []),
      ...(lost * 100n > whole * ROUTINE_LOSS
        ? [`rule ${rule} loses ${percent(lost, whole)} in ${unit} (${of(lost)}; limit ${ROUTINE_LOSS} %)`]
        : []),
    ];
  });
  return [...(changed.length === 0 ? [] : [`rule ${rule} changes its ${enumerate(changed)}`]), ...shares];
}
