import { BriefAnswers } from './answer/brief.ts';
import { answerPrefix } from './answer/prefix.ts';
import { Register, type TargetAdmission } from './answer/register.ts';
import { answerSingle } from './answer/single.ts';
import type { Policy } from './policy.ts';
import type { Query } from './query.ts';

/** A service tag that contains what was asked about, or a part of it. */
export interface TagMatch {
  readonly tag: string;
  readonly region: string;
  readonly contains: 'all' | 'part';
  /** The narrowest prefix, as published, that contains all of it; null where only several together do. */
  readonly prefix: string | null;
  /** The rules that the tag stands in. */
  readonly rules: readonly string[];
}

/** A row of an endpoint table that asks for the host. */
export interface RowMatch {
  readonly table: string;
  /** Position in the table, from 0. */
  readonly row: number;
  /** The pattern, with its path where it has one. */
  readonly endpoint: string;
  readonly ports: string;
  readonly purpose: string;
  /** Ids of the table's sources. */
  readonly sources: readonly string[];
  /** The URL asked about is not below the row's path: the row does not ask for it, but its host is let through. */
  readonly outsidePath: boolean;
}

/** A rule of the policy that asks for it, on the port if one was given. */
export interface RuleMatch {
  readonly rule: string;
  readonly reason: string;
  readonly by: 'name' | 'address';
  /** All ports on which the rule asks for it. */
  readonly ports: string;
  /** Whom the rule is for; absent where every client may use it. */
  readonly clients?: readonly string[];
  /** Where their proxies connect from, which firewalls see in their place; absent where that is not said. */
  readonly proxies?: readonly string[];
  /** The narrowest prefixes of the rule's own, written in the configuration, that contain or meet it. */
  readonly prefixes: readonly string[];
  /** The patterns that match the host. */
  readonly hosts: readonly string[];
  readonly rows: readonly RowMatch[];
}

/** Why a target differs from the policy in what was asked about. */
export interface TargetNote {
  /**
   * `omitted`: asked for, and cannot be expressed; `widened`: let through though not asked for; `by-name`: the
   * rule's addresses are not used here, as its names are; `covered`: the name cannot be matched, but the service
   * tags named contain the host's addresses.
   */
  readonly kind: 'omitted' | 'widened' | 'by-name' | 'covered';
  readonly rule: string;
  readonly reason: string;
}

/** What one target's rule files let through of it. */
export interface TargetAnswer {
  readonly target: string;
  readonly lets: 'all' | 'part' | 'nothing';
  /** `address` for a name whose addresses are let through by service tag; null where nothing is. */
  readonly by: 'name' | 'address' | null;
  /** The ports that are let through, of those asked about. */
  readonly ports: string;
  /** Of a CIDR of which a part is let through, on the port or on any: the exact cover of that part. */
  readonly prefixes: readonly string[];
  readonly notes: readonly TargetNote[];
}

/** The part of a CIDR that is allowed, by ports, and the other part, as exact covers. */
export interface PrefixParts {
  readonly allowed: readonly { readonly ports: string; readonly prefixes: readonly string[] }[];
  /** Allowed on no port, or not on the one asked about. */
  readonly other: readonly string[];
  readonly allowedAddresses: string;
  readonly otherAddresses: string;
}

/** Whether something is let through and why, ready to be written as text or JSON. */
export interface Answer {
  readonly kind: Query['kind'];
  /** The address, host or CIDR in canonical spelling. */
  readonly subject: string;
  readonly port: number | null;
  /** Where the port is not one of TCP. */
  readonly protocol?: 'udp';
  /**
   * `allowed`: a rule asks for it and at least one target lets it through; of a CIDR, for every address.
   * `partly`: a CIDR of which that holds for a part.
   */
  readonly verdict: 'allowed' | 'partly' | 'refused';
  /** On which ports it is allowed, of those asked about; of a CIDR, some part of it. */
  readonly ports: string;
  readonly rules: readonly RuleMatch[];
  /** The selected tags that contain it, whatever the port; narrowest first, those with a part of it last. */
  readonly tags: readonly TagMatch[];
  readonly parts: PrefixParts | null;
  readonly targets: readonly TargetAnswer[];
  /** What is not allowed: why nearly, or what comes nearest to it. */
  readonly hint: string | null;
  /** Present where rules ask for it, and the targets let it through by the other method of asking a proxy alone. */
  readonly byOtherMethod?: true;
  /** Present where rules ask for it, and all of them for other clients than the one asked about. */
  readonly forOthers?: true;
}

/** An answer that many addresses may share. */
export type BriefAnswer = Omit<Answer, 'subject'>;

export interface Answering {
  readonly answer: (query: Query) => Answer;
  /**
   * The verdict with the names of rules and targets, without tags, rows, notes and hint: for millions. Where
   * the same is to be said of several addresses, it is the same object.
   */
  readonly brief: (query: Query) => BriefAnswer;
}

/** Prepares answers from a policy and what its targets make of it. */
export function prepareAnswers(policy: Policy, targets: readonly TargetAdmission[]): Answering {
  const register = new Register(policy, targets);
  const briefs = new BriefAnswers(register);
  return {
    answer: (query) =>
      query.kind === 'prefix' ? answerPrefix(register, query) : answerSingle(register, query, false),
    brief: (query) => briefs.answer(query),
  };
}
