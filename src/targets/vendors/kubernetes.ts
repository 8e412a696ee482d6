import * as z from 'zod';
import { Admission } from '../../policy/admission.ts';
import { EntryGroup, ReadBackError, readAt, readOnce } from '../read-back.ts';
import type { RuleFile } from '../render.ts';
import { portsApart, readDocument, sharedSettings } from '../strict-document.ts';
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

function readPolicy(file: RuleFile): NetworkPolicy {
  const policy = readDocument(file, policySchema);
  if (file.path !== `${policy.metadata.name}.yaml`)
    throw new ReadBackError(`${file.path}: holds the policy ${policy.metadata.name}`);
  return policy;
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
        return entries.on(portsApart(ranges));
      });
    }),
  );
}

/** The namespace and the label, the same in all files. */
function readSettings(files: readonly RuleFile[]): OptionValues {
  const all = files.map((file) => {
    const { metadata, spec } = policyOf(file);
    const [[podLabel, podLabelValue] = ['', '']] = Object.entries(spec.podSelector.matchLabels);
    return { namespace: metadata.namespace, podLabel, podLabelValue };
  });
  return sharedSettings(all, 'the policies are for different namespaces or pods') ?? {};
}

export const vendor: Vendor = {
  readBack: (files) => Admission.union(files.map(admissionOf)),
  readSettings,
};
