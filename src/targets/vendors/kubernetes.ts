import { parse } from 'yaml';
import { z } from 'zod';
import { PortSet } from '../../net/ports.ts';
import { Admission } from '../../policy/admission.ts';
import { EntryGroup, ReadBackError, readAt, readOnce } from '../read-back.ts';
import type { RuleFile } from '../render.ts';
import type { Vendor } from '../vendor.ts';
import type { OptionValues } from '../view.ts';

const port = z.int().min(1).max(65_535);

/** What this target writes of a NetworkPolicy, and nothing else: a field more or less would mean something else. */
const policySchema = z.strictObject({
  apiVersion: z.literal('networking.k8s.io/v1'),
  kind: z.literal('NetworkPolicy'),
  metadata: z.strictObject({
    name: z.string().regex(/^azure-[a-z][a-z0-9-]*$/),
    namespace: z.string(),
    labels: z.strictObject({ 'app.kubernetes.io/managed-by': z.literal('azure-allowlist') }),
  }),
  spec: z.strictObject({
    podSelector: z.strictObject({
      matchLabels: z.record(z.string(), z.string()).refine((labels) => Object.keys(labels).length === 1),
    }),
    policyTypes: z.tuple([z.literal('Egress')]),
    egress: z
      .array(
        z.strictObject({
          // Empty lists would mean every port, and every address.
          ports: z
            .array(z.strictObject({ protocol: z.enum(['TCP', 'UDP']), port, endPort: port.optional() }))
            .min(1),
          to: z.array(z.strictObject({ ipBlock: z.strictObject({ cidr: z.string() }) })).min(1),
        }),
      )
      .min(1),
  }),
});

type NetworkPolicy = z.infer<typeof policySchema>;

const policyOf = readOnce(readPolicy);

function readPolicy({ path, text }: RuleFile): NetworkPolicy {
  const document: unknown = readAt(path, () => parse(text, { strict: true, uniqueKeys: true }));
  const parsed = policySchema.safeParse(document);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new ReadBackError(`${path}: ${issue!.path.join('.')}: ${issue!.message}`);
  }
  if (path !== `${parsed.data.metadata.name}.yaml`)
    throw new ReadBackError(`${path}: holds the policy ${parsed.data.metadata.name}`);
  return parsed.data;
}

function admissionOf(file: RuleFile): Admission {
  const { spec } = policyOf(file);
  return Admission.union(
    spec.egress.map(({ ports, to }, index) => {
      const where = `${file.path}: egress[${index}]`;
      return readAt(where, () => {
        const entries = new EntryGroup();
        for (const { ipBlock } of to) entries.addPrefix(ipBlock.cidr);
        entries.requireDisjoint(where);
        const ranges = ports.map(({ protocol, port: first, endPort: last = first }) => ({
          protocol: protocol === 'TCP' ? ('tcp' as const) : ('udp' as const),
          first,
          last,
        }));
        const set = PortSet.fromRanges(ranges);
        if (set.ranges.length !== ranges.length) throw new RangeError('ports that overlap or touch');
        return entries.on(set);
      });
    }),
  );
}

/** The namespace and the label, the same in all files. */
function readSettings(files: readonly RuleFile[]): OptionValues {
  const found = new Map(
    files.map((file) => {
      const { metadata, spec } = policyOf(file);
      const [[podLabel, podLabelValue] = ['', '']] = Object.entries(spec.podSelector.matchLabels);
      const settings = { namespace: metadata.namespace, podLabel, podLabelValue };
      return [JSON.stringify(settings), settings];
    }),
  );
  const [settings, ...others] = found.values();
  if (others.length > 0) throw new ReadBackError('the policies are for different namespaces or pods');
  return settings ?? {};
}

export const vendor: Vendor = {
  readBack: (files) => Admission.union(files.map(admissionOf)),
  readSettings,
};
