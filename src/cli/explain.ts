import { createReadStream } from 'node:fs';
import type { OutputTree } from '../committed/output-tree.ts';
import {
  type Answerer,
  classOfClient,
  Explainer,
  type Explanation,
  type Refused,
} from '../explain/explain.ts';
import { formatOf, type LogFormat, readLogLine } from '../explain/log.ts';
import type { DualStackSet } from '../net/dual-stack-set.ts';
import type { Prefix } from '../net/prefix.ts';
import { counted, digits } from '../numbers.ts';
import { AllowlistError, ConfigurationError, EXIT_STATUS } from '../problem.ts';
import { formatTable } from '../text-table.ts';
import { answersOf, clientSets, openOutputTree } from './answering.ts';
import { inputLines } from './input-lines.ts';
import type { Io } from './io.ts';

/**
 * Reads a log of a proxy, or a list of blocked flows, and says of what was refused whether a rule would have let it
 * through, and which; what of the policy nothing used; and what another output tree would change. Exit status 2 if
 * something that a rule asks for was refused.
 */
export async function explainCommand(
  log: string,
  flags: {
    readonly config: string;
    readonly out?: string;
    readonly format?: LogFormat;
    readonly planned?: string;
    readonly json?: boolean;
  },
  io: Io,
): Promise<void> {
  const tree = await openOutputTree(flags);
  const other =
    flags.planned === undefined ? undefined : await openOutputTree({ ...flags, out: flags.planned });
  const sets = [tree, ...(other === undefined ? [] : [other])].flatMap(clientSets);
  const explainer = new Explainer(sets);
  let { format } = flags;
  let number = 0;
  let unreadable = 0;
  let first: number | undefined;
  for await (const lines of inputLines(log === '-' ? process.stdin : readable(log)))
    for (const line of lines) {
      number++;
      if (line.trim() === '' || line.startsWith('#')) continue;
      format ??= formatOf(line);
      const request = readLogLine(line, format);
      if (request === 'unreadable') {
        unreadable++;
        first ??= number;
      } else if (request !== 'nothing') explainer.add(request);
    }
  const clients = explainer.clients();
  // What a proxy has logged, a PAC file or a firewall does not let through in its place.
  const device = format === 'squid' ? 'proxy' : 'any';
  const explanation = explainer.explain(
    tree.policy,
    await answererOf(tree, sets, clients, device),
    other === undefined ? undefined : await answererOf(other, sets, clients, device),
  );
  if (unreadable > 0)
    io.err(
      `${counted(unreadable, 'line')} of ${log} cannot be read; the first is line ${digits(first ?? 0)}`,
    );
  if (unreadable > 0 && explanation.requests === 0)
    throw new ConfigurationError(
      `${log}: no line is of Squid's native access log, nor \`address port\` or \`host:port\``,
    );
  if (flags.json === true) io.out(JSON.stringify(asJson(explanation), null, 2));
  else io.out(describe(explanation));
  if (
    explanation.refused.some(
      ({ cause }) => cause === 'not-loaded' || cause === 'not-expressible' || cause === 'other-method',
    )
  )
    io.setStatus(EXIT_STATUS.differs);
}

/** Answers for one client of each class stand for all of the class. */
async function answererOf(
  tree: OutputTree,
  sets: readonly DualStackSet[],
  clients: readonly (Prefix | undefined)[],
  device: 'any' | 'proxy',
): Promise<Answerer> {
  const byClass = new Map<string, Answerer>();
  for (const client of clients) {
    const { answer } = await answersOf(tree, sets.length === 0 ? undefined : client, device);
    byClass.set(classOfClient(sets, client), answer);
  }
  return (query, client) => byClass.get(classOfClient(sets, client))!(query, client);
}

async function* readable(file: string): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of createReadStream(file)) yield chunk as Uint8Array;
  } catch (error) {
    throw new AllowlistError(`cannot read ${file}: ${(error as Error).message}`, [], { cause: error });
  }
}

/** So many destinations and unused rows are spelled out; the rest are counted. */
const SHOWN = 20;

function describe({ requests, denied, refused, unused, notKept, planned }: Explanation): string {
  const blocks = [
    `${counted(requests, 'request')}, ${digits(denied)} refused, to ${counted(refused.length, 'destination')}.`,
  ];
  if (refused.length > 0)
    blocks.push(
      limited(refused, (some) =>
        formatTable(
          [
            ['Requests', 'Refused', 'Log', 'Why'],
            ...some.map(({ subject, requests: count, status, ...rest }) => [
              String(count),
              subject,
              status,
              why(rest),
            ]),
          ],
          [0],
        ),
      ),
    );
  for (const [label, items] of [
    ['Rules', unused.rules],
    ['Rows', unused.rows],
    ['Prefixes', unused.prefixes],
    ['Service tags', unused.tags],
  ] as const)
    if (items.length > 0)
      blocks.push(
        `${label} that nothing used:\n${limited(items, (some) => some.map((item) => `  ${item}`).join('\n'))}`,
      );
  if (planned !== undefined)
    for (const [label, items] of [
      ['The planned files would break', planned.broken],
      ['The planned files would newly allow', planned.newlyAllowed],
    ] as const)
      blocks.push(
        items.length === 0
          ? `${label} nothing of this log.`
          : `${label}:\n${limited(items, (some) => some.map(({ subject, requests: count }) => `  ${subject} (${counted(count, 'request')})`).join('\n'))}`,
      );
  if (notKept > 0)
    blocks.push(`${counted(notKept, 'request')} went to further destinations, which were not kept.`);
  return blocks.join('\n\n');
}

function limited<T>(items: readonly T[], write: (some: readonly T[]) => string): string {
  const rest = items.length - SHOWN;
  return `${write(items.slice(0, SHOWN))}${rest > 0 ? `\n  ... and ${rest} more` : ''}`;
}

function through({ targets }: Refused['answer']): string {
  return targets
    .filter(({ lets }) => lets !== 'nothing')
    .map(({ target }) => target)
    .join(', ');
}

/** What the targets say of it; nothing where they say nothing. */
function omittedFor({ targets }: Refused['answer']): string {
  const reasons = targets.flatMap(({ notes }) =>
    notes.filter(({ kind }) => kind === 'omitted').map(({ reason }) => reason),
  );
  return reasons.length === 0 ? '' : `: ${[...new Set(reasons)].join('; ')}`;
}

function why({ cause, answer }: Pick<Refused, 'cause' | 'answer'>): string {
  const asked = answer.rules
    .map(({ rule, rows, hosts, prefixes }) => {
      const [row] = rows;
      const what = row === undefined ? [...hosts, ...prefixes][0] : `row ${row.endpoint} of ${row.table}`;
      return `rule ${rule}${what === undefined ? '' : `, ${what}`}`;
    })
    .join('; ');
  switch (cause) {
    case 'not-loaded':
      return `${asked} asks for it, and ${through(answer)} would let it through: where that is this device, it does not use the files, or another line comes first`;
    case 'not-expressible':
      return `${asked} asks for it, but no target can let it through${omittedFor(answer)}`;
    case 'other-method':
      return `${asked} asks for the host, but ${answer.hint}; \`methods\` of the rule says by which`;
    case 'other-client':
      return answer.hint ?? 'it is asked for by others only';
    case 'not-asked':
      return answer.hint === null ? 'no rule asks for it' : `no rule asks for it; ${answer.hint}`;
  }
}

function asJson({ refused, ...rest }: Explanation) {
  return {
    ...rest,
    planned: rest.planned ?? null,
    refused: refused.map(({ answer, ...one }) => ({
      ...one,
      why: why({ cause: one.cause, answer }),
      rules: answer.rules.map(({ rule }) => rule),
      hint: answer.hint,
    })),
  };
}
