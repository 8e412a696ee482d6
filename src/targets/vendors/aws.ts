import * as z from 'zod';
import type { DualStackSet } from '../../net/dual-stack-set.ts';
import { PortSet } from '../../net/ports.ts';
import { Admission } from '../../policy/admission.ts';
import { GuardRefusal } from '../../problem.ts';
import { EntryGroup, readAt } from '../read-back.ts';
import type { RuleFile } from '../render.ts';
import { documentBesideAbout, readDocument } from '../strict-document.ts';
import type { Vendor } from '../vendor.ts';

/** What one prefix list holds unless AWS has raised it for the account. */
const MOST = 1000;

const list = z.strictObject({
  name: z.string().regex(/^azure-[a-z][a-z0-9-]*-ipv[46]$/),
  address_family: z.enum(['IPv4', 'IPv6']),
  max_entries: z.int().min(1),
  entry: z.array(z.strictObject({ cidr: z.string() })).min(1),
});

/** What this target writes of a Terraform configuration, and nothing else. */
const schema = z.strictObject({
  resource: z.strictObject({ aws_ec2_managed_prefix_list: z.record(z.string(), list) }),
  output: z.record(z.string(), z.strictObject({ value: z.string() })),
});

/** Room for as many entries as there are, up to the next ten: what is reserved counts wherever the list is used. */
function roomFor(count: number): number {
  return Math.ceil(count / 10) * 10;
}

export const vendor: Vendor = {
  extendView: (view) => {
    const over = view.addressLists.filter(({ count }) => count > MOST);
    if (over.length > 0)
      throw new GuardRefusal(
        'target-limit: target aws is over a limit of its vendor',
        over.map(({ id, count }) => ({
          where: 'targets.aws',
          what: `${count} entries in the prefix list azure-${id}, ${MOST} at most`,
          next: `select fewer or narrower service tags, or allow the fewest extra addresses with \`targets.aws.budget: ${MOST}\``,
        })),
      );
    return { ...view, lists: view.addressLists.map((one) => ({ ...one, room: roomFor(one.count) })) };
  },
  readBack: (files) =>
    Admission.union(
      [...listsIn(files).values()].map((addresses) =>
        Admission.addresses(addresses, PortSet.allOf(['tcp', 'udp'])),
      ),
    ),
  readLists: listsIn,
};

/** What each prefix list holds, by the `id` of its address list. */
function listsIn(files: readonly RuleFile[]): ReadonlyMap<string, DualStackSet> {
  const { resource, output } = readDocument(documentBesideAbout(files, 'azure.tf.json'), schema);
  const lists = Object.entries(resource.aws_ec2_managed_prefix_list);
  const ids = lists.map(([id]) => [id, { value: `\${aws_ec2_managed_prefix_list.${id}.id}` }]);
  return new Map(
    lists.map(([id, { name, address_family: family, max_entries: room, entry }]) =>
      readAt(`azure.tf.json: ${id}`, () => {
        if (JSON.stringify(Object.entries(output)) !== JSON.stringify(ids))
          throw new RangeError('the outputs are not the ids of the lists');
        if (name !== id) throw new RangeError(`${name} is the name of ${id}`);
        if (room !== roomFor(entry.length)) throw new RangeError(`${room} is not the room for the entries`);
        if (!name.endsWith(family.toLowerCase())) throw new RangeError('holds the other family');
        const cidrs = entry.map(({ cidr }) => cidr);
        return [name.slice('azure-'.length), EntryGroup.list(family === 'IPv4' ? 4 : 6, cidrs, id)];
      }),
    ),
  );
}
