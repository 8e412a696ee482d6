import { isIP } from 'node:net';
import pc from 'picocolors';
import { planLockedTarget } from '../committed/locked-target.ts';
import { directoryReader, readOutputTree } from '../committed/output-tree.ts';
import type { AllowlistConfig } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { type EndpointRow, selectRows } from '../endpoints/endpoint-table.ts';
import { loadEndpointTable } from '../endpoints/load.ts';
import { BOTH_FAMILIES } from '../feed/families.ts';
import { type HostPattern, parseHost, parseHostPattern } from '../net/host-pattern.ts';
import { HostSet } from '../net/host-set.ts';
import { tableKey } from '../policy/resolve.ts';
import { adviceFor } from '../probe/advice.ts';
import { loadProbeData } from '../probe/data.ts';
import { type ExampleName, endpointsToProbe } from '../probe/endpoint.ts';
import { type Level, type ProbeFinding, portText, type Route } from '../probe/finding.ts';
import { trustedRoots } from '../probe/handshake.ts';
import { judgeResolved, type PolicyOfTarget } from '../probe/inside-policy.ts';
import { probe } from '../probe/probe.ts';
import type { HttpProxy } from '../probe/proxy.ts';
import { parseResolved } from '../probe/resolved-file.ts';
import { AllowlistError, ConfigurationError, EXIT_STATUS, type Problem } from '../problem.ts';
import { readRegularText } from '../regular-file.ts';
import { formatTable } from '../text-table.ts';
import { type Io, widthOf } from './io.ts';

interface ProbeFlags {
  readonly config: string;
  readonly out?: string;
  readonly table?: string;
  readonly proxy?: string;
  readonly direct?: boolean;
  readonly family?: '4' | '6';
  readonly resolver?: readonly string[];
  readonly example?: readonly string[];
  readonly issuer?: readonly string[];
  readonly ca?: string;
  readonly timeout: number;
  readonly concurrency: number;
  readonly fromFile?: string;
  readonly json?: boolean;
}

/**
 * Tests whether this machine reaches what the endpoint tables require, directly or through a proxy. Exit status 0 if
 * nothing is blocked, 2 if something is.
 */
export async function probeCommand(flags: ProbeFlags, io: Io): Promise<void> {
  const problems: Problem[] = [];
  const proxy = flags.proxy === undefined ? undefined : readProxy(flags.proxy, problems);
  const given = (flags.example ?? []).flatMap((text) => readExample(text, problems));
  const nameServers = flags.resolver ?? [];
  for (const server of nameServers)
    if (!isNameServer(server))
      problems.push({
        where: '--resolver',
        what: `${JSON.stringify(server)} is no address`,
        next: 'e.g. 192.0.2.53',
      });
  if (problems.length > 0) throw new ConfigurationError('The probe cannot start', problems);

  const data = await loadProbeData();
  const config = await configOrNothing(flags);
  const rows = await rowsOf(flags, config);
  const wildcards = rows.map(({ host }) => host).filter(({ subdomains }) => subdomains);
  // A name without a pattern serves every wildcard that it lies below.
  const examples = [
    ...given.flatMap(({ pattern, host }): readonly ExampleName[] =>
      pattern !== undefined
        ? [{ pattern, host }]
        : wildcards
            .filter((wildcard) => HostSet.fromPatterns([wildcard]).has(host))
            .map((wildcard) => ({ pattern: wildcard, host })),
    ),
    ...data.examples,
  ];
  const endpoints = endpointsToProbe(rows, examples);
  const addressTargets = await addressOnly(flags, config, io);

  let findings: readonly ProbeFinding[];
  if (flags.fromFile !== undefined) {
    if (addressTargets.length === 0)
      throw new ConfigurationError(
        'there is nothing to judge addresses by: no target of the output tree matches addresses only; `azure-allowlist run` makes the tree',
      );
    findings = judgeResolved(
      endpoints,
      parseResolved(await textOf(flags.fromFile), flags.fromFile),
      addressTargets,
    );
  } else {
    const routes: Exclude<Route, 'none'>[] = [
      ...(proxy === undefined ? [] : ['proxy' as const]),
      ...(proxy === undefined || flags.direct === true ? ['direct' as const] : []),
    ];
    findings = await probe(endpoints, {
      routes,
      proxy,
      families:
        flags.family === undefined ? (config?.families ?? BOTH_FAMILIES) : [flags.family === '4' ? 4 : 6],
      nameServers,
      issuers: {
        organisations: flags.issuer ?? data.issuers,
        roots: trustedRoots(flags.ca === undefined ? [] : [await textOf(flags.ca)]),
      },
      milliseconds: flags.timeout * 1000,
      concurrency: flags.concurrency,
      allowedNames: HostSet.fromPatterns(rows.map(({ host }) => host)),
      addressTargets,
      now: Date.now,
      progress: (done, total) => {
        if (io.colours && flags.json !== true && (done % 10 === 0 || done === total))
          io.err(`${done} of ${total} endpoints probed`);
      },
    });
  }
  const counts = countLevels(findings);
  if (flags.json === true)
    io.out(
      JSON.stringify(
        {
          counts,
          findings: findings.map((found) => ({
            ...found,
            address: found.address ?? null,
            milliseconds: Math.round(found.milliseconds),
            ...(found.level === 'good' ? {} : { advice: adviceFor(found) }),
          })),
        },
        null,
        2,
      ),
    );
  else io.out(describe(findings, counts, io));
  if (counts.blocked > 0) io.setStatus(EXIT_STATUS.differs);
}

function countLevels(findings: readonly ProbeFinding[]): Record<Level, number> {
  const counts: Record<Level, number> = { good: 0, blocked: 0, note: 0, unjudged: 0 };
  for (const { level } of findings) counts[level]++;
  return counts;
}

const WORDS: Readonly<Record<Level, string>> = {
  good: 'works',
  blocked: 'BLOCKED',
  note: 'note',
  unjudged: 'not judged',
};

function describe(findings: readonly ProbeFinding[], counts: Record<Level, number>, io: Io): string {
  const colors = pc.createColors(io.colours);
  const table = formatTable([
    ['Endpoint', 'Port', 'Way', 'Address', 'Result', 'Seen'],
    ...findings.map(({ endpoint, host, port, protocol, route, address, level, kind, seen }) => [
      endpoint === host || endpoint.startsWith(`${host}/`) ? host : `${host} (${endpoint})`,
      port === 0 ? '' : portText({ port, protocol }),
      route === 'none' ? '' : route,
      address ?? '',
      level === 'good' ? WORDS.good : `${WORDS[level]}: ${kind}`,
      seen,
    ]),
  ]);
  const sentences = new Map<string, { readonly level: Level; readonly who: string }>();
  for (const found of findings)
    if (found.level !== 'good') {
      const { sentence, responsible } = adviceFor(found);
      if (!sentences.has(sentence)) sentences.set(sentence, { level: found.level, who: responsible });
    }
  const advice = [...sentences]
    .sort(([, a], [, b]) => Number(b.level === 'blocked') - Number(a.level === 'blocked'))
    .map(([sentence, { level, who }]) => {
      const head = `${level === 'blocked' ? colors.red(who) : who}: `;
      return wrap(`${head}${sentence}`, widthOf(io));
    });
  const summary = `${findings.length} findings: ${counts.good} good, ${counts.blocked} blocked, ${counts.note} to note, ${counts.unjudged} not judged.`;
  return [table, ...(advice.length === 0 ? [] : [advice.join('\n')]), summary].join('\n\n');
}

function wrap(text: string, width: number): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = `  ${word}`;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line].join('\n');
}

/** The configuration; nothing where none was asked for and none is there, but a table is named. */
async function configOrNothing(flags: ProbeFlags): Promise<AllowlistConfig | undefined> {
  try {
    return await loadConfig(flags.config);
  } catch (error) {
    if (flags.table !== undefined && flags.config === 'allowlist.yaml') return undefined;
    throw error;
  }
}

async function rowsOf(
  flags: ProbeFlags,
  config: AllowlistConfig | undefined,
): Promise<readonly EndpointRow[]> {
  if (flags.table !== undefined) return selectRows(await loadEndpointTable(flags.table));
  const { loadTables } = await import('../products.ts');
  const { config: whole, tables } = await loadTables(config!);
  const rows = whole.rules.flatMap((rule) => [
    ...(rule.rows ?? []),
    ...rule.endpoints.flatMap(({ from, optional, parameters }) =>
      selectRows(tables.get(tableKey(from))!, optional, parameters),
    ),
  ]);
  if (rows.length > 0) return rows;
  throw new ConfigurationError(
    `${config!.file}: no rule has endpoints, so there is no name to probe; give one with --table`,
  );
}

/** What the targets of the output tree let through that match no names; nothing where there is no tree. */
async function addressOnly(
  { out, config: file }: ProbeFlags,
  config: AllowlistConfig | undefined,
  io: Io,
): Promise<readonly PolicyOfTarget[]> {
  const directory = out ?? config?.output;
  if (directory === undefined) return [];
  const tree = await readOutputTree(directoryReader(directory));
  if (tree === undefined) {
    if (out !== undefined) throw new ConfigurationError(`${out} is not an output tree (of ${file})`);
    io.err(`addresses are not judged: there is no output tree in ${directory} yet`);
    return [];
  }
  const targets: PolicyOfTarget[] = [];
  for (const [id, locked] of Object.entries(tree.lock.targets)) {
    const { target, plan } = await planLockedTarget(tree, id, locked);
    if (plan.settings !== true && target.manifest.capabilities.names === 'none')
      targets.push({ id, admission: plan.admission });
  }
  return targets;
}

function readProxy(text: string, problems: Problem[]): HttpProxy | undefined {
  const refuse = (what: string) => {
    problems.push({ where: '--proxy', what, next: 'e.g. http://proxy.corp.example:8080' });
    return undefined;
  };
  if (!/^http:\/\//i.test(text))
    return refuse('must begin with http://, before an address as well: the connector takes nothing else');
  if (!URL.canParse(text)) return refuse('is no URL');
  const { hostname, port, username, pathname } = new URL(text);
  if (username !== '') return refuse('holds credentials, which the connector cannot give to a proxy');
  if (pathname !== '/') return refuse('has a path');
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port === '' ? '80' : port) };
}

/** A name on the command line, for one wildcard or for all that it lies below. */
interface GivenExample {
  readonly pattern: HostPattern | undefined;
  readonly host: string;
}

/** `host`, for every wildcard that it lies below, or `*.pattern=host`. */
function readExample(text: string, problems: Problem[]): GivenExample[] {
  try {
    const [left = '', right] = text.split('=');
    return right === undefined
      ? [{ pattern: undefined, host: parseHost(left) }]
      : [{ pattern: parseHostPattern(left), host: parseHost(right) }];
  } catch (error) {
    problems.push({ where: '--example', what: (error as Error).message });
    return [];
  }
}

function isNameServer(text: string): boolean {
  const match = /^(?:\[([^\]]+)\](?::\d{1,5})?|([\d.]+)(?::\d{1,5})?|([0-9A-Fa-f:]+))$/.exec(text);
  return match !== null && isIP(match[1] ?? match[2] ?? match[3] ?? '') !== 0;
}

async function textOf(file: string): Promise<string> {
  try {
    return await readRegularText(file);
  } catch (error) {
    throw new AllowlistError(`cannot read ${file}: ${(error as Error).message}`, [], { cause: error });
  }
}
