import { type HostPattern, HostSyntaxError } from '../net/host-pattern.ts';
import { PortSet, PROTOCOLS } from '../net/ports.ts';
import { formatPrefix, parsePrefix } from '../net/prefix.ts';
import type { EndpointSource } from './endpoint-table.ts';
import { type LintFinding, lintHost, lintSpelling } from './lint.ts';
import { parseTableHost } from './parameters.ts';
import { isPartialName } from './partial-name.ts';

/** One endpoint as a document's table states it. */
export interface DocumentedEndpoint {
  /** Its name may hold placeholders: `<region>.example.com`. */
  readonly host: HostPattern;
  readonly path?: string;
  /** As in a row of a table: a wildcard elsewhere than in front. */
  readonly partialName?: string;
  readonly ports: PortSet;
  /** The ports are those of HTTPS because a list names none: its text may, or its heading. */
  readonly portsAssumed?: true;
  /** The line of the document, from 1. */
  readonly line: number;
}

/** Addresses that a document's table asks for, as its columns of hosts often do. */
export interface DocumentedAddresses {
  /** `AzureCloud.<region>`, or `198.51.100.0/24`. */
  readonly what: string;
  readonly isTag: boolean;
  readonly ports: PortSet;
  /** As of an endpoint. */
  readonly portsAssumed?: true;
  /** The line of the document, from 1. */
  readonly line: number;
}

/** What the tables of a document ask for. */
export interface EndpointDocument {
  readonly endpoints: readonly DocumentedEndpoint[];
  readonly addresses: readonly DocumentedAddresses[];
  /** Oddities of spelling, and everything in the tables that could not be read as an endpoint. */
  readonly findings: readonly LintFinding[];
  /** The lines of the header rows of the tables that were read. */
  readonly tables: readonly number[];
}

/** A table with a column of hosts; `hosts` and `ports` are columns. */
interface MarkdownTable {
  readonly line: number;
  readonly hosts: number;
  readonly ports: number | undefined;
  readonly protocol: number | undefined;
  readonly rows: readonly { readonly line: number; readonly cells: readonly string[] }[];
}

/** The port of an endpoint about which neither its spelling nor a port column says anything. */
const DEFAULT_PORT = 443;

const PORT_OF_PROTOCOL: Readonly<Record<string, number>> = { http: 80, https: 443 };

/**
 * Reads the tables of endpoints in a Markdown document: those with a column named URL, host, address, endpoint or
 * FQDN. Both forms of Microsoft's articles are understood: hosts separated by `<br>`, `host:port`, escaped or encoded
 * asterisks, code spans (also without anything between them), emphasis, links, "A *or* B", placeholders
 * (`<region>.example.com`), wildcards inside a label, service tags and ranges among the hosts, and columns of ports and
 * protocols such as `443/HTTPS`, `HTTPS:443`, `UDP` and `1194`. An endpoint's own port wins over the column; without
 * either it is 443.
 * @param exactHosts hosts that are known to stand for themselves alone, for the lint of wildcards
 * @param tags service tags that stand among the hosts, beside those that begin with Azure
 * @param form.sections the headings under which alone endpoints are read
 * @param form.lists whether lists and blocks of code are read too, where an item or a line is an endpoint alone
 */
export function parseEndpointDocument(
  markdown: string,
  exactHosts: ReadonlySet<string> = new Set(),
  tags: ReadonlySet<string> = new Set(),
  { sections, lists }: DocumentForm = {},
): EndpointDocument {
  const endpoints: DocumentedEndpoint[] = [];
  const addresses: DocumentedAddresses[] = [];
  const findings: LintFinding[] = [];
  const lines = markdown.split(/\r\n|\r|\n/).map((line) => line.replace(/^[\s>]+/, ''));
  if (sections !== undefined) findings.push(...keepSections(lines, sections));
  const tables = [...markdownTables(lines)];
  for (const { line, spelling, ports } of lists ? listed(lines) : []) {
    const assumed = ports === undefined ? ({ portsAssumed: true } as const) : {};
    const asked = readAddresses(spelling, ports, '', line, tags);
    if (asked !== undefined) addresses.push({ ...asked, ...assumed });
    const { endpoint } = asked === undefined ? readEndpoint(spelling, ports, '', line) : {};
    if (endpoint !== undefined) endpoints.push({ ...endpoint, ...assumed });
  }
  for (const table of tables)
    for (const { line, cells } of table.rows) {
      const cell = (column: number | undefined) => (column === undefined ? '' : (cells[column] ?? ''));
      const protocol = cell(table.protocol);
      const portText = cell(table.ports);
      const ports = readPorts(`${portText} ${protocol}`);
      if (portText !== '' && ports === undefined && table.ports !== table.hosts)
        findings.push({
          rule: 'unread',
          where: `line ${line}`,
          what: `no port can be read from ${JSON.stringify(portText)}`,
          next: `${DEFAULT_PORT} is assumed`,
        });
      const words = splitSpellings(cell(table.hosts));
      // Words of prose stand between endpoints; a cell of nothing else was not read.
      const spellings = words.filter((word) => isSpelling(word, tags));
      if (spellings.length === 0 && words.length > 0)
        findings.push(unreadable(words.join(' '), line, 'no host, service tag or range is in it'));
      for (const spelling of spellings) {
        const asked = readAddresses(spelling, ports, protocol, line, tags);
        if (asked !== undefined) {
          addresses.push(asked);
          continue;
        }
        const read = readEndpoint(spelling, ports, protocol, line);
        findings.push(...read.findings);
        if (read.endpoint === undefined) continue;
        endpoints.push(read.endpoint);
        findings.push(...lintHost(read.endpoint.host, `line ${line}`, exactHosts));
      }
    }
  return { endpoints, addresses, findings, tables: tables.map(({ line }) => line) };
}

const HOST_HEADER =
  /\b(urls?|uris?|host ?(name)?s?|fqdns?|address(es)?|endpoints?|domains?|destinations?)\b/i;
const PORT_HEADER = /\bports?\b/i;
const PROTOCOL_HEADER = /\bprotocols?\b/i;

/** Where the endpoints of a document stand, and in which form. */
export type DocumentForm = Pick<EndpointSource, 'sections' | 'lists'>;

/** The mark that opens or closes a block of code. */
const FENCE = /^(`{3,}|~{3,})/;

/**
 * Empties the lines outside the sections, each down to the next heading of its level; none where there is no such
 * section. Tabs are no headings.
 */
function keepSections(lines: string[], sections: readonly string[]): LintFinding[] {
  const outside: number[] = [];
  const key = (heading: string) => plainText(heading).toLowerCase();
  const wanted = new Map(sections.map((heading) => [key(heading), heading]));
  let fence = '';
  let level = 0;
  for (const [place, line] of lines.entries()) {
    const mark = FENCE.exec(line)?.[1] ?? '';
    if (mark !== '' && (fence === '' || mark.startsWith(fence))) fence = fence === '' ? mark : '';
    const [, marks, heading = ''] =
      (fence === '' && !line.includes('](#tab/') && /^(#{1,6})\s+(.*?)\s*#*\s*$/.exec(line)) || [];
    if (marks !== undefined) {
      if (level > 0 && marks.length <= level) level = 0;
      if (wanted.delete(key(heading)) && level === 0) level = marks.length;
    }
    if (level === 0) outside.push(place);
  }
  const none = wanted.size === sections.length;
  for (const place of none ? [] : outside) lines[place] = '';
  return [...wanted.values()].map((heading) => ({
    rule: 'unread',
    where: 'document',
    what: `it has no section ${JSON.stringify(heading)}`,
    next: none ? 'all of it is compared' : 'look where its endpoints are now',
  }));
}

/** An item of a list: bulleted or numbered. */
const ITEM = /^(?:[-*+]|\d{1,3}[.)])\s+(.+)$/;

/**
 * The items of lists, and the lines of blocks of code, that are an endpoint or a range alone, with ports in brackets or
 * none. Code is read where at least half of its lines are.
 */
function* listed(
  lines: readonly string[],
): Generator<{ readonly line: number; readonly spelling: string; readonly ports: PortSet | undefined }> {
  const alone = (text: string, line: number) => {
    const [, spelling, note = ''] = /^(\S+?)[,;]?(?:\s*\(([^()]*)\))?$/.exec(plainText(text)) ?? [];
    return spelling === undefined || !(HOST_WORD.test(spelling) || /^[\d.:a-f]+\/\d+$/i.test(spelling))
      ? []
      : [{ line, spelling, ports: readPorts(note) }];
  };
  let fence = '';
  let code: string[] = [];
  for (const [place, line] of lines.entries()) {
    const mark = FENCE.exec(line)?.[1] ?? '';
    if (fence === '' && mark === '') yield* alone(ITEM.exec(line)?.[1] ?? '', place + 1);
    else if (fence === '') fence = mark;
    else if (mark.startsWith(fence)) {
      const found = code.flatMap((text, index) => alone(text, place - code.length + index + 1));
      if (found.length * 2 >= code.filter((text) => text !== '').length) yield* found;
      fence = '';
      code = [];
    } else code.push(line);
  }
}

/** The tables that have a column of hosts, outside fenced code. */
function* markdownTables(lines: readonly string[]): Generator<MarkdownTable> {
  let fence = '';
  for (let place = 0; place < lines.length; place++) {
    const line = lines[place]!;
    const mark = FENCE.exec(line)?.[1] ?? '';
    if (fence !== '' || mark !== '') {
      if (fence === '') fence = mark;
      else if (mark.startsWith(fence)) fence = '';
      continue;
    }
    if (!line.includes('|') || !isDelimiterRow(lines[place + 1] ?? '')) continue;
    const headers = splitCells(line).map(plainText);
    const ports = headers.findIndex((header) => PORT_HEADER.test(header));
    const protocol = headers.findIndex((header) => PROTOCOL_HEADER.test(header));
    const header = place + 1;
    const rows: { line: number; cells: readonly string[] }[] = [];
    for (place += 2; place < lines.length && lines[place]!.includes('|'); place++)
      rows.push({ line: place + 1, cells: splitCells(lines[place]!).map(plainText) });
    place--;
    const hosts = hostColumn(headers, rows);
    const column = (index: number) => (index < 0 ? undefined : index);
    if (hosts >= 0)
      yield {
        ...{ line: header, hosts, ports: column(ports), rows },
        protocol: protocol === ports ? undefined : column(protocol),
      };
  }
}

/**
 * The column of hosts; -1 where there is none. A header says so, unless the hosts are in another column: articles head
 * them "Agent resource", beside a column "Endpoint used with private link" that has none.
 */
function hostColumn(
  headers: readonly string[],
  rows: readonly { readonly cells: readonly string[] }[],
): number {
  const named = headers.findIndex((header) => HOST_HEADER.test(header) && !PORT_HEADER.test(header));
  const counts = headers.map(
    (_, column) => rows.filter(({ cells }) => isOfHosts(cells[column] ?? '')).length,
  );
  if (named >= 0 && counts[named]! > 0) return named;
  const most = Math.max(...counts);
  return most > 0 && most * 2 >= rows.length ? counts.indexOf(most) : named;
}

/** Whether at least half of a cell's words are host names. */
function isOfHosts(cell: string): boolean {
  const words = splitSpellings(cell);
  const hosts = words.filter((word) => HOST_WORD.test(word));
  return hosts.length > 0 && hosts.length * 2 >= words.length;
}

/** A name of two labels at least that ends as a top-level domain does, with what may be around it. */
const HOST_WORD =
  /^(?:[a-z][a-z0-9+.-]*:\/\/)?[\w*<>-]*(?:\.[\w*<>-]+)*\.[a-z]{2,}\.?(?::[\d*-]+)?(?:\/\S*)?$/i;

function isDelimiterRow(line: string): boolean {
  return line.includes('-') && line.includes('|') && /^\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/.test(line);
}

/** The cells of a row; the outer pipes may be absent, and `\|` is no border. */
function splitCells(line: string): string[] {
  return line
    .replace(/^\s*\|/, '')
    .replace(/(?<!\\)\|\s*$/, '')
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim());
}

/** Text without Markdown and HTML: line breaks and code spans become spaces, entities and escapes what they mean. */
function plainText(cell: string): string {
  return (
    cell
      .replace(/<(https?:\/\/[^>\s]+)>/gi, '$1')
      // Only real tags: `<tenant>.example.com` is a placeholder, and must not turn into a pattern.
      .replace(/<\/?(a|b|br|code|div|em|i|li|ol|p|span|strong|sub|sup|ul)\b[^<>]*>/gi, ' ')
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .replace(/(\*{1,3}|_{1,3})((?:`[^`]*`\s*)+)\1/g, ' $2 ')
      .replace(/(^|[\s(])\*([a-z]+)\*(?=$|[\s).,;])/gi, '$1$2')
      .replace(/`/g, ' ')
      .replace(/&(ast|nbsp|amp|lt|gt|period|sol|colon|#\d{1,7}|#x[\da-f]{1,6});/gi, (entity, name: string) =>
        decodeEntity(entity, name.toLowerCase()),
      )
      .replace(/\\([!-/:-@[-`{-~])/g, '$1')
      .replace(/(^|\s)(\*\*|__)(?=\S)(.+?)\2(?=\s|$)/g, '$1$3')
      // What is left in angle brackets or braces leaves something open, whatever it is called.
      .replace(/[<{]\s*([a-z][\w -]{0,60}?)\s*[>}]/gi, (_, name: string) => placeholder(name))
      .replace(/[\s\u00a0\u200b\ufeff]+/g, ' ')
      .trim()
  );
}

function placeholder(name: string): string {
  return `<${name.toLowerCase().replace(/\s+/g, '-')}>`;
}

function decodeEntity(entity: string, name: string): string {
  const named: Readonly<Record<string, string>> = {
    ast: '*',
    nbsp: ' ',
    amp: '&',
    lt: '<',
    gt: '>',
    period: '.',
    sol: '/',
    colon: ':',
  };
  if (!name.startsWith('#')) return named[name] ?? entity;
  const code = name.startsWith('#x') ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1));
  return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : entity;
}

/** Whether a word could be an endpoint: prose has none of these marks inside. */
function isSpelling(word: string, tags: ReadonlySet<string>): boolean {
  return /[.:/*<]/.test(word.replace(/[.:)]+$/, '')) || isTag(word, tags);
}

/** Whether a word without a dot is a service tag: one that the table knows, or of Azure's own names. */
function isTag(word: string, tags: ReadonlySet<string>): boolean {
  return tags.has(word) || /^Azure[A-Z]\w+$/.test(word);
}

/** A service tag, as the feed writes them: `AzureCloud`, `Storage.WestEurope`, `AzureCloud.<region>`. */
const SERVICE_TAG =
  /^([A-Z][A-Za-z0-9]*[a-z][A-Za-z0-9]*(?:\.(?:[A-Z][A-Za-z0-9]+|<[^<>]+>))?)(?::(\d+(?:-\d+)?))?$/;

/** Reads a word as a service tag or a range; undefined where it is neither. */
function readAddresses(
  spelling: string,
  columnPorts: PortSet | undefined,
  protocol: string,
  line: number,
  tags: ReadonlySet<string>,
): DocumentedAddresses | undefined {
  const [, tag, port] = SERVICE_TAG.exec(spelling) ?? [];
  if (tag !== undefined && isTag(tag.split('.')[0]!, tags)) {
    const ports = (port === undefined ? undefined : readPorts(`${port} ${protocol}`)) ?? columnPorts;
    return { what: tag, isTag: true, ports: ports ?? PortSet.of(DEFAULT_PORT), line };
  }
  try {
    const prefix = parsePrefix(spelling.includes('/') ? spelling : `${spelling}/32`);
    return {
      what: formatPrefix(prefix),
      isTag: false,
      ports: columnPorts ?? PortSet.of(DEFAULT_PORT),
      line,
    };
  } catch {
    return undefined;
  }
}

function unreadable(spelling: string, line: number, reason: string): LintFinding {
  return {
    rule: 'unread',
    where: `line ${line}`,
    what: `${JSON.stringify(spelling)} is no endpoint: ${reason}`,
  };
}

function splitSpellings(text: string): string[] {
  return text.split(/[\s,;]+/).filter((word) => word !== '' && !/^(and|or)$/i.test(word));
}

/** `443/HTTPS`, `80, 443`, `TCP 9350-9354`, `UDP 1194`, `HTTPS`, `TLS 1.2`; undefined when no port is named. */
function readPorts(cells: string): PortSet | undefined {
  // "TLS 1.2" names no port: it is how some articles write HTTPS.
  const text = cells.replace(/\b(?:tls|ssl)\s*v?\d(?:\.\d)?\b/gi, 'https');
  // Of a list, a protocol that is named before or after holds for all of it; both, for both.
  const protocols = PROTOCOLS.filter((protocol) => new RegExp(`\\b${protocol}\\b`, 'i').test(text));
  const numbers = [...text.matchAll(/\b(\d{1,5})(?:\s*[-–]\s*(\d{1,5}))?\b/g)].flatMap(([, first, last]) =>
    (protocols.length === 0 ? (['tcp'] as const) : protocols).map((protocol) => ({
      protocol,
      first: Number(first),
      last: Number(last ?? first),
    })),
  );
  const named = [...text.matchAll(/\bhttps?\b/gi)].map(([name]) => PORT_OF_PROTOCOL[name.toLowerCase()]!);
  if (numbers.length === 0) return named.length === 0 ? undefined : PortSet.of(...named);
  const lawful = numbers.every(({ first, last }) => first >= 1 && first <= last && last <= 65535);
  return lawful ? PortSet.fromRanges(numbers) : undefined;
}

function readEndpoint(
  spelling: string,
  columnPorts: PortSet | undefined,
  protocol: string,
  line: number,
): { readonly endpoint?: DocumentedEndpoint; readonly findings: readonly LintFinding[] } {
  const where = `line ${line}`;
  const unread = (reason: string) => ({ findings: [unreadable(spelling, line, reason)] });
  const match = /^(?:([a-z][a-z0-9+.-]*):\/\/)?([^/:]+)(?::([\d-]+))?(\/.*)?$/i.exec(spelling);
  if (match === null) return unread('it is no host with an optional port and path');
  const [, scheme, name = '', port, path] = match;
  let host: HostPattern;
  try {
    host = parseTableHost(name);
  } catch (error) {
    if (!(error instanceof HostSyntaxError)) throw error;
    return unread(error.message);
  }
  if (!host.name.includes('.')) return unread('a single word is no host name');
  const own = port === undefined ? undefined : readPorts(`${port} ${protocol}`);
  if (port !== undefined && own === undefined) return unread('its port is none');
  const byScheme = PORT_OF_PROTOCOL[scheme?.toLowerCase() ?? ''];
  const ports = own ?? columnPorts ?? PortSet.of(byScheme ?? DEFAULT_PORT);
  // A port after the host is how the article of 2020 states it, and no oddity.
  const partialName = isPartialName(name) ? { partialName: name.toLowerCase() } : {};
  const odd = lintSpelling(spelling, where).filter(
    ({ rule }) => rule !== 'port' && !(rule === 'wildcard' && isPartialName(name)),
  );
  return {
    endpoint: { host, ports, line, ...partialName, ...(path !== undefined && path !== '/' && { path }) },
    findings: odd,
  };
}
