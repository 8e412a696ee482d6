import * as z from 'zod';
import { HostSet } from '../../net/host-set.ts';
import { PortSet } from '../../net/ports.ts';
import { Admission } from '../../policy/admission.ts';
import { GuardRefusal } from '../../problem.ts';
import { EntryGroup, readAt, readOnce } from '../read-back.ts';
import type { RuleFile } from '../render.ts';
import { documentBesideAbout, readDocument } from '../strict-document.ts';
import type { Vendor } from '../vendor.ts';

/** What one stateful rule group may reserve. */
const MOST_CAPACITY = 30_000;

/** Reserved in steps: a group whose capacity changes is made anew. */
const STEP = 500;

const FILE = 'azure.tf.json';

const group = z.strictObject({
  name: z.literal('azure-allowlist'),
  type: z.literal('STATEFUL'),
  capacity: z.int().min(1),
  rule_group: z.strictObject({
    stateful_rule_options: z.strictObject({ rule_order: z.enum(['DEFAULT_ACTION_ORDER', 'STRICT_ORDER']) }),
    rules_source: z.strictObject({
      rules_source_list: z.strictObject({
        generated_rules_type: z.literal('ALLOWLIST'),
        target_types: z.tuple([z.literal('HTTP_HOST'), z.literal('TLS_SNI')]),
        targets: z.array(z.string()).min(1),
      }),
    }),
  }),
});

/** What this target writes of a Terraform configuration, and nothing else: both are there, or neither. */
const schema = z.union([
  z.strictObject({
    resource: z.strictObject({
      aws_networkfirewall_rule_group: z.strictObject({ 'azure-allowlist': group }),
    }),
    output: z.strictObject({
      'azure-allowlist': z.strictObject({
        // biome-ignore lint/suspicious/noTemplateCurlyInString: Terraform's own
        value: z.literal('${aws_networkfirewall_rule_group.azure-allowlist.arn}'),
      }),
    }),
  }),
  z.strictObject({
    resource: z.strictObject({ aws_networkfirewall_rule_group: z.strictObject({}) }),
    output: z.strictObject({}),
  }),
]);

/** Room for a rule for each name and protocol, HTTP and TLS, up to the next step. */
function capacityFor(count: number): number {
  return Math.ceil((2 * count) / STEP) * STEP;
}

const groupOf = readOnce((files: readonly RuleFile[]) => {
  const { aws_networkfirewall_rule_group: groups } = readDocument(
    documentBesideAbout(files, FILE),
    schema,
  ).resource;
  return 'azure-allowlist' in groups ? groups['azure-allowlist'] : undefined;
});

export const vendor: Vendor = {
  extendView: (view) => {
    const all = HostSet.fromPatterns(view.nameLists.flatMap(({ hosts }) => hosts));
    const domains = all.patterns().include.map(({ name, subdomains }) => (subdomains ? `.${name}` : name));
    const capacity = capacityFor(domains.length);
    if (capacity > MOST_CAPACITY)
      throw new GuardRefusal('target-limit: target aws-network-firewall is over a limit of its vendor', [
        {
          where: 'targets.aws-network-firewall',
          what: `${domains.length} names need a capacity of ${capacity}, ${MOST_CAPACITY} at most in a rule group`,
          next: 'ask for fewer names',
        },
      ]);
    return { ...view, domains, capacity, hasNames: domains.length > 0 };
  },
  readBack: (files) => {
    const found = groupOf(files);
    if (found === undefined) return Admission.empty;
    const { targets } = found.rule_group.rules_source.rules_source_list;
    return readAt(FILE, () => {
      if (found.capacity !== capacityFor(targets.length))
        throw new RangeError(`${found.capacity} is not the capacity for the names`);
      const entries = new EntryGroup();
      for (const one of targets) {
        const below = one.startsWith('.');
        entries.addHost(below ? one.slice(1) : one, true, below);
      }
      entries.requireDisjoint(FILE);
      return entries.on(PortSet.allOf(['tcp']));
    });
  },
  readSettings: (files) => {
    const found = groupOf(files);
    return found === undefined ? {} : { ruleOrder: found.rule_group.stateful_rule_options.rule_order };
  },
};
