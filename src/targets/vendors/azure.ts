import * as z from 'zod';
import { Admission } from '../../policy/admission.ts';
import { GuardRefusal } from '../../problem.ts';
import { EntryGroup, parsePorts, ReadBackError, readAt, readOnce } from '../read-back.ts';
import type { RuleFile } from '../render.ts';
import { documentBesideAbout, readDocument, sharedSettings } from '../strict-document.ts';
import type { Vendor } from '../vendor.ts';
import type { PortsView } from '../view.ts';

/** What one IP group holds. */
const MOST = 5000;

const ruleParts = {
  name: z.string(),
  protocols: z.tuple([z.enum(['TCP', 'UDP'])]),
  source_addresses: z.tuple([z.string()]),
  destination_ports: z.array(z.string()).min(1),
};
const variableOf = (name: string) => `\${var.azure_${name}}`;
const variable = z.strictObject({ type: z.literal('string') });

/** What this target writes of a Terraform configuration, and nothing else: a field more or less would mean something else. */
const schema = z.strictObject({
  variable: z.strictObject({
    azure_location: variable,
    azure_resource_group: variable,
    azure_firewall_policy_id: variable,
  }),
  resource: z.strictObject({
    azurerm_ip_group: z.record(
      z.string().regex(/^azure-[a-z][a-z0-9-]*-ipv4$/),
      z.strictObject({
        name: z.string(),
        location: z.literal(variableOf('location')),
        resource_group_name: z.literal(variableOf('resource_group')),
        cidrs: z.array(z.string()).min(1),
      }),
    ),
    azurerm_firewall_policy_rule_collection_group: z.strictObject({
      'azure-allowlist': z
        .strictObject({
          name: z.literal('azure-allowlist'),
          firewall_policy_id: z.literal(variableOf('firewall_policy_id')),
          priority: z.int(),
          network_rule_collection: z.tuple([
            z.strictObject({
              name: z.literal('azure-allowlist'),
              priority: z.int(),
              action: z.literal('Allow'),
              rule: z
                .array(
                  z.union([
                    z.strictObject({ ...ruleParts, destination_ip_groups: z.tuple([z.string()]) }),
                    z.strictObject({ ...ruleParts, destination_fqdns: z.array(z.string()).min(1) }),
                  ]),
                )
                .min(1),
            }),
          ]),
        })
        .optional(),
    }),
  }),
  output: z.strictObject({ 'azure-rules': z.strictObject({ value: z.array(z.string()) }) }),
});

const documentOf = readOnce((files: readonly RuleFile[]) =>
  readDocument(documentBesideAbout(files, 'azure.tf.json'), schema),
);

function readBack(files: readonly RuleFile[]): Admission {
  const { resource, output } = documentOf(files);
  const groups = new Map(
    Object.entries(resource.azurerm_ip_group).map(([id, { name, cidrs }]) =>
      readAt(`azure.tf.json: ${id}`, () => {
        if (name !== id) throw new RangeError(`${name} is the name of ${id}`);
        const entries = new EntryGroup();
        for (const cidr of cidrs) entries.addPrefix(cidr);
        entries.requireDisjoint(id);
        return [id, entries] as const;
      }),
    ),
  );
  const group = resource.azurerm_firewall_policy_rule_collection_group['azure-allowlist'];
  const rules = group?.network_rule_collection[0].rule ?? [];
  if (output['azure-rules'].value.join() !== rules.map(({ name }) => name).join())
    throw new ReadBackError('azure.tf.json: the output azure-rules is not the names of the rules');
  const names = new Set<string>();
  const used = new Set<string>();
  const grants = rules.map((rule) =>
    readAt(`azure.tf.json: ${rule.name}`, () => {
      const protocol = rule.protocols[0] === 'TCP' ? 'tcp' : 'udp';
      const [, id] = /^(azure-[a-z0-9_-]+)-(?:tcp|udp)$/.exec(rule.name) ?? [];
      if (id === undefined || !rule.name.endsWith(`-${protocol}`))
        throw new RangeError('is not the name of such a rule');
      if (names.has(rule.name)) throw new RangeError('is listed twice');
      names.add(rule.name);
      const ports = parsePorts(rule.destination_ports.join(' ')).as(protocol);
      if (ports.as('tcp').toStrings().join() !== rule.destination_ports.join())
        throw new RangeError(`${rule.destination_ports.join(' ')} is not in canonical spelling`);
      if ('destination_ip_groups' in rule) {
        const entries = groups.get(id);
        if (entries === undefined || rule.destination_ip_groups[0] !== `\${azurerm_ip_group.${id}.id}`)
          throw new RangeError(`does not refer to the IP group ${id}`);
        used.add(id);
        return entries.on(ports);
      }
      const entries = new EntryGroup();
      for (const host of rule.destination_fqdns) entries.addHost(host, true, false);
      entries.requireDisjoint(rule.name);
      return entries.on(ports);
    }),
  );
  for (const id of groups.keys())
    if (!used.has(id)) throw new ReadBackError(`azure.tf.json: no rule refers to ${id}`);
  return Admission.union(grants);
}

/** One rule a protocol: a rule with two would let each through on the ports of the other. */
function byProtocol<T extends { readonly ports: PortsView }>(lists: readonly T[]) {
  return lists.flatMap((list) =>
    list.ports.protocols.map(({ protocol, ranges }) => ({
      ...list,
      protocol,
      upper: protocol.toUpperCase(),
      ranges,
    })),
  );
}

export const vendor: Vendor = {
  extendView: (view) => {
    const over = view.addressLists.filter(({ count }) => count > MOST);
    if (over.length > 0)
      throw new GuardRefusal(
        'target-limit: target azure is over a limit of its vendor',
        over.map(({ id, count }) => ({
          where: 'targets.azure',
          what: `${count} prefixes in the IP group azure-${id}, ${MOST} at most`,
          next: `select fewer or narrower service tags, or allow the fewest extra addresses with \`targets.azure.budget: ${MOST}\``,
        })),
      );
    const rules = [
      ...byProtocol(view.addressLists).map((rule) => ({ ...rule, byName: false, hosts: [] })),
      ...byProtocol(view.nameLists).map((rule) => ({ ...rule, byName: true })),
    ];
    return { ...view, rulesByProtocol: rules, hasRules: rules.length > 0 };
  },
  readBack,
  readSettings: (files) => {
    const group = documentOf(files).resource.azurerm_firewall_policy_rule_collection_group['azure-allowlist'];
    if (group === undefined) return {};
    const [{ priority, rule }] = group.network_rule_collection;
    if (priority !== group.priority) throw new ReadBackError('azure.tf.json: the priorities differ');
    const all = rule.map(({ source_addresses: [source] }) => ({ priority, source }));
    return sharedSettings(all, 'azure.tf.json: the rules are for different sources') ?? {};
  },
};
