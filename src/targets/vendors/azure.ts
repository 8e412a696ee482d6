import * as z from 'zod';
import { Admission } from '../../policy/admission.ts';
import { GuardRefusal } from '../../problem.ts';
import { EntryGroup, parsePorts, ReadBackError, readAt, readOnce } from '../read-back.ts';
import type { RuleFile } from '../render.ts';
import { commentsIn, readDocument, sharedSettings } from '../strict-document.ts';
import type { Vendor } from '../vendor.ts';
import type { PortsView } from '../view.ts';

/** What one IP group holds. */
const MOST = 5000;

const TERRAFORM = 'azure.tf.json';
const ARM = 'azure.json';

const ruleParts = {
  name: z.string(),
  protocols: z.tuple([z.enum(['TCP', 'UDP'])]),
  source_addresses: z.tuple([z.string()]),
  destination_ports: z.array(z.string()).min(1),
};
const variableOf = (name: string) => `\${var.azure_${name}}`;
const groupName = z.string().regex(/^azure-[a-z][a-z0-9-]*-ipv4$/);
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
      groupName,
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

const armRule = {
  ruleType: z.literal('NetworkRule'),
  name: z.string(),
  ipProtocols: z.tuple([z.enum(['TCP', 'UDP'])]),
  sourceAddresses: z.tuple([z.string()]),
  destinationPorts: z.array(z.string()).min(1),
};

/** What this target writes of a template of Azure Resource Manager, and nothing else. */
const armSchema = z.strictObject({
  $schema: z.literal('https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#'),
  contentVersion: z.literal('1.0.0.0'),
  parameters: z.strictObject({
    location: z.strictObject({
      type: z.literal('string'),
      defaultValue: z.literal('[resourceGroup().location]'),
    }),
    firewallPolicy: variable,
  }),
  resources: z.array(
    z.discriminatedUnion('type', [
      z.strictObject({
        type: z.literal('Microsoft.Network/ipGroups'),
        apiVersion: z.literal('2023-11-01'),
        name: groupName,
        location: z.literal("[parameters('location')]"),
        properties: z.strictObject({ ipAddresses: z.array(z.string()).min(1) }),
      }),
      z.strictObject({
        type: z.literal('Microsoft.Network/firewallPolicies/ruleCollectionGroups'),
        apiVersion: z.literal('2023-11-01'),
        name: z.literal("[concat(parameters('firewallPolicy'), '/azure-allowlist')]"),
        dependsOn: z.array(z.string()),
        properties: z.strictObject({
          priority: z.int(),
          ruleCollections: z.tuple([
            z.strictObject({
              ruleCollectionType: z.literal('FirewallPolicyFilterRuleCollection'),
              name: z.literal('azure-allowlist'),
              priority: z.int(),
              action: z.strictObject({ type: z.literal('Allow') }),
              rules: z
                .array(
                  z.union([
                    z.strictObject({ ...armRule, destinationIpGroups: z.tuple([z.string()]) }),
                    z.strictObject({ ...armRule, destinationFqdns: z.array(z.string()).min(1) }),
                  ]),
                )
                .min(1),
            }),
          ]),
        }),
      }),
    ]),
  ),
});

/** A network rule, whichever document says it. */
interface FirewallRule {
  readonly name: string;
  readonly protocol: 'TCP' | 'UDP';
  readonly source: string;
  readonly ports: readonly string[];
  /** The name of an IP group, or whole host names. */
  readonly to: string | readonly string[];
}

/** What a document says. */
interface Said {
  readonly format: 'terraform' | 'arm';
  readonly groups: readonly (readonly [id: string, cidrs: readonly string[]])[];
  readonly rules: readonly FirewallRule[];
  /** Of the group and of the collection; none where there are no rules. */
  readonly priorities: readonly number[];
}

/** What stands for the one place in a reference. @throws RangeError for anything else */
function referredTo(reference: string, before: string, after: string): string {
  if (!reference.startsWith(before) || !reference.endsWith(after))
    throw new RangeError(`${reference} does not refer to an IP group`);
  return reference.slice(before.length, -after.length);
}

const readTerraform = readOnce((file: RuleFile): Said => {
  const { resource, output } = readDocument(file, schema);
  const group = resource.azurerm_firewall_policy_rule_collection_group['azure-allowlist'];
  const [collection] = group?.network_rule_collection ?? [];
  const rules = collection?.rule ?? [];
  if (output['azure-rules'].value.join() !== rules.map(({ name }) => name).join())
    throw new ReadBackError(`${file.path}: the output azure-rules is not the names of the rules`);
  return {
    format: 'terraform',
    groups: Object.entries(resource.azurerm_ip_group).map(([id, { name, cidrs }]) => {
      if (name !== id) throw new ReadBackError(`${file.path}: ${id}: ${name} is the name of ${id}`);
      return [id, cidrs];
    }),
    rules: rules.map((rule) =>
      readAt(`${file.path}: ${rule.name}`, () => ({
        name: rule.name,
        protocol: rule.protocols[0],
        source: rule.source_addresses[0],
        ports: rule.destination_ports,
        to:
          'destination_ip_groups' in rule
            ? referredTo(rule.destination_ip_groups[0], '${azurerm_ip_group.', '.id}')
            : rule.destination_fqdns,
      })),
    ),
    priorities: group === undefined ? [] : [group.priority, collection!.priority],
  };
});

const readArm = readOnce((file: RuleFile): Said => {
  const { resources } = readDocument(file, armSchema);
  const groups = resources.flatMap((one) =>
    one.type === 'Microsoft.Network/ipGroups' ? [[one.name, one.properties.ipAddresses] as const] : [],
  );
  const collections = resources.flatMap((one) =>
    one.type === 'Microsoft.Network/firewallPolicies/ruleCollectionGroups' ? [one] : [],
  );
  if (collections.length > 1) throw new ReadBackError(`${file.path}: two rule collection groups`);
  const idOf = (id: string) => `[resourceId('Microsoft.Network/ipGroups', '${id}')]`;
  const [group] = collections;
  const [collection] = group?.properties.ruleCollections ?? [];
  if ((group?.dependsOn ?? []).join() !== groups.map(([id]) => idOf(id)).join())
    throw new ReadBackError(`${file.path}: the rules do not wait for the IP groups`);
  return {
    format: 'arm',
    groups,
    rules: (collection?.rules ?? []).map((rule) =>
      readAt(`${file.path}: ${rule.name}`, () => ({
        name: rule.name,
        protocol: rule.ipProtocols[0],
        source: rule.sourceAddresses[0],
        ports: rule.destinationPorts,
        to:
          'destinationIpGroups' in rule
            ? referredTo(rule.destinationIpGroups[0], "[resourceId('Microsoft.Network/ipGroups', '", "')]")
            : rule.destinationFqdns,
      })),
    ),
    priorities: group === undefined ? [] : [group.properties.priority, collection!.priority],
  };
});

/** What the documents say, which is the same. @throws ReadBackError */
const saidIn = readOnce((files: readonly RuleFile[]) => {
  for (const { path } of files)
    if (!['about.txt', TERRAFORM, ARM].includes(path))
      throw new ReadBackError(`${path}: not a file of this target`);
  commentsIn(files, 'about.txt');
  const all = files.flatMap((file) =>
    file.path === TERRAFORM ? [readTerraform(file)] : file.path === ARM ? [readArm(file)] : [],
  );
  const [first] = all;
  if (first === undefined) throw new ReadBackError(`there is neither ${TERRAFORM} nor ${ARM}`);
  const text = ({ groups, rules, priorities }: Said) => JSON.stringify([groups, rules, priorities]);
  if (all.some((one) => text(one) !== text(first))) throw new ReadBackError(`${TERRAFORM} and ${ARM} differ`);
  const formats = ['terraform', 'arm'].filter((one) => all.some(({ format }) => format === one));
  return { ...first, formats: formats.join(' ') };
});

function readBack(files: readonly RuleFile[]): Admission {
  const { groups: lists, rules } = saidIn(files);
  const ids = lists.map(([id]) => id);
  const groups = new Map(
    lists.map(([id, cidrs], index) =>
      readAt(id, () => {
        if (ids.indexOf(id) < index) throw new RangeError('is listed twice');
        const entries = new EntryGroup();
        for (const cidr of cidrs) entries.addPrefix(cidr);
        entries.requireDisjoint(id);
        return [id, entries] as const;
      }),
    ),
  );
  const names = new Set<string>();
  const used = new Set<string>();
  const grants = rules.map((rule) =>
    readAt(rule.name, () => {
      const protocol = rule.protocol === 'TCP' ? 'tcp' : 'udp';
      const [, id] = /^(azure-[a-z0-9_-]+)-(?:tcp|udp)$/.exec(rule.name) ?? [];
      if (id === undefined || !rule.name.endsWith(`-${protocol}`))
        throw new RangeError('is not the name of such a rule');
      if (names.has(rule.name)) throw new RangeError('is listed twice');
      names.add(rule.name);
      const ports = parsePorts(rule.ports.join(' ')).as(protocol);
      if (ports.as('tcp').toStrings().join() !== rule.ports.join())
        throw new RangeError(`${rule.ports.join(' ')} is not in canonical spelling`);
      if (typeof rule.to === 'string') {
        const entries = groups.get(id);
        if (entries === undefined || rule.to !== id)
          throw new RangeError(`does not refer to the IP group ${id}`);
        used.add(id);
        return entries.on(ports);
      }
      const entries = new EntryGroup();
      for (const host of rule.to) entries.addHost(host, true, false);
      entries.requireDisjoint(rule.name);
      return entries.on(ports);
    }),
  );
  for (const id of ids) if (!used.has(id)) throw new ReadBackError(`no rule refers to ${id}`);
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
    const formats = String(view.options.formats).split(' ');
    const pathsIf = (format: string, path: string) => (formats.includes(format) ? [{ path }] : []);
    return {
      ...view,
      rulesByProtocol: rules,
      hasRules: rules.length > 0,
      terraform: pathsIf('terraform', TERRAFORM),
      arm: pathsIf('arm', ARM),
    };
  },
  readBack,
  readSettings: (files) => {
    const { formats, rules, priorities } = saidIn(files);
    const [priority, other] = priorities;
    if (priority !== other) throw new ReadBackError('the priorities differ');
    const all = rules.map(({ source }) => ({ priority: priority!, source }));
    return { formats, ...sharedSettings(all, 'the rules are for different sources') };
  },
};
