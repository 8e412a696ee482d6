import { DualStackSet } from '../net/dual-stack-set.ts';
import { formatPrefix, type Prefix, parsePrefix } from '../net/prefix.ts';
import type { PolicyRule, Scenario } from './policy.ts';

/**
 * Who may use a rule: the addresses that connections come from. A rule, and a grant, without clients is for every one of
 * them; a set of clients is never empty.
 */
export const EVERY_CLIENT = DualStackSet.fromPrefixes([
  { family: 4, first: 0n, length: 0 },
  { family: 6, first: 0n, length: 0 },
]);

/** What stands before a client that is not meant, where the others are. */
const NOT = '!';

/**
 * Clients as the lock and the JSON form of a review write them: the fewest prefixes, single addresses without a length. Where every
 * client but some is meant, those, each after a `!`.
 */
export function clientTexts(clients: DualStackSet): string[] {
  const texts = clients.cover().map(clientText);
  const others = EVERY_CLIENT.difference(clients).cover();
  return others.length > 0 && others.length < texts.length
    ? others.map((prefix) => `${NOT}${clientText(prefix)}`)
    : texts;
}

/** Reads what `clientTexts` writes. @throws RangeError or AddressSyntaxError for anything else */
export function readClientTexts(texts: readonly string[]): DualStackSet {
  const read = (some: readonly string[]) => DualStackSet.fromPrefixes(some.map(readClientText));
  const others = texts.filter((text) => text.startsWith(NOT)).map((text) => text.slice(NOT.length));
  if (others.length === 0) return read(texts);
  if (others.length !== texts.length)
    throw new RangeError('clients and clients that are not meant are mixed');
  return EVERY_CLIENT.difference(read(others));
}

/** One client, or prefix of clients: `192.0.2.10`, `2001:db8::/64`. */
export function clientText(prefix: Prefix): string {
  const text = formatPrefix(prefix);
  return prefix.length === (prefix.family === 4 ? 32 : 128) ? text.slice(0, text.indexOf('/')) : text;
}

/** Reads what `clientText` writes, and nothing else. @throws RangeError or AddressSyntaxError */
export function readClientText(text: string): Prefix {
  const prefix = parsePrefix(text.includes('/') ? text : `${text}/${text.includes(':') ? 128 : 32}`);
  if (clientText(prefix) !== text)
    throw new RangeError(`${JSON.stringify(text)} is not in canonical spelling`);
  return prefix;
}

/** How many clients a message names; more are counted. */
const SHOWN = 5;

/** `every client`, `192.0.2.10 2001:db8::/64`, or `every client but 192.0.2.10`. */
export function clientsInWords(clients: DualStackSet | undefined): string {
  if (clients === undefined) return 'every client';
  const texts = clientTexts(clients);
  const shown = texts.slice(0, SHOWN).map((text) => (text.startsWith(NOT) ? text.slice(NOT.length) : text));
  const more = texts.length > SHOWN ? ` and ${texts.length - SHOWN} more` : '';
  return `${texts[0]!.startsWith(NOT) ? 'every client but ' : ''}${shown.join(' ')}${more}`;
}

/** Those of the one that are among the other, where none stands for every client. */
export function commonClients(
  a: DualStackSet | undefined,
  b: DualStackSet | undefined,
): DualStackSet | undefined {
  if (a === undefined) return b;
  return b === undefined ? a : a.intersection(b);
}

/** Who may use a rule, and the way that they leave the network. */
export function wayOf({
  clients,
  scenario,
  proxies,
}: {
  readonly clients?: readonly Prefix[];
  readonly scenario?: Scenario;
  readonly proxies?: readonly Prefix[];
}): Pick<PolicyRule, 'clients' | 'scenario' | 'proxies'> {
  return {
    ...(clients === undefined ? {} : { clients: DualStackSet.fromPrefixes(clients) }),
    ...(scenario === undefined ? {} : { scenario }),
    ...(proxies === undefined ? {} : { proxies: DualStackSet.fromPrefixes(proxies) }),
  };
}
