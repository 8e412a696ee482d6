import { counted } from '../numbers.ts';
import { totalsOf } from '../policy/totals.ts';
import type { Io } from './io.ts';
import { type FeedFlags, feedOf } from './request.ts';

/** Only gets and checks the feed. */
export async function fetchCommand(flags: FeedFlags & { readonly json?: boolean }, io: Io): Promise<void> {
  const { snapshot, source } = await feedOf(flags, io);
  const totals = totalsOf(snapshot);
  if (flags.json === true) {
    const { ipv4Addresses, ipv6Addresses, tags, prefixes } = totals;
    io.out(
      JSON.stringify(
        {
          cloud: snapshot.cloud,
          changeNumber: snapshot.changeNumber,
          contentSha256: snapshot.contentSha256,
          source,
          tags,
          prefixes,
          ipv4Addresses: ipv4Addresses.toString(),
          ipv6Addresses: ipv6Addresses.toString(),
        },
        null,
        2,
      ),
    );
    return;
  }
  io.out(
    [
      `${source.name}: cloud ${snapshot.cloud}, ${snapshot.fileDate ?? 'no date'}, changeNumber ${snapshot.changeNumber}`,
      `${counted(totals.tags, 'service tag')}, ${counted(totals.prefixes, 'prefix', 'prefixes')}, ${counted(totals.ipv4Addresses, 'IPv4 address', 'IPv4 addresses')}`,
      `sha256 ${source.sha256} (${counted(source.size, 'byte')}), content ${snapshot.contentSha256}`,
    ].join('\n'),
  );
}
