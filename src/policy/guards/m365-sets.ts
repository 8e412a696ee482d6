import { daysBetween } from '../../feed/file-date.ts';
import type { M365Row } from '../../feed/m365.ts';
import { formatHostPattern } from '../../net/host-pattern.ts';
import { PortSet } from '../../net/ports.ts';
import { counted } from '../../numbers.ts';
import type { Policy } from '../policy.ts';
import { QUIET_DAYS } from './date-ahead.ts';
import type { Guard, Remark } from './guard.ts';

/** What the guards know of the Microsoft 365 service this week. */
export interface M365Week {
  readonly instance: string;
  /** YYYYMMDDNN; undefined where the document came from a file. */
  readonly version: string | undefined;
  /** The sets that rules select, by number. */
  readonly selected: ReadonlyMap<number, M365Row>;
  /** Sets in force that rules still select and the service does not have any more. */
  readonly withdrawn: readonly number[];
}

/** Ports that the service has asked for in years of published versions; 443 of UDP since QUIC. */
const PORTS = PortSet.parseList('25,80,143,443,587,853,993,995,50000-50059,443/udp,3478-3481/udp');

/** From how many names on a set is judged by the share of names that are new or gone. */
const NAMES = 4;

/** How many names a remark lists. */
const SHOWN = 4;

/** Whether rows of a policy come from the service. */
export function isM365Table(table: string): boolean {
  return table.startsWith('m365-');
}

/**
 * A version older than the one in force: the service, or what stands in for it, went back. A version of a day to come would
 * keep every real one out. The first eight digits of a version are its date:
 * https://learn.microsoft.com/microsoft-365/enterprise/microsoft-365-ip-web-service
 */
export const m365Rollback: Guard = {
  name: 'm365-rollback',
  check:
    'Check the version that the service itself gives (endpoints.office.com/version) and the mirror that the run reads.',
  judge: ({ m365, baseline, today, limits }) => {
    const before = baseline?.m365;
    if (m365?.version === undefined) return [];
    const ahead = daysAhead(m365.version, today);
    if (ahead > QUIET_DAYS)
      return [
        {
          refuse: ahead > limits.dateAheadDays,
          look: true,
          message: `the endpoints of Microsoft 365 are version ${m365.version}, ${counted(ahead, 'day')} in the future (guards.date-ahead.days: ${limits.dateAheadDays}); it keeps out every version before it`,
        },
      ];
    if (before?.version === undefined) return [];
    if (before.instance !== m365.instance || m365.version >= before.version) return [];
    return [
      {
        refuse: true,
        message: `the endpoints of Microsoft 365 are version ${m365.version}, older than ${before.version}, which is in force`,
      },
    ];
  },
};

/** How many days a version (YYYYMMDDNN) lies in the future; 0 where it does not, or names no day. */
function daysAhead(version: string, today: string): number {
  const [, year, month, day] = /^(\d{4})(\d{2})(\d{2})/.exec(version) ?? [];
  const days = daysBetween(today, `${year}-${month}-${day}`);
  // What is no day is not in the future.
  return days > 0 ? days : 0;
}

/** An endpoint set that is withdrawn, loses its names, swaps most of them, or asks for ports that none ever did. */
export const m365Set: Guard = {
  name: 'm365-set',
  check: 'Read the change in the document of Microsoft 365 URLs and address ranges before devices follow it.',
  judge: ({ m365, baseline }) => {
    if (m365 === undefined) return [];
    const before = setsInForce(baseline?.m365?.instance === m365.instance ? baseline.policy : undefined);
    return [
      ...m365.withdrawn.map(
        (id): Remark => ({
          refuse: true,
          message: `Microsoft 365 has withdrawn endpoint set ${id}${namesInWords([...(before.get(id)?.names ?? [])])}`,
        }),
      ),
      ...[...m365.selected.values()].flatMap((row) => judgeSet(row, before.get(row.id))),
    ];
  },
};

interface SetInForce {
  readonly names: Set<string>;
  ports: PortSet;
}

function judgeSet(row: M365Row, before: SetInForce | undefined): Remark[] {
  const name = `endpoint set ${row.id} (${row.serviceArea})`;
  const names = [...row.hosts.map(formatHostPattern), ...row.partialNames.map(({ text }) => text)];
  const strange = row.ports.difference(before?.ports ?? PortSet.empty).difference(PORTS);
  const remarks: Remark[] = strange.isEmpty
    ? []
    : [{ refuse: true, message: `${name} asks for port ${strange}, which no endpoint set had` }];
  if (before === undefined || before.names.size === 0) return remarks;
  const gone = [...before.names].filter((one) => !names.includes(one));
  const fresh = names.filter((one) => !before.names.has(one));
  if (names.length === 0)
    remarks.push({ refuse: true, message: `${name} has no names any more${namesInWords(gone)}` });
  else if (before.names.size >= NAMES && gone.length * 2 > before.names.size)
    remarks.push({
      refuse: true,
      message: `${name} loses ${gone.length} of ${before.names.size} names${namesInWords(gone)}`,
    });
  else if (gone.length === before.names.size)
    remarks.push({
      refuse: true,
      message: `${name} swaps all its names: ${gone.join(', ')} → ${fresh.slice(0, SHOWN).join(', ')}`,
    });
  if (fresh.length >= NAMES && fresh.length > before.names.size)
    remarks.push({
      refuse: true,
      message: `${name} more than doubles its names: ${before.names.size} → ${names.length}${namesInWords(fresh)}`,
    });
  return remarks;
}

/** `: a.example, b.example and 3 more`. */
function namesInWords(names: readonly string[]): string {
  if (names.length === 0) return '';
  return `: ${names.slice(0, SHOWN).join(', ')}${names.length > SHOWN ? ` and ${names.length - SHOWN} more` : ''}`;
}

function setsInForce(policy: Policy | undefined): ReadonlyMap<number, SetInForce> {
  const sets = new Map<number, SetInForce>();
  for (const { rows, tags, addressPorts } of policy?.rules ?? []) {
    for (const { table, index, host, partialName, ports } of rows)
      if (isM365Table(table)) {
        const set = sets.get(index) ?? { names: new Set(), ports: PortSet.empty };
        set.names.add(partialName ?? formatHostPattern(host));
        set.ports = set.ports.union(ports);
        sets.set(index, set);
      }
    for (const { m365 } of tags)
      if (m365 !== undefined) {
        const set = sets.get(m365.id) ?? { names: new Set(), ports: PortSet.empty };
        set.ports = set.ports.union(addressPorts);
        sets.set(m365.id, set);
      }
  }
  return sets;
}

/** The numbers of the sets that a policy in force has. */
export function m365IdsOf(policy: Policy | undefined): readonly number[] {
  return [...setsInForce(policy).keys()];
}
