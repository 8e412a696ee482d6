import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type FeedRequest, loadFeed } from '../../src/feed/load.ts';
import { FeedError } from '../../src/problem.ts';
import { feedsAvailable, feedsDirectory } from '../support/feeds.ts';
import { byPath, type LoopbackServer, startServer } from './loopback-server.ts';
import { weeklyFile } from './weekly-file.ts';

const NAME = 'ServiceTags_Public_20250714.json';
const TEXT = JSON.stringify(weeklyFile(), null, 2);
const SHA256 = createHash('sha256').update(TEXT).digest('hex');

const lines: string[] = [];
const request = (rest: Partial<FeedRequest> = {}): FeedRequest => ({
  cloud: 'public',
  environment: {},
  today: '2025-07-18',
  http: { retries: 1, firstWaitSeconds: 0.01, connectSeconds: 2, responseSeconds: 2, totalSeconds: 5 },
  report: (line) => lines.push(line),
  ...rest,
});

let directory: string;
let server: LoopbackServer;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'feed-'));
  server = await startServer(byPath({}));
});
afterAll(async () => {
  rmSync(directory, { recursive: true });
  await server.close();
});
beforeEach(() => {
  lines.length = 0;
  server.requests.length = 0;
});

function file(name: string, content: string | Uint8Array): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

const refusal = async (promise: Promise<unknown>): Promise<string> => {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(FeedError);
  return (error as FeedError).message;
};

describe('a file', () => {
  it.each([
    ['plain', NAME, TEXT],
    ['gzipped', `${NAME}.gz`, gzipSync(TEXT)],
    ['gzipped, whatever its name', NAME, gzipSync(TEXT)],
  ])('is loaded: %s', async (_, name, content) => {
    const { snapshot, source } = await loadFeed(request({ override: file(name, content) }));
    expect(snapshot.tags.size).toBe(5);
    expect(source).toEqual({
      kind: 'file',
      name,
      fileDate: '2025-07-14',
      size: Buffer.byteLength(TEXT),
      sha256: SHA256,
    });
  });

  it.each([
    ['missing', () => join(directory, 'absent.json'), 'there is no such file'],
    ['a directory', () => directory, 'is a directory, not a file'],
    ['truncated', () => file('t.json', TEXT.slice(0, -20)), 'not JSON, or only a part'],
    ['damaged gzip', () => file('g.json.gz', gzipSync(TEXT).subarray(0, 200)), 'damaged gzip data'],
    ['empty', () => file('e.json', ''), 'the content is empty'],
    ['of another cloud', () => file('c.json', TEXT.replace('Public', 'China')), '"China" is the cloud china'],
    [
      'a gzip bomb',
      () => file('b.json.gz', gzipSync(Buffer.alloc(80 * 1024 * 1024))),
      'larger than 67,108,864 bytes when uncompressed',
    ],
  ])('is refused: %s', async (_, path, message) => {
    expect(await refusal(loadFeed(request({ override: path() })))).toContain(message);
  });
});

describe('the older XML form', () => {
  const xml = (body: string) =>
    `\ufeff<?xml version="1.0" encoding="utf-8"?>\r\n<AzurePublicIpAddresses xmlns:xsd="http://www.w3.org/2001/XMLSchema">\r\n${body}</AzurePublicIpAddresses>\r\n`;
  const good =
    '  <Region Name="europewest">\r\n    <IpRange Subnet="192.0.2.0/25" />\r\n    <IpRange Subnet="198.51.100.0/24" />\r\n  </Region>\r\n  <Region Name="uswest"/>\n';

  it('becomes a tag for each region', async () => {
    const path = file('PublicIPs_20200811.xml', xml(good));
    const { snapshot, source } = await loadFeed(request({ source: { kind: 'xml', location: path } }));
    expect(source).toMatchObject({ kind: 'xml', fileDate: '2020-08-11' });
    expect(snapshot).toMatchObject({ cloud: 'public', changeNumber: 0, fileDate: '2020-08-11' });
    expect([...snapshot.tags].map(([name, tag]) => [name, tag.addresses.toStrings()])).toEqual([
      ['AzureCloud.europewest', ['192.0.2.0/25', '198.51.100.0/24']],
      ['AzureCloud.uswest', []],
    ]);
  });

  it.each([
    ['cut off', xml(good).split('  <Region Name="uswest"')[0]!, 'the document ends too early'],
    [
      'a bad prefix',
      xml(good.replace('2.0/25', '2.1/25')),
      'line 4: "192.0.2.1/25" at character 10: host bits',
    ],
    [
      'a prefix twice',
      xml(good.replace('198.51.100.0/24', '192.0.2.0/25')),
      'line 5: "192.0.2.0/25" occurs twice',
    ],
    ['a region twice', xml(good + good), '"AzureCloud.europewest" occurs twice'],
    ['two regions without a name', xml('<Region/><Region/>'), 'the region name "" is not allowed'],
    ['another element', xml('<Script/>'), '<Script/> is not expected here'],
    ['a DOCTYPE', xml('<!DOCTYPE a [<!ENTITY b "c">]>'), 'is not expected here'],
    ['text', xml('hello'), '"hello</AzurePublicIpAddresses>'],
    ['no regions', xml(''), 'the file has no regions'],
  ])('is refused: %s', async (_, content, message) => {
    expect(await refusal(loadFeed(request({ override: file('PublicIPs_20200811.xml', content) })))).toContain(
      message,
    );
  });

  it.skipIf(!feedsAvailable)('is read in its last real week', async () => {
    const override = `${feedsDirectory}public-ips-xml/PublicIPs_20200826.xml.gz`;
    const { snapshot, source } = await loadFeed(request({ override }));
    expect(source).toMatchObject({ kind: 'xml', fileDate: '2020-08-26' });
    expect(snapshot.tags.get('AzureCloud.europewest')!.prefixes.length).toBeGreaterThan(100);
  });

  it('is refused for another cloud', async () => {
    const path = file('PublicIPs_20200811.xml', xml(good));
    expect(await refusal(loadFeed(request({ override: path, cloud: 'usgov' })))).toContain(
      'the XML form is of the cloud public, but usgov was asked for',
    );
  });
});

describe('a URL', () => {
  it('is loaded, without its secrets in what is recorded', async () => {
    server.handle(byPath({ [`/x/${NAME}`]: TEXT }));
    const url = `http://user:pa55word@127.0.0.1:${server.port}/x/${NAME}?sig=s3cret&id=7`;
    const { source } = await loadFeed(request({ override: url }));
    expect(source).toMatchObject({ kind: 'url', name: NAME, sha256: SHA256 });
    expect(source.url).toBe(`${server.origin}/x/${NAME}?sig=…&id=7`);
    expect(lines.join('\n')).not.toMatch(/pa55word|s3cret/);
  });

  it('that fails says why, without its secrets', async () => {
    server.handle(byPath({}));
    const url = `http://user:pa55word@127.0.0.1:${server.port}/x/${NAME}?sig=s3cret`;
    const message = await refusal(loadFeed(request({ override: url })));
    expect(message).toContain('the answer is HTTP 404');
    expect(message).not.toMatch(/pa55word|s3cret/);
  });
});

describe('the download page', () => {
  const newest = 'ServiceTags_Public_20250714.json';
  const older = 'ServiceTags_Public_20250707.json';
  const latest = 'ServiceTags_Public_Latest.json';
  const link = (name: string) => `${server.origin}/download/7/1/D/${name}`;
  const data = (...names: string[]) =>
    `<html><script>window.__DLCDetails__=${JSON.stringify({
      dlcDetailsView: {
        downloadFile: names.map((name) => ({ name, url: link(name), version: '', datePublished: '' })),
      },
    })}</script></html>`;
  const anchor = (...names: string[]) =>
    names.map((name) => `<a class="mscom-link failoverLink" href="${link(name)}">click here</a>`).join('\n');
  const load = (today = '2025-07-18') =>
    loadFeed(
      request({
        today,
        source: {
          kind: 'download',
          page: `${server.origin}/en-us/download/details.aspx`,
          directory: `${server.origin}/download/7/1/D`,
        },
      }),
    );
  const DETAILS = '/en-us/download/details.aspx?id=56519';
  const CONFIRMATION = '/en-us/download/confirmation.aspx?id=56519';
  const at = (name: string) => `/download/7/1/D/${name}`;

  // Each row disables one more way: the next one must find the file.
  it.each<[string, () => Record<string, string>, string, string]>([
    [
      'the data object',
      () => ({ [DETAILS]: data(older, newest) + anchor(older), [at(newest)]: TEXT }),
      'page data',
      newest,
    ],
    [
      'the data object is of another form',
      () => ({
        [DETAILS]: `<script>window.__DLCDetails__={"view":[]}</script>${anchor(older, newest)}`,
        [at(newest)]: TEXT,
      }),
      'page links',
      newest,
    ],
    [
      'the data object is not JSON',
      () => ({ [DETAILS]: `<script>window.__DLCDetails__={x</script>${anchor(newest)}`, [at(newest)]: TEXT }),
      'page links',
      newest,
    ],
    ['only anchors', () => ({ [DETAILS]: anchor(newest, older), [at(newest)]: TEXT }), 'page links', newest],
    [
      'the confirmation page with a meta refresh',
      () => ({
        [DETAILS]: '<html>nothing</html>',
        [CONFIRMATION]: `<meta http-equiv="refresh" content="0;url=${link(newest)}"/>`,
        [at(newest)]: TEXT,
      }),
      'page links',
      newest,
    ],
    [
      'a script with escaped slashes',
      () => ({
        [DETAILS]: `<script>var a={"url":"${link(newest).replaceAll('/', '\\/')}"}</script>`,
        [at(newest)]: TEXT,
      }),
      'page links',
      newest,
    ],
    ['no pages, but the latest file', () => ({ [at(latest)]: TEXT }), 'latest file', latest],
    [
      'a page whose link is dead',
      () => ({ [DETAILS]: data(newest), [at(latest)]: TEXT }),
      'latest file',
      latest,
    ],
    [
      'a page whose link gives a web page',
      () => ({ [DETAILS]: data(newest), [at(newest)]: '<html>sorry</html>', [at(latest)]: TEXT }),
      'latest file',
      latest,
    ],
    ['nothing but the dated file', () => ({ [at(newest)]: TEXT, [at(older)]: TEXT }), 'date search', newest],
    [
      'nothing but an off-cycle Thursday',
      () => ({ [at('ServiceTags_Public_20250717.json')]: TEXT }),
      'date search',
      'ServiceTags_Public_20250717.json',
    ],
  ])('leads to the newest file: %s', async (_, routes, strategy, name) => {
    server.handle(byPath(routes()));
    const { snapshot, source } = await load();
    expect(source).toMatchObject({ kind: 'download', strategy, name, url: link(name), sha256: SHA256 });
    expect(snapshot.tags.size).toBe(5);
  });

  it('tries Mondays first, newest first, and 21 days back at most', async () => {
    server.handle(byPath({}));
    const message = await refusal(load());
    const dated = server.requests
      .filter((line) => /_\d{8}\.json/.test(line))
      .map((line) => line.slice(-13, -5));
    expect(dated).toHaveLength(22);
    expect(dated.slice(0, 5)).toEqual(['20250714', '20250707', '20250630', '20250718', '20250717']);
    expect(dated.at(-1)).toBe('20250627');
    expect(message).toContain('cannot fetch the public feed');
    expect(message).toMatch(/page: .*details\.aspx\?id=56519: the answer is HTTP 404/);
    expect(message).toMatch(/page: .*confirmation\.aspx/);
    expect(message).toMatch(/latest file: .*ServiceTags_Public_Latest\.json: the answer is HTTP 404/);
    expect(message).toContain('there is no ServiceTags_Public_<date>.json for 22 days back from 2025-07-18');
  });

  it('that leads to a wrong file is not answered with an older one', async () => {
    server.handle(
      byPath({
        [DETAILS]: data(newest, older),
        [at(newest)]: TEXT.replace('192.0.2.128/26', '192.0.2.129/26'),
        [at(older)]: TEXT,
        [at(latest)]: TEXT,
      }),
    );
    expect(await refusal(load())).toContain('host bits are set');
    expect(server.requests).toHaveLength(2);
  });

  it('names only links to allowed hosts', async () => {
    const evil = `http://localhost:${server.port}${at(newest)}`;
    server.handle(byPath({ [DETAILS]: `<a href="${evil}">`, [at(newest)]: TEXT, [at(latest)]: TEXT }));
    const { source } = await load();
    expect(source.strategy).toBe('latest file');
    expect(lines.join('\n')).toContain('the host localhost is not allowed');
  });

  it('of the closed cloud is not asked', async () => {
    expect(await refusal(loadFeed(request({ cloud: 'germany' })))).toContain('the cloud closed');
  });
});
