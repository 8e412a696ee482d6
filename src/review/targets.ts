import { Admission } from '../policy/admission.ts';
import type { Change } from '../policy/diff/change.ts';

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

/** What a change means for one target. */
export interface TargetReview {
  readonly id: string;
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

/** One side of a target; a `TargetOutput` is one. */
export interface TargetSide {
  readonly plan: {
    readonly omissions: readonly (Declared & { readonly omitted: Admission })[];
    readonly widenings: readonly (Declared & { readonly admitted: Admission })[];
  };
  readonly files: readonly { readonly path: string; readonly text: string }[];
  readonly entries: number;
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
  return {
    id,
    files: reviewFiles(before?.files ?? [], after?.files ?? []),
    entries: { before: before?.entries, after: after?.entries, limit },
    omissions: reviewDeclared(omissions(before), omissions(after)),
    widenings: reviewDeclared(widenings(before), widenings(after)),
  };
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
  return text === undefined ? [] : text.replace(/\n$/, '').split('\n');
}

type DeclaredAdmission = Declared & { readonly admission: Admission };

/** Compares by rule and kind; several declarations of one kind in a rule count as their union. */
function reviewDeclared(
  before: readonly DeclaredAdmission[],
  after: readonly DeclaredAdmission[],
): DeclaredReview[] {
  const old = byRuleAndKind(before);
  const now = byRuleAndKind(after);
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
