// Stores files in a cache, over and over, in a process of its own, to be killed.
// argv: directory of the compiled modules, cache directory, a number that tells this process from others.
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [modules, directory, own] = process.argv.slice(2);
const { FeedCache } = await import(pathToFileURL(join(modules, 'feed/cache.js')).href);
const cache = new FeedCache(directory, (line) => process.stderr.write(`${line}\n`));
process.stdout.write('storing\n');
for (let round = 0; round < 2000; round++) {
  const day = String((round % 28) + 1).padStart(2, '0');
  const bytes = Buffer.from(`${own} ${round % 40} ${'x'.repeat(200_000)}`);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const source = {
    kind: 'url',
    name: `ServiceTags_Public_202507${day}.json`,
    fileDate: `2025-07-${day}`,
    size: bytes.length,
    sha256,
  };
  await cache.store(
    {
      version: 1,
      cloud: 'public',
      key: 'k',
      requestSha256: 'r',
      source,
      changeNumber: round,
      contentSha256: 'c',
      fetchedOn: '2025-07-31',
    },
    bytes,
    5,
  );
}
