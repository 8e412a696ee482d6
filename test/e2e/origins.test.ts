import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parseOriginList } from '../../src/feed/origins.ts';
import { formatPrefix } from '../../src/net/prefix.ts';
import { startServer } from '../feed/loopback-server.ts';
import { azureAllowlist, workplace, writeConfiguration } from './command.ts';
import { SAMPLE_WEEKS, sampleConfiguration } from './configurations.ts';

const [ONE, TWO] = SAMPLE_WEEKS;
const TODAY = new Date().toISOString().slice(0, 10);

/** All prefixes that a weekly file has. */
function published(file: string): string[] {
  const { values } = JSON.parse(readFileSync(file, 'utf8'));
  return [
    ...new Set<string>(
      values.flatMap(
        ({ properties }: { properties: { addressPrefixes: string[] } }) => properties.addressPrefixes,
      ),
    ),
  ];
}

/**
 * The answer of RIPEstat's data call announced-prefixes, version 1.2
 * (https://stat.ripe.net/docs/data-api/api-endpoints/announced-prefixes).
 */
function announced(prefixes: readonly string[], day = TODAY) {
  const time = `${day}T08:00:00`;
  return JSON.stringify({
    messages: [['info', 'Results exclude routes with very low visibility.']],
    see_also: [],
    version: '1.2',
    data_call_name: 'announced-prefixes',
    data_call_status: 'supported',
    status: 'ok',
    status_code: 200,
    data: {
      prefixes: prefixes.map((prefix) => ({ prefix, timelines: [{ starttime: time, endtime: time }] })),
      query_starttime: time,
      query_endtime: time,
      resource: '8075',
      latest_time: time,
      earliest_time: '2000-08-01T00:00:00',
    },
  });
}

const answer =
  (status: number, body: string, headers: Readonly<Record<string, string>> = {}) =>
  (_: IncomingMessage, response: ServerResponse) => {
    response.writeHead(status, headers).end(body);
  };

async function place(origins: object = {}, more: object = {}) {
  const server = await startServer(answer(200, announced(published(ONE))));
  onTestFinished(() => server.close());
  const folder = workplace();
  const source = `${server.origin}/data/announced-prefixes/data.json?resource=AS{asn}`;
  const configure = (change: object = {}) =>
    writeConfiguration(
      folder,
      sampleConfiguration({
        targets: { iptables: {} },
        feed: { http: { totalSeconds: 5, retries: 0 } },
        origins: { source, asns: [8075], ...origins, ...change },
        ...more,
      }),
    );
  configure();
  const run = async (feed: string, ...flags: string[]) => {
    const result = await azureAllowlist(['run', '--feed', feed, ...flags], { cwd: folder });
    return { ...result, words: `${result.stdout}${result.stderr}`.replace(/\s+/g, ' ') };
  };
  const review = () => readFileSync(join(folder, 'allowlists/REVIEW.md'), 'utf8').replaceAll('\\', '');
  /** Makes what is kept old enough to be asked for again. */
  const age = () => {
    const cache = join(folder, '.cache/azure-allowlist/origins');
    for (const name of readdirSync(cache)) {
      const kept = JSON.parse(readFileSync(join(cache, name), 'utf8'));
      writeFileSync(
        join(cache, name),
        JSON.stringify({ ...kept, fetchedAt: kept.fetchedAt - 9 * 3_600_000 }),
      );
    }
  };
  return { server, folder, configure, run, review, age };
}

describe('a second source', () => {
  it('tells what a week gains and nobody of the set announces, and asks for a look', async () => {
    const { server, run, review, age } = await place();
    const first = await run(ONE);
    expect(first.status, first.stderr).toBe(0);
    expect(review()).toMatch(/nothing is in force yet.*origins|origins.*nothing is in force yet/s);
    expect(server.requests).toEqual(['GET /data/announced-prefixes/data.json?resource=AS8075']);
    const second = await run(TWO);
    expect(second.status, second.stderr).toBe(0);
    // Asked for less than eight hours ago.
    expect(server.requests).toHaveLength(1);
    expect(second.words).toMatch(
      /Review required: .*origins: \d+ of 648 gained IPv4 addresses announced by AS8075/,
    );
    expect(review()).toMatch(
      new RegExp(
        `\\d+ of 648 gained IPv4 addresses announced by AS8075, as of ${TODAY}; not announced: 198\\.`,
      ),
    );
    expect(age()).toBeUndefined();
  });

  it('is silent where all of it is announced', async () => {
    const { server, run, review } = await place({ set: 'the sample network' });
    server.handle(answer(200, announced([...published(ONE), ...published(TWO)])));
    expect((await run(ONE)).status).toBe(0);
    expect((await run(TWO)).status).toBe(0);
    expect(review()).not.toContain('announced by');
    expect(review()).toMatch(/passed.*origins/s);
  });

  it('refuses where it is told to, and can be accepted', async () => {
    const { run } = await place({ refuse: true, set: 'the sample network' });
    expect((await run(ONE)).status).toBe(0);
    const refused = await run(TWO);
    expect(refused.status).toBe(3);
    expect(refused.stderr).toMatch(/refused by origins; .*\n {2}origins: .* announced by the sample network/);
    const accepted = await run(TWO, '--accept', 'origins');
    expect(accepted.status, accepted.stderr).toBe(0);
    // The refusal says what the devices would get: just what they get once it is accepted.
    const lines = (text: string, from: RegExp) =>
      text
        .slice(from.exec(text)!.index)
        .split('\n')
        .slice(1)
        .filter((line) => /^ {2}\S+ (\+|no change)/.test(line));
    const promised = lines(refused.stderr, /^What the devices would get:$/m);
    expect(promised).not.toEqual([]);
    expect(promised).toEqual(lines(accepted.stdout, /^Verdict/m));
  });

  it.each([
    ['429', answer(429, '', { 'retry-after': '3600' }), /HTTP 429/],
    ['500', answer(500, 'no'), /HTTP 500/],
    ['an empty list', answer(200, announced([])), /the list is empty/],
    ['a failure in JSON', answer(200, '{"status":"error","messages":[["error","no"]]}'), /status "error"/],
    ['another document', answer(200, '<html>'), /"<html>" is no CIDR|html.*is no CIDR/],
    ['half a list', answer(200, announced(published(ONE).slice(0, 4))), /has \d+ % of the IPv4 addresses/],
    [
      'a stale list',
      answer(200, announced(published(ONE), '2025-01-01')),
      /is of 2025-01-01, more than 30 days old/,
    ],
    ['a default route', answer(200, announced(['0.0.0.0/0'])), /broader than any network announces/],
  ])('blocks no week where it gives %s: not judged, and why', async (_, handler, why) => {
    const { server, run, review } = await place();
    server.handle(handler);
    expect((await run(ONE)).status).toBe(0);
    const { status, stderr } = await run(TWO);
    expect(status, stderr).toBe(0);
    expect(review()).toMatch(why);
    expect(review()).toContain('not judged');
  });

  it('says on a first run already that a pipe is no list, and does not wait for it', async () => {
    const { folder, configure, run, review } = await place();
    execFileSync('mkfifo', [join(folder, 'announced.txt')]);
    configure({ source: 'announced.txt' });
    const { status, stderr } = await run(ONE);
    expect(status, stderr).toBe(0);
    expect(review()).toMatch(
      /origins: the second source cannot be used: \S+announced\.txt is a pipe, not a file/,
    );
  });

  it('uses what it kept where it is down, damaged or halved, and says so', async () => {
    const { server, run, age } = await place();
    expect((await run(ONE)).status).toBe(0);
    for (const [handler, why] of [
      [answer(503, ''), /HTTP 503/],
      [answer(200, announced(published(ONE).slice(0, 2))), /it looks incomplete/],
      [answer(200, announced(published(ONE)).slice(0, 300)), /is no JSON/],
    ] as const) {
      age();
      server.handle(handler);
      const { status, stderr } = await run(ONE);
      expect(status, stderr).toBe(0);
      expect(stderr).toMatch(why);
      expect(stderr).toContain(`the list kept on`);
    }
  });

  it('asks for a changed list only', async () => {
    const { server, run, age } = await place();
    const tags: (string | undefined)[] = [];
    server.handle((request, response) => {
      tags.push(request.headers['if-none-match']);
      if (request.headers['if-none-match'] === '"one"') response.writeHead(304).end();
      else response.writeHead(200, { etag: '"one"' }).end(announced(published(ONE)));
    });
    for (let times = 0; times < 3; times++) {
      const { status, stderr } = await run(ONE);
      expect(status, stderr).toBe(0);
      age();
    }
    expect(tags).toEqual([undefined, '"one"', '"one"']);
  });

  it('with refuse holds back what no tag ever had while it is down, and nothing else', async () => {
    const { server, folder, run, configure } = await place({ refuse: true });
    server.handle(answer(500, ''));
    expect((await run(ONE)).status).toBe(0);
    // The rule gains addresses that other tags of the feed had: known space.
    const week = JSON.parse(readFileSync(ONE, 'utf8'));
    week.changeNumber += 1;
    const cloud = week.values.find(({ name }: { name: string }) => name === 'AzureCloud');
    const storage = week.values.find(({ name }: { name: string }) => name === 'Storage.WestEurope');
    storage.properties.addressPrefixes.push(
      cloud.properties.addressPrefixes.find(
        (prefix: string) => prefix.endsWith('/27') && !storage.properties.addressPrefixes.includes(prefix),
      ),
    );
    mkdirSync(join(folder, 'feeds'));
    const write = (day: string) => {
      const path = join(folder, `feeds/ServiceTags_Public_${day}.json`);
      writeFileSync(path, JSON.stringify(week));
      return path;
    };
    const known = await run(write('20260112'));
    expect(known.status, known.stderr).toBe(0);
    storage.properties.addressPrefixes.push('198.19.255.0/28');
    cloud.properties.addressPrefixes.push('198.19.255.0/28');
    const unknown = await run(write('20260119'));
    expect(unknown.status).toBe(3);
    expect(unknown.words).toMatch(
      /origins: .*HTTP 500.*198\.19\.255\.0\/28 is in no tag of a feed that was in force/,
    );
    configure({ refuse: false });
    expect((await run(write('20260119'))).status).toBe(0);
  });

  it('bounds what may be published', async () => {
    const { folder, server, run, review } = await place(
      {},
      { constraints: { within: ['origins', '2001:db8::/32'] } },
    );
    const some = published(ONE).filter((prefix) => !prefix.startsWith('198.19.6.'));
    server.handle(answer(200, announced(some)));
    const { status, stderr } = await run(ONE);
    expect(status, stderr).toBe(0);
    expect(review()).toMatch(/constraints\.within leaves out of Storage\.WestEurope: 198\.19\.6\./);
    server.handle(answer(500, ''));
    const down = await azureAllowlist(['run', '--feed', TWO, '--cache', join(folder, 'other')], {
      cwd: folder,
    });
    expect([down.status, down.stderr]).toEqual([
      4,
      expect.stringContaining('constraints.within needs the second source'),
    ]);
  });

  it('reads a file, and says what is wrong with one', async () => {
    const { folder, run, review } = await place({ source: 'routes.txt' });
    writeFileSync(join(folder, 'routes.txt'), `# of our own table\n${published(ONE).join('\n')}\n`);
    expect((await run(ONE)).status).toBe(0);
    expect((await run(TWO)).status).toBe(0);
    expect(review()).toMatch(/of 648 gained IPv4 addresses announced by AS8075; not announced: 198\./);
    writeFileSync(join(folder, 'routes.txt'), '198.19.0.0/16\n198.19.1.1/24\n');
    expect((await run(TWO)).status).toBe(0);
  });
});

describe('a list of announced prefixes', () => {
  const texts = (text: string) => parseOriginList(text, 'list').prefixes.map(formatPrefix);

  it.each([
    ['192.0.2.0/24 # one\n\n2001:db8::/32\n', ['192.0.2.0/24', '2001:db8::/32']],
    ['{"NN": [{"prefix": "192.0.2.0/24", "exact": true}]}', ['192.0.2.0/24']],
    [announced(['192.0.2.0/24']), ['192.0.2.0/24']],
  ])('is read from %j', (text, expected) => {
    expect(texts(text)).toEqual(expected);
  });

  it.each([
    ['', 'list: the list is empty'],
    ['192.0.2.1/24', 'list:1: "192.0.2.1/24" is no CIDR'],
    ['{"data": {}}', 'list: has no list data.prefixes'],
    ['{"data": {"prefixes": [{}]}}', 'list: entry 1 has no prefix'],
    ['{"data": {"prefixes": [null]}}', 'list: entry 1 has no prefix'],
    ['::/0', 'list:1: ::/0 is broader than any network announces'],
    [`{"NN": [${'{},'.repeat(200_000)}{}]}`, 'list: has 200,001 prefixes, 200,000 at most'],
  ])('is refused as %.40j', (text, message) => {
    expect(() => parseOriginList(text, 'list')).toThrow(message);
  });
});
