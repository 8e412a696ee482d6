import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildProduct } from '../support/built-product.ts';
import { Gateway, keepBusy, Namespace } from '../support/gateway.ts';
import { lacks, lacksNamespaces } from '../support/programs.ts';
import {
  listDirectory,
  parseComplaints,
  RunningSquid,
  SERVICE,
  squidDirectory,
  writeSquid,
} from '../support/squid.ts';

const absent = lacks('squid', 'nft', 'ip', 'nsenter') || lacksNamespaces();

/** Of the made-up weeks: inside AzureCloud, and outside every tag. */
const INSIDE = ['192.0.2.1', '2001:db8:a000::1'] as const;
const OUTSIDE = ['100.64.0.1', '2001:db8:ffff::1'] as const;

/** The firewall's own table, as the README of nftables has it, for one machine inside alone. */
const OWN_TABLE = `
  table inet filter {
    chain forward {
      type filter hook forward priority filter; policy drop;
      ct state established,related accept
      ip saddr 10.99.1.2 meta mark & 0x00001000 == 0x00001000 accept
      ip6 saddr fd99:1::2 meta mark & 0x00001000 == 0x00001000 accept
    }
  }
`;

let installation: string;
let removeInstallation: (() => void) | undefined;

/** From nothing but `init --scenario`, with the site's own values put in, to the files of both weeks. */
class Site {
  readonly directory = mkdtempSync(join(tmpdir(), 'scenario-'));

  constructor(scenario: string, values: readonly (readonly [string, string])[]) {
    this.#run('init', '--scenario', scenario);
    const file = join(this.directory, 'allowlist.yaml');
    let text = readFileSync(file, 'utf8');
    for (const [from, to] of values) {
      expect(text).toContain(from);
      text = text.replaceAll(from, to);
    }
    writeFileSync(
      file,
      `${text}guards: { special-use: { allow: [198.18.0.0/15, 192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24, "2001:db8::/32"] } }\n`,
    );
  }

  week(date: string): void {
    this.#run('run', '--feed', join(installation, `data/sample/ServiceTags_Public_${date}.json`));
    this.#run('verify');
  }

  path(...parts: readonly string[]): string {
    return join(this.directory, 'allowlists', ...parts);
  }

  files(target: string) {
    return readdirSync(this.path(target)).map((path) => ({
      path,
      text: readFileSync(this.path(target, path), 'utf8'),
    }));
  }

  /** Where the settings of the connector send it. */
  proxy(): string | undefined {
    const config = readFileSync(
      this.path('connector', 'MicrosoftEntraPrivateNetworkConnectorService.exe.config'),
      'utf8',
    );
    return /proxyaddress="([^"]+)"/.exec(config)?.[1];
  }

  explain(log: string): {
    readonly status: number | null;
    readonly refused: readonly { readonly subject: string; readonly cause: string }[];
  } {
    const { status, stdout } = spawnSync(
      process.execPath,
      [join(installation, 'dist/program/main.js'), 'explain', log, '--json'],
      { cwd: this.directory, encoding: 'utf8', timeout: 60_000 },
    );
    return { status, ...JSON.parse(stdout) };
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  #run(...args: readonly string[]): void {
    execFileSync(process.execPath, [join(installation, 'dist/program/main.js'), ...args], {
      cwd: this.directory,
      stdio: 'pipe',
      timeout: 60_000,
    });
  }
}

describe.skipIf(absent)('the scenarios, from init to a connection', () => {
  let row: Gateway;
  const load = (site: Site) => row.gateway.must(['sh', site.path('nftables', 'load.sh')]);

  beforeAll(async () => {
    ({ folder: installation, remove: removeInstallation } = await buildProduct());
  });
  afterAll(() => removeInstallation?.());

  it('bypass-proxy: the connector reaches Azure and nothing else, and keeps its connections over a week', async () => {
    row = await Gateway.open([80, 443, 8443]);
    const site = new Site('bypass-proxy', [['# clients: [192.0.2.10]', "clients: [10.99.1.2, 'fd99:1::2']"]]);
    try {
      site.week('20260105');
      expect(site.proxy()).toBeUndefined();
      await row.gateway.must(['nft', '-f', '-'], OWN_TABLE);
      expect(await row.dial([[INSIDE[0], 443]])).toEqual([false]);
      await load(site);
      const attempts = [...INSIDE, ...OUTSIDE].flatMap((address) => [
        [address, 443] as const,
        [address, 8443] as const,
      ]);
      const expected = [true, false, true, false, false, false, false, false];
      expect(await row.dial(attempts)).toEqual(expected);
      site.week('20260112');
      for (const address of INSIDE) {
        const { rounds } = await row.stream(address, 443, async () => {
          await load(site);
        });
        expect(rounds).toBeGreaterThan(0);
      }
      expect(await row.dial(attempts)).toEqual(expected);
    } finally {
      site.remove();
      row.close();
    }
  });

  it('through-proxy: the connector reaches Azure through the proxy, nothing else, and nothing directly', async () => {
    row = await Gateway.open([80, 443, 8443]);
    const connector = await Namespace.open();
    const directory = await squidDirectory();
    const site = new Site('through-proxy', [
      ['squid: {}', `squid: { directory: ${listDirectory(directory)} }`],
      ['http://proxy.example.com:8080', 'http://10.99.3.1:3128'],
      ['# clients: [192.0.2.10]', 'clients: [10.99.3.2]'],
      ['# proxies: [192.0.2.20]', "proxies: [10.99.1.2, 'fd99:1::2']"],
    ]);
    let squid: RunningSquid | undefined;
    try {
      site.week('20260105');
      await row.client.script(`
        ip link add toward type veth peer name uplink netns ${connector.pid}
        ip address add 10.99.3.1/24 dev toward
        ip link set toward up
      `);
      await connector.script(`
        ip address add 10.99.3.2/24 dev uplink
        ip link set uplink up
        ip route add default via 10.99.3.1
      `);
      await row.gateway.must(['nft', '-f', '-'], OWN_TABLE);
      await load(site);
      const configuration = await writeSquid(
        directory,
        site.files('squid'),
        [],
        `include ${listDirectory(directory)}/azure-allow.conf\nhttp_access deny all`,
        'http_port 127.0.0.1:3128\nhttp_port 10.99.3.1:3128',
      );
      await writeFile(
        join(directory, 'hosts'),
        [
          `${INSIDE[0]} four.msappproxy.net evil.example msappproxy.net`,
          `${INSIDE[1]} six.servicebus.windows.net`,
          `${OUTSIDE[0]} elsewhere.msappproxy.net`,
          '',
        ].join('\n'),
      );
      expect(await parseComplaints(row.client, configuration)).toEqual([]);
      squid = await RunningSquid.start(row.client, directory, configuration, []);

      // The stand-in goes where its own .exe.config says.
      const proxy = new URL(site.proxy()!);
      const ask = async (requests: readonly (readonly [host: string, port: number])[]) =>
        JSON.parse(
          await connector.must(
            [
              process.execPath,
              fileURLToPath(new URL('../support/proxy-client.mjs', import.meta.url)),
              proxy.hostname,
              proxy.port,
            ],
            JSON.stringify(requests.map(([host, port]) => ({ method: 'CONNECT', host, port }))),
          ),
        ) as number[];
      const requests = [
        ['four.msappproxy.net', 443],
        ['six.servicebus.windows.net', 443],
        ['four.msappproxy.net', 80],
        ['six.servicebus.windows.net', 80],
        ['evil.example', 443],
        ['evil.example', 80],
        ['msappproxy.net', 443],
        ['msappproxy.net', 80],
        ['four.msappproxy.net', 8443],
        [INSIDE[0], 443],
      ] as const;
      expect(await ask(requests)).toEqual([200, 200, 200, 200, 403, 403, 403, 403, 403, 403]);
      // Allowed by name, but the firewall does not let the proxy there.
      const [elsewhere] = await ask([['elsewhere.msappproxy.net', 443]]);
      expect([503, 504]).toContain(elsewhere);
      // The connector itself has no way out.
      const direct = await connector.must(
        [process.execPath, fileURLToPath(new URL('../support/tcp-dialer.mjs', import.meta.url))],
        JSON.stringify([[INSIDE[0], 443]]),
      );
      expect(JSON.parse(direct)).toEqual([false]);

      // What the proxy's own log tells of that: the refused names, and the ones that no firewall let through are no refusals.
      const explained = site.explain(join(directory, 'access.log'));
      expect(explained.status).toBe(2);
      expect(
        explained.refused
          .filter(({ subject }) => subject !== 'ready.invalid:1')
          .map(({ subject, cause }) => [subject, cause]),
      ).toEqual([
        // By address the policy has it, but Squid goes by names, and the firewall is for the proxy.
        [`${INSIDE[0]}:443`, 'not-expressible'],
        ['evil.example:443', 'not-asked'],
        ['evil.example:80', 'not-asked'],
        ['four.msappproxy.net:8443', 'not-asked'],
        ['msappproxy.net:443', 'not-asked'],
        ['msappproxy.net:80', 'not-asked'],
      ]);

      site.week('20260112');
      // A tunnel of each family that is open meanwhile stays so.
      const tunnels = ['four.msappproxy.net:443', 'six.servicebus.windows.net:443'];
      const update = async () => {
        await load(site);
        for (const { path, text } of site.files('squid'))
          await writeFile(join(listDirectory(directory), path), text);
        await row.client.must(['squid', '-k', 'reconfigure', '-f', configuration, '-n', SERVICE]);
        await new Promise((resolve) => setTimeout(resolve, 2000));
      };
      const [first, second] = tunnels.map((to) => [proxy.hostname, proxy.port, to]);
      await keepBusy(connector, first!, async () => {
        const { rounds } = await keepBusy(connector, second!, update);
        expect(rounds).toBeGreaterThan(100);
      });
      expect(await ask(requests)).toEqual([200, 200, 200, 200, 403, 403, 403, 403, 403, 403]);
    } finally {
      await squid?.stop();
      site.remove();
      connector.close();
      row.close();
    }
  });
});
