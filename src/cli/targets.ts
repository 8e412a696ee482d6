import { digits } from '../numbers.ts';
import { bundledTargets, loadTarget } from '../targets/catalog.ts';
import type { Capabilities, Manifest } from '../targets/manifest.ts';
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
      ['target', 'addresses', 'names', 'names by', 'ports', 'at most', 'loaded by'],
      ...manifests.map(({ id, capabilities, limits, loaded }) => [
        id,
        families(capabilities),
        { none: '-', exact: 'x', suffix: '*.x' }[capabilities.names],
        namesBy(capabilities),
        capabilities.ports ? capabilities.protocols.join(' ') : '-',
        atMost(limits),
        loaded ?? '-',
      ]),
    ]),
  );
  io.out(`
x: whole host names; *.x: the names below a domain too. v4 v6 (URL): hosts that are written as an address, none by look-up.
ports -: the files name none, and the rule on the device that uses them must. More in docs/targets.md.`);
}

/** The families of addresses that a format takes; literal ones match hosts that are written as addresses. */
function families({ ipv4, ipv6, addressMatch }: Capabilities): string {
  if (!ipv4 && !ipv6) return '-';
  return `${[...(ipv4 ? ['v4'] : []), ...(ipv6 ? ['v6'] : [])].join(' ')}${addressMatch === 'literal' ? ' (URL)' : ''}`;
}

/** By what names are matched, and on which ports. */
function namesBy({ names, namesBy: by, namePorts }: Capabilities): string {
  if (names === 'none') return '-';
  const all = by.map((one) => NAMES_BY[one]).join(', ');
  return namePorts === undefined ? all : `${all} on ${namePorts}`;
}

const NAMES_BY: Readonly<Record<Capabilities['namesBy'][number], string>> = {
  answers: 'DNS answers',
  request: 'proxy request',
  tls: 'TLS',
  host: 'HTTP',
  url: 'URL',
  category: 'web',
  query: 'DNS',
  list: 'others',
};

/** What a device takes of prefixes and bytes; how long names and lines may be, the program sees to itself. */
function atMost({ entries, members, fileBytes }: Manifest['limits']): string {
  const parts = [
    ...(entries === undefined ? [] : [digits(entries)]),
    ...(members === undefined ? [] : [`${digits(members)} a list`]),
    ...(fileBytes === undefined ? [] : [`${Math.round(fileBytes / 100_000) / 10} MB`]),
  ];
  return parts.join(', ') || '-';
}
