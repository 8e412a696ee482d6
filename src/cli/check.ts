import pc from 'picocolors';
import { allowedSince } from '../committed/allowed-since.ts';
import { weekOfLock } from '../committed/sides.ts';
import { parseTypedPrefix } from '../config/typed-prefix.ts';
import type { Prefix } from '../net/prefix.ts';
import { type HoldingTag, tagsHolding } from '../policy/answer/tags-holding.ts';
import type { Answer, BriefAnswer } from '../policy/answer.ts';
import { clientText } from '../policy/clients.ts';
import { parseQuery, type Query, QuerySyntaxError } from '../policy/query.ts';
import { ConfigurationError, EXIT_STATUS, type Problem } from '../problem.ts';
import { answerText } from './answer-text.ts';
import { answersOf, openOutputTree } from './answering.ts';
import { inputLines } from './input-lines.ts';
import type { Io } from './io.ts';
import { type FeedFlags, feedOf } from './request.ts';

interface CheckFlags extends FeedFlags {
  readonly out?: string;
  readonly json?: boolean;
  /** The address that connections come from, or a prefix of such. */
  readonly client?: string;
}

/** Standard input as the command needs it; a terminal is nobody's list of queries. */
export type QueryInput = AsyncIterable<string | Uint8Array> & { readonly isTTY?: boolean };

/**
 * Whether hosts, addresses, CIDRs or URLs are allowed, by the published output tree; with a feed, also which of its tags
 * hold an address or CIDR, whatever rules select. Without queries they are read from standard input, one a line; blank
 * lines and lines that begin with # are passed over. A query that cannot be read keeps none of the others from its answer.
 * @throws ConfigurationError where no query can be read
 */
export async function checkCommand(
  queries: readonly string[],
  flags: CheckFlags,
  io: Io,
  input: QueryInput = process.stdin,
): Promise<void> {
  if (queries.length === 0 && input.isTTY === true)
    throw new ConfigurationError(
      'nothing to look up: give a host, address, CIDR or URL, or a list of them on standard input',
    );
  if (queries.length === 0 && flags.feed !== undefined)
    throw new ConfigurationError('--feed answers queries that are given as arguments');
  const { parsed, problems } = parseAll(queries);
  const client = flags.client === undefined ? undefined : parseClient(flags.client);
  const tree = await openOutputTree(flags);
  const { answer, brief } = await answersOf(tree, client);
  if (queries.length === 0)
    return flags.json === true
      ? answerStream(input, answer, jsonLine, () => true, io)
      : answerStream(
          input,
          brief,
          textLines(),
          (text) => !text.includes('://') && !looksLikeAddress(text),
          io,
        );

  const held = flags.feed === undefined ? undefined : await holdersIn(flags, io);
  const answered = parsed.map(([text, query]) => ({ text, query, answer: answer(query) }));
  const allowed = answered.filter(({ answer: { verdict } }) => verdict === 'allowed');
  const { since, why } = await allowedSince(
    tree,
    allowed.map(({ query }) => query),
    io.environment,
    { client },
  );
  if (why !== undefined) io.err(`since when it is allowed is not wholly known: ${why}`);
  const answers = answered.map(({ text, query, answer: found }) => ({
    query: text,
    ...found,
    since: since.get(query) ?? null,
    ...(held === undefined ? {} : { feedTags: held(query) }),
  }));
  if (flags.json === true) {
    const { where, lock } = tree;
    const head = {
      output: where,
      feed: weekOfLock(lock),
      policy: lock.policy.digest,
      ...(client === undefined ? {} : { client: clientText(client) }),
    };
    io.out(JSON.stringify({ ...head, answers }, null, 2));
  } else {
    const colors = pc.createColors(io.colours);
    io.out(
      answers.map((each) => answerText(each.query, each, colors, each.since, each.feedTags)).join('\n\n'),
    );
  }
  for (const { where, what } of problems) io.err(`${where}: ${what}`);
  if (problems.length > 0) io.setStatus(EXIT_STATUS.configuration);
  else if (answers.some(({ verdict }) => verdict !== 'allowed')) io.setStatus(EXIT_STATUS.differs);
}

/** @throws ConfigurationError for what is no address or prefix */
function parseClient(text: string): Prefix {
  try {
    return parseTypedPrefix(text);
  } catch (error) {
    throw new ConfigurationError(`--client: ${(error as Error).message}`, [], { cause: error });
  }
}

/** Which tags of the feed hold what is asked about; null for a name, which none does. */
async function holdersIn(flags: CheckFlags, io: Io): Promise<(query: Query) => readonly HoldingTag[] | null> {
  const { snapshot } = await feedOf(flags, io);
  return (query) =>
    query.kind === 'name'
      ? null
      : tagsHolding(
          query.kind === 'prefix'
            ? query.prefix
            : { family: query.family, first: query.value, length: query.family === 4 ? 32 : 128 },
          snapshot.tags.values(),
        );
}

/** @throws ConfigurationError listing every text that is no query, where none is one */
function parseAll(texts: readonly string[]): {
  readonly parsed: readonly [string, Query][];
  readonly problems: readonly Problem[];
} {
  const parsed: [string, Query][] = [];
  const problems: Problem[] = [];
  for (const [index, text] of texts.entries())
    try {
      parsed.push([text, parseQuery(text)]);
    } catch (error) {
      if (!(error instanceof QuerySyntaxError)) throw error;
      problems.push({ where: `argument ${index + 1}`, what: error.message });
    }
  if (problems.length > 0 && parsed.length === 0)
    throw new ConfigurationError('This cannot be looked up', problems);
  return { parsed, problems };
}

type Outcome = Answer['verdict'] | 'unreadable';

/** Writes one line for an answer, or for the message why there is none. */
type LineWriter<A> = (query: string, outcome: Outcome, answer: A | string) => string;

/** So many different lines are remembered with their answers: a proxy's log names the same hosts again and again. */
const REMEMBERED = 10_000;

/** So many characters of a line that is no query are quoted. */
const QUOTED = 200;

async function answerStream<A extends BriefAnswer>(
  input: QueryInput,
  answer: (query: Query) => A,
  write: LineWriter<A>,
  worthRemembering: (text: string) => boolean,
  io: Io,
): Promise<void> {
  const counts: Record<Outcome, number> = { allowed: 0, partly: 0, refused: 0, unreadable: 0 };
  const remembered = new Map<string, { readonly outcome: Outcome; readonly line: string }>();
  let first: string | undefined;
  let number = 0;
  for await (const lines of inputLines(input)) {
    const written: string[] = [];
    for (const line of lines) {
      number++;
      const text = line.trim();
      if (text === '' || text.startsWith('#')) continue;
      const memorable = text.length <= QUOTED && worthRemembering(text);
      let known = memorable ? remembered.get(text) : undefined;
      if (known === undefined) {
        known = answerLine(text, answer, write);
        if (memorable) {
          if (remembered.size === REMEMBERED) remembered.clear();
          remembered.set(text, known);
        }
      }
      counts[known.outcome]++;
      if (known.outcome === 'unreadable') first ??= `line ${number}`;
      written.push(known.line);
    }
    if (written.length > 0) io.out(written.join('\n'));
    if ((await io.flushed?.()) === false) return;
  }
  const { allowed, partly, refused, unreadable } = counts;
  const total = allowed + partly + refused + unreadable;
  io.err(
    `${total} looked up: ${allowed} allowed, ${partly} in part, ${refused} not, ${unreadable} that are no query${first === undefined ? '' : ` (the first on ${first})`}`,
  );
  if (unreadable > 0) io.setStatus(EXIT_STATUS.configuration);
  else if (partly + refused > 0) io.setStatus(EXIT_STATUS.differs);
}

/** Of addresses, as of URLs, there are more than can be remembered, and one is looked up as fast. */
function looksLikeAddress(text: string): boolean {
  const isDigit = (code: number) => code >= 48 && code <= 57;
  return isDigit(text.charCodeAt(0)) && isDigit(text.charCodeAt(text.length - 1)) && !text.includes('/');
}

function answerLine<A extends BriefAnswer>(
  text: string,
  answer: (query: Query) => A,
  write: LineWriter<A>,
): { readonly outcome: Outcome; readonly line: string } {
  try {
    const answered = answer(parseQuery(text));
    return { outcome: answered.verdict, line: write(text, answered.verdict, answered) };
  } catch (error) {
    if (!(error instanceof QuerySyntaxError)) throw error;
    const quoted = text.length <= QUOTED ? text : `${text.slice(0, QUOTED)}…`;
    const message = error.message.length <= 2 * QUOTED ? error.message : 'it is too long for a query';
    return { outcome: 'unreadable', line: write(quoted, 'unreadable', message) };
  }
}

function jsonLine(query: string, _outcome: Outcome, answer: Answer | string): string {
  return JSON.stringify(typeof answer === 'string' ? { query, error: answer } : { query, ...answer });
}

/** Verdict, query, ports, rules, targets, parted by tabs. What stands behind the query is made once an answer. */
function textLines(): LineWriter<BriefAnswer> {
  const tails = new WeakMap<BriefAnswer, string>();
  return (query, outcome, answer) => {
    if (typeof answer === 'string') return `${outcome}\t${query}\t${answer}`;
    let tail = tails.get(answer);
    if (tail === undefined) {
      tail = textTail(answer);
      tails.set(answer, tail);
    }
    return `${outcome}\t${query}\t${tail}`;
  };
}

function textTail({ rules, targets, ports }: BriefAnswer): string {
  const names = rules.map(({ rule }) => rule).join(',');
  const through = targets.filter(({ lets }) => lets !== 'nothing').map(({ target }) => target);
  return [ports || '-', names || '-', through.join(',') || '-'].join('\t');
}
