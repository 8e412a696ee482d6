import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { directoryReader, readOutputTree } from '../../src/committed/output-tree.ts';
import { verifyTree } from '../../src/committed/verify.ts';
import { loadConfig } from '../../src/config/load.ts';
import { type JobResult, runJob } from '../../src/job.ts';
import { noteworthy } from '../../src/policy/diff/notes.ts';
import { ConfigurationError, FeedError, GuardRefusal } from '../../src/problem.ts';
import { byPath, type LoopbackServer, startServer } from '../feed/loopback-server.ts';
import { M365_SETS, type PublishedSet } from '../support/m365.ts';

const SAMPLE = fileURLToPath(new URL('../../data/sample/ServiceTags_Public_20260105.json', import.meta.url));
const NEXT_SAMPLE = SAMPLE.replace('20260105', '20260112');
/** Reserved for documentation, and in no tag of the sample. */
const NOT_IN_AZURE = '203.0.113.248/29';
const REQUEST_ID = /ClientRequestId=([0-9a-f]{8}-[0-9a-f-]{27})(?:&|$)/;

describe('the weekly job with endpoint sets of Microsoft 365', () => {
  let server: LoopbackServer;
  let directory: string;
  let caches = 0;

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'm365-job-'));
    server = await startServer(byPath({}));
    publish(M365_SETS, '2026010100');
  });
  afterEach(async () => {
    await server.close();
    rmSync(directory, { recursive: true, force: true });
  });

  function publish(sets: readonly PublishedSet[], version: string, instance = 'Worldwide'): void {
    server.handle(
      byPath({
        [`/version/${instance}`]: JSON.stringify({ instance, latest: version }),
        [`/endpoints/${instance}`]: JSON.stringify(sets),
      }),
    );
  }

  interface Week {
    readonly m365?: readonly object[];
    readonly settings?: object;
    /** Of a rule of its own. */
    readonly hosts?: readonly string[];
    readonly feed?: string;
    readonly accept?: readonly string[];
    readonly offline?: boolean;
    /** Another installation by default, which has asked the service for nothing yet. */
    readonly cache?: string;
  }

  const tree = () => join(directory, 'allowlists');
  const read = (path: string) => readFileSync(join(tree(), path), 'utf8');
  const bytes = () =>
    Object.fromEntries(
      readdirSync(tree(), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name))
        .sort()
        .map((path) => [path, readFileSync(path, 'utf8')]),
    );

  async function run({
    m365 = [{}],
    settings = {},
    feed = SAMPLE,
    hosts = [],
    ...rest
  }: Week = {}): Promise<JobResult> {
    const file = join(directory, 'allowlist.yaml');
    const config = {
      version: 1,
      feed: {
        source: { kind: 'file', path: feed },
        http: { retries: 0 },
        m365: { service: server.origin, ...settings },
      },
      rules: [
        { name: 'office', reason: 'Microsoft 365', m365 },
        ...(hosts.length > 0 ? [{ name: 'own', hosts, ports: [443] }] : []),
      ],
      targets: {
        iptables: {},
        squid: {},
        paloalto: {},
        pac: { otherwise: 'PROXY proxy.example.com:8080' },
      },
      guards: {
        'special-use': {
          allow: ['192.0.2.0/24', '198.51.100.0/24', '203.0.113.0/24', '198.18.0.0/15', '2001:db8::/32'],
        },
      },
    };
    writeFileSync(file, stringify(config));
    return runJob({
      config: await loadConfig(file),
      dryRun: false,
      accept: rest.accept ?? [],
      offline: rest.offline ?? false,
      cacheDirectory: rest.cache ?? join(directory, `cache-${++caches}`),
      environment: {},
      today: '2026-01-13',
      report: () => {},
    });
  }

  const failure = (week: Week) => run(week).then(String, (error: unknown) => error);
  const changed = (id: number, change: Partial<PublishedSet>) =>
    M365_SETS.map((set) => (set.id === id ? { ...set, ...change } : set));

  const without = (id: number, key: 'ips' | 'urls') =>
    M365_SETS.map((set) => {
      const { [key]: _, ...rest } = set;
      return set.id === id ? rest : set;
    });

  it('publishes names and addresses that verify, with their version in the lock', async () => {
    const { outcome } = await run();
    expect(outcome).toBe('published');
    const output = await readOutputTree(directoryReader(tree()));
    expect(output?.lock.m365).toEqual({
      instance: 'Worldwide',
      version: '2026010100',
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(output?.policy.rules.map(({ name }) => name)).toEqual([
      'office-80-443',
      'office-pc0a920',
      'office-587-993',
      'office-443u',
      'office-a25',
      'office-ap28dbb3',
    ]);
    expect(await verifyTree(output!)).toMatchObject({ problems: [] });
    expect(read('snapshot/M365.Exchange.2.txt')).toBe('192.0.2.0/26\n198.51.100.64/26\n');
  });

  it('has a tree whose verification finds an address too many', async () => {
    await run();
    const path = readdirSync(join(tree(), 'iptables'))
      .map((name) => `iptables/${name}`)
      .find((name) => read(name).includes('192.0.2.0/26'))!;
    writeFileSync(join(tree(), path), read(path).replaceAll('192.0.2.0/26', '192.0.2.0/25'));
    const output = await readOutputTree(directoryReader(tree()));
    expect((await verifyTree(output!)).problems.map(({ what }) => what).join('\n')).toContain(
      'not in the policy',
    );
  });

  it('tells what is left out and what is widened in lock, header and review', async () => {
    await run();
    const udp = 'this target writes TCP only, not port';
    const partial = 'only *-files.share.example.net is asked for; no host pattern says that exactly';
    const { lock } = (await readOutputTree(directoryReader(tree())))!;
    for (const [id, { omissions }] of Object.entries(lock.targets))
      expect(omissions.filter(({ kind }) => kind === 'udp')).toEqual(
        id === 'squid' || id === 'pac'
          ? [
              {
                ...{ rule: 'office-443u', kind: 'udp', reason: `${udp} 443/udp` },
                admits: [{ ports: '443/udp', hosts: ['.outlook.example.com'], prefixes: [] }],
              },
              {
                ...{ rule: 'office-ap28dbb3', kind: 'udp', reason: `${udp} 3478-3481/udp` },
                admits: [{ ports: '3478-3481/udp', hosts: [], prefixes: ['203.0.113.0/26'] }],
              },
            ]
          : [],
      );
    expect(lock.targets.squid?.widenings).toContainEqual({
      rule: 'office-80-443',
      kind: 'wildcard',
      reason: partial,
      admits: [{ ports: '80,443', hosts: ['*.share.example.net'], prefixes: [] }],
    });
    for (const target of ['iptables', 'squid', 'paloalto', 'pac']) {
      const text = readdirSync(join(tree(), target))
        .map((name) => read(`${target}/${name}`))
        .join('\n')
        // A long line of the header goes on in the next, indented.
        .replace(/\n(?:#|\/\/)? {2,}/g, ' ');
      expect(text.includes(udp)).toBe(target === 'squid' || target === 'pac');
      if (target !== 'iptables') expect(text).toContain(partial);
    }
    const review = read('REVIEW.md').replaceAll('\\', '');
    expect(review).toContain('3478-3481/udp');
    expect(review).toContain('only *-files.share.example.net is asked for');
    expect(review).toContain('*-files.share.example.net');
  });

  it('changes no byte in a week in which only the version and sets of others move', async () => {
    const selectors = [{ serviceArea: 'Exchange' }, { serviceArea: 'SharePoint' }];
    await run({ m365: selectors });
    const before = bytes();
    publish(changed(56, { ips: ['192.0.2.192/26'], urls: ['login.example.com'] }), '2026011200');
    const { outcome, change } = await run({ m365: selectors, feed: NEXT_SAMPLE });
    expect(outcome).toBe('unchanged');
    expect([...change.written, ...change.removed]).toEqual([]);
    expect(bytes()).toEqual(before);
    expect(read('allowlist.lock.json')).toContain('"version": "2026010100"');
  });

  it('publishes and reviews a week in which a selected set moves', async () => {
    await run();
    publish(
      changed(2, { ips: ['198.51.100.64/26', '192.0.2.0/26', '192.0.2.64/27'], urls: ['smtp.example.com'] }),
      '2026011200',
    );
    const { outcome, review } = await run();
    expect(outcome).toBe('published');
    expect(review.diff.rules.map(({ rule, tags }) => [rule, tags.map(({ tag }) => tag)])).toEqual([
      ['office-587-993', ['M365.Exchange.2']],
    ]);
    expect(review.diff.admission.gained.describe()).toEqual(['port 587,993: 192.0.2.64/27']);
    expect(review.diff.admission.lost.describe()).toEqual(['port 587,993: outlook.example.com']);
    expect(read('allowlist.lock.json')).toContain('"version": "2026011200"');
    expect(read('REVIEW.md')).toContain('M365');
  });

  it('looks for no set in Azure, and notes what a set has only for a week', async () => {
    const kinds = ({ review }: JobResult) =>
      noteworthy(review.diff, review.context).map(({ kind, rule, addresses }) =>
        [kind, rule, ...(addresses?.toStrings() ?? [])].join(' '),
      );
    const first = M365_SETS.find(({ id }) => id === 2)!;
    await run();
    publish(changed(2, { ips: [...first.ips!, NOT_IN_AZURE] }), '2026011200');
    expect(kinds(await run())).toEqual(['attribution office-587-993']);
    expect(read('azure-space.txt')).not.toContain(NOT_IN_AZURE);
    publish(M365_SETS, '2026011300');
    expect(kinds(await run({ feed: NEXT_SAMPLE }))).toEqual([`short-lived office-587-993 ${NOT_IN_AZURE}`]);
  });

  describe('judges space that neither a set nor a service tag had', () => {
    const first = M365_SETS.find(({ id }) => id === 2)!;
    const gains = (...more: string[]) => changed(2, { ips: [...first.ips!, ...more] });
    const said = ({ findings }: JobResult) =>
      findings.flatMap(({ guard, outcome, look, message }) =>
        guard === 'new-space' && message !== ''
          ? [`${outcome}${look === true ? ', look' : ''}: ${message}`]
          : [],
      );

    it('asks for a look at any, and refuses much', async () => {
      await run();
      const sample = JSON.parse(readFileSync(SAMPLE, 'utf8')) as {
        values: { properties: { addressPrefixes: string[] } }[];
      };
      const inAzure = sample.values[0]!.properties.addressPrefixes[0]!;
      publish(gains('8.8.8.0/24', '2a10::/48', inAzure), '2026011200');
      const small = await run();
      expect(said(small)).toEqual([
        'noted, look: M365.Exchange.2 gains 256 IPv4 addresses and 65,536 IPv6 /64 networks that no set in force and no service tag had; limit 131,072 (guards.new-space.farAddresses) and 268,435,456: 8.8.8.0/24, 2a10::/48',
      ]);
      expect(read('REVIEW.md')).toMatch(/Review required: .*new-space: M365\.Exchange\.2 gains 256/);
      // In force, it is known.
      expect(said(await run())).toEqual([]);
      publish(gains('8.8.8.0/24', '2a10::/48', '1.0.0.0/15', '9.0.0.0/24'), '2026011300');
      expect(String(await failure({}))).toContain('new-space: M365.Exchange.2 gains 131,328 IPv4 addresses');
      publish(gains('8.8.8.0/24', '2a10::/48', '2a11::/35'), '2026011300');
      expect(String(await failure({}))).toContain(
        'new-space: M365.Exchange.2 gains 0 IPv4 addresses and 536,870,912',
      );
      expect((await run({ accept: ['new-space', 'tag-growth', 'tag-precedent'] })).outcome).toBe('published');
    });

    it('asks for a look at a set that was not in force, and knows what moves between sets', async () => {
      publish(
        M365_SETS.filter(({ id }) => id !== 2),
        '2026010100',
      );
      await run();
      publish(gains('1.0.0.0/12'), '2026011200');
      expect(said(await run())).toEqual([
        expect.stringMatching(
          /^noted, look: endpoint sets that were not in force: M365\.Exchange\.2 gains 1,048,\d+ IPv4/,
        ),
      ]);
      const other = M365_SETS.find(({ id, ips = [] }) => id !== 2 && ips.length > 0)!;
      publish(
        gains('1.0.0.0/12').map((set) =>
          set.id === other.id ? { ...set, ips: [...other.ips!, '1.0.0.0/16'] } : set,
        ),
        '2026011300',
      );
      expect(said(await run({ accept: ['tag-growth'] }))).toEqual([]);
    });
  });

  it('publishes a week in which only what is left out changes', async () => {
    await run();
    publish(changed(11, { udpPorts: '3478' }), '2026011200');
    const { outcome, review } = await run();
    expect(outcome).toBe('published');
    for (const { id, omissions } of review.targets)
      expect([id, omissions.some(({ kind, presence }) => kind === 'udp' && presence === 'added')]).toEqual([
        id,
        id === 'squid' || id === 'pac',
      ]);
  });

  it('lists required hosts with the way they get through', async () => {
    const { review } = await run();
    const row = review.coverage.find(({ host }) => host === 'smtp.example.com');
    expect(row?.targets.find(({ target }) => target === 'iptables')).toMatchObject({
      how: 'address',
      detail: 'M365.Exchange.2: the same endpoint set',
    });
    const widened = review.coverage.find(({ host }) => host === '*-files.share.example.net');
    expect(widened?.targets.find(({ target }) => target === 'squid')).toMatchObject({
      how: 'widened',
      detail: '*.share.example.net, not only *-files.share.example.net',
    });
  });

  it('makes the request id once, keeps it in the cache, and out of the output tree', async () => {
    const cache = join(directory, 'cache');
    await run({ cache });
    const kept = readdirSync(join(cache, 'm365')).find((name) => name.endsWith('.json'))!;
    rmSync(join(cache, 'm365', kept));
    await run({ cache });
    const ids = server.requests.map((request) => REQUEST_ID.exec(request)?.[1]);
    expect(ids).toHaveLength(4);
    expect(new Set(ids).size).toBe(1);
    expect(readFileSync(join(cache, 'm365', 'client-request-id'), 'utf8').trim()).toBe(ids[0]);
    expect(Object.values(bytes()).filter((text) => text.includes(ids[0]!))).toEqual([]);
  });

  it('uses the request id of the configuration', async () => {
    const clientRequestId = 'b10c5ed1-bad1-445f-b386-b919946339a7';
    const cache = join(directory, 'cache');
    await run({ settings: { clientRequestId }, cache });
    expect(server.requests.map((request) => REQUEST_ID.exec(request)?.[1])).toEqual([
      clientRequestId,
      clientRequestId,
    ]);
    expect(existsSync(join(cache, 'm365', 'client-request-id'))).toBe(false);
  });

  it('asks the configured instance', async () => {
    publish(M365_SETS, '2026010100', 'USGovDoD');
    await run({ settings: { instance: 'USGovDoD' } });
    expect(read('allowlist.lock.json')).toContain('"table": "m365-USGovDoD"');
  });

  it('asks the service for nothing offline', async () => {
    const cache = join(directory, 'cache');
    await run({ cache });
    const asked = server.requests.length;
    const before = bytes();
    expect((await run({ cache, offline: true })).outcome).toBe('unchanged');
    expect(server.requests).toHaveLength(asked);
    expect(bytes()).toEqual(before);
  });

  it('tells every selector that selects nothing', async () => {
    const error = await failure({
      m365: [
        { serviceArea: 'Teams' },
        { serviceArea: 'Exchnage' },
        { ids: [1, 998, 999] },
        { serviceArea: 'Skype', category: 'Default' },
        { serviceArea: 'Exchange' },
      ],
    });
    expect(error).toBeInstanceOf(ConfigurationError);
    expect((error as ConfigurationError).problems).toEqual([
      {
        where: 'line 14, rules[0].m365[0].serviceArea',
        what: 'Microsoft 365 (Worldwide) has no service area "Teams"',
        next: 'did you mean Skype?',
      },
      {
        where: 'line 15, rules[0].m365[1].serviceArea',
        what: 'Microsoft 365 (Worldwide) has no service area "Exchnage"',
        next: 'did you mean Exchange?',
      },
      {
        where: 'line 16, rules[0].m365[2].ids',
        what: 'Microsoft 365 (Worldwide) has no endpoint set 998, 999',
        next: 'remove what Microsoft has withdrawn',
      },
      {
        where: 'line 20, rules[0].m365[3]',
        what: 'no endpoint set of Microsoft 365 (Worldwide) matches all of it',
      },
    ]);
    expect(existsSync(tree())).toBe(false);
  });

  it.each<[string, readonly PublishedSet[], string]>([
    ['everything', changed(10, { ips: ['0.0.0.0/0'] }), 'too-broad'],
    ['private addresses', changed(10, { ips: ['10.1.0.0/16'] }), 'special-use'],
    ['a set withdrawn', M365_SETS.filter(({ id }) => id !== 2), 'tag-missing'],
    ['every address of a set gone', changed(10, { ips: [] }), 'tag-empty'],
    ['every address of a set left out', without(2, 'ips'), 'tag-empty'],
    ['every name of a set gone', changed(1, { urls: [] }), 'm365-set'],
    ['every name of a set left out', without(1, 'urls'), 'm365-set'],
    ['all names swapped', changed(1, { urls: ['a.example.net', '*.b.example.net'] }), 'm365-set'],
    ['a set of names withdrawn', M365_SETS.filter(({ id }) => id !== 39), 'm365-set'],
    ['a port that no set had', changed(2, { tcpPorts: '22,587,993' }), 'm365-set'],
    ['every port', changed(2, { tcpPorts: '1-65535' }), 'm365-set'],
    ...[
      '*.com',
      'com',
      '*.co.uk',
      'localhost',
      '*.corp',
      '*.blob.core.windows.net',
      'оutlook.example.com',
    ].map((name): [string, readonly PublishedSet[], string] => [
      `the name ${name}`,
      changed(2, { urls: ['smtp.example.com', 'outlook.example.com', name] }),
      'broad-name',
    ]),
    ['half of a set gone', changed(1, { ips: ['198.51.100.0/26', '2001:db8:1::/48'] }), 'tag-shrink'],
  ])('refuses %s, and what stands stays', async (_, sets, guard) => {
    await run();
    const before = bytes();
    publish(sets, '2026011200');
    const error = await failure({});
    expect(error).toBeInstanceOf(GuardRefusal);
    expect(String(error)).toContain(guard);
    expect(bytes()).toEqual(before);
    const accepted = String(error).match(/--accept (\S+)/)![1]!;
    expect((await run({ accept: accepted.split(',') })).outcome).toBe('published');
    expect(read('allowlist.lock.json')).toContain(`"guard": "${guard}"`);
  });

  it('refuses a version older than the one in force', async () => {
    publish(M365_SETS, '2026011200');
    await run();
    publish(M365_SETS, '2026010100');
    expect(String(await failure({}))).toMatch(
      /m365-rollback: the endpoints of Microsoft 365 are version 2026010100, older than 2026011200/,
    );
    expect((await run({ accept: ['m365-rollback'] })).outcome).toBe('unchanged');
  });

  it('refuses a version of a day to come, which would keep the real ones out', async () => {
    publish(M365_SETS, '2026011200');
    await run();
    const before = bytes();
    publish(changed(1, { ips: ['198.51.100.0/25', '2001:db8:1::/48', '203.0.113.200/32'] }), '2099010100');
    expect(String(await failure({}))).toMatch(
      /m365-rollback: the endpoints of Microsoft 365 are version 2099010100, 26,651 days in the future/,
    );
    expect(bytes()).toEqual(before);
  });

  it('lets the withdrawal of a set be accepted that the configuration names by number', async () => {
    const m365 = [{ ids: [1, 2] }];
    await run({ m365 });
    publish(
      M365_SETS.filter(({ id }) => id !== 2),
      '2026011200',
    );
    const error = await failure({ m365 });
    expect(error).toBeInstanceOf(GuardRefusal);
    expect(String(error)).toContain('m365-set: Microsoft 365 has withdrawn endpoint set 2: smtp.example.com');
    const accept = String(error)
      .match(/--accept (\S+)/)![1]!
      .split(',');
    expect((await run({ m365, accept })).outcome).toBe('published');
    // It is in force no more: now the number is a mistake of the configuration.
    expect(await failure({ m365 })).toBeInstanceOf(ConfigurationError);
  });

  it.each(['*.com', 'com', 'localhost', '*.corp'])(
    'says the same of %s in the configuration',
    async (host) => {
      const error = await failure({ hosts: [host] });
      expect(String(error)).toMatch(
        /broad-name: rule own: .* allows a whole top-level domain or public suffix/,
      );
      expect((await run({ hosts: [host], accept: ['broad-name'] })).outcome).toBe('published');
      // In force, it was accepted once.
      expect((await run({ hosts: [host] })).outcome).toBe('unchanged');
    },
  );

  it('writes a rule of UDP alone where a target knows UDP', async () => {
    const { review } = await run({ m365: [{ serviceArea: 'Skype' }] });
    expect(review.diff.admission.gained.describe()).toEqual(['port 3478-3481/udp: 203.0.113.0/26']);
    expect(read('iptables/iptables.rules')).toContain('-p udp -m multiport --dports 3478:3481 ');
    expect(read('paloalto/azure.set')).toMatch(/service az-udp_\S+ protocol udp port 3478-3481\n/);
    expect(read('squid/azure-allow.conf')).not.toContain('3478-3481\n');
  });

  it.each([
    ['HTML', '<html></html>'],
    ['an empty list', '[]'],
    ['a set without ports of this world', JSON.stringify([{ ...M365_SETS[0], tcpPorts: '443;80' }])],
  ])('fails with exit 4 for %s, and what stands stays', async (_, text) => {
    await run();
    const before = bytes();
    server.handle(byPath({ '/version/Worldwide': '{"latest":"2026011200"}', '/endpoints/Worldwide': text }));
    const error = await failure({});
    expect(error).toBeInstanceOf(FeedError);
    expect(bytes()).toEqual(before);
  });

  it('needs no service where no rule asks for it', async () => {
    const file = join(directory, 'allowlist.yaml');
    cpSync(fileURLToPath(new URL('../../data/sample/allowlist.yaml', import.meta.url)), file);
    writeFileSync(
      file,
      readFileSync(file, 'utf8')
        .replace('ServiceTags_Public_20260105.json', SAMPLE)
        .replace('../../out/demo', tree()),
    );
    await runJob({
      config: await loadConfig(file),
      dryRun: false,
      accept: [],
      offline: false,
      cacheDirectory: undefined,
      environment: {},
      today: '2026-01-13',
      report: () => {},
    });
    expect(server.requests).toEqual([]);
    expect(read('allowlist.lock.json')).not.toContain('m365');
  });
});
