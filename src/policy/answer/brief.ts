import type { BriefAnswer } from '../answer.ts';
import type { Query } from '../query.ts';
import { answerPrefix } from './prefix.ts';
import type { Register } from './register.ts';
import { answerSingle } from './single.ts';

type AddressQuery = Extract<Query, { kind: 'address' }>;
type NameQuery = Extract<Query, { kind: 'name' }>;

/** So many hosts are remembered: a log names the same ones again and again, under ever new paths. */
const HOSTS = 10_000;

/** By port, `443` or `123/udp`; '' stands for any. */
type ByPort = Map<string, BriefAnswer>;

/**
 * Brief answers. Of an address they say nothing but what follows from the rules that have it, the targets
 * that let it through and the port: few different ones occur, and each is made once. Of a URL they say
 * nothing but what follows from its host and port.
 */
export class BriefAnswers {
  readonly #register: Register;
  /** By the list of rules, then by the list of targets; the register has each list once. */
  readonly #known = new Map<readonly unknown[], Map<readonly unknown[], ByPort>>();
  readonly #hosts = new Map<string, BriefAnswer>();

  constructor(register: Register) {
    this.#register = register;
  }

  answer(query: Query): BriefAnswer {
    if (query.kind === 'address') return this.#ofAddress(query);
    return query.kind === 'prefix' ? answerPrefix(this.#register, query) : this.#ofName(query);
  }

  #ofName(query: NameQuery): BriefAnswer {
    const key = `${query.host}:${keyOf(query)}`;
    const known = this.#hosts.get(key);
    if (known !== undefined) return known;
    const { subject: _, ...brief } = answerSingle(this.#register, query, true);
    if (this.#hosts.size === HOSTS) this.#hosts.clear();
    this.#hosts.set(key, brief);
    return brief;
  }

  #ofAddress(query: AddressQuery): BriefAnswer {
    const { family, value } = query;
    const port = keyOf(query);
    const byPort = this.#byPort(
      this.#register.rulesOf(family, value),
      this.#register.admittedOf(family, value),
    );
    const known = byPort.get(port);
    if (known !== undefined) return known;
    const { subject: _, ...shared } = answerSingle(this.#register, query, true);
    byPort.set(port, shared);
    return shared;
  }

  #byPort(rules: readonly unknown[], admitted: readonly unknown[]): ByPort {
    const byTargets = this.#known.get(rules) ?? new Map<readonly unknown[], ByPort>();
    this.#known.set(rules, byTargets);
    const byPort = byTargets.get(admitted) ?? new Map<string, BriefAnswer>();
    byTargets.set(admitted, byPort);
    return byPort;
  }
}

function keyOf({ port }: Query): string {
  if (port === undefined) return '';
  return port.protocol === 'tcp' ? `${port.port}` : `${port.port}/${port.protocol}`;
}
