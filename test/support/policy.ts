import { createHash } from 'node:crypto';
import { parseTypedPrefix } from '../../src/config/typed-prefix.ts';
import type { EndpointRow } from '../../src/endpoints/endpoint-table.ts';
import { DualStackSet } from '../../src/net/dual-stack-set.ts';
import { parseHostPattern } from '../../src/net/host-pattern.ts';
import { HostSet } from '../../src/net/host-set.ts';
import { keyOfPorts, type Method, type MethodPorts, portsBy } from '../../src/net/method.ts';
import { PortSet } from '../../src/net/ports.ts';
import { parsePrefix } from '../../src/net/prefix.ts';
import type { AddressUse, Policy, PolicyRule } from '../../src/policy/policy.ts';

/** A rule as a test writes it down: everything as text. */
export interface RuleParts {
  readonly name: string;
  /** Host patterns by the ports they may be reached on: `{ '80,443': ['*.example.com'] }`; disjoint. */
  readonly names?: Readonly<Record<string, readonly string[]>>;
  /** Hosts of which only a path is asked for, likewise: `{ '80': ['crl.example.net/pki'] }`. */
  readonly paths?: Readonly<Record<string, readonly string[]>>;
  /** By which methods a proxy may be asked for a pattern: `{ '*.example.com': ['tunnel'] }`; by both where it is not there. */
  readonly methods?: Readonly<Record<string, readonly Method[]>>;
  /** Of service tags: they describe the same traffic as the names. */
  readonly prefixes?: readonly string[];
  /** Of the rule itself, beside the names. */
  readonly own?: readonly string[];
  /** Of the addresses. */
  readonly ports?: string;
  readonly addressUse?: AddressUse;
  /** Every client by default. */
  readonly clients?: readonly string[];
}

/** A policy from rules as text; its digest follows from them. */
export function makePolicy(...rules: readonly RuleParts[]): Policy {
  return {
    rules: rules.map(makeRule),
    digest: createHash('sha256').update(JSON.stringify(rules)).digest('hex'),
  };
}

/**
 * The policy of the golden files: all kinds of host patterns, several port sets, both families, hosts that are asked for
 * by one method, a host asked for by path, an overlap between rules, and a rule of which nothing is left.
 */
export function samplePolicy(): Policy {
  return makePolicy(
    {
      name: 'connector',
      names: {
        '443': ['*.example.com', 'login.example.net', 'deep.label.example.net'],
        '80': ['crl.example.net'],
        '80,443': ['.example.org'],
        '443,5671-5672,8080-8090': ['*.bus.example.net'],
      },
      paths: { '80': ['www.example.net/pkiops'] },
      methods: { '*.bus.example.net': ['tunnel'], 'crl.example.net': ['plain'] },
      prefixes: [
        '198.51.100.0/25',
        '198.51.100.128/26',
        '198.51.100.64/26',
        '203.0.113.7/32',
        '2001:db8::/34',
        '2001:db8:8000::1/128',
      ],
      ports: '80,443',
    },
    {
      name: 'storage-weu',
      prefixes: ['192.0.2.0/28', '192.0.2.32/31', '198.51.100.192/27', '2001:db8:4000:10::/60'],
      ports: '443',
    },
    { name: 'sql', prefixes: ['198.18.0.0/15'], ports: '1433,11000-11999' },
    { name: 'emptied' },
  );
}

function makeRule(parts: RuleParts): PolicyRule {
  const {
    name,
    names = {},
    paths = {},
    methods = {},
    prefixes: texts = [],
    own = [],
    ports = '443',
    addressUse = 'fallback',
  } = parts;
  // Beside names, addresses are those of tags: what is the rule's own is asked for beside the names.
  const hasNames = Object.keys(names).length + Object.keys(paths).length > 0;
  const prefixes = [...(hasNames ? [] : texts), ...own].map(parsePrefix);
  const row = (text: string, on: string): Omit<EndpointRow, 'index'> => {
    const slash = text.indexOf('/');
    return {
      table: 'test',
      host: parseHostPattern(slash < 0 ? text : text.slice(0, slash)),
      ...(slash < 0 ? {} : { path: text.slice(slash) }),
      ports: parsePorts(on),
      // A host may be called as a field that every object has.
      ...(Object.hasOwn(methods, text) ? { methods: methods[text] } : {}),
      purpose: 'test',
      sources: ['test'],
      coveredBy: [],
    };
  };
  const rows = [names, paths].flatMap((part) =>
    Object.entries(part).flatMap(([on, patterns]) => patterns.map((pattern) => row(pattern, on))),
  );
  const byPorts = new Map<string, { readonly hosts: EndpointRow['host'][]; readonly on: MethodPorts }>();
  for (const { host, ports: all, methods: by } of rows) {
    const on = portsBy(all, by);
    const known = byPorts.get(keyOfPorts(on)) ?? { hosts: [], on };
    known.hosts.push(host);
    byPorts.set(keyOfPorts(on), known);
  }
  return {
    name,
    reason: `test rule ${name}`,
    names: [...byPorts.values()]
      .map(({ hosts, on }) => ({ hosts: HostSet.fromPatterns(hosts), ...on }))
      .sort(
        (a, b) =>
          a.ports.ranges[0]!.first - b.ports.ranges[0]!.first || (keyOfPorts(a) < keyOfPorts(b) ? -1 : 1),
      ),
    rows: rows.map((entry, index) => ({ ...entry, index })),
    tags: [],
    prefixes,
    addresses: DualStackSet.fromPrefixes([...texts.map(parsePrefix), ...prefixes]),
    addressPorts: parsePorts(ports),
    addressUse,
    ...(parts.clients === undefined
      ? {}
      : { clients: DualStackSet.fromPrefixes(parts.clients.map(parseTypedPrefix)) }),
  };
}

function parsePorts(text: string): PortSet {
  return text
    .split(',')
    .map((part) => PortSet.parse(part))
    .reduce((all, ports) => all.union(ports), PortSet.empty);
}
