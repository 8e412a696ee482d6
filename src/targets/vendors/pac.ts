import { AddressSet } from '../../net/address-set.ts';
import { DualStackSet } from '../../net/dual-stack-set.ts';
import { parseHost } from '../../net/host-pattern.ts';
import { HostSet } from '../../net/host-set.ts';
import { type PortRange, PortSet } from '../../net/ports.ts';
import { Admission } from '../../policy/admission.ts';
import type { Policy } from '../../policy/policy.ts';
import { ConfigurationError } from '../../problem.ts';
import type { TargetPlan } from '../plan.ts';
import { ReadBackError } from '../read-back.ts';
import type { RuleFile, TemplateTexts } from '../render.ts';
import type { Vendor } from '../vendor.ts';
import type { OptionValues, View } from '../view.ts';

const PATH = 'wpad.dat';
const TEMPLATE = 'wpad.dat.hbs';
const DIGITS = 32;

/** The whole file: comments, two answers, data, program. */
const FORM = new RegExp(
  [
    /^function FindProxyForURL\(url, host\) \{ return route\(url, host\); \}\n(?:\/\/ .*\n)*/,
    /\/\/ What the policy allows goes: (?<statedAllowed>.+)\n/,
    /\/\/ Everything else goes: (?<statedOtherwise>.+)\n/,
    /\nvar ALLOWED = "(?<allowed>[^"\\\n]+)";\nvar OTHERWISE = "(?<otherwise>[^"\\\n]+)";\n/,
    /\n(?:\/\/ .*\n)+var BY_HOST = (?<byHost>true|false);\n/,
    /\n(?:\/\/ .*\n)+var GRANTS = (?<data>\[\n(?:.*\n)*?)\];\n/,
    /(?<program>[\s\S]*)$/,
  ]
    .map(({ source }) => source)
    .join(''),
);

/** What is allowed on one set of ports, as the program in the file looks it up. */
interface GrantData {
  readonly ports: readonly PortRange[];
  readonly hosts: readonly string[];
  readonly below: readonly string[];
  readonly ipv4: readonly { readonly first: bigint; readonly last: bigint }[];
  /** Leading hexadecimal digits: a first lacks zeros at its end, a last lacks f. */
  readonly ipv6: readonly { readonly first: string; readonly last: string }[];
}

function extendView(
  view: View,
  plan: TargetPlan,
  { rules }: Policy,
): View & Readonly<Record<string, unknown>> {
  if (view.options.allowed === view.options.otherwise)
    throw new ConfigurationError(
      'targets.pac: `allowed` and `otherwise` are the same: the file would decide nothing',
    );
  requireScenario(`${view.options.allowed}`, rules);
  const byHost = view.options.decideBy === 'host';
  return { ...view, byHost, grants: grantsOf(plan, byHost ? PortSet.allOf(['tcp']) : undefined) };
}

/** @throws ConfigurationError where the file would send a rule's traffic another way than its scenario says */
function requireScenario(allowed: string, rules: Policy['rules']): void {
  const problems = rules.flatMap(({ name, scenario }) =>
    scenario === undefined || (scenario === 'bypass-proxy') === (allowed === 'DIRECT')
      ? []
      : [
          {
            where: 'targets.pac.allowed',
            what: `is ${JSON.stringify(allowed)}, and rule ${name} has the scenario ${scenario}`,
            next:
              scenario === 'bypass-proxy'
                ? 'give "DIRECT"'
                : 'name the proxy, such as "PROXY proxy.corp.example:8080"',
          },
        ],
  );
  if (problems.length > 0)
    throw new ConfigurationError('the PAC file and the scenario contradict each other', problems);
}

/**
 * One grant a distinct set of ports, over all rules, in port order.
 * @param instead the ports of all of them, where a host has one answer
 */
function grantsOf({ rules }: TargetPlan, instead: PortSet | undefined): GrantData[] {
  const grants = new Map<string, { ports: PortSet; hosts: HostSet; addresses: DualStackSet }>();
  const add = (asked: PortSet, hosts: HostSet, addresses: DualStackSet) => {
    const ports = instead ?? asked;
    const grant = grants.get(`${ports}`) ?? { ports, hosts: HostSet.empty, addresses: DualStackSet.empty };
    grants.set(`${ports}`, {
      ports,
      hosts: grant.hosts.union(hosts),
      addresses: grant.addresses.union(addresses),
    });
  };
  for (const { names, addresses } of rules) {
    for (const { hosts, ports } of names) add(ports, hosts, DualStackSet.empty);
    if (addresses !== undefined) add(addresses.ports, HostSet.empty, addresses.set);
  }
  return [...grants.values()]
    .sort((a, b) => comparePorts(a.ports, b.ports))
    .map(({ ports, hosts, addresses }) => {
      const patterns = hosts.patterns().include;
      return {
        ports: ports.ranges,
        hosts: patterns.filter(({ apex }) => apex).map(({ name }) => name),
        below: patterns.filter(({ subdomains }) => subdomains).map(({ name }) => name),
        ipv4: [...addresses.ipv4.ranges()],
        ipv6: [...addresses.ipv6.ranges()].map(({ first, last }) => ({
          first: digitsOf(first).replace(/0+$/, ''),
          last: digitsOf(last).replace(/f+$/, ''),
        })),
      };
    });
}

function comparePorts(a: PortSet, b: PortSet): number {
  for (const [index, range] of a.ranges.entries()) {
    const other = b.ranges[index];
    if (other === undefined) return 1;
    if (range.first !== other.first) return range.first - other.first;
    if (range.last !== other.last) return range.last - other.last;
  }
  return a.ranges.length - b.ranges.length;
}

function digitsOf(value: bigint): string {
  return value.toString(16).padStart(DIGITS, '0');
}

/**
 * Reads the data back out of the file and demands that everything after it is the template's program,
 * character by character.
 */
function readBack(files: readonly RuleFile[], templates: TemplateTexts): Admission {
  const [file, ...others] = files;
  if (file === undefined || file.path !== PATH || others.length > 0)
    throw new ReadBackError(`just one file ${PATH} is expected`);
  const match = FORM.exec(file.text)?.groups;
  if (match === undefined) throw new ReadBackError(`${PATH}: not in the form that is written`);
  const { statedAllowed, statedOtherwise, allowed, otherwise, byHost, data, program } = match;
  if (allowed !== statedAllowed || otherwise !== statedOtherwise || allowed === otherwise)
    throw new ReadBackError(`${PATH}: ALLOWED and OTHERWISE are not what the comments above say`);
  if (program !== programOf(templates))
    throw new ReadBackError(`${PATH}: the program after the data is not the template's`);
  const grants = readGrants(`${data}]`);
  const admission = Admission.union(grants.map(readGrant));
  if (byHost === 'true' && admission.grants.some(({ ports }) => !ports.equals(PortSet.allOf(['tcp']))))
    throw new ReadBackError(`${PATH}: BY_HOST is true, and a grant is not for all ports`);
  return admission;
}

/** What stands after the data; the template has no expression there. */
function programOf(templates: TemplateTexts): string {
  const template = templates.get(TEMPLATE) ?? '';
  const marker = '\n];\n';
  const program = template.slice(template.indexOf(marker) + marker.length);
  if (!template.includes(marker) || program.includes('{{'))
    throw new ReadBackError(`templates/pac/${TEMPLATE}: the program must be fixed text after the data`);
  return program;
}

const KEYS = ['ports', 'hosts', 'below', 'ipv4', 'ipv6'] as const;

type RawGrant = Readonly<Record<(typeof KEYS)[number], readonly unknown[]>>;

function readGrants(text: string): readonly RawGrant[] {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch (error) {
    throw new ReadBackError(`${PATH}: the data: ${(error as Error).message}`, [], { cause: error });
  }
  const isGrant = (value: unknown): value is RawGrant =>
    typeof value === 'object' &&
    value !== null &&
    Object.keys(value).join() === KEYS.join() &&
    Object.values(value).every(Array.isArray);
  if (!Array.isArray(data) || !data.every(isGrant))
    throw new ReadBackError(`${PATH}: the data are not grants with the keys ${KEYS.join(', ')}`);
  // JSON.parse lets a later key of the same name win in silence.
  if ((text.match(/"\w+":/g) ?? []).length !== data.length * KEYS.length)
    throw new ReadBackError(`${PATH}: a key of the data is listed twice`);
  if (new Set(data.map(({ ports }) => JSON.stringify(ports))).size !== data.length)
    throw new ReadBackError(`${PATH}: two grants have the same ports`);
  return data;
}

function readGrant(grant: RawGrant, index: number): Admission {
  const where = `${PATH}: grant ${index + 1}`;
  const ranges = pairs(grant.ports, isPort, `${where}: ports`);
  for (const [at, { first, last }] of ranges.entries())
    if (last < first || (at > 0 && first <= ranges[at - 1]!.last + 1))
      throw new ReadBackError(`${where}: ports that overlap, touch or are out of order`);
  const ports = PortSet.fromRanges(ranges.map((range) => ({ protocol: 'tcp', ...range })));
  if (ports.isEmpty) throw new ReadBackError(`${where}: no ports`);
  const hosts = HostSet.fromPatterns([
    ...readNames(grant.hosts, `${where}: hosts`).map((name) => ({ name, apex: true, subdomains: false })),
    ...readNames(grant.below, `${where}: below`).map((name) => ({ name, apex: false, subdomains: true })),
  ]);
  const { include } = hosts.patterns();
  const canonical = (names: readonly unknown[], kept: readonly { readonly name: string }[]) =>
    names.join() === kept.map(({ name }) => name).join();
  if (
    !canonical(
      grant.hosts,
      include.filter(({ apex }) => apex),
    ) ||
    !canonical(
      grant.below,
      include.filter(({ subdomains }) => subdomains),
    )
  )
    throw new ReadBackError(
      `${where}: names that are listed twice, are covered by another or are out of order`,
    );
  const ipv4 = pairs(grant.ipv4, isIpv4, `${where}: ipv4`).map(({ first, last }) => ({
    first: BigInt(first),
    last: BigInt(last),
  }));
  const ipv6 = pairs(grant.ipv6, isDigits, `${where}: ipv6`).map(({ first, last }) => {
    if (first.endsWith('0') || last.endsWith('f'))
      throw new ReadBackError(`${where}: ipv6: digits that should have been left out`);
    return {
      first: BigInt(`0x${first.padEnd(DIGITS, '0')}`),
      last: BigInt(`0x${last.padEnd(DIGITS, 'f')}`),
    };
  });
  return Admission.of([
    {
      hosts,
      addresses: new DualStackSet(sortedRanges(4, ipv4, where), sortedRanges(6, ipv6, where)),
      ports,
    },
  ]);
}

const isPort = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 65535;
const isIpv4 = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < 2 ** 32;
const isDigits = (value: unknown): value is string =>
  typeof value === 'string' && /^[0-9a-f]{0,32}$/.test(value);

/** `[first, last, first, last …]`; the program's binary search needs them disjoint and in order. */
function pairs<T>(values: readonly unknown[], is: (value: unknown) => value is T, where: string) {
  if (values.length % 2 !== 0 || !values.every(is))
    throw new ReadBackError(`${where}: pairs of a first and a last are expected`);
  return values.flatMap((first, index) => (index % 2 === 0 ? [{ first, last: values[index + 1]! }] : []));
}

/** The ranges as a set, if they are in order and apart, as the program's binary search needs them. */
function sortedRanges(
  family: 4 | 6,
  ranges: readonly { readonly first: bigint; readonly last: bigint }[],
  where: string,
): AddressSet {
  for (const [index, { first, last }] of ranges.entries())
    if (last < first || (index > 0 && first <= ranges[index - 1]!.last + 1n))
      throw new ReadBackError(`${where}: IPv${family} ranges that overlap, touch or are out of order`);
  return AddressSet.fromRanges(family, ranges);
}

function readNames(names: readonly unknown[], where: string): string[] {
  return names.map((name) => {
    if (typeof name !== 'string' || !isCanonical(name))
      throw new ReadBackError(`${where}: not a host name in canonical spelling: ${JSON.stringify(name)}`);
    return name;
  });
}

function isCanonical(name: string): boolean {
  try {
    return parseHost(name) === name;
  } catch {
    return false;
  }
}

/** Where what is allowed goes, and everything else; whether a host has one answer. */
function readSettings(files: readonly RuleFile[]): OptionValues {
  const { allowed, otherwise, byHost } = FORM.exec(files[0]?.text ?? '')?.groups ?? {};
  if (allowed === undefined || otherwise === undefined)
    throw new ReadBackError(`${PATH}: not in the form that is written`);
  return { allowed, otherwise, decideBy: byHost === 'true' ? 'host' : 'url' };
}

/** PAC: the sorted ranges and names that its program looks up, and the proof that it is that program. */
export const vendor = { extendView, readBack, readSettings } as const satisfies Vendor;
