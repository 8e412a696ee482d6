import * as z from 'zod';
import { PortSet } from '../../net/ports.ts';
import { Admission } from '../../policy/admission.ts';
import { EntryGroup, ReadBackError, readAt, readOnce } from '../read-back.ts';
import type { RuleFile } from '../render.ts';
import { portsApart, readDocument, sharedSettings } from '../strict-document.ts';
import type { Vendor } from '../vendor.ts';

const managed = { 'app.kubernetes.io/managed-by': z.literal('azure-allowlist') };
const name = z.string().regex(/^azure-[a-z][a-z0-9-]*$/);

/** What this target writes of a GlobalNetworkSet, and nothing else. */
const setSchema = z.strictObject({
  apiVersion: z.literal('projectcalico.org/v3'),
  kind: z.literal('GlobalNetworkSet'),
  metadata: z.strictObject({
    name,
    labels: z.strictObject({ ...managed, 'azure-allowlist-set': z.string() }),
  }),
  spec: z.strictObject({ nets: z.array(z.string()).min(1) }),
});

/** What this target writes of a GlobalNetworkPolicy, and nothing else: a field more or less would mean something else. */
const policySchema = z.strictObject({
  apiVersion: z.literal('projectcalico.org/v3'),
  kind: z.literal('GlobalNetworkPolicy'),
  metadata: z.strictObject({ name, labels: z.strictObject(managed) }),
  spec: z.strictObject({
    selector: z.string().regex(/^[A-Za-z0-9_./-]+ == '[A-Za-z0-9_.-]+'$/),
    types: z.tuple([z.literal('Egress')]),
    egress: z
      .array(
        z.strictObject({
          action: z.literal('Allow'),
          protocol: z.enum(['TCP', 'UDP']),
          destination: z.strictObject({
            selector: z.string().regex(/^azure-allowlist-set == '[a-z0-9-]+'$/),
            ports: z.array(z.union([z.int().min(1).max(65_535), z.string().regex(/^\d+:\d+$/)])).min(1),
          }),
        }),
      )
      .min(1),
  }),
});

const setOf = readOnce((file: RuleFile) => {
  const { metadata, spec } = readDocument(file, setSchema);
  const id = metadata.labels['azure-allowlist-set'];
  if (file.path !== `set-${id}.yaml` || metadata.name !== `azure-${id}`)
    throw new ReadBackError(`${file.path}: holds the set ${metadata.name}, labelled ${id}`);
  return readAt(file.path, () => {
    const entries = new EntryGroup();
    for (const net of spec.nets) entries.addPrefix(net);
    entries.requireDisjoint(file.path);
    return { id, entries };
  });
});

const policyOf = readOnce((file: RuleFile) => {
  const policy = readDocument(file, policySchema);
  if (file.path !== `policy-${policy.metadata.name.slice('azure-'.length)}.yaml`)
    throw new ReadBackError(`${file.path}: holds the policy ${policy.metadata.name}`);
  return policy;
});

const isSet = ({ path }: RuleFile) => path.startsWith('set-');

function readBack(files: readonly RuleFile[]): Admission {
  const sets = new Map(files.filter(isSet).map((file) => [setOf(file).id, setOf(file).entries]));
  const granted = new Map<string, PortSet>();
  const grants = files
    .filter((file) => !isSet(file))
    .flatMap((file) =>
      policyOf(file).spec.egress.map(({ protocol, destination }, index) =>
        readAt(`${file.path}: egress[${index}]`, () => {
          const id = destination.selector.slice("azure-allowlist-set == '".length, -1);
          const entries = sets.get(id);
          if (entries === undefined) throw new RangeError(`there is no set ${id}`);
          const ports = portsApart(
            destination.ports.map((text) => {
              const [first, last = first] = String(text).split(':').map(Number);
              return { protocol: protocol === 'TCP' ? 'tcp' : 'udp', first: first!, last: last! };
            }),
          );
          const before = granted.get(id) ?? PortSet.empty;
          if (!before.intersection(ports).isEmpty) throw new RangeError(`${id} is granted twice on a port`);
          granted.set(id, before.union(ports));
          return entries.on(ports);
        }),
      ),
    );
  for (const id of sets.keys())
    if (!granted.has(id)) throw new ReadBackError(`no policy selects the set ${id}`);
  return Admission.union(grants);
}

export const vendor: Vendor = {
  readBack,
  readSettings: (files) => {
    const all = files
      .filter((file) => !isSet(file))
      .map((file) => {
        const [podLabel, value] = policyOf(file).spec.selector.split(' == ');
        return { podLabel: podLabel!, podLabelValue: value!.slice(1, -1) };
      });
    return sharedSettings(all, 'the policies are for different pods') ?? {};
  },
};
