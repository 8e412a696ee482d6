import { Admission } from '../policy/admission.ts';
import { bySizeDown, type Change } from '../policy/diff/change.ts';
import { type Effect, effectOf, isNoEffect, unionOfEffects } from '../policy/effect.ts';
import { listsByRule, type TargetOutput, type TargetRequest } from '../targets/build.ts';
import { admissionsByRule } from '../targets/plan.ts';
import { addressesOf } from './wording.ts';

/** One rule file, before and after. */
export interface FileReview {
  /** Relative to the target's folder. */
  readonly path: string;
  readonly presence: 'added' | 'removed' | 'changed' | 'unchanged';
  /** Undefined where there is none. */
  readonly before: string | undefined;
  readonly after: string | undefined;
  /** Lines that one has and the other has not. */
  readonly lines: { readonly added: number; readonly removed: number };
}

/** An omission or a widening, before and after. */
export interface DeclaredReview {
  readonly rule: string;
  readonly kind: string;
  readonly reason: string;
  readonly presence: 'added' | 'removed' | 'changed' | 'unchanged';
  /** What is omitted or admitted beyond: now, or before where it is gone. */
  readonly admission: Admission;
  readonly change: Change<Admission>;
}

/** An option of a target, before and after; undefined where it is not there. */
export interface OptionChange {
  readonly name: string;
  readonly before: string | number | boolean | undefined;
  readonly after: string | number | boolean | undefined;
}

/** What a change means for one target. */
export interface TargetReview {
  readonly id: string;
  /** Whether it is configured now and was before. */
  readonly presence: 'added' | 'removed' | 'kept';
  /** What the files in force let through; undefined where there are none, or they cannot be read. */
  readonly before: Admission | undefined;
  /** What the files will let through; undefined where the target is no longer configured. */
  readonly after: Admission | undefined;
  /** The difference of the two; undefined where what is in force cannot be read. */
  readonly effect: Effect | undefined;
  /** Why it cannot be read; undefined where it can. */
  readonly problem: string | undefined;
  /** The effect by rule, in the order of the rules; what no rule explains, such as an edit by hand, is not here. */
  readonly rules: readonly { readonly rule: string; readonly effect: Effect }[];
  /** Whether the effect is that of each rule's list: an address of one is not let through where another is used. */
  readonly apart: boolean;
  /** The rules that the files will allow by name alone: their addresses are in none of them. */
  readonly byName: readonly string[];
  /** The options that differ, by name. */
  readonly options: readonly OptionChange[];
  /** By path. */
  readonly files: readonly FileReview[];
  /** Address entries in all files; `before` or `after` is undefined where the target was or is not configured. */
  readonly entries: {
    readonly before: number | undefined;
    readonly after: number | undefined;
    readonly limit: number | undefined;
  };
  readonly omissions: readonly DeclaredReview[];
  readonly widenings: readonly DeclaredReview[];
}

/** One side of a target: as it is in force, or as a run planned it. */
export interface TargetSide {
  readonly plan: {
    readonly omissions: readonly (Declared & { readonly omitted: Admission })[];
    readonly widenings: readonly (Declared & { readonly admitted: Admission })[];
  };
  readonly files: readonly { readonly path: string; readonly text: string }[];
  readonly entries: number;
  /** What the files let through; undefined where they cannot be read. */
  readonly admission: Admission | undefined;
  /** Why they cannot be read. */
  readonly problem?: string | undefined;
  /**
   * What the list of each rule lets through, where the format keeps rules apart: what one list gains is a change, though
   * another has had it.
   */
  readonly lists?: ReadonlyMap<string, Admission> | undefined;
  /** What each rule lets through, by its name. */
  readonly byRule: ReadonlyMap<string, Admission>;
  readonly options: Readonly<Record<string, string | number | boolean>>;
}

/** What a run made of a target, as one side of a review. */
export function sideOfOutput(
  { plan, files, entries }: Pick<TargetOutput, 'plan' | 'files' | 'entries'>,
  { options, target }: Pick<TargetRequest, 'options' | 'target'>,
): TargetSide {
  return {
    ...{ plan, files, entries, options, admission: plan.admission, byRule: admissionsByRule(plan) },
    lists: listsByRule(target, plan, files),
  };
}

interface Declared {
  readonly rule: string;
  readonly kind: string;
  readonly reason: string;
}

/** Compares what a target wrote before with what it writes now; `before` is undefined for a new target. */
export function reviewTarget(
  id: string,
  before: TargetSide | undefined,
  after: TargetSide | undefined,
  limit?: number,
): TargetReview {
  const omissions = (side: TargetSide | undefined) =>
    (side?.plan.omissions ?? []).map((omission) => ({ ...omission, admission: omission.omitted }));
  const widenings = (side: TargetSide | undefined) =>
    (side?.plan.widenings ?? []).map((widening) => ({ ...widening, admission: widening.admitted }));
  const change = changeOfSides(before, after);
  const { effect } = change;
  return {
    id,
    presence: before === undefined ? 'added' : after === undefined ? 'removed' : 'kept',
    ...change,
    problem: before?.problem,
    rules: effect === undefined ? [] : (effectOfLists(before, after) ?? effectByRule(effect, before, after)),
    byName: [...(after?.byRule ?? [])]
      .filter(([, { grants }]) => grants.every(({ addresses }) => addresses.isEmpty))
      .map(([rule]) => rule),
    options: before === undefined || after === undefined ? [] : reviewOptions(before.options, after.options),
    files: reviewFiles(before?.files ?? [], after?.files ?? []),
    entries: { before: before?.entries, after: after?.entries, limit },
    omissions: reviewDeclared(omissions(before), omissions(after)),
    widenings: reviewDeclared(widenings(before), widenings(after)),
  };
}

/** What files let through: all of them together, and list by list where the format keeps rules apart. */
export type Allowed = Pick<TargetSide, 'admission' | 'lists'>;

/**
 * Two sides of a target and their difference, list by list where both keep rules apart; the effect is undefined where a
 * side is not known.
 */
export function changeOfSides(
  before: Allowed | undefined,
  after: Allowed | undefined,
): Pick<TargetReview, 'before' | 'after' | 'effect' | 'apart'> {
  const lists = effectOfLists(before, after);
  const known = { before: before?.admission, after: after?.admission, apart: lists !== undefined };
  const [old, now] = [before, after].map((side) => (side === undefined ? Admission.empty : side.admission));
  if (old === undefined || now === undefined) return { ...known, effect: undefined };
  return {
    ...known,
    effect: lists === undefined ? effectOf(old, now) : unionOfEffects(lists.map(({ effect }) => effect)),
  };
}

/** The effect of each list; undefined where the rules of the format work together. */
function effectOfLists(
  before: Allowed | undefined,
  after: Allowed | undefined,
): TargetReview['rules'] | undefined {
  const isEmpty = (side: Allowed | undefined) => side === undefined || side.admission?.isEmpty === true;
  const [old, now] = [before, after].map(
    (side) => side?.lists ?? (isEmpty(side) ? new Map<string, Admission>() : undefined),
  );
  if (old === undefined || now === undefined || old.size + now.size === 0) return undefined;
  const former = renamedLists(old, now);
  const gone = [...old.keys()].filter((rule) => !now.has(rule) && ![...former.values()].includes(rule));
  return [...now.keys(), ...gone].flatMap((rule) => {
    const effect = effectOf(
      old.get(former.get(rule) ?? rule) ?? Admission.empty,
      now.get(rule) ?? Admission.empty,
    );
    return isNoEffect(effect) ? [] : [{ rule, effect }];
  });
}

/** Lists under a new name, by that name: the list that is gone and shares the most with it. */
function renamedLists(
  old: ReadonlyMap<string, Admission>,
  now: ReadonlyMap<string, Admission>,
): ReadonlyMap<string, string> {
  const renamed = new Map<string, string>();
  for (const [rule, admission] of now) {
    if (old.has(rule)) continue;
    const [best] = [...old]
      .filter(([name]) => !now.has(name) && ![...renamed.values()].includes(name))
      .map(([name, other]) => ({ name, shared: addressesOf(other.intersection(admission)) }))
      .filter(({ shared }) => !shared.isEmpty)
      .sort((a, b) => bySizeDown(a.shared, b.shared));
    if (best !== undefined) renamed.set(rule, best.name);
  }
  return renamed;
}

function effectByRule(
  { gained, lost }: Effect,
  before: TargetSide | undefined,
  after: TargetSide | undefined,
): TargetReview['rules'] {
  const [old, now] = [before?.byRule ?? new Map(), after?.byRule ?? new Map()] as const;
  return [...new Set<string>([...now.keys(), ...old.keys()])].flatMap((rule) => {
    const effect = {
      gained: gained.intersection(now.get(rule) ?? Admission.empty),
      lost: lost.intersection(old.get(rule) ?? Admission.empty),
    };
    return isNoEffect(effect) ? [] : [{ rule, effect }];
  });
}

function reviewOptions(before: TargetSide['options'], after: TargetSide['options']): OptionChange[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .sort()
    .filter((name) => before[name] !== after[name])
    .map((name) => ({ name, before: before[name], after: after[name] }));
}

function reviewFiles(before: TargetSide['files'], after: TargetSide['files']): FileReview[] {
  const old = new Map(before.map(({ path, text }) => [path, text]));
  const now = new Map(after.map(({ path, text }) => [path, text]));
  return [...new Set([...old.keys(), ...now.keys()])].sort().map((path) => {
    const was = old.get(path);
    const is = now.get(path);
    return {
      path,
      presence:
        was === undefined ? 'added' : is === undefined ? 'removed' : was === is ? 'unchanged' : 'changed',
      before: was,
      after: is,
      lines: was === is ? { added: 0, removed: 0 } : countLines(linesOf(was), linesOf(is)),
    };
  });
}

/** Counts lines as a multiset: an order that changes is no difference, a second copy of a line is one. */
function countLines(before: readonly string[], after: readonly string[]): FileReview['lines'] {
  const balance = new Map<string, number>();
  for (const line of after) balance.set(line, (balance.get(line) ?? 0) + 1);
  for (const line of before) balance.set(line, (balance.get(line) ?? 0) - 1);
  let added = 0;
  let removed = 0;
  for (const count of balance.values()) {
    if (count > 0) added += count;
    else removed -= count;
  }
  return { added, removed };
}

function linesOf(text: string | undefined): string[] {
  return text === undefined || text === '' ? [] : text.replace(/\n$/, '').split('\n');
}

type DeclaredAdmission = Declared & { readonly admission: Admission };

/**
 * Compares by rule and kind; several declarations of one kind in a rule count as their union. What is declared of a rule
 * that was renamed is not new.
 */
function reviewDeclared(
  before: readonly DeclaredAdmission[],
  after: readonly DeclaredAdmission[],
): DeclaredReview[] {
  const now = byRuleAndKind(after);
  const old = underNewNames(byRuleAndKind(before), now);
  return [...new Set([...now.keys(), ...old.keys()])].map((key) => {
    const was = old.get(key);
    const is = now.get(key);
    const { rule, kind, reason, admission } = (is ?? was)!;
    const change = {
      gained: (is?.admission ?? Admission.empty).difference(was?.admission ?? Admission.empty),
      lost: (was?.admission ?? Admission.empty).difference(is?.admission ?? Admission.empty),
    };
    // What has no admission is told by its reason alone.
    const same =
      change.gained.isEmpty && change.lost.isEmpty && (!admission.isEmpty || was?.reason === is?.reason);
    return {
      rule,
      kind,
      reason,
      presence: was === undefined ? 'added' : is === undefined ? 'removed' : same ? 'unchanged' : 'changed',
      admission,
      change,
    };
  });
}

/** Earlier declarations by the key that they have now: where a rule is gone, another may declare the same. */
function underNewNames(
  old: ReadonlyMap<string, DeclaredAdmission>,
  now: ReadonlyMap<string, DeclaredAdmission>,
): ReadonlyMap<string, DeclaredAdmission> {
  const left = new Map([...old].filter(([key]) => !now.has(key)));
  const found = new Map([...old].filter(([key]) => now.has(key)));
  for (const [key, { kind, admission }] of now) {
    if (old.has(key)) continue;
    const former = [...left].find(
      ([, other]) => other.kind === kind && !admission.isEmpty && other.admission.equals(admission),
    );
    if (former === undefined) continue;
    left.delete(former[0]);
    found.set(key, former[1]);
  }
  return new Map([...found, ...left]);
}

function byRuleAndKind(declared: readonly DeclaredAdmission[]): Map<string, DeclaredAdmission> {
  const result = new Map<string, DeclaredAdmission>();
  for (const one of declared) {
    const key = `${one.rule}\n${one.kind}`;
    const known = result.get(key);
    result.set(
      key,
      known === undefined
        ? one
        : {
            ...known,
            reason: known.reason === one.reason ? known.reason : `${known.reason}; ${one.reason}`,
            admission: known.admission.union(one.admission),
          },
    );
  }
  return result;
}
