import { bundledTargets, loadTarget } from '../targets/catalog.ts';
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
  const yes = (can: boolean) => (can ? 'yes' : 'no');
  io.out(
    formatTable([
      [
        'target',
        'IPv4',
        'IPv6',
        'names',
        'names match',
        'apex',
        'exact',
        'ports',
        'addresses match',
        'TLS exemption',
        'limits',
      ],
      ...manifests.map(({ id, capabilities: c, limits }) => [
        id,
        yes(c.ipv4),
        yes(c.ipv6),
        c.names,
        c.names === 'none'
          ? '-'
          : `${c.namesBy.join(', ')}${c.namePorts === undefined ? '' : ` on ${c.namePorts}`}`,
        c.names === 'suffix' ? c.apex : '-',
        c.names === 'none' ? '-' : c.exact,
        c.ports ? c.protocols.join(', ') : 'no',
        c.ipv4 || c.ipv6 ? c.addressMatch : '-',
        yes(c.tlsExemption),
        Object.entries(limits)
          .map(([name, limit]) => `${name} ${limit}`)
          .join(', ') || '-',
      ]),
    ]),
  );
}
