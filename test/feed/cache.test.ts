import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { defaultCacheDirectory } from '../../src/feed/cache.ts';
import { type FeedRequest, loadFeed } from '../../src/feed/load.ts';
import { type Handler, type LoopbackServer, startServer } from './loopback-server.ts';
import { weeklyFile } from './weekly-file.ts';

const week = (changeNumber: number) => JSON.stringify({ ...weeklyFile(), changeNumber });
const NAME = 'ServiceTags_Public_20250714.json';

let cache: string;
let server: LoopbackServer;
const lines: string[] = [];
beforeEach(async () => {
  cache = mkdtempSync(join(tmpdir(), 'cache-'));
  server = await startServer((_, response) => response.end(week(1)));
  lines.length = 0;
});
afterEach(async () => {
  rmSync(cache, { recursive: true, force: true });
  await server.close();
});

const load = (rest: Partial<FeedRequest> = {}, name = NAME) =>
  loadFeed({
    cloud: 'public',
    override: `${server.origin}/${name}`,
    cacheDirectory: cache,
    environment: {},
    today: '2025-07-18',
    http: { retries: 0 },
    report: (line) => lines.push(line),
    ...rest,
  });
const blobs = () => readdirSync(join(cache, 'blobs'));
const records = () => readdirSync(join(cache, 'feeds', 'public'));

/** Serves one content with an ETag, and 304 to those who have it. */
const withEtag =
  (text: () => string, seen: string[]): Handler =>
  (request, response) => {
    const etag = `"${text().length}-${text().slice(0, 20)}"`.replaceAll(/[{":]/g, '');
    const asked = request.headers['if-none-match'];
    seen.push(asked === undefined ? 'full' : asked === etag ? 'unchanged' : 'changed');
    if (asked === etag) response.writeHead(304, { etag }).end();
    else response.writeHead(200, { etag }).end(text());
  };

describe('the feed cache', () => {
  it('keeps what was fetched, for a run without network', async () => {
    const online = await load();
    await server.close();
    const offline = await load({ offline: true, today: '2025-07-28' });
    expect(offline.source).toEqual(online.source);
    expect(offline.snapshot.contentSha256).toBe(online.snapshot.contentSha256);
    expect(lines).toEqual([`offline: ${NAME} of 2025-07-14, 14 days old, fetched 2025-07-18`]);
    await expect(load()).rejects.toThrow('the connection is refused');
  });

  it('asks for a known file only if it has changed', async () => {
    const seen: string[] = [];
    let text = week(1);
    server.handle(withEtag(() => text, seen));
    const first = await load();
    const second = await load();
    expect(second).toMatchObject({ source: first.source });
    text = week(22);
    expect((await load()).snapshot.changeNumber).toBe(22);
    expect((await load()).snapshot.changeNumber).toBe(22);
    expect(seen).toEqual(['full', 'unchanged', 'changed', 'unchanged']);
  });

  it('sees that an entry is damaged, and fetches it again', async () => {
    const seen: string[] = [];
    server.handle(withEtag(() => week(1), seen));
    const first = await load();
    const blob = join(cache, 'blobs', first.source.sha256);
    for (const damage of [
      () => writeFileSync(blob, week(1).replace('192.0.2.0/25', '192.0.0.0/25')),
      () => writeFileSync(blob, week(1).slice(0, 50)),
      () => rmSync(blob),
    ]) {
      damage();
      await expect(load({ offline: true })).rejects.toThrow('no file of the cloud public from this source');
      expect((await load()).source).toEqual(first.source);
      damage();
      expect((await load()).source).toEqual(first.source);
      expect(readFileSync(blob, 'utf8')).toBe(week(1));
    }
    expect(seen).toEqual(Array.from({ length: 7 }, () => 'full'));
    expect(lines.filter((line) => /is damaged|cannot be read/.test(line))).toHaveLength(6);
  });

  it('falls back to an older entry offline where the newest is damaged', async () => {
    await load({}, 'ServiceTags_Public_20250707.json');
    server.handle((_, response) => response.end(week(2)));
    const newest = await load();
    // Two URLs are two sources: what is asked for offline is the file of its own.
    await expect(load({ offline: true }, 'ServiceTags_Public_20250630.json')).rejects.toThrow('offline');
    writeFileSync(join(cache, 'blobs', newest.source.sha256), '');
    await expect(load({ offline: true })).rejects.toThrow('offline');
    const older = await load({ offline: true }, 'ServiceTags_Public_20250707.json');
    expect(older.source.fileDate).toBe('2025-07-07');
  });

  it('gives the newest file of the download page offline', async () => {
    const source = {
      kind: 'download',
      page: `${server.origin}/p`,
      directory: `${server.origin}/d/`,
    } as const;
    const at = (name: string, text: string) =>
      server.handle((request, response) =>
        request.url === `/d/${name}` ? response.end(text) : response.writeHead(404).end(),
      );
    const { override: _, ...rest } = { override: undefined, source };
    const get = (today: string, offline = false) =>
      loadFeed({
        cloud: 'public',
        cacheDirectory: cache,
        environment: {},
        today,
        offline,
        http: { retries: 0 },
        report: (line) => lines.push(line),
        ...rest,
      });
    at('ServiceTags_Public_20250714.json', week(2));
    await get('2025-07-18');
    at('ServiceTags_Public_20250707.json', week(1));
    await get('2025-07-11');
    expect((await get('2025-07-21', true)).source).toMatchObject({
      fileDate: '2025-07-14',
      strategy: 'date search',
    });
  });

  it('keeps nothing that is not a usable feed', async () => {
    server.handle((_, response) => response.end('<html>'));
    await expect(load()).rejects.toThrow('HTML');
    expect(readdirSync(cache)).toEqual([]);
  });

  it('is pruned by count, the newest weeks stay', async () => {
    for (let week_ = 1; week_ <= 5; week_++) {
      server.handle((_, response) => response.end(week(week_)));
      await load({ cachedFiles: 3 }, `ServiceTags_Public_2025070${week_}.json`);
    }
    expect(records().map((name) => name.slice(0, 10))).toEqual(['2025-07-03', '2025-07-04', '2025-07-05']);
    expect(blobs()).toHaveLength(3);
  });

  it('removes what killed runs left, but not what runs may be writing now', async () => {
    mkdirSync(join(cache, 'blobs'));
    writeFileSync(join(cache, 'blobs', '.old'), 'torn');
    writeFileSync(join(cache, 'blobs', '.new'), 'being written');
    utimesSync(join(cache, 'blobs', '.old'), 1, 1);
    const { source } = await load();
    expect(blobs()).toEqual(['.new', source.sha256]);
  });

  it('drops damaged records and says so', async () => {
    await load();
    const record = join(cache, 'feeds', 'public', records()[0]!);
    for (const content of [
      '{',
      'null',
      '[]',
      '{"version":1}',
      readFileSync(record, 'utf8').replace('"public"', '"china"'),
    ]) {
      writeFileSync(record, content);
      await expect(load({ offline: true })).rejects.toThrow('offline');
      expect(lines.at(-1)).toContain('the cache record is damaged');
      await load();
    }
  });

  it('serves many runs at once', async () => {
    const results = await Promise.all(
      Array.from({ length: 12 }, (_, run) => {
        server.handle((_, response) => response.end(week(run % 3)));
        return load({ cachedFiles: 2 }, `ServiceTags_Public_2025070${(run % 3) + 1}.json`);
      }),
    );
    expect(results).toHaveLength(12);
    expect(lines).toEqual([]);
    for (const name of blobs()) expect(name).toMatch(/^[0-9a-f]{64}$/);
    await load();
    expect((await load({ offline: true })).source.name).toBe(NAME);
  });

  it('that cannot be written does not stop the run', async () => {
    writeFileSync(join(cache, 'file'), '');
    await load({ cacheDirectory: join(cache, 'file', 'below') });
    expect(lines[0]).toContain('the file is not kept: ENOTDIR');
  });

  it('is not needed', async () => {
    await expect(load({ cacheDirectory: cache, offline: true })).rejects.toThrow(
      'run once without --offline',
    );
    const { cacheDirectory: _, ...rest } = { cacheDirectory: cache, cloud: 'public' as const };
    const bare = { ...rest, environment: {}, today: '2025-07-18', report: () => {} };
    await expect(loadFeed({ ...bare, offline: true })).rejects.toThrow('the feed is not available offline');
    expect((await loadFeed({ ...bare, override: `${server.origin}/${NAME}` })).snapshot.tags.size).toBe(5);
  });

  it.each([
    [{ XDG_CACHE_HOME: '/x' }, '/x/azure-allowlist'],
    [{ XDG_CACHE_HOME: 'relative', HOME: '/home/a' }, '/home/a/.cache/azure-allowlist'],
    [{ HOME: '/home/a' }, '/home/a/.cache/azure-allowlist'],
    [{}, undefined],
  ])('stands where XDG says: %o', (environment, directory) => {
    expect(defaultCacheDirectory(environment)).toBe(directory);
  });
});
