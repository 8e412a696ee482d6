import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkCommand, type QueryInput } from '../../src/cli/check.ts';
import { runCommand } from '../../src/cli/run.ts';
import { directoryReader, readOutputTree } from '../../src/committed/output-tree.ts';
import { verifyTree } from '../../src/committed/verify.ts';
import { recordingIo } from '../support/recording-io.ts';

const sample = (name: string) => fileURLToPath(new URL(`../../data/sample/${name}`, import.meta.url));

let scratch: string;
let tree: string;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'check-'));
  tree = join(scratch, 'allowlists');
  const { io } = recordingIo();
  const feed = sample('ServiceTags_Public_20260112.json');
  await runCommand({ config: sample('allowlist.yaml'), feed, out: tree, cache: join(scratch, 'cache') }, io);
});

afterAll(() => rm(scratch, { recursive: true, force: true }));

interface CheckSettings {
  readonly json?: boolean;
  readonly input?: QueryInput;
  readonly client?: string;
  readonly out?: string;
  readonly feed?: string;
}

async function check(
  queries: readonly string[],
  { json = false, input, client, feed, out = tree }: CheckSettings = {},
) {
  const { io, said } = recordingIo();
  // With --out no configuration is read: this one does not exist.
  const flags = {
    config: feed === undefined ? join(scratch, 'none.yaml') : 'allowlist.yaml',
    out,
    json,
    ...(feed === undefined ? {} : { feed, cache: join(scratch, 'cache'), offline: true }),
    ...(client === undefined ? {} : { client }),
  };
  await checkCommand(queries, flags, io, input);
  return said;
}

async function* chunks(...texts: readonly (string | Uint8Array)[]) {
  yield* texts;
}

describe('check', () => {
  it('says that a name is allowed, by which rule and row, and how each target lets it through', async () => {
    const { out, status } = await check(['login.microsoftonline.com:443']);
    expect(status).toBe(0);
    expect(out).toBe(
      `login.microsoftonline.com:443  allowed
  rule     connector, by name, on 443: Entra private network connector, two servers in the DMZ
           asks for *.microsoftonline.com
  row      private-network-connector #9: *.microsoftonline.com on 443, Registering the connector, and its work afterwards. [connector-article, proxy-article]
  target   pac, squid, paloalto: by name on 443
  target   iptables: by address on 443
             covered (rule connector): its addresses are in AzureActiveDirectory, which the rule lets through here
             omitted (rule connector): this target matches no host names
`,
    );
  });

  it('exits 2 if any of several is not allowed, or only in part', async () => {
    expect((await check(['login.microsoftonline.com', '192.0.2.1'])).status).toBe(0);
    expect((await check(['login.microsoftonline.com', '10.0.0.1'])).status).toBe(2);
    expect((await check(['192.0.2.0/26'])).status).toBe(2);
  });

  it('answers the others where something is no query, names each such, and ends with status 5', async () => {
    const { out, err, status } = await check(['login.microsoftonline.com', 'a b', '192.0.2.1/24']);
    expect(out).toMatch(/^login\.microsoftonline\.com {2}allowed/);
    expect(err).toMatch(/argument 2: .*more than one word.*argument 3: .*host bits set/s);
    expect(status).toBe(5);
  });

  it('refuses where nothing is a query, all of it at once, with status 5', async () => {
    const refused = check(['a b', '192.0.2.1/24']);
    await expect(refused).rejects.toMatchObject({ exitStatus: 5 });
    await expect(refused).rejects.toThrow(/argument 1: .*more than one word.*argument 2: .*host bits set/s);
  });

  it('says which tags of a feed hold an address, allowed or not, the narrowest first', async () => {
    const feed = sample('ServiceTags_Public_20260112.json');
    const queries = ['198.19.9.130', '203.0.113.1', 'login.microsoftonline.com'];
    const { out } = await check(queries, { feed });
    expect(out.split('\n').filter((line) => line.startsWith('  feed'))).toEqual([
      '  feed     Storage.WestEurope (westeurope): 198.19.9.128/25',
      '  feed     Storage: 198.19.9.128/25',
      '  feed     AzureCloud: 198.19.9.128/25',
      '  feed     no service tag holds any of it',
    ]);
    const { answers } = JSON.parse((await check(queries, { feed, json: true })).out) as {
      answers: readonly { feedTags: readonly { name: string }[] | null }[];
    };
    expect(answers.map(({ feedTags }) => feedTags?.map(({ name }) => name) ?? null)).toEqual([
      ['Storage.WestEurope', 'Storage', 'AzureCloud'],
      [],
      null,
    ]);
    await expect(check([], { feed, input: chunks('198.19.9.130') })).rejects.toThrow(/given as arguments/);
  });

  it('refuses a folder that is no output tree, and a terminal as the list of queries', async () => {
    const { io } = recordingIo();
    const flags = { config: 'none.yaml', out: scratch };
    await expect(checkCommand(['192.0.2.1'], flags, io)).rejects.toMatchObject({ exitStatus: 5 });
    await expect(checkCommand(['192.0.2.1'], flags, io)).rejects.toThrow('is not an output tree');
    const terminal = Object.assign(chunks(), { isTTY: true });
    await expect(check([], { input: terminal })).rejects.toThrow('nothing to look up');
  });

  it('writes one JSON document with everything that the text has, and the parts of a CIDR in full', async () => {
    const { out, status } = await check(['192.0.2.0/26:443', '192.0.2.1:22'], { json: true });
    expect(status).toBe(2);
    const document = JSON.parse(out);
    expect(document).toMatchObject({
      output: tree,
      feed: { name: 'ServiceTags_Public_20260112.json', fileDate: '2026-01-12', changeNumber: 102 },
      answers: [
        {
          query: '192.0.2.0/26:443',
          kind: 'prefix',
          subject: '192.0.2.0/26',
          port: 443,
          verdict: 'partly',
          parts: {
            allowed: [{ ports: '443', prefixes: ['192.0.2.0/27'] }],
            other: ['192.0.2.32/27'],
            allowedAddresses: '32',
            otherAddresses: '32',
          },
        },
        {
          query: '192.0.2.1:22',
          verdict: 'refused',
          hint: 'it is asked for on other ports: 80,443 (rule connector)',
        },
      ],
    });
    expect(document.answers[1].tags.map(({ tag }: { tag: string }) => tag)).toEqual([
      'AzureActiveDirectory',
      'AzureCloud',
    ]);
  });
});

describe('check of standard input', () => {
  it('answers a line each, wherever the chunks end, and sums up on standard error', async () => {
    const input = chunks(
      '192.0.2.1:4',
      '43\n\n# a comment\r\nfoo.msapp',
      Buffer.from('proxy.net:443\r\nno query\n10.0.0.1'),
    );
    const { out, err, status } = await check([], { input });
    expect(out.split('\n')).toEqual([
      'allowed\t192.0.2.1:443\t443\tconnector\tiptables',
      'allowed\tfoo.msappproxy.net:443\t443\tconnector\tpac,squid,paloalto,iptables',
      'unreadable\tno query\t"no query" is more than one word; a query is one host, address, CIDR or URL',
      'refused\t10.0.0.1\t-\t-\t-',
      '',
    ]);
    expect(err).toBe('4 looked up: 2 allowed, 0 in part, 1 not, 1 that are no query (the first on line 5)\n');
    expect(status).toBe(5);
  });

  it('writes a JSON object a line, equal to the answers of the arguments', async () => {
    const queries = ['192.0.2.1:443', 'foo.msappproxy.net', 'foo.msapproxy.net', '198.19.0.0/16'];
    const { answers } = JSON.parse((await check(queries, { json: true })).out);
    const { out, status } = await check([], { json: true, input: chunks(queries.join('\n')) });
    expect(
      out
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual(answers.map(({ since, ...answer }: { since: null }) => answer));
    expect(status).toBe(2);
  });

  it('keeps its head over a line that never ends, and over more different lines than it remembers', async () => {
    const endless = Array.from({ length: 40 }, () => 'x'.repeat(10_000));
    const many = Array.from({ length: 25_000 }, (_, index) => `192.0.${index >> 8}.${index & 255}:443`);
    const { out, err } = await check([], { input: chunks(...endless, '\n', `${many.join('\n')}\n`) });
    const lines = out.trimEnd().split('\n');
    expect(lines).toHaveLength(25_001);
    expect(lines[0]!.length).toBeLessThan(1000);
    const allowed = lines.filter((line) => line.startsWith('allowed')).map((line) => line.split('\t')[1]!);
    // 192.0.2.0/24 of the sample's AzureCloud, and nothing else of 192.0.0.0/17.
    expect(allowed.every((query) => query.startsWith('192.0.2.'))).toBe(true);
    expect(err).toContain(`${allowed.length} allowed`);
    const { parts } = JSON.parse((await check(['192.0.0.0/17:443'], { json: true })).out).answers[0];
    expect(String(allowed.length)).toBe(parts.allowedAddresses);
  });

  it('says for whom a rule is, and answers for one client', async () => {
    const out = join(scratch, 'bound');
    const config = join(scratch, 'bound.yaml');
    await writeFile(
      config,
      `version: 1
rules:
  - { name: own, hosts: ['*.example.com'], serviceTags: [Storage.WestEurope], ports: [443], clients: [192.0.2.10, '2001:db8::/64'] }
  - { name: open, hosts: [open.example.net], ports: [443] }
targets:
  squid: {}
  iptables: {}
  nftables: { clients: [192.0.2.20] }
  pac: { otherwise: DIRECT, allowed: 'PROXY proxy.example.com:8080' }
guards:
  special-use:
    allow: [192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24, 198.18.0.0/15, '2001:db8::/32']
`,
    );
    const feed = sample('ServiceTags_Public_20260112.json');
    const { io, said } = recordingIo();
    await runCommand({ config, feed, out, cache: join(scratch, 'cache') }, io);
    expect(said.status, said.err).toBe(0);
    expect((await check(['x.example.com:443'], { out })).out).toContain('only for 192.0.2.10 2001:db8::/64');
    const own = await check(['x.example.com:443'], { out, client: '192.0.2.10' });
    expect(own).toMatchObject({ status: 0, out: expect.stringMatching(/x\.example\.com:443 {2}allowed/) });
    // To the firewall, the proxy is the client: it does not let this one through.
    expect(own.out).toMatch(/target {3}nftables: no/);
    const stranger = await check(['x.example.com:443', 'open.example.net:443'], {
      out,
      client: '192.0.2.11',
    });
    expect(stranger.status).toBe(2);
    expect(stranger.out).toContain('x.example.com:443  not asked for, but allowed by 1 of 4 targets');
    expect(stranger.out).toContain(
      'hint     it is asked for by others only: rule own for 192.0.2.10 2001:db8::/64',
    );
    expect(stranger.out).toMatch(/open\.example\.net:443 {2}allowed/);
    const json = JSON.parse(
      (await check(['x.example.com:443'], { out, client: '2001:db8::7', json: true })).out,
    );
    expect(json).toMatchObject({
      client: '2001:db8::7',
      answers: [{ verdict: 'allowed', rules: [{ clients: ['192.0.2.10', '2001:db8::/64'] }] }],
    });
    // Of a prefix of clients, all of them.
    expect((await check(['x.example.com:443'], { out, client: '192.0.2.0/24' })).status).toBe(2);
    await expect(check(['x.example.com'], { out, client: 'somebody' })).rejects.toThrow(/--client/);

    // What verify says of files that lack the clients.
    const file = join(out, 'iptables', 'iptables.rules');
    const text = await readFile(file, 'utf8');
    expect(text).toContain(' -s 192.0.2.10/32 ');
    await writeFile(file, text.replaceAll(' -s 192.0.2.10/32 ', ' '));
    const found = await verifyTree((await readOutputTree(directoryReader(out)))!);
    expect(found.problems.map(({ where, what }) => `${where}: ${what}`)).toEqual([
      'iptables/iptables.rules: was edited after it was generated',
      expect.stringMatching(
        /^iptables: not in the policy: port 443: .* from every client but 192\.0\.2\.10$/,
      ),
    ]);
  });
});
