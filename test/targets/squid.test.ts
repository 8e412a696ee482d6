import { describe, expect, it } from 'vitest';
import { proveReadBack } from '../../src/targets/build.ts';
import { makePolicy, type RuleParts, samplePolicy } from '../support/policy.ts';
import { buildBundled, expectGolden, uncaughtEdits } from '../support/rule-files.ts';

describe('squid', () => {
  it('writes what the golden files hold', async () => {
    const { files, plan } = await buildBundled('squid', samplePolicy());
    await expectGolden('squid', files);
    expect(plan.omissions).toEqual([]);
    expect(plan.widenings.map(({ kind }) => kind)).toEqual(['path']);
  });

  it.each([
    ['of addresses alone', { name: 'r', prefixes: ['192.0.2.0/24'], ports: '443' }],
    [
      'of plain requests alone',
      { name: 'r', names: { '80': ['a.example.net'] }, methods: { 'a.example.net': ['plain'] } },
    ],
    ['of which nothing is left', { name: 'r' }],
  ] as const)(
    'writes every file that a site includes for a rule %s: Squid ends on one that is missing',
    async (_, rule) => {
      const { files } = await buildBundled('squid', makePolicy(rule));
      const texts = new Map(files.map(({ path, text }) => [path, text]));
      for (const path of ['azure-allow.conf', 'azure-splice.conf', 'azure-ports.conf'])
        expect(texts.get(path), path).toMatch(/^# azure-allowlist: /);
      for (const path of ['azure-splice.conf', 'azure-ports.conf'])
        expect(texts.get(path)).not.toMatch(/^[^#\n]/m);
    },
  );

  it('looks into no tunnel to port 80, and needs it in SSL_ports', async () => {
    const { files } = await buildBundled(
      'squid',
      makePolicy({ name: 'plain', names: { '80': ['crl.example.net'] } }),
    );
    expect(files.map(({ path }) => path)).toEqual([
      'azure-allow.conf',
      'azure-ports.conf',
      'azure-splice.conf',
      'plain_80.names.txt',
    ]);
    expect(files[0]!.text).toContain('http_access allow azure-plain_80-names azure-ports-80\n');
    expect(files[1]!.text).toContain('acl SSL_ports port 80\n');
    expect(files[2]!.text).toContain(
      'ssl_bump splice azure-step1 azure-plain_80-names-host azure-plain-80\nssl_bump peek azure-step1\n',
    );
  });

  it('allows by the methods that are asked for, in each of the two files', async () => {
    const { target, plan, files } = await buildBundled(
      'squid',
      makePolicy({
        name: 'r',
        names: { '443': ['*.a.example', 'b.example'], '80,443': ['c.example'] },
        methods: { '*.a.example': ['tunnel'], 'c.example': ['plain'] },
      }),
    );
    const lines = files
      .flatMap(({ text }) => text.split('\n'))
      .filter((line) => /^http_access|^ssl_bump splice|method/.test(line) && !line.startsWith('#'));
    expect(lines).toEqual([
      'acl azure-tunnel method CONNECT',
      'http_access allow !azure-tunnel azure-r_80-443_plain-names azure-ports-80-443',
      'http_access allow azure-r_443-names azure-ports-443',
      'http_access allow azure-tunnel azure-r_443_tunnel-below azure-ports-443',
      // What no tunnel leads to needs no exemption.
      'ssl_bump splice azure-r_443-names-host azure-r_443-names-tls azure-ports-443-splice',
      'ssl_bump splice azure-r_443_tunnel-below-host azure-r_443_tunnel-below-tls azure-ports-443-splice',
    ]);
    for (const [from, to, problem] of [
      ['allow !azure-tunnel', 'allow azure-tunnel', /does not splice just/],
      ['allow !azure-tunnel', 'allow', /does not splice just/],
      ['allow azure-tunnel azure-r_443', 'allow azure-r_443', /not in the policy: port 443: .* by plain/],
      ['method CONNECT', 'method GET', /not an ACL of this format/],
    ] as const) {
      const changed = files.map((file) => ({ ...file, text: file.text.replace(from, () => to) }));
      expect(changed, from).not.toEqual(files);
      expect(() => {
        const problems = proveReadBack(target, plan, changed);
        throw new Error(problems.map(({ what }) => what).join('\n'));
      }, from).toThrow(problem);
    }
  });

  it.each([['plain'], ['tunnel']] as const)(
    'binds names that are asked for by %s to their clients',
    async (method) => {
      const { files } = await buildBundled(
        'squid',
        makePolicy(
          {
            name: 'r',
            names: { '80': ['a.example'] },
            methods: { 'a.example': [method] },
            clients: ['192.0.2.10'],
          },
          { name: 's', names: { '443': ['b.example'] }, clients: ['192.0.2.11'] },
        ),
      );
      const [allow, splice] = ['azure-allow.conf', 'azure-splice.conf'].map(
        (path) => files.find((file) => file.path === path)!.text,
      );
      expect(allow).toContain('acl azure-r-clients src 192.0.2.10\n');
      // What no tunnel leads to is in no line of the other file.
      expect(splice!.includes('azure-r-clients-splice')).toBe(method === 'tunnel');
      expect(splice).toContain('acl azure-s-clients-splice src 192.0.2.11\n');
    },
  );

  it('allows nothing where nothing is left', async () => {
    const { files } = await buildBundled('squid', makePolicy({ name: 'nothing' }));
    expect(files.map(({ path }) => path)).toEqual([
      'azure-allow.conf',
      'azure-ports.conf',
      'azure-splice.conf',
    ]);
    expect(files[0]!.text).not.toContain('http_access allow');
  });

  it('merges what overlaps and drops names that a suffix covers, which Squid would refuse', async () => {
    const { files } = await buildBundled(
      'squid',
      makePolicy({
        name: 'r',
        names: { '443': ['a.example.com', '.example.com', 'example.com', '*.b.example.com'] },
      }),
    );
    expect(files.find(({ path }) => path === 'r_443.names.txt')?.text).toBe('.example.com\n');
    expect(files.some(({ path }) => path.includes('below'))).toBe(false);
  });

  it.each(['etc/squid', '/etc/squid/', '/etc/"squid', '/etc/a b', '/etc/../x', '/etc/x\n', ''])(
    'refuses the directory %j',
    async (directory) => {
      await expect(buildBundled('squid', samplePolicy(), { directory })).rejects.toThrow(/directory/);
    },
  );

  it.each([1, 2, 3])('finds a file edited by hand (200 edits, seed %i)', async (seed) => {
    const output = await buildBundled('squid', samplePolicy());
    const uncaught = uncaughtEdits(output, { count: 200, seed, comment: /^#/ });
    // The order of ACLs and allow lines is free: only allow lines are written.
    expect(uncaught.filter(({ kind }) => kind !== 'exchange')).toEqual([]);
    expect(uncaught.filter(({ path }) => path.endsWith('.txt'))).toEqual([]);
  });

  it.each([
    ['azure-allow.conf', 'http_access allow azure-sql', 'http_access deny azure-sql', /is expected/],
    ['azure-allow.conf', 'http_access allow azure-sql-ipv4 azure-ports-pe67e15\n', '', /never used/],
    ['azure-allow.conf', 'azure-sql-ipv4 azure-ports-pe67e15', 'azure-sql-ipv4', /is expected/],
    ['azure-allow.conf', 'dstdomain -n', 'dstdomain', /not an ACL of this format/],
    ['azure-allow.conf', 'sql-ipv4.txt', 'sql-ipv5.txt', /does not exist/],
    ['azure-allow.conf', 'azure-allowlist/sql', 'azure-allowlost/sql', /not where the other lists are/],
    ['azure-allow.conf', 'azure-ports-80\n', 'azure-ports-80 !azure-connect\n', /not defined/],
    ['azure-allow.conf', 'http_access', 'include /etc/x\nhttp_access', /is expected/],
    ['azure-splice.conf', 'SslBump1', 'SslBump2', /not an ACL/],
    ['azure-splice.conf', 'peek azure-step1', 'peek all', /not defined/],
    [
      'azure-splice.conf',
      'ssl_bump splice azure-connector_443-names-host azure-connector_443-names-tls azure-ports-443-splice\n',
      '',
      /never/,
    ],
    // The server name alone: a tunnel to anywhere would be spliced.
    [
      'azure-splice.conf',
      'splice azure-connector_443-names-host azure-connector_443-names-tls',
      'splice azure-connector_443-names-tls azure-connector_443-names-tls',
      /not compared with the host of the CONNECT/,
    ],
    [
      'azure-splice.conf',
      'splice azure-connector_443-names-host azure-connector_443-names-tls',
      'splice azure-connector_80-443-names-host azure-connector_443-names-tls',
      /must come from the same list/,
    ],
    ['azure-splice.conf', 'acl azure-plain-80 port 80', 'acl azure-plain-80 port 443', /port 80 alone/],
    ['azure-ports.conf', 'SSL_ports port 80 1433', 'SSL_ports port 80 1434', /SSL_ports/],
    ['sql-ipv4.txt', '198.18.0.0/15', '198.18.0.0/16\n198.18.0.0/15', /overlap/],
    ['sql-ipv4.txt', '198.18.0.0/15', '198.18.0.1/15', /host bits/],
    ['connector_443.names.txt', 'login', 'deep.label.example.net\nlogin', /twice/],
    ['connector_443.below.txt', '\\.example', '.example', /not a pattern of this format/],
    ['connector_443.below.txt', '$', '', /not a pattern of this format/],
  ] as const)('refuses %s with %j changed to %j', async (path, from, to, message) => {
    const { target, plan, files } = await buildBundled('squid', samplePolicy());
    const changed = files.map((file) => {
      if (file.path !== path) return file;
      expect(file.text).toContain(from);
      return { path, text: file.text.replace(from, () => to) };
    });
    expect(() => proveReadBack(target, plan, changed)).toThrow(message);
  });

  it('refuses a missing and a foreign file', async () => {
    const { target, plan, files } = await buildBundled('squid', samplePolicy());
    for (const { path } of files)
      expect(() => {
        const problems = proveReadBack(
          target,
          plan,
          files.filter((file) => file.path !== path),
        );
        if (problems.length === 0) throw new Error(`${path} is not needed`);
      }).toThrow(/does not exist|is missing|does not splice|SSL_ports/);
    for (const path of ['stray.txt', 'stray.conf'])
      expect(() => proveReadBack(target, plan, [...files, { path, text: '192.0.2.0/24\n' }])).toThrow(path);
  });

  it('binds the lines of a rule to its clients, in both files, and is held to them', async () => {
    const [first, ...rest] = PARTS;
    const policy = makePolicy({ ...first!, clients: ['192.0.2.10', '2001:db8::/64'] }, ...rest);
    const { target, plan, files } = await buildBundled('squid', policy);
    expect(plan.widenings).toEqual([]);
    const text = (path: string) => files.find((file) => file.path === path)!.text;
    expect(text('azure-allow.conf')).toContain(
      'acl azure-own-clients src 192.0.2.10\nacl azure-own-clients src 2001:db8::/64\n',
    );
    expect(text('azure-allow.conf')).toContain('# Rule own: only for 192.0.2.10 2001:db8::/64\n');
    expect(text('azure-allow.conf')).toContain('For every client that the proxy serves, rule open:');
    const lines = files
      .flatMap((file) => file.text.split('\n'))
      .filter((line) => /^http_access|^ssl_bump splice/.test(line));
    const own = lines.filter((line) => line.includes('azure-own'));
    expect(own).toHaveLength(6);
    expect(own.filter((line) => !/ azure-own-clients(-splice)?$/.test(line))).toEqual([]);
    expect(lines.filter((line) => !line.includes('azure-own') && line.includes('clients'))).toEqual([]);
    for (const [from, to, message] of [
      ['azure-ports-443 azure-own-clients\n', 'azure-ports-443\n', /does not splice just/],
      ['acl azure-own-clients src 192.0.2.10\n', '', /does not splice just/],
      ['azure-own-clients-splice\n', 'azure-step1\n', /not an ACL of clients/],
      ['src 192.0.2.10\n', 'src 192.0.2.10/32\n', /canonical/],
      [
        'src 2001:db8::/64\n',
        'src 2001:db8::/64\nacl azure-own-clients src 2001:db8::1\n',
        /client is listed twice/,
      ],
    ] as const) {
      const changed = files.map((file) => ({ ...file, text: file.text.replace(from, () => to) }));
      expect(changed).not.toEqual(files);
      expect(() => proveReadBack(target, plan, changed), from).toThrow(message);
    }
    // In both files alike, and yet not what was asked for.
    const others = files.map((file) => ({
      ...file,
      text: file.text.replaceAll('192.0.2.10\n', '192.0.2.11\n'),
    }));
    expect(proveReadBack(target, plan, others).map(({ what }) => what)).toEqual([
      expect.stringMatching(/^missing: port 80: .* from 192\.0\.2\.10$/),
      expect.stringMatching(/^missing: port 443: .* from 192\.0\.2\.10$/),
      expect.stringMatching(/^not in the policy: port 80: .* from 192\.0\.2\.11$/),
      expect.stringMatching(/^not in the policy: port 443: .* from 192\.0\.2\.11$/),
    ]);
  });
});

const PARTS: readonly RuleParts[] = [
  { name: 'own', names: { '443': ['*.example.com', 'a.example.net'], '80': ['crl.example.net'] } },
  { name: 'open', names: { '443': ['b.example.net'] } },
];
