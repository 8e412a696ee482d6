import { type Node, parse } from 'acorn';
import { describe, expect, it } from 'vitest';
import { digits } from '../../src/numbers.ts';
import type { Policy } from '../../src/policy/policy.ts';
import { proveReadBack, proveSettings } from '../../src/targets/build.ts';
import { addressAttempts, nameAttempts, spellUrl } from '../support/attempts.ts';
import { askNode, askPacparser, lacksPacparser } from '../support/pac.ts';
import { makePolicy, samplePolicy } from '../support/policy.ts';
import { seededRandom } from '../support/random.ts';
import { buildBundled, expectGolden, uncaughtEdits } from '../support/rule-files.ts';

const OPTIONS = { allowed: 'DIRECT', otherwise: 'PROXY proxy.corp.example:8080' };

async function pac(policy: Policy): Promise<string> {
  const { files } = await buildBundled('pac', policy, OPTIONS);
  return files[0]!.text;
}

/** A thousand URLs and more, drawn from the policy, with the answers that it implies. */
function questions(policy: Policy, seed: number) {
  const random = seededRandom(seed);
  const ports = [80, 443, 443, 1433, 5671, 8080, 8443];
  const attempts = [
    ...Array.from({ length: 8 }, () => nameAttempts(policy, ports, random)).flat(),
    ...addressAttempts(policy, ports, 300, random),
  ];
  return attempts.map((attempt) => ({
    ...spellUrl(attempt, random),
    answer: attempt.allowed ? OPTIONS.allowed : OPTIONS.otherwise,
  }));
}

const always = makePolicy({
  name: 'both',
  names: { '443': ['*.msappproxy.example', 'login.example.net', '.example.org'], '80': ['crl.example.net'] },
  prefixes: ['192.0.2.0/28', '198.51.100.7/32', '203.0.113.0/24', '2001:db8::/33', '2001:db8:ffff::10/126'],
  ports: '80,443',
  addressUse: 'always',
});

const YES = OPTIONS.allowed;
const NO = OPTIONS.otherwise;
const TABLE: readonly (readonly [string, string, string])[] = [
  ['https://login.example.net/', 'login.example.net', YES],
  ['https://login.example.net:443/', 'login.example.net', YES],
  ['https://login.example.net:/', 'login.example.net', YES],
  ['https://login.example.net:4433/', 'login.example.net', NO],
  ['http://login.example.net/', 'login.example.net', NO],
  ['http://login.example.net:443/', 'login.example.net', YES],
  ['HTTPS://LOGIN.EXAMPLE.NET/', 'LOGIN.EXAMPLE.NET', YES],
  ['https://login.example.net./', 'login.example.net.', YES],
  ['https://login.example.net../', 'login.example.net..', NO],
  ['wss://login.example.net/', 'login.example.net', YES],
  ['ws://crl.example.net/', 'crl.example.net', YES],
  ['ftp://login.example.net/', 'login.example.net', NO],
  ['gopher://login.example.net/', 'login.example.net', NO],
  ['hasOwnProperty://login.example.net/', 'login.example.net', NO],
  ['https://user:p@ss:443@login.example.net:444/', 'login.example.net', NO],
  ['https://user@login.example.net/', 'login.example.net', YES],
  ['https://other.example:443@login.example.net/', 'login.example.net', YES],
  ['https://login.example.net:444/?x=:443/', 'login.example.net', NO],
  ['https://login.example.net?x@y:444', 'login.example.net', YES],
  ['https://login.example.net\\@other.example:444/', 'login.example.net', YES],
  ['https://x.login.example.net/', 'x.login.example.net', NO],
  ['https://a.msappproxy.example/', 'a.msappproxy.example', YES],
  ['https://a.b.msappproxy.example/', 'a.b.msappproxy.example', YES],
  ['https://msappproxy.example/', 'msappproxy.example', NO],
  ['https://notmsappproxy.example/', 'notmsappproxy.example', NO],
  ['https://msappproxy.example.evil.example/', 'msappproxy.example.evil.example', NO],
  ['https://.msappproxy.example/', '.msappproxy.example', NO],
  ['https://example.org/', 'example.org', YES],
  ['https://a.example.org/', 'a.example.org', YES],
  ['https://org/', 'org', NO],
  ['http://crl.example.net/x.crl', 'crl.example.net', YES],
  ['https://crl.example.net/', 'crl.example.net', NO],
  ['https://192.0.2.0/', '192.0.2.0', YES],
  ['http://192.0.2.15/', '192.0.2.15', YES],
  ['https://192.0.2.16/', '192.0.2.16', NO],
  ['https://192.0.1.255/', '192.0.1.255', NO],
  ['https://192.0.2.1:8443/', '192.0.2.1', NO],
  ['https://192.0.2.1./', '192.0.2.1.', YES],
  ['https://192.0.2.01/', '192.0.2.01', NO],
  ['https://192.0.2/', '192.0.2', NO],
  ['https://3221225985/', '3221225985', NO],
  ['https://192.0.2.1.example/', '192.0.2.1.example', NO],
  ['https://203.0.113.255/', '203.0.113.255', YES],
  ['https://255.255.255.255/', '255.255.255.255', NO],
  ['https://0.0.0.0/', '0.0.0.0', NO],
  ['https://[2001:db8::]/', '2001:db8::', YES],
  ['https://[2001:db8::1]/', '[2001:db8::1]', YES],
  ['https://[2001:DB8:7FFF:FFFF:FFFF:FFFF:FFFF:FFFF]/', '2001:DB8:7FFF:FFFF:FFFF:FFFF:FFFF:FFFF', YES],
  ['https://[2001:db8:8000::]/', '2001:db8:8000::', NO],
  ['https://[2001:db8:ffff::10]:80/', '2001:db8:ffff::10', YES],
  ['https://[2001:db8:ffff::13]/', '2001:db8:ffff::13', YES],
  ['https://[2001:db8:ffff::14]/', '2001:db8:ffff::14', NO],
  ['https://[2001:db8:ffff::f]/', '2001:db8:ffff::f', NO],
  ['https://[2001:db8:ffff:0:0:0:0:11]:443/', '2001:db8:ffff:0:0:0:0:11', YES],
  ['https://[2001:db8::192.0.2.1]/', '2001:db8::192.0.2.1', YES],
  ['https://[2001:db8::1%25eth0]/', '2001:db8::1%25eth0', NO],
  ['https://[2001:db8:1::2::3]/', '2001:db8:1::2::3', NO],
  ['https://[2001:db8]/', '2001:db8', NO],
  ['https://[1:2:3:4:5:6:7:8:9]/', '1:2:3:4:5:6:7:8:9', NO],
  ['https://[::1]/', '::1', NO],
  ['https://constructor/', 'constructor', NO],
  ['https://__proto__/', '__proto__', NO],
  ['', '', NO],
];

describe('pac', () => {
  it('writes what the golden file holds', async () => {
    const { files, plan } = await buildBundled('pac', samplePolicy(), OPTIONS);
    await expectGolden('pac', files);
    expect(plan.omissions).toEqual([]);
    expect(plan.widenings.map(({ kind }) => kind)).toEqual(['path']);
  });

  it.each(TABLE)('sends %s (%s) to %s', async (url, host, answer) => {
    expect(askNode(await pac(always), [{ url, host }])).toEqual([answer]);
  });

  it.each([
    ['the sample', samplePolicy()],
    ['names and addresses', always],
  ])('answers 1,000 URLs as the policy of %s does', async (_, policy) => {
    const asked = [1, 2, 3, 4].flatMap((seed) => questions(policy, seed));
    expect(asked.length).toBeGreaterThan(1000);
    expect(asked.filter(({ answer }) => answer === YES).length).toBeGreaterThan(200);
    const answers = askNode(await pac(policy), asked);
    expect(asked.filter(({ answer }, index) => answers[index] !== answer)).toEqual([]);
  });

  it.skipIf(lacksPacparser)('is answered by pacparser as by node', async () => {
    const asked = [
      ...questions(always, 5),
      ...questions(always, 6),
      // pacparser pastes the URL into a string literal, so that a backslash does not reach the file.
      ...TABLE.filter(([url]) => url !== '' && !url.includes('\\')).map(([url, host, answer]) => ({
        url,
        host,
        answer,
      })),
    ];
    expect(asked.length).toBeGreaterThan(1000);
    const answers = askPacparser(await pac(always), asked);
    expect(asked.filter(({ answer }, index) => answers[index] !== answer)).toEqual([]);
  });

  describe('with one answer a host', () => {
    const build = (policy: Policy) => buildBundled('pac', policy, { ...OPTIONS, decideBy: 'host' });

    it('gives each host the same on every port and scheme, and declares which ports come along', async () => {
      const { files, plan } = await build(always);
      const urls = (host: string) =>
        ['http://H/', 'https://H/', 'https://H:4433/', 'ftp://H/', 'gopher://H/', 'ws://H:1/'].map((url) => ({
          url: url.replace('H', host.includes(':') ? `[${host}]` : host),
          host,
        }));
      const answers = (host: string) => new Set(askNode(files[0]!.text, urls(host)));
      for (const host of ['login.example.net', 'x.msappproxy.example', 'crl.example.net', '192.0.2.3'])
        expect(answers(host), host).toEqual(new Set([YES]));
      for (const host of ['msappproxy.example', 'x.login.example.net', '192.0.2.16', '2001:db8:8000::1'])
        expect(answers(host), host).toEqual(new Set([NO]));
      // By URL, the two schemes of a host differ: a client that keeps an answer by host takes the first for both.
      expect(new Set(askNode(await pac(always), urls('crl.example.net'))).size).toBe(2);
      const reasons = new Set(plan.widenings.map(({ reason }) => reason));
      expect(reasons).toEqual(
        new Set(['a host has one answer on all of its ports; what its packets pass must bind them']),
      );
      expect(plan.admission.grants.map(({ ports }) => `${ports}`)).toEqual(['1-65535']);
      expect(files[0]!.text.replaceAll('\n//   ', ' ')).toContain('ALSO ALLOWS (rule both; a host has one');
    });

    it.each([
      ['var BY_HOST = true;', 'var BY_HOST = false;', /decideBy is "url" in the files/],
      ['1, 65535', '1, 443', /BY_HOST is true, and a grant is not for all ports/],
      ['var BY_HOST = true;', 'var BY_HOST = 1;', /not in the form/],
    ])('notices %j turned into %j', async (from, to, message) => {
      const { files, plan, target } = await build(always);
      const edited = files.map((file) => ({ ...file, text: file.text.replace(from, to) }));
      expect(edited).not.toEqual(files);
      const prove = () => [
        ...proveReadBack(target, plan, edited),
        ...proveSettings(target, { ...OPTIONS, decideBy: 'host' }, edited),
      ];
      let found: string;
      try {
        found = prove()
          .map(({ what }) => what)
          .join('\n');
      } catch (error) {
        found = (error as Error).message;
      }
      expect(found).toMatch(message);
    });
  });

  it('is ECMAScript 3 in ASCII', async () => {
    const text = await pac(samplePolicy());
    expect(text).toMatch(/^[\x20-\x7e\n]*$/);
    const program: Node = parse(text, { ecmaVersion: 3 });
    expect(program.type).toBe('Program');
    // What ES3 engines lack and the syntax does not tell.
    expect(text).not.toMatch(
      /\.(trim|map|forEach|filter|keys|repeat|startsWith|endsWith|includes)\(|JSON|\bArray\./,
    );
  });

  it('sends everything to the proxy where nothing is left', async () => {
    const text = await pac(makePolicy({ name: 'nothing' }));
    expect(text).toContain('var GRANTS = [\n];\n');
    expect(askNode(text, [{ url: 'https://192.0.2.1/', host: '192.0.2.1' }])).toEqual([NO]);
  });

  it('holds the whole of both families and names that every object has', async () => {
    const text = await pac(
      makePolicy(
        { name: 'all', prefixes: ['0.0.0.0/0', '::/0'], ports: '1-65535' },
        { name: 'names', names: { '443': ['constructor', '*.__proto__', 'tostring'] } },
      ),
    );
    const hosts = ['0.0.0.0', '255.255.255.255', '::', 'ffff::', 'constructor', 'a.__proto__', 'tostring'];
    const no = ['valueof', 'hasownproperty', '__proto__', 'a.constructor'];
    const asked = [...hosts, ...no].map((host) => ({ url: 'https://x/', host }));
    expect(askNode(text, asked)).toEqual([...hosts.map(() => YES), ...no.map(() => NO)]);
  });

  it.each([
    '',
    'direct',
    'PROXY',
    'PROXY proxy.example',
    'PROXY proxy.example:0',
    'PROXY a:1"; evil()',
    'PROXY a:1\\',
    'PROXY a:1\nx',
    'PROXY a:1;DIRECT;',
    'PROXY ä:1',
    'DIRECT',
  ])('refuses to send everything else to %j', async (otherwise) => {
    await expect(buildBundled('pac', samplePolicy(), { otherwise })).rejects.toThrow(/otherwise/);
  });

  it.each(['PROXY a:1; PROXY [2001:db8::1]:8080; DIRECT', 'SOCKS5 192.0.2.1:1080', 'HTTPS p_1.example:443'])(
    'takes %j',
    async (otherwise) => {
      const { files } = await buildBundled('pac', samplePolicy(), { otherwise });
      expect(askNode(files[0]!.text, [{ url: 'https://x.test/', host: 'x.test' }])).toEqual([otherwise]);
    },
  );

  it('demands to know where everything else goes', async () => {
    await expect(buildBundled('pac', samplePolicy())).rejects.toThrow(/otherwise: is required/);
  });

  it('refuses a file that Chromium would ignore', async () => {
    const prefixes = Array.from(
      { length: 2 ** 16 },
      (_, index) => `198.${18 + (index >> 15)}.${(index >> 7) & 255}.${(index & 127) * 2}/32`,
    );
    await expect(buildBundled('pac', makePolicy({ name: 'huge', prefixes }), OPTIONS)).rejects.toThrow(
      /target-limit.*\n.*1,048,576 at most/,
    );
  });

  it.each([1, 2, 3])('finds a file edited by hand (200 edits, seed %i)', async (seed) => {
    const output = await buildBundled('pac', samplePolicy(), OPTIONS);
    expect(uncaughtEdits(output, { count: 200, seed, comment: /^\/\// })).toEqual([]);
  });

  it.each([
    ['return ALLOWED;', 'return OTHERWISE;', /program/],
    ['value <= ranges[at + 1]', 'value < ranges[at + 1]', /program/],
    ['var ALLOWED = "DIRECT"', 'var ALLOWED = "PROXY a:1"', /comments above/],
    ['"ports": [\n80, 80\n]', '"ports": [\n80, 81\n]', /port/],
    ['3323068416, 3323199487', '3323199487, 3323068416', /out of order/],
    ['"crl.example.net",\n', '"crl.example.net",\n"crl.example.net",\n', /twice/],
    ['"crl.example.net"', '"crl.example.net" + "x"', /the data/],
    ['];\n', ']; GRANTS = [];\n', /not in the form|program/],
  ] as const)('refuses %j changed to %j', async (from, to, message) => {
    const { target, plan, files } = await buildBundled('pac', samplePolicy(), OPTIONS);
    const [{ path, text }] = files as [(typeof files)[number]];
    expect(text).toContain(from);
    const changed = [{ path, text: text.replace(from, () => to) }];
    const judge = () => {
      const problems = proveReadBack(target, plan, changed);
      if (problems.length > 0) throw new Error(problems.map(({ what }) => what).join('\n'));
    };
    expect(judge).toThrow(message);
  });
});

describe('a PAC file for Zscaler', () => {
  const variable = (name: string) => `\${${name}}`;
  const GATEWAYS = `PROXY ${variable('GATEWAY')}:80; PROXY ${variable('SECONDARY_GATEWAY.example_net')}:80; DIRECT`;
  const build = (fileBytes: number) =>
    buildBundled('pac', always, { ...OPTIONS, otherwise: GATEWAYS, fileBytes });

  it('begins with the function, and names the gateways', async () => {
    const { files } = await build(262_144);
    expect(files[0]!.text).toMatch(/^function FindProxyForURL\(url, host\) /);
    expect(files[0]!.text).toContain(`var OTHERWISE = "${GATEWAYS}";`);
    const asked = [{ url: 'https://other.example/', host: 'other.example' }];
    expect(askNode(files[0]!.text, asked)).toEqual([GATEWAYS]);
  });

  it('is refused with the figures where it is larger than Zscaler takes', async () => {
    const bytes = Buffer.byteLength((await build(262_144)).files[0]!.text);
    await expect(build(bytes - 1)).rejects.toThrow(`${digits(bytes)} bytes, ${digits(bytes - 1)} at most`);
    await expect(build(bytes)).resolves.toBeDefined();
  });

  it('takes no other variable, and nothing else of a template', async () => {
    for (const otherwise of [variable('HOME'), variable('GATEWAY.`a`'), '$'].map(
      (name) => `PROXY ${name}:80`,
    ))
      await expect(buildBundled('pac', always, { ...OPTIONS, otherwise })).rejects.toThrow(/does not match/);
  });
});
