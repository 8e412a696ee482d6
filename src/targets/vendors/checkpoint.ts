import { createHash } from 'node:crypto';
import * as z from 'zod';
import type { DualStackSet } from '../../net/dual-stack-set.ts';
import { PortSet } from '../../net/ports.ts';
import { Admission } from '../../policy/admission.ts';
import { EntryGroup, readAt } from '../read-back.ts';
import type { RuleFile } from '../render.ts';
import { documentBesideAbout, readDocument } from '../strict-document.ts';
import type { Vendor } from '../vendor.ts';

/** The namespace of the ids, a UUID of this target's own. */
const NAMESPACE = Buffer.from('8d5c3a2e6f714b0e9a4dc0f1b2a39e57', 'hex');

/** The id of an object, the same in every week: a UUID of version 5 after its name. */
function idOf(name: string): string {
  const bytes = createHash('sha1').update(NAMESPACE).update(name).digest().subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x50;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** What this target writes of a Generic Data Center, and nothing else. */
const schema = z.strictObject({
  version: z.literal('1.0'),
  description: z.literal('azure-allowlist'),
  objects: z.array(
    z.strictObject({
      name: z.string().regex(/^azure-[a-z][a-z0-9-]*-ipv[46]$/),
      id: z.string(),
      description: z.string(),
      ranges: z.array(z.string()).min(1),
    }),
  ),
});

export const vendor: Vendor = {
  extendView: (view) => ({
    ...view,
    objects: view.addressLists.map((list) => ({ ...list, uuid: idOf(`azure-${list.id}`) })),
  }),
  readBack: (files) =>
    Admission.union(
      [...listsIn(files).values()].map((addresses) =>
        Admission.addresses(addresses, PortSet.allOf(['tcp', 'udp'])),
      ),
    ),
  readLists: listsIn,
};

/** What each object holds, by the `id` of its address list. */
function listsIn(files: readonly RuleFile[]): ReadonlyMap<string, DualStackSet> {
  const { objects } = readDocument(documentBesideAbout(files, 'azure.json'), schema);
  const names = objects.map(({ name }) => name);
  return new Map(
    objects.map(({ name, id, description, ranges }, index) =>
      readAt(`azure.json: ${name}`, () => {
        if (names.indexOf(name) < index) throw new RangeError('is listed twice');
        if (id !== idOf(name)) throw new RangeError(`${id} is not its id`);
        if (description !== `rule ${name.slice('azure-'.length, -'-ipv4'.length)}`)
          throw new RangeError(`${description} is not its description`);
        return [name.slice('azure-'.length), EntryGroup.list(name.endsWith('4') ? 4 : 6, ranges, name)];
      }),
    ),
  );
}
