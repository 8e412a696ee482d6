import * as z from 'zod';
import type { DualStackSet } from '../../net/dual-stack-set.ts';
import { PortSet } from '../../net/ports.ts';
import { Admission } from '../../policy/admission.ts';
import { EntryGroup, ReadBackError, readAt } from '../read-back.ts';
import type { RuleFile } from '../render.ts';
import { commentsIn, readDocument } from '../strict-document.ts';
import type { Vendor } from '../vendor.ts';

/** What this target writes of a network group, and nothing else. */
const schema = z.strictObject({
  name: z.string().regex(/^azure-[a-z][a-z0-9-]*-ipv[46]$/),
  type: z.literal('NetworkGroup'),
  description: z.string(),
  literals: z
    .array(
      z.discriminatedUnion('type', [
        z.strictObject({ type: z.literal('Network'), value: z.string() }),
        z.strictObject({ type: z.literal('Host'), value: z.string() }),
      ]),
    )
    .min(1),
});

export const vendor: Vendor = {
  readBack: (files) =>
    Admission.union(
      [...listsIn(files).values()].map((addresses) =>
        Admission.addresses(addresses, PortSet.allOf(['tcp', 'udp'])),
      ),
    ),
  readLists: listsIn,
};

/** What each network group holds, by the `id` of its address list. */
function listsIn(files: readonly RuleFile[]): ReadonlyMap<string, DualStackSet> {
  commentsIn(files, 'about.txt');
  return new Map(
    files
      .filter(({ path }) => path !== 'about.txt')
      .map((file) => {
        const { name, description, literals } = readDocument(file, schema);
        if (file.path !== `${name}.json`)
          throw new ReadBackError(`${file.path}: holds the network group ${name}`);
        return readAt(file.path, () => {
          const id = name.slice('azure-'.length);
          if (description !== `azure-allowlist: rule ${id.slice(0, -'-ipv4'.length)}`)
            throw new RangeError(`${description} is not its description`);
          const family = id.endsWith('4') ? 4 : 6;
          const whole = family === 4 ? '/32' : '/128';
          const prefixes = literals.map(({ type, value }) => {
            if (value.includes('/') !== (type === 'Network') || value.endsWith(whole))
              throw new RangeError(`${value} is not of type ${type}`);
            return type === 'Network' ? value : `${value}${whole}`;
          });
          return [id, EntryGroup.list(family, prefixes, name)];
        });
      }),
  );
}
