import { digits } from '../../numbers.ts';
import { comparableTags } from './comparable-tags.ts';
import type { Guard } from './guard.ts';
import { withoutPrecedent } from './new-space.ts';

/**
 * Addresses that leave a global tag while its regional tag still has them: in no lawful step of the archive. The
 * global tag was cut.
 */
export const regionLost: Guard = {
  name: 'region-lost',
  check: 'Check whether a later file has the region again before devices lose it.',
  cannot: withoutPrecedent,
  judge: (context) => {
    const regional = [...context.snapshot.tags.values()].filter(({ region }) => region !== '');
    return comparableTags(context).flatMap(({ tag, before, after }) => {
      const lost = before.difference(after);
      if (lost.isEmpty) return [];
      return regional
        .filter(({ name }) => name.startsWith(`${tag}.`))
        .flatMap(({ name, region, addresses }) => {
          const still = addresses.intersection(lost);
          return still.isEmpty
            ? []
            : [
                {
                  refuse: true,
                  message: `the service tag ${tag} loses ${digits(still.ipv4.size)} IPv4 addresses${still.ipv6.isEmpty ? '' : ' and IPv6 space'} of the region ${region} that ${name} still has (such as ${still.toStrings()[0]})`,
                },
              ];
        });
    });
  },
};
