import type { DualStackSet } from '../net/dual-stack-set.ts';
import { formatHostPattern } from '../net/host-pattern.ts';
import { type Method, methodInWords } from '../net/method.ts';
import { formatPrefix, type Prefix } from '../net/prefix.ts';
import type { Answer } from '../policy/answer.ts';
import type { Policy } from '../policy/policy.ts';
import type { Query } from '../policy/query.ts';
import type { LoggedRequest } from './log.ts';

/**
 * Why a request was refused. `not-loaded`: a rule asks for it and some target lets it through, so that the device does not use
 * these files, or not first; `other-method`: it is let through by the other method of asking a proxy alone; `not-expressible`: a rule asks for it and no target can say so; `other-client`: rules ask for it, for
 * other clients; `not-asked`: no rule asks for it.
 */
export type Cause = 'not-loaded' | 'other-method' | 'not-expressible' | 'other-client' | 'not-asked';

/** One destination that was refused, with all its requests. */
export interface Refused {
  readonly subject: string;
  readonly requests: number;
  readonly status: string;
  readonly cause: Cause;
  readonly answer: Answer;
}

/** What another output tree would do to the connections of the log. */
export interface PlannedEffect {
  /** Let through now, refused then. */
  readonly broken: readonly Destination[];
  /** Refused now, let through then. */
  readonly newlyAllowed: readonly Destination[];
}

export interface Destination {
  readonly subject: string;
  readonly requests: number;
}

/** What a log says of a policy. */
export interface Explanation {
  readonly requests: number;
  readonly denied: number;
  /** By number of requests, most first. */
  readonly refused: readonly Refused[];
  /** What no request of the log needed. */
  readonly unused: {
    readonly rules: readonly string[];
    /** `rule: endpoint on ports`. */
    readonly rows: readonly string[];
    /** `rule: prefix`, of those written in the configuration. */
    readonly prefixes: readonly string[];
    readonly tags: readonly string[];
  };
  /** Destinations beyond the number that is kept: their requests are counted above and explained nowhere. */
  readonly notKept: number;
  readonly planned: PlannedEffect | undefined;
}

/** So many different destinations are kept; a log of a proxy has a few thousand. */
const KEPT = 100_000;

interface Seen {
  readonly query: Query;
  readonly subject: string;
  readonly client: Prefix | undefined;
  readonly status: string;
  requests: number;
  denied: number;
}

/** What a policy says of a request, and of who asked, where it is known. */
export type Answerer = (query: Query, client: Prefix | undefined) => Answer;

/** Which sets of clients one belongs to: of two that belong to the same, the same is to be said. */
export function classOfClient(sets: readonly DualStackSet[], client: Prefix | undefined): string {
  return client === undefined ? '' : sets.map((set) => (set.containsPrefix(client) ? 'y' : 'n')).join('');
}

/** Collects the requests of a log, and explains them by a policy. */
export class Explainer {
  readonly #clientSets: readonly DualStackSet[];
  readonly #seen = new Map<string, Seen>();
  #requests = 0;
  #denied = 0;
  #notKept = 0;

  /** @param clientSets what the policies tell apart */
  constructor(clientSets: readonly DualStackSet[] = []) {
    this.#clientSets = clientSets;
  }

  add({ query, subject, denied, status, client }: LoggedRequest): void {
    this.#requests++;
    if (denied) this.#denied++;
    const key = `${subject} ${query.kind === 'name' ? query.method : ''} ${classOfClient(this.#clientSets, client)}`;
    const known = this.#seen.get(key);
    if (known !== undefined) {
      known.requests++;
      if (denied) known.denied++;
    } else if (this.#seen.size < KEPT)
      this.#seen.set(key, { query, subject, client, status, requests: 1, denied: denied ? 1 : 0 });
    else this.#notKept++;
  }

  /** One client of each class that has asked; undefined for those whose address is not known. */
  clients(): (Prefix | undefined)[] {
    const classes = new Map(
      [...this.#seen.values()].map(
        ({ client }) => [classOfClient(this.#clientSets, client), client] as const,
      ),
    );
    return [...classes.values()];
  }

  /**
   * @param answer by the policy in force
   * @param planned by the policy of another output tree, whose effect is told
   */
  explain(policy: Policy, answer: Answerer, planned?: Answerer): Explanation {
    const used = new Set<string>();
    const refused: Refused[] = [];
    const broken: Destination[] = [];
    const newlyAllowed: Destination[] = [];
    const twice = this.#askedByBoth();
    for (const { query, subject: asked, client, status, requests, denied } of this.#seen.values()) {
      const method = query.kind === 'name' && twice.has(asked) ? query.method : undefined;
      const subject = `${asked}${methodInWords(method)}`;
      const found = answer(query, client);
      for (const key of keysOf(found)) used.add(key);
      if (denied > 0)
        refused.push({ subject, requests: denied, status, cause: causeOf(found), answer: found });
      if (planned === undefined) continue;
      const then = planned(query, client).verdict;
      if (found.verdict === 'allowed' && then !== 'allowed') broken.push({ subject, requests });
      if (found.verdict !== 'allowed' && then === 'allowed') newlyAllowed.push({ subject, requests });
    }
    const most = (a: Destination, b: Destination) =>
      b.requests - a.requests || (a.subject < b.subject ? -1 : 1);
    return {
      requests: this.#requests,
      denied: this.#denied,
      refused: refused.sort(most),
      unused: unusedOf(policy, used),
      notKept: this.#notKept,
      planned:
        planned === undefined
          ? undefined
          : { broken: broken.sort(most), newlyAllowed: newlyAllowed.sort(most) },
    };
  }

  /** What was asked for by both methods: which is meant has to be said. */
  #askedByBoth(): ReadonlySet<string> {
    const first = new Map<string, Method | undefined>();
    const both = new Set<string>();
    for (const { query, subject } of this.#seen.values()) {
      const method = query.kind === 'name' ? query.method : undefined;
      if (!first.has(subject)) first.set(subject, method);
      else if (first.get(subject) !== method) both.add(subject);
    }
    return both;
  }
}

function causeOf({ rules, targets, forOthers, byOtherMethod }: Answer): Cause {
  if (forOthers === true) return 'other-client';
  if (byOtherMethod === true) return 'other-method';
  if (rules.length === 0) return 'not-asked';
  return targets.some(({ lets }) => lets !== 'nothing') ? 'not-loaded' : 'not-expressible';
}

function keysOf({ rules, tags }: Answer): string[] {
  return [
    ...rules.flatMap(({ rule, rows, prefixes }) => [
      `rule ${rule}`,
      ...rows.map(({ table, row, endpoint }) => `row ${rule} ${table} ${row} ${endpoint}`),
      ...prefixes.map((prefix) => `prefix ${rule} ${prefix}`),
    ]),
    ...tags.map(({ tag }) => `tag ${tag}`),
  ];
}

function unusedOf({ rules }: Policy, used: ReadonlySet<string>): Explanation['unused'] {
  return {
    rules: rules.filter(({ name }) => !used.has(`rule ${name}`)).map(({ name }) => name),
    rows: rules.flatMap(({ name, rows }) =>
      rows
        .map((row) => ({ row, endpoint: formatHostPattern(row.host) + (row.path ?? '') }))
        .filter(({ row, endpoint }) => !used.has(`row ${name} ${row.table} ${row.index} ${endpoint}`))
        .map(({ row, endpoint }) => `${name}: ${endpoint} on ${row.ports}`),
    ),
    prefixes: rules.flatMap(({ name, prefixes }) =>
      prefixes
        .map(formatPrefix)
        .filter((prefix) => !used.has(`prefix ${name} ${prefix}`))
        .map((prefix) => `${name}: ${prefix}`),
    ),
    tags: [...new Set(rules.flatMap(({ tags }) => tags.map(({ tag }) => tag)))].filter(
      (tag) => !used.has(`tag ${tag}`),
    ),
  };
}
