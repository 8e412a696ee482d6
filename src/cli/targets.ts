import { bundledTargets, loadTarget } from '../targets/catalog.ts';
import type { Capabilities } from '../targets/manifest.ts';
import { formatTable } from '../text-table.ts';
import type { Io } from './io.ts';

/** The bundled targets, and what each can and cannot express. */
export async function targetsCommand(flags: { readonly json?: boolean }, io: Io): Promise<void> {
  const manifests = await Promise.all(
    (await bundledTargets()).map(async (id) => (await loadTarget(id)).manifest),
  );
  if (flags.json === true) {
    io.out(JSON.stringify(manifests, null, 2));
    return;
  }
  io.out(
    formatTable([
      ['target', 'addresses', 'names', 'ports', 'limits', 'loaded by'],
      ...manifests.map(({ id, capabilities, limits, loaded }) => [
        id,
        families(capabilities),
        names(capabilities),
        capabilities.ports ? capabilities.protocols.join(' ') : '-',
        Object.entries(limits)
          .map(([name, limit]) => `${name} ${limit}`)
          .join(', ') || '-',
        loaded ?? '-',
      ]),
    ]),
  );
}

/** The families of addresses that a format takes; literal ones match hosts that are written as addresses. */
function families({ ipv4, ipv6, addressMatch }: Capabilities): string {
  if (!ipv4 && !ipv6) return '-';
  return `${[...(ipv4 ? ['v4'] : []), ...(ipv6 ? ['v6'] : [])].join(' ')}${addressMatch === 'literal' ? ' literal' : ''}`;
}

/** Which names, by what they are matched, and on which ports. */
function names({ names: kind, namesBy, namePorts }: Capabilities): string {
  if (kind === 'none') return '-';
  return `${kind} by ${namesBy.join(', ')}${namePorts === undefined ? '' : ` on ${namePorts}`}`;
}
