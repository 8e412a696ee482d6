import { KnownTrees } from './committed/known-trees.ts';
import { type CommittedTrees, openCommittedTrees } from './committed/object-reader.ts';
import { Remembered } from './committed/remembered.ts';
import { PortSet } from './net/ports.ts';
import type { RunInput, RunPlan } from './pipeline.ts';
import { sha256 } from './sha256.ts';

/** How many plans are remembered: sites are of few kinds, and a plan is large. */
const MOST = 16;

/**
 * What the runs of many sites in one thread share: what was committed is read through one process a repository, and what is
 * the same at several sites is read back and planned once. A plan is a function of its input alone; where two inputs are the
 * same but for the place, so are the plans.
 */
export class SharedWork {
  readonly committed: CommittedTrees = openCommittedTrees();
  readonly trees = new KnownTrees();
  readonly #plans = new Remembered<RunPlan>(MOST);
  readonly #numbers = new WeakMap<object, number>();
  #next = 0;

  /** Makes a plan, or takes that of the same input. What throws is not remembered. */
  plan(input: RunInput, make: (input: RunInput) => RunPlan): RunPlan {
    const key = this.#keyOf(input);
    if (key === undefined) return make(input);
    const known = this.#plans.get(key);
    if (known !== undefined) return known;
    const plan = make(input);
    this.#plans.offer(key, plan);
    return plan;
  }

  close(): void {
    this.committed.close();
  }

  /** Everything that a plan depends on but the place; undefined where that cannot be told. */
  #keyOf(input: RunInput): string | undefined {
    const { config, feed, tables, targets, m365, constraints, knownFigures, origins, baseline } = input;
    const { tree, inForce, drift, asWritten, managed, digests, hasOwnAttributes } = baseline;
    const content = tree === undefined ? '' : this.trees.contentOf(tree);
    const isPlain =
      content !== undefined &&
      (tree !== undefined || inForce.size === 0) &&
      drift.length === 0 &&
      asWritten.size === 0 &&
      input.signer === undefined &&
      input.rehearsals === undefined &&
      config.targets.every(({ template }) => template === undefined) &&
      (constraints === undefined || (constraints.never.isEmpty && constraints.within === undefined));
    if (!isPlain) return undefined;
    const { file: _, output: __, ...settings } = config;
    const text = textOf([
      settings,
      [feed, m365, knownFigures, origins?.found].map((one) => this.#number(one)),
      [...tables],
      targets.map(({ id, target, options }) => [id, this.#number(target), options]),
      constraints?.outside,
      [content, managed, [...digests], hasOwnAttributes],
      [input.accept, input.today],
    ]);
    return text === undefined ? undefined : sha256(text);
  }

  /** The same number for the same object. */
  #number(one: object | undefined): number {
    if (one === undefined) return -1;
    const known = this.#numbers.get(one) ?? this.#next++;
    this.#numbers.set(one, known);
    return known;
  }
}

/** A text for plain values and ports; undefined where there is anything else, of which a text need not tell everything. */
function textOf(value: unknown): string | undefined {
  let isTold = true;
  const text = JSON.stringify(value, (_, one: unknown) => {
    if (typeof one === 'bigint') return `${one}n`;
    if (typeof one !== 'object' || one === null || Array.isArray(one)) return one;
    if (one instanceof PortSet) return `${one}`;
    const prototype: unknown = Object.getPrototypeOf(one);
    if (prototype !== Object.prototype && prototype !== null) isTold = false;
    return one;
  });
  return isTold ? text : undefined;
}
