import * as z from 'zod';
import { DualStackSet } from '../../net/dual-stack-set.ts';
import { formatPrefix } from '../../net/prefix.ts';
import { Admission } from '../../policy/admission.ts';
import type { Policy, PolicyRule } from '../../policy/policy.ts';
import { GuardRefusal, type Problem } from '../../problem.ts';
import { nameHash } from '../name-hash.ts';
import type { PlannedRule, TargetPlan } from '../plan.ts';
import { EntryGroup, parsePorts, ReadBackError, readAt, readOnce } from '../read-back.ts';
import type { RuleFile } from '../render.ts';
import { commentsIn, readDocument, sharedSettings } from '../strict-document.ts';
import type { Vendor } from '../vendor.ts';
import type { View } from '../view.ts';

/** What one network security group holds. */
const MOST_RULES = 1000;
const MOST_ADDRESSES = 4000;
const MOST_CHARACTERS = 80;

/** Priorities are taken from this many, by the name of the rule. */
const SPAN = 1000;

const TERRAFORM = 'azure.tf.json';
const ARM = 'azure.json';
const TAGS = 'service-tags.txt';

/** A rule of a network security group, whichever document says it. */
interface NsgRule {
  readonly name: string;
  readonly priority: number;
  readonly protocol: 'Tcp' | 'Udp';
  readonly source: string;
  readonly ports: readonly string[];
  /** A service tag, or prefixes. */
  readonly to: string | readonly string[];
}

const variable = z.strictObject({ type: z.literal('string') });
const wholeTags = z.enum(['whole', 'never']);
const name = z.string().regex(/^azure-[a-z][A-Za-z0-9._-]*-(?:tcp|udp)$/);

/** What this target writes of a Terraform configuration, and nothing else: a field more or less would mean something else. */
const terraformSchema = z.strictObject({
  variable: z.strictObject({ azure_resource_group: variable, azure_network_security_group: variable }),
  locals: z.strictObject({ azure_service_tags: wholeTags }),
  resource: z.strictObject({
    azurerm_network_security_rule: z.record(
      z.string(),
      z.strictObject({
        name,
        // biome-ignore lint/suspicious/noTemplateCurlyInString: Terraform's own
        resource_group_name: z.literal('${var.azure_resource_group}'),
        // biome-ignore lint/suspicious/noTemplateCurlyInString: Terraform's own
        network_security_group_name: z.literal('${var.azure_network_security_group}'),
        priority: z.int(),
        direction: z.literal('Outbound'),
        access: z.literal('Allow'),
        protocol: z.enum(['Tcp', 'Udp']),
        source_port_range: z.literal('*'),
        source_address_prefix: z.string(),
        destination_port_ranges: z.array(z.string()).min(1),
        destination_address_prefix: z.string().optional(),
        destination_address_prefixes: z.array(z.string()).min(1).optional(),
      }),
    ),
  }),
});

/** What this target writes of a template of Azure Resource Manager, and nothing else. */
const armSchema = z.strictObject({
  $schema: z.literal('https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#'),
  contentVersion: z.literal('1.0.0.0'),
  metadata: z.strictObject({ serviceTags: wholeTags }),
  parameters: z.strictObject({ networkSecurityGroup: variable }),
  resources: z.array(
    z.strictObject({
      type: z.literal('Microsoft.Network/networkSecurityGroups/securityRules'),
      apiVersion: z.literal('2023-11-01'),
      name: z.string(),
      properties: z.strictObject({
        priority: z.int(),
        direction: z.literal('Outbound'),
        access: z.literal('Allow'),
        protocol: z.enum(['Tcp', 'Udp']),
        sourcePortRange: z.literal('*'),
        sourceAddressPrefix: z.string(),
        destinationPortRanges: z.array(z.string()).min(1),
        destinationAddressPrefix: z.string().optional(),
        destinationAddressPrefixes: z.array(z.string()).min(1).optional(),
      }),
    }),
  ),
});

/** The one of the two that says where a rule goes. @throws RangeError for both, or neither */
function destination(tag: string | undefined, prefixes: readonly string[] | undefined) {
  if ((tag === undefined) === (prefixes === undefined))
    throw new RangeError('goes to a service tag or to prefixes, not to both or to neither');
  return tag ?? prefixes!;
}

/** A key of Terraform has no dots. */
const keyOf = (rule: string) => rule.replaceAll('.', '_');

const terraformOf = readOnce((file: RuleFile) => {
  const { resource, locals } = readDocument(file, terraformSchema);
  const rules = Object.entries(resource.azurerm_network_security_rule).map(
    ([key, one]): NsgRule =>
      readAt(`${file.path}: ${key}`, () => {
        if (keyOf(one.name) !== key) throw new RangeError(`${one.name} is the name of ${key}`);
        return {
          name: one.name,
          priority: one.priority,
          protocol: one.protocol,
          source: one.source_address_prefix,
          ports: one.destination_port_ranges,
          to: destination(one.destination_address_prefix, one.destination_address_prefixes),
        };
      }),
  );
  return { format: 'terraform', serviceTags: locals.azure_service_tags, rules };
});

const armOf = readOnce((file: RuleFile) => {
  const { resources, metadata } = readDocument(file, armSchema);
  const rules = resources.map(
    (resource, index): NsgRule =>
      readAt(`${file.path}: resources.${index}`, () => {
        const [, own = ''] =
          /^\[concat\(parameters\('networkSecurityGroup'\), '\/(.+)'\)\]$/.exec(resource.name) ?? [];
        const { properties: one } = resource;
        return {
          name: name.parse(own),
          priority: one.priority,
          protocol: one.protocol,
          source: one.sourceAddressPrefix,
          ports: one.destinationPortRanges,
          to: destination(one.destinationAddressPrefix, one.destinationAddressPrefixes),
        };
      }),
  );
  return { format: 'arm', serviceTags: metadata.serviceTags, rules };
});

/** What the files say: the same in each document. @throws ReadBackError */
const documentsOf = readOnce((files: readonly RuleFile[]) => {
  const known = new Set(['about.txt', TERRAFORM, ARM, TAGS]);
  for (const { path } of files)
    if (!known.has(path)) throw new ReadBackError(`${path}: not a file of this target`);
  commentsIn(files, 'about.txt');
  const documents = files.flatMap((file) =>
    file.path === TERRAFORM ? [terraformOf(file)] : file.path === ARM ? [armOf(file)] : [],
  );
  const [first] = documents;
  if (first === undefined) throw new ReadBackError(`there is neither ${TERRAFORM} nor ${ARM}`);
  const said = ({ rules, serviceTags }: typeof first) => JSON.stringify([rules, serviceTags]);
  for (const other of documents)
    if (said(other) !== said(first)) throw new ReadBackError(`${TERRAFORM} and ${ARM} differ`);
  const formats = ['terraform', 'arm'].filter((one) => documents.some(({ format }) => format === one));
  return { formats, ...first };
});

/** What each service tag held as it was reviewed. */
function tagsIn(files: readonly RuleFile[]): ReadonlyMap<string, EntryGroup> {
  const tags = new Map<string, EntryGroup>();
  const file = files.find(({ path }) => path === TAGS);
  for (const [index, line] of (file?.text.trimEnd().split('\n') ?? []).entries()) {
    if (line.startsWith('#')) continue;
    readAt(`${TAGS}:${index + 1}`, () => {
      const [, tag, prefix] = /^([A-Za-z][A-Za-z0-9.]*) (\S+)$/.exec(line) ?? [];
      if (tag === undefined) throw new RangeError(`not a service tag and a prefix: ${JSON.stringify(line)}`);
      const entries = tags.get(tag) ?? new EntryGroup();
      tags.set(tag, entries);
      entries.addPrefix(prefix!);
    });
  }
  for (const [tag, entries] of tags) entries.requireDisjoint(`${TAGS}: ${tag}`);
  return tags;
}

function readBack(files: readonly RuleFile[]): Admission {
  const { rules } = documentsOf(files);
  const tags = tagsIn(files);
  const used = new Set<string>();
  const names = new Set<string>();
  const grants = rules.map((rule) =>
    readAt(rule.name, () => {
      const protocol = rule.protocol === 'Tcp' ? 'tcp' : 'udp';
      if (!rule.name.endsWith(`-${protocol}`)) throw new RangeError(`is for ${rule.protocol}`);
      if (names.has(rule.name)) throw new RangeError('is listed twice');
      names.add(rule.name);
      const ports = parsePorts(rule.ports.join(' ')).as(protocol);
      if (ports.as('tcp').toStrings().join() !== rule.ports.join())
        throw new RangeError(`${rule.ports.join(' ')} is not in canonical spelling`);
      if (typeof rule.to !== 'string') {
        const family = /-ipv4-(?:tcp|udp)$/.test(rule.name) ? 4 : 6;
        return Admission.addresses(EntryGroup.list(family, rule.to, rule.name), ports);
      }
      const entries = tags.get(rule.to);
      if (entries === undefined) throw new RangeError(`${TAGS} does not say what ${rule.to} holds`);
      if (!rule.name.endsWith(`-${rule.to}-${protocol}`)) throw new RangeError(`goes to ${rule.to}`);
      used.add(rule.to);
      return entries.on(ports);
    }),
  );
  for (const tag of tags.keys())
    if (!used.has(tag)) throw new ReadBackError(`${TAGS}: no rule goes to ${tag}`);
  return Admission.union(grants);
}

/**
 * Priorities from `first` on, by name: a rule that comes or goes moves no other, unless both would have the same.
 * @param names all different
 */
function priorities(names: readonly string[], first: number): ReadonlyMap<string, number> {
  const taken = new Map<number, string>();
  for (const own of [...names].sort()) {
    let place = nameHash(own) % SPAN;
    while (taken.has(place)) place = (place + 1) % SPAN;
    taken.set(place, own);
  }
  return new Map([...taken].map(([place, own]) => [own, first + place]));
}

/**
 * Whether a rule is its service tags and nothing else, so that the platform can be told the tags: no prefix of its own,
 * nothing left out, held or added by a budget, and no list that the platform does not know.
 */
function isWhole(rule: PolicyRule, { addresses }: PlannedRule): boolean {
  const all = DualStackSet.union(rule.tags.map((tag) => tag.addresses));
  return (
    addresses !== undefined &&
    rule.tags.length > 0 &&
    rule.prefixes.length === 0 &&
    !(rule.omitted ?? []).some(({ kind }) => kind === 'constraint') &&
    rule.tags.every(({ tag, m365 }) => m365 === undefined && !tag.endsWith('.Unassigned')) &&
    addresses.set.equals(all)
  );
}

function extendView(view: View, plan: TargetPlan, policy: Policy): View & Readonly<Record<string, unknown>> {
  const whole = new Map(
    plan.rules.flatMap((planned) => {
      const rule = policy.rules.find((one) => one.name === planned.name);
      return view.options.serviceTags === 'whole' && rule !== undefined && isWhole(rule, planned)
        ? [[rule.name, rule.tags] as const]
        : [];
    }),
  );
  const drafts = view.rules.flatMap(({ name: rule, addressLists }) => {
    const [first] = addressLists;
    if (first === undefined) return [];
    const tags = whole.get(rule)?.map(({ tag }) => tag);
    const destinations =
      tags === undefined
        ? addressLists.map((list) => ({ id: list.id, byTag: false, tag: '', prefixes: list.prefixes }))
        : [...tags].sort().map((tag) => ({ id: `${rule}-${tag}`, byTag: true, tag, prefixes: [] }));
    return destinations.flatMap((one) =>
      first.ports.protocols.map(({ protocol, ranges }) => ({
        ...one,
        name: `azure-${one.id}-${protocol}`,
        key: keyOf(`azure-${one.id}-${protocol}`),
        protocol: protocol === 'tcp' ? 'Tcp' : 'Udp',
        ranges,
      })),
    );
  });
  refuseOver(drafts);
  const priority = priorities(
    drafts.map((one) => one.name),
    Number(view.options.priority),
  );
  const held = new Map([...whole.values()].flat().map(({ tag, addresses }) => [tag, addresses]));
  const formats = String(view.options.formats).split(' ');
  const tagLines = [...held.keys()].sort().flatMap((tag) =>
    held
      .get(tag)!
      .cover()
      .map((prefix) => `${tag} ${formatPrefix(prefix)}`),
  );
  const pathsIf = (isWritten: boolean, path: string) => (isWritten ? [{ path }] : []);
  return {
    ...view,
    nsgRules: drafts.map((one) => ({ ...one, priority: priority.get(one.name)! })),
    terraform: pathsIf(formats.includes('terraform'), TERRAFORM),
    arm: pathsIf(formats.includes('arm'), ARM),
    tagFiles: pathsIf(held.size > 0, TAGS),
    tagLines,
  };
}

function refuseOver(
  drafts: readonly { readonly name: string; readonly prefixes: readonly unknown[] }[],
): void {
  const addresses = drafts.reduce((sum, { prefixes }) => sum + prefixes.length, 0);
  const where = 'targets.azure-nsg';
  const problems: Problem[] = drafts
    .filter((one) => one.name.length > MOST_CHARACTERS)
    .map((one) => ({
      where,
      what: `${one.name.length} characters in the name ${one.name}, ${MOST_CHARACTERS} at most`,
      next: 'shorten the name of the rule',
    }));
  if (drafts.length > MOST_RULES)
    problems.push({
      where,
      what: `${drafts.length} rules, ${MOST_RULES} at most in a network security group`,
      next: 'select fewer service tags',
    });
  if (addresses > MOST_ADDRESSES)
    problems.push({
      where,
      what: `${addresses} prefixes, ${MOST_ADDRESSES} at most in the rules of a network security group`,
      next: `give rules that are whole service tags nothing else (\`serviceTags: whole\` then names them), or allow the fewest extra addresses with \`targets.azure-nsg.budget: ${MOST_ADDRESSES}\``,
    });
  if (problems.length > 0)
    throw new GuardRefusal('target-limit: target azure-nsg is over a limit of its vendor', problems);
}

export const vendor: Vendor = {
  extendView,
  readBack,
  readSettings: (files) => {
    const { formats, rules, serviceTags } = documentsOf(files);
    const places = priorities(
      rules.map((rule) => rule.name),
      0,
    );
    const all = rules.map((rule) => ({
      priority: rule.priority - places.get(rule.name)!,
      source: rule.source,
    }));
    return {
      formats: formats.join(' '),
      serviceTags,
      ...sharedSettings(all, 'the rules are for different sources, or not in their places'),
    };
  },
};
