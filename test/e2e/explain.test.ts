import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { azureAllowlist, workplace, writeConfiguration } from './command.ts';
import { SAMPLE_RANGES, SAMPLE_WEEKS } from './configurations.ts';

describe('explain and capture-filter', () => {
  let cwd: string;
  const run = (...args: string[]) => azureAllowlist(args, { cwd });
  beforeAll(async () => {
    cwd = workplace((remove) => {
      process.once('exit', remove);
    });
    const configure = (output: string, hosts: readonly string[], name: string) =>
      writeConfiguration(
        cwd,
        {
          version: 1,
          feed: { source: { kind: 'file', path: SAMPLE_WEEKS[0] } },
          rules: [
            {
              name: 'connector',
              endpoints: ['private-network-connector'],
              serviceTags: ['AzureActiveDirectory'],
            },
            { name: 'own', hosts, ports: [8443] },
            { name: 'idle', prefixes: ['198.51.100.0/28'], ports: [443] },
          ],
          targets: { squid: {}, iptables: {} },
          output,
          guards: { 'special-use': { allow: SAMPLE_RANGES } },
        },
        name,
      );
    configure('now', ['old.example.org'], 'allowlist.yaml');
    configure('then', ['new.example.org'], 'then.yaml');
    for (const config of ['allowlist.yaml', 'then.yaml'])
      expect(await run('run', '-c', config)).toMatchObject({ status: 0 });
  });

  const line = (status: string, method: string, url: string, client = '10.0.0.5') =>
    `1700000000.123 45 ${client} ${status} 3900 ${method} ${url} - HIER_NONE/- text/html`;

  it('tells who asked from who may, where rules are for some clients', async () => {
    writeConfiguration(
      cwd,
      {
        version: 1,
        feed: { source: { kind: 'file', path: SAMPLE_WEEKS[0] } },
        rules: [{ name: 'own', hosts: ['*.example.org'], ports: [443], clients: ['10.0.0.5'] }],
        targets: { squid: {} },
        output: 'bound',
        guards: { 'special-use': { allow: SAMPLE_RANGES } },
      },
      'bound.yaml',
    );
    expect(await run('run', '-c', 'bound.yaml')).toMatchObject({ status: 0 });
    const refused = (...clients: string[]) =>
      writeFileSync(
        join(cwd, 'bound.log'),
        clients.map((client) => line('TCP_DENIED/403', 'CONNECT', 'x.example.org:443', client)).join('\n'),
      );
    const explain = async () => {
      const { status, stdout } = await run('explain', 'bound.log', '-c', 'bound.yaml', '--json');
      const { refused: found } = JSON.parse(stdout);
      return [status, found.map(({ cause, requests }: Record<string, unknown>) => [cause, requests])];
    };
    refused('10.0.0.6', '10.0.0.7', '10.0.0.5');
    expect(await explain()).toEqual([
      2,
      [
        ['other-client', 2],
        ['not-loaded', 1],
      ],
    ]);
    refused('10.0.0.6');
    expect(await explain()).toEqual([0, [['other-client', 1]]]);
    expect((await run('explain', 'bound.log', '-c', 'bound.yaml')).stdout).toContain(
      'it is asked for by others only: rule own for 10.0.0.5',
    );
  });

  it('says of each refused request why, what nothing used, and what another tree would change', async () => {
    writeFileSync(
      join(cwd, 'access.log'),
      [
        line('TCP_TUNNEL/200', 'CONNECT', 'login.microsoftonline.com:443'),
        ...Array.from({ length: 3 }, () => line('TCP_DENIED/403', 'CONNECT', 't.msappproxy.net:443')),
        line('TCP_DENIED/403', 'CONNECT', 'msappproxy.net:443'),
        line('TCP_TUNNEL/200', 'CONNECT', 'old.example.org:8443'),
        line('TCP_DENIED/403', 'CONNECT', 'new.example.org:8443'),
        'garbage',
      ].join('\n'),
    );
    const { status, stdout, stderr } = await run('explain', 'access.log', '--planned', 'then', '--json');
    expect(status).toBe(2);
    expect(stderr).toContain('1 line of access.log cannot be read; the first is line 8');
    const found = JSON.parse(stdout);
    expect(found).toMatchObject({ requests: 7, denied: 5, notKept: 0 });
    expect(
      found.refused.map(({ subject, requests, cause }: Record<string, unknown>) => [
        subject,
        requests,
        cause,
      ]),
    ).toEqual([
      ['t.msappproxy.net:443', 3, 'not-loaded'],
      ['msappproxy.net:443', 1, 'not-asked'],
      ['new.example.org:8443', 1, 'not-asked'],
    ]);
    expect(found.refused[0].why).toContain(
      'row *.msappproxy.net of private-network-connector asks for it, and squid',
    );
    expect(found.unused.rules).toEqual(['idle']);
    expect(found.unused.prefixes).toEqual(['idle: 198.51.100.0/28']);
    expect(found.unused.rows).toContain('connector: *.servicebus.windows.net on 80,443');
    expect(found.unused.rows).not.toContain('connector: *.msappproxy.net on 80,443');
    expect(found.planned).toEqual({
      broken: [{ subject: 'old.example.org:8443', requests: 1 }],
      newlyAllowed: [{ subject: 'new.example.org:8443', requests: 1 }],
    });
    const text = await run('explain', 'access.log', '--planned', 'then');
    expect(text.stdout).toContain('The planned files would break:\n  old.example.org:8443 (1 request)');
  });

  it('judges the log of a proxy by the proxy, and the method by the line', async () => {
    const configure = (methods: readonly string[], way: string, output: string) =>
      writeConfiguration(
        cwd,
        {
          version: 1,
          feed: { source: { kind: 'file', path: SAMPLE_WEEKS[0] } },
          rules: [
            {
              name: 'own',
              hosts: ['x.example.org'],
              ports: [80],
              methods,
              scenario: way,
              clients: ['10.0.0.5'],
              ...(way === 'through-proxy' ? { proxies: ['10.0.0.9'], prefixes: ['198.51.100.0/28'] } : {}),
            },
          ],
          targets: {
            squid: {},
            nftables: {},
            edl: {},
          },
          output,
          guards: { 'special-use': { allow: SAMPLE_RANGES } },
        },
        `${output}.yaml`,
      );
    configure(['tunnel'], 'through-proxy', 'tunnels');
    configure(['plain'], 'through-proxy', 'requests');
    configure(['tunnel'], 'bypass-proxy', 'around');
    for (const output of ['tunnels', 'requests', 'around'])
      expect(await run('run', '-c', `${output}.yaml`)).toMatchObject({ status: 0 });
    writeFileSync(
      join(cwd, 'proxy.log'),
      [
        line('TCP_TUNNEL/200', 'CONNECT', 'x.example.org:80'),
        line('TCP_DENIED/403', 'GET', 'http://x.example.org/'),
      ].join('\n'),
    );
    const explain = async (...args: string[]) =>
      JSON.parse((await run('explain', 'proxy.log', '--json', ...args)).stdout);
    const found = await explain('-c', 'tunnels.yaml', '--planned', 'requests');
    expect(found.refused).toMatchObject([{ cause: 'other-method', requests: 1 }]);
    expect(found.planned).toEqual({
      broken: [{ subject: 'x.example.org:80 by CONNECT', requests: 1 }],
      newlyAllowed: [{ subject: 'x.example.org:80 by plain requests', requests: 1 }],
    });
    expect((await explain('-c', 'around.yaml')).refused).toMatchObject([
      { cause: 'not-expressible', why: expect.stringContaining('its traffic goes around the proxy') },
    ]);
    // The firewall sees the proxy: it is asked for, and by nobody else.
    const check = (client: string) =>
      run('check', '198.51.100.1:80', '--client', client, '-c', 'tunnels.yaml');
    const proxy = await check('10.0.0.9');
    expect(proxy.status).toBe(0);
    expect(proxy.stdout).toMatch(/^ {2}rule +own, by address/m);
    expect(proxy.stdout).toContain('on firewalls only for the proxies 10.0.0.9');
    expect(proxy.stdout).toMatch(/^ {2}target +.*nftables.*: by address/m);
    expect((await check('10.0.0.8')).stdout).toContain('it is asked for by others only');
  });

  it('exits 0 where only what no rule asks for was refused, and 5 where nothing can be read', async () => {
    writeFileSync(join(cwd, 'flows.txt'), '203.0.113.250 8080\n');
    expect(await run('explain', 'flows.txt')).toMatchObject({ status: 0 });
    writeFileSync(join(cwd, 'prose.txt'), 'dear firewall, why?\n');
    expect(await run('explain', 'prose.txt')).toMatchObject({ status: 5, stdout: '' });
    expect(await run('explain', 'absent.txt')).toMatchObject({ status: 1, stdout: '' });
  });

  it('makes filters of the ports of the policy, and refuses a name as the address of a proxy', async () => {
    const { status, stdout } = await run('capture-filter', '--proxy', '[2001:db8::1]:3128', '--json');
    expect(status).toBe(0);
    const filters = JSON.parse(stdout).map(({ tool, filter }: Record<string, string>) => `${tool} ${filter}`);
    expect(filters).toContain('pktmon pktmon filter add -t TCP SYN -p 8443');
    expect(filters).toContain('tcpdump host 2001:db8::1 and tcp port 3128');
    expect(filters).toContain(
      'wireshark tcp.port == 3128 && ipv6.addr == 2001:db8::1 && (http.request.method == "CONNECT" || http.response)',
    );
    const only = await run('capture-filter', '--tool', 'tcpdump');
    expect(only.stdout).toMatch(
      /^# tcpdump: [^\n]+\n\(tcp port 80 or tcp port 443 or tcp port 8443\) and [^\n]+\n$/,
    );
    expect(await run('capture-filter', '--proxy', 'proxy.corp.example:3128')).toMatchObject({ status: 5 });
  });
});
