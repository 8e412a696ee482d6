import * as z from 'zod';
import { Admission } from '../../policy/admission.ts';
import { EntryGroup, ReadBackError, readAt, readOnce } from '../read-back.ts';
import type { RuleFile } from '../render.ts';
import { portsApart, readDocument, sharedSettings } from '../strict-document.ts';
import type { Vendor } from '../vendor.ts';

const port = z.string().regex(/^[1-9]\d{0,4}$/);
const toPorts = z.tuple([
  z.strictObject({
    ports: z
      .array(
        z.strictObject({
          port,
          endPort: z.int().min(1).max(65_535).optional(),
          protocol: z.enum(['TCP', 'UDP']),
        }),
      )
      .min(1),
  }),
]);

/** What this target writes of a CiliumNetworkPolicy, and nothing else: a field more or less would mean something else. */
const policySchema = z.strictObject({
  apiVersion: z.literal('cilium.io/v2'),
  kind: z.literal('CiliumNetworkPolicy'),
  metadata: z.strictObject({
    name: z.string().regex(/^azure-[a-z][a-z0-9-]*$/),
    namespace: z.string(),
    labels: z.strictObject({ 'app.kubernetes.io/managed-by': z.literal('azure-allowlist') }),
  }),
  spec: z.strictObject({
    endpointSelector: z.strictObject({
      matchLabels: z.record(z.string(), z.string()).refine((labels) => Object.keys(labels).length === 1),
    }),
    egress: z
      .array(
        z.union([
          z.strictObject({ toCIDRSet: z.array(z.strictObject({ cidr: z.string() })).min(1), toPorts }),
          z.strictObject({
            toFQDNs: z
              .array(
                z.union([
                  z.strictObject({ matchName: z.string() }),
                  z.strictObject({ matchPattern: z.string().startsWith('**.') }),
                ]),
              )
              .min(1),
            toPorts,
          }),
        ]),
      )
      .min(1),
  }),
});

const policyOf = readOnce((file: RuleFile) => {
  const policy = readDocument(file, policySchema);
  if (file.path !== `${policy.metadata.name}.yaml`)
    throw new ReadBackError(`${file.path}: holds the policy ${policy.metadata.name}`);
  return policy;
});

function admissionOf(file: RuleFile): Admission {
  return Admission.union(
    policyOf(file).spec.egress.map((rule, index) => {
      const where = `${file.path}: egress[${index}]`;
      return readAt(where, () => {
        const entries = new EntryGroup();
        if ('toCIDRSet' in rule) for (const { cidr } of rule.toCIDRSet) entries.addPrefix(cidr);
        else
          for (const name of rule.toFQDNs)
            if ('matchName' in name) entries.addHost(name.matchName, true, false);
            else entries.addHost(name.matchPattern.slice('**.'.length), false, true);
        entries.requireDisjoint(where);
        const ranges = rule.toPorts[0].ports.map(({ port: text, endPort, protocol }) => ({
          protocol: protocol === 'TCP' ? ('tcp' as const) : ('udp' as const),
          first: Number(text),
          last: endPort ?? Number(text),
        }));
        return entries.on(portsApart(ranges));
      });
    }),
  );
}

export const vendor: Vendor = {
  readBack: (files) => Admission.union(files.map(admissionOf)),
  readSettings: (files) => {
    const all = files.map((file) => {
      const { metadata, spec } = policyOf(file);
      const [[podLabel, podLabelValue] = ['', '']] = Object.entries(spec.endpointSelector.matchLabels);
      return { namespace: metadata.namespace, podLabel, podLabelValue };
    });
    return sharedSettings(all, 'the policies are for different namespaces or pods') ?? {};
  },
};
