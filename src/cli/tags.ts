import type { ServiceTag } from '../feed/snapshot.ts';
import { closest } from '../suggest.ts';
import { formatTable } from '../text-table.ts';
import type { Io } from './io.ts';
import { type FeedFlags, feedOf } from './request.ts';

/** The service tags of the feed. */
export async function tagsCommand(
  word: string | undefined,
  flags: FeedFlags & { readonly json?: boolean },
  io: Io,
): Promise<void> {
  const { snapshot } = await feedOf(flags, io);
  const wanted = searchable(word ?? '');
  const rows = [...snapshot.tags.values()]
    .filter(({ name, region, systemService }) =>
      [name, region, systemService].some((text) => searchable(text).includes(wanted)),
    )
    .map(({ name, region, systemService, prefixes, addresses }) => ({
      name,
      region,
      systemService,
      prefixes: prefixes.length,
      ipv4Addresses: addresses.ipv4.size.toString(),
      ipv6Prefixes: prefixes.filter(({ family }) => family === 6).length,
    }));
  if (rows.length === 0 && word !== undefined) io.err(noneFor(word, [...snapshot.tags.values()]));
  if (flags.json === true) {
    io.out(JSON.stringify(rows, null, 2));
    return;
  }
  if (rows.length === 0) return;
  const table = [
    ['tag', 'region', 'service', 'prefixes', 'IPv4 addresses', 'IPv6 prefixes'],
    ...rows.map(({ name, region, systemService, prefixes, ipv4Addresses, ipv6Prefixes }) => [
      name,
      region || '-',
      systemService || '-',
      String(prefixes),
      ipv4Addresses,
      String(ipv6Prefixes),
    ]),
  ];
  io.out(formatTable(table, [3, 4, 5]));
  io.out(`${rows.length} of ${snapshot.tags.size} service tags`);
}

/** "West Europe", "west-europe" and "westeurope" are one word to search for. */
function searchable(text: string): string {
  return text.toLowerCase().replace(/[\s_-]/g, '');
}

function noneFor(word: string, tags: readonly ServiceTag[]): string {
  const known = tags.flatMap(({ name, region, systemService }) => [name, region, systemService]);
  const near = closest(
    word,
    known.filter((text) => text !== ''),
  );
  return `none of ${tags.length} service tags has ${JSON.stringify(word)} in its name, region or service${near.length > 0 ? `; did you mean ${near.join(' or ')}?` : ''}`;
}
