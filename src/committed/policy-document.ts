import * as z from 'zod';
import type { EndpointRow } from '../endpoints/endpoint-table.ts';
import { M365_CATEGORIES } from '../feed/m365.ts';
import { DualStackSet } from '../net/dual-stack-set.ts';
import { formatHostPattern, parseHostPattern } from '../net/host-pattern.ts';
import { HostSet } from '../net/host-set.ts';
import { METHODS } from '../net/method.ts';
import { PortSet } from '../net/ports.ts';
import { formatPrefix, type Prefix, parsePrefix } from '../net/prefix.ts';
import { clientTexts, readClientTexts } from '../policy/clients.ts';
import { type Policy, type PolicyRule, SCENARIOS, type TagAddresses } from '../policy/policy.ts';
import { makePolicy } from '../policy/resolve.ts';

/**
 * A policy as the lock writes it. The prefixes of the service tags stand in `snapshot/<tag>.txt`; here are
 * only their counts, for people, and everything else that a policy consists of.
 */

const counts = z.strictObject({
  prefixes: z.int(),
  ipv4Addresses: z.string(),
  ipv6Addresses: z.string(),
  ipv4Cover: z.int(),
  ipv6Cover: z.int(),
});

const row = z.strictObject({
  table: z.string(),
  index: z.int(),
  host: z.string(),
  path: z.string().optional(),
  partialName: z.string().optional(),
  ports: z.string(),
  purpose: z.string(),
  sources: z.array(z.string()),
  since: z.string().optional(),
  optional: z.string().optional(),
  inText: z.string().optional(),
  methods: z.array(z.enum(METHODS)).min(1).optional(),
  misprintOf: z.string().optional(),
  coveredBy: z.array(z.strictObject({ tag: z.string(), basis: z.string() })),
  notCovered: z.string().optional(),
  note: z.string().optional(),
});

const m365 = z.strictObject({
  id: z.int(),
  serviceArea: z.string(),
  category: z.enum(M365_CATEGORIES),
  required: z.boolean(),
});

const rule = z.strictObject({
  name: z.string(),
  reason: z.string(),
  names: z.array(
    z.strictObject({
      ports: z.string(),
      /** On which of the ports by which method; both absent where it is on all of them by both. */
      tunnel: z.string().optional(),
      plain: z.string().optional(),
      hosts: z.array(z.string()),
    }),
  ),
  rows: z.array(row),
  tags: z.array(
    z.strictObject({ tag: z.string(), region: z.string(), m365: m365.optional(), ...counts.shape }),
  ),
  prefixes: z.array(z.string()),
  addressPorts: z.string(),
  addressUse: z.enum(['fallback', 'always', 'never']),
  /** Who may use the rule; absent where every client may. */
  clients: z.array(z.string()).min(1).optional(),
  scenario: z.enum(SCENARIOS).optional(),
  proxies: z.array(z.string()).min(1).optional(),
  omitted: z
    .array(z.strictObject({ kind: z.enum(['udp', 'wildcard', 'ports', 'constraint']), reason: z.string() }))
    .optional(),
  /** What its tags have lost and is let through until a date; absent where nothing is. */
  held: z
    .array(z.strictObject({ tag: z.string(), until: z.iso.date(), prefixes: z.array(z.string()).min(1) }))
    .optional(),
  total: counts.omit({ prefixes: true }),
});

export const policyDocumentSchema = z.strictObject({ digest: z.string(), rules: z.array(rule) });

export type PolicyDocument = z.infer<typeof policyDocumentSchema>;

export function writePolicy(policy: Policy): PolicyDocument {
  return {
    digest: policy.digest,
    rules: policy.rules.map((rule) => ({
      name: rule.name,
      reason: rule.reason,
      names: rule.names.map(({ hosts, ports, by }) => ({
        ports: ports.toString(),
        ...(by === undefined ? {} : { tunnel: by.tunnel.toString(), plain: by.plain.toString() }),
        hosts: hosts.toStrings(),
      })),
      rows: rule.rows.map(({ host, ports, inText, methods, sources, coveredBy, ...row }) => ({
        ...row,
        ...(methods === undefined ? {} : { methods: [...methods] }),
        ...(inText === undefined ? {} : { inText: inText.toString() }),
        host: formatHostPattern(host),
        ports: ports.toString(),
        sources: [...sources],
        coveredBy: [...coveredBy],
      })),
      tags: rule.tags.map(({ prefixes, addresses, ...tag }) => ({
        ...tag,
        prefixes: prefixes.length,
        ...countsOf(addresses),
      })),
      prefixes: rule.prefixes.map(formatPrefix),
      addressPorts: rule.addressPorts.toString(),
      addressUse: rule.addressUse,
      ...(rule.clients === undefined ? {} : { clients: clientTexts(rule.clients) }),
      ...(rule.scenario === undefined ? {} : { scenario: rule.scenario }),
      ...(rule.proxies === undefined ? {} : { proxies: clientTexts(rule.proxies) }),
      ...(rule.omitted === undefined ? {} : { omitted: [...rule.omitted] }),
      ...(rule.held === undefined
        ? {}
        : {
            held: rule.held.map(({ addresses, ...rest }) => ({ ...rest, prefixes: addresses.toStrings() })),
          }),
      total: countsOf(rule.addresses),
    })),
  };
}

/** What a snapshot has of a service tag. Most commands ask for its addresses alone. */
export interface PrefixesOfTag {
  readonly prefixes: () => readonly Prefix[];
  readonly addresses: DualStackSet;
}

/**
 * Rebuilds the policy that a lock describes.
 * @param prefixesOf the prefixes of a service tag, from the snapshot beside the lock
 */
export function readPolicy(document: PolicyDocument, prefixesOf: (tag: string) => PrefixesOfTag): Policy {
  return makePolicy(
    document.rules.map((rule): PolicyRule => {
      const tags = rule.tags.map(({ tag, region, m365 }): TagAddresses => {
        const { prefixes, addresses } = prefixesOf(tag);
        let made: readonly Prefix[] | undefined;
        return {
          tag,
          region,
          get prefixes() {
            made ??= prefixes();
            return made;
          },
          addresses,
          ...(m365 === undefined ? {} : { m365 }),
        };
      });
      const prefixes = rule.prefixes.map(parsePrefix);
      return {
        name: rule.name,
        reason: rule.reason,
        names: rule.names.map(({ hosts, ports, tunnel, plain }) => ({
          hosts: HostSet.fromPatterns(hosts.map(parseHostPattern)),
          ports: PortSet.parseList(ports),
          ...(tunnel === undefined && plain === undefined
            ? {}
            : { by: { tunnel: PortSet.parseList(tunnel ?? ''), plain: PortSet.parseList(plain ?? '') } }),
        })),
        rows: rule.rows.map(readRow),
        tags,
        prefixes,
        addresses: DualStackSet.union([
          ...tags.map(({ addresses }) => addresses),
          DualStackSet.fromPrefixes(prefixes),
        ]),
        addressPorts: PortSet.parseList(rule.addressPorts),
        addressUse: rule.addressUse,
        ...(rule.clients === undefined ? {} : { clients: readClientTexts(rule.clients) }),
        ...(rule.scenario === undefined ? {} : { scenario: rule.scenario }),
        ...(rule.proxies === undefined ? {} : { proxies: readClientTexts(rule.proxies) }),
        ...(rule.omitted === undefined ? {} : { omitted: rule.omitted }),
        ...(rule.held === undefined
          ? {}
          : {
              held: rule.held.map(({ prefixes, ...rest }) => ({
                ...rest,
                addresses: DualStackSet.fromPrefixes(prefixes.map(parsePrefix)),
              })),
            }),
      };
    }),
  );
}

function readRow({
  host,
  ports,
  inText,
  ...rest
}: PolicyDocument['rules'][number]['rows'][number]): EndpointRow {
  // JSON has no undefined: an optional key that is absent stays absent.
  return {
    ...rest,
    host: parseHostPattern(host),
    ports: PortSet.parseList(ports),
    ...(inText === undefined ? {} : { inText: PortSet.parseList(inText) }),
  } as EndpointRow;
}

function countsOf(addresses: DualStackSet) {
  return {
    ipv4Addresses: addresses.ipv4.size.toString(),
    ipv6Addresses: addresses.ipv6.size.toString(),
    ipv4Cover: addresses.ipv4.cover().length,
    ipv6Cover: addresses.ipv6.cover().length,
  };
}
