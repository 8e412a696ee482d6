import { compareHostPatterns, type HostPattern } from '../net/host-pattern.ts';
import { type EndpointTable, formatEndpoint, type TableRow } from './endpoint-table.ts';

export type LintRule = 'misprint' | 'wildcard' | 'scheme' | 'port' | 'path' | 'duplicate' | 'unread';

/** Something about how endpoints are written that deserves a human's look. */
export interface LintFinding {
  readonly rule: LintRule;
  /** The place: a key path, or the line of a document. */
  readonly where: string;
  readonly what: string;
  readonly next?: string;
}

/** Misprints that Microsoft's documents contain or contained, with what was meant. */
const MISPRINTS: ReadonlyMap<string, string> = new Map([
  // The 2020 article; corrected in 2020-10. CTL is the Certificate Trust List.
  ['ctdl.windowsupdate.com', 'ctldl.windowsupdate.com'],
  ['ctdl.windowsupdate.us', 'ctldl.windowsupdate.us'],
]);

/**
 * Hosts of the documented tables that stand for themselves alone. A wildcard over one of them matches nothing that is
 * ever asked for, and misses the host itself: `*.crl3.digicert.com` instead of `crl3.digicert.com`.
 */
const EXACT_HOSTS: ReadonlySet<string> = new Set([
  'cacerts.digicert.com',
  'cacerts.geotrust.com',
  'caissuers.microsoft.com',
  'crl.microsoft.com',
  'crl3.digicert.com',
  'crl4.digicert.com',
  'ctldl.windowsupdate.com',
  'enterpriseregistration.windows.net',
  'login.windows.net',
  'management.azure.com',
  'mscrl.microsoft.com',
  'ocsp.digicert.com',
  'ocsp.msocsp.com',
  'oneocsp.microsoft.com',
  'policykeyservice.dc.ad.msft.net',
  'secure.aadcdn.microsoftonline-p.com',
  'www.microsoft.com',
]);

/** What is not a host pattern in text that should be one: a scheme, a port, a path, a misplaced `*`. */
export function lintSpelling(text: string, where: string): readonly LintFinding[] {
  const findings: LintFinding[] = [];
  const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(text)?.[0] ?? '';
  const [authority = '', ...rest] = text.slice(scheme.length).split('/');
  const port = /:([^:]*)$/.exec(authority)?.[1];
  const host = port === undefined ? authority : authority.slice(0, -port.length - 1);
  const quoted = JSON.stringify(text);
  if (scheme !== '')
    findings.push({ rule: 'scheme', where, what: `${quoted} has a scheme`, next: `write ${host}` });
  if (port !== undefined)
    findings.push({ rule: 'port', where, what: `${quoted} has a port`, next: 'name it among the ports' });
  if (rest.length > 0)
    findings.push({
      rule: 'path',
      where,
      what: `${quoted} has a path`,
      next: 'a device that matches names only must allow the whole host',
    });
  if (host.includes('*') && !/^\*\.[^*]+$/.test(host))
    findings.push({
      rule: 'wildcard',
      where,
      what: `${quoted}: "*" may only stand as the whole first label`,
      next: 'write *.example.com, or .example.com to mean the name itself too',
    });
  return findings;
}

/** Judges one host pattern: a known misprint, or a wildcard that is surely wrong. */
export function lintHost(
  host: HostPattern,
  where: string,
  exactHosts: ReadonlySet<string> = new Set(),
): readonly LintFinding[] {
  const text = JSON.stringify(formatEndpoint({ host }));
  const meant = MISPRINTS.get(host.name);
  if (meant !== undefined)
    return [{ rule: 'misprint', where, what: `${text} is a known misprint`, next: `${meant} was meant` }];
  if (!host.subdomains) return [];
  if (!host.name.includes('.'))
    return [{ rule: 'wildcard', where, what: `${text} allows a whole top-level domain` }];
  if (EXACT_HOSTS.has(host.name) || exactHosts.has(host.name))
    return [
      {
        rule: 'wildcard',
        where,
        what: `${text} is a wildcard over a single host`,
        next: `write ${host.name}`,
      },
    ];
  return [];
}

/** Whether two rows can hold at once, as far as values of parameters say. */
function mayHoldTogether(a: TableRow['when'], b: TableRow['when']): boolean {
  return Object.entries(a).every(([id, values]) => b[id]?.some((value) => values.includes(value)) ?? true);
}

/** All findings about a table, in the order of its rows. Misprints that the table itself declares are none. */
export function lintEndpointTable(table: EndpointTable): readonly LintFinding[] {
  const findings: LintFinding[] = [];
  const exact = new Set(table.rows.filter(({ host }) => !host.subdomains).map(({ host }) => host.name));
  for (const row of table.rows) {
    const where = `${table.id}: ${formatEndpoint(row)}`;
    for (const finding of lintHost(row.host, where, exact))
      if (finding.rule !== 'misprint' || row.misprintOf === undefined) findings.push(finding);
    const earlier = table.rows
      .slice(0, table.rows.indexOf(row))
      .find(
        (other) =>
          other.table === row.table &&
          compareHostPatterns(other.host, row.host) === 0 &&
          other.path === row.path &&
          other.partialName === row.partialName &&
          other.optional === row.optional &&
          other.clouds.some((cloud) => row.clouds.includes(cloud)) &&
          mayHoldTogether(other.when, row.when) &&
          !other.ports.intersection(row.ports).isEmpty,
      );
    if (earlier !== undefined)
      findings.push({
        rule: 'duplicate',
        where,
        what: `is there twice for port ${earlier.ports.intersection(row.ports)}`,
        next: 'keep one of the two',
      });
  }
  return findings;
}
