import { spawnSync } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatAddress } from '../../src/net/address.ts';
import type { Policy } from '../../src/policy/policy.ts';
import type { RuleFile } from '../../src/targets/render.ts';
import { feedsAvailable } from '../support/feeds.ts';
import type { Namespace } from '../support/gateway.ts';
import { makePolicy, samplePolicy } from '../support/policy.ts';
import { findProgram, lacks, lacksNamespaces } from '../support/programs.ts';
import { seededRandom } from '../support/random.ts';
import { buildBundled } from '../support/rule-files.ts';
import { sampleAddresses } from '../support/samples.ts';
import { everyAddressLocal } from '../support/squid.ts';
import { readWeek, tagPrefixes } from '../support/weeks.ts';

const PORTS = [80, 443, 1433] as const;

/** A program that serves 200 to the addresses of its lists and 403 to all others. */
interface Server {
  readonly id: string;
  readonly program: string;
  /** The whole configuration: for each port, the lists that it lets through. */
  readonly configuration: (directory: string, lists: ReadonlyMap<number, readonly string[]>) => string;
  readonly check: (configuration: string) => readonly string[];
  readonly run: (configuration: string) => readonly string[];
}

const SERVERS: readonly Server[] = [
  {
    id: 'haproxy',
    program: 'haproxy',
    configuration: (directory, lists) =>
      [
        'defaults',
        '  mode http',
        '  timeout connect 3s',
        '  timeout client 5s',
        '  timeout server 5s',
        ...[...lists].flatMap(([port, files]) => [
          `frontend port-${port}`,
          `  bind :::${port} v4v6`,
          ...files.map((file) => `  acl azure dst -f ${directory}/${file}`),
          ...(files.length > 0 ? ['  http-request return status 200 if azure'] : []),
          '  http-request deny deny_status 403',
        ]),
        '',
      ].join('\n'),
    check: (configuration) => ['haproxy', '-c', '-f', configuration],
    run: (configuration) => ['haproxy', '-db', '-f', configuration],
  },
  {
    id: 'nginx',
    program: 'nginx',
    configuration: (directory, lists) =>
      [
        'daemon off;',
        `pid ${directory}/nginx.pid;`,
        `error_log ${directory}/error.log;`,
        'worker_processes 1;',
        'events { worker_connections 256; }',
        'http {',
        'access_log off;',
        ...[...lists].flatMap(([port, files]) => [
          `geo $server_addr $azure_${port} {`,
          '  default 0;',
          ...files.map((file) => `  include ${directory}/${file};`),
          '}',
          'server {',
          `  listen ${port};`,
          `  listen [::]:${port};`,
          `  if ($azure_${port} = 0) { return 403; }`,
          '  return 200;',
          '}',
        ]),
        '}',
        '',
      ].join('\n'),
    check: (configuration) => ['nginx', '-t', '-c', configuration],
    run: (configuration) => ['nginx', '-c', configuration],
  },
];

const POLICIES: readonly (readonly [string, () => Policy])[] = [
  ['the sample', samplePolicy],
  ...(feedsAvailable
    ? [
        [
          'a real week',
          () => {
            const week = readWeek('20250714');
            return makePolicy(
              { name: 'azure', prefixes: tagPrefixes(week, 'AzureCloud'), ports: '80,443' },
              { name: 'sql', prefixes: tagPrefixes(week, 'Sql'), ports: '1433' },
            );
          },
        ] as const,
      ]
    : []),
];

describe.each(SERVERS)('a running $id', (server) => {
  describe.skipIf(lacks(server.program) || lacksNamespaces())('with its lists', () => {
    let namespace: Namespace;
    let directory: string;
    beforeAll(async () => {
      namespace = await everyAddressLocal();
      directory = await mkdtemp(join(tmpdir(), `${server.id}-`));
      await chmod(directory, 0o755);
    });
    afterAll(async () => {
      namespace.close();
      await rm(directory, { recursive: true, force: true });
    });

    async function ask(requests: readonly { host: string; port: number }[]): Promise<number[]> {
      const client = fileURLToPath(new URL('../support/http-client.mjs', import.meta.url));
      return JSON.parse(
        await namespace.must([process.execPath, client], JSON.stringify(requests)),
      ) as number[];
    }

    async function configure(policy: Policy, files: readonly RuleFile[]): Promise<string> {
      for (const { path, text } of files) await writeFile(join(directory, path), text);
      const lists = new Map(
        PORTS.map((port) => {
          const rules = policy.rules.filter(({ addressPorts }) => addressPorts.has(port));
          return [
            port,
            files
              .map(({ path }) => path)
              .filter((path) => rules.some(({ name }) => path.startsWith(`${name}-ipv`))),
          ];
        }),
      );
      const configuration = join(directory, 'server.cfg');
      await writeFile(configuration, server.configuration(directory, lists));
      return configuration;
    }

    it.each(POLICIES)('lets through just the addresses of %s', async (_, policyOf) => {
      const policy = policyOf();
      const { files } = await buildBundled(server.id, policy);
      const configuration = await configure(policy, files);
      const [check, ...checkArguments] = server.check(configuration) as [string, ...string[]];
      const checked = await namespace.run([findProgram(check)!, ...checkArguments]);
      expect([checked.status, checked.stderr + checked.stdout]).toEqual([
        0,
        expect.not.stringMatching(/warn/i),
      ]);

      const random = seededRandom(5);
      const asked = PORTS.flatMap((port) =>
        ([4, 6] as const).flatMap((family) => {
          const sets = policy.rules.map(({ addresses }) => (family === 4 ? addresses.ipv4 : addresses.ipv6));
          const all = sets.reduce((union, set) => union.union(set));
          return sampleAddresses(all, 80, random).map((address) => ({
            host: formatAddress(family, address),
            port,
            allowed: policy.rules.some(
              ({ addressPorts }, index) => addressPorts.has(port) && sets[index]!.contains(address),
            ),
          }));
        }),
      );
      const [run, ...runArguments] = server.run(configuration) as [string, ...string[]];
      const running = namespace.start(findProgram(run)!, ...runArguments);
      running.stdout.resume();
      running.stderr.resume();
      try {
        for (let attempt = 0; (await ask([{ host: '127.0.0.1', port: 443 }]))[0] === -1; attempt++) {
          if (attempt > 50) throw new Error(`${server.id} did not start`);
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
        const statuses = await ask(asked);
        const wrong = asked.filter(({ allowed }, index) => statuses[index] !== (allowed ? 200 : 403));
        expect(wrong).toEqual([]);
        expect(asked.filter(({ allowed }) => allowed).length).toBeGreaterThan(50);
        expect(asked.filter(({ allowed }) => !allowed).length).toBeGreaterThan(50);
      } finally {
        running.kill('SIGTERM');
      }
    });

    it('refuses to start without a list that its configuration names', async () => {
      const { files } = await buildBundled(server.id, samplePolicy());
      const configuration = await configure(samplePolicy(), files);
      await rm(join(directory, files[0]!.path));
      const [check, ...checkArguments] = server.check(configuration) as [string, ...string[]];
      const { status } = await namespace.run([findProgram(check)!, ...checkArguments]);
      expect(status).not.toBe(0);
    });
  });
});

describe.skipIf(lacks('nginx'))('nginx', () => {
  it.each([
    ['azure-ipv4.conf', 0],
    // What the README says of patterns inside geo; elsewhere nginx takes them.
    ['*.conf', 1],
  ] as const)('asked to include %s inside geo, exits with %i', async (pattern, status) => {
    const directory = await mkdtemp(join(tmpdir(), 'nginx-geo-'));
    await writeFile(join(directory, 'azure-ipv4.conf'), '192.0.2.0/24 1;\n');
    const configuration = join(directory, 'nginx.cfg');
    await writeFile(
      configuration,
      `pid ${directory}/pid;\nerror_log ${directory}/error.log;\nevents {}\nhttp {\n  geo $server_addr $azure { default 0; include ${directory}/${pattern}; }\n}\n`,
    );
    const checked = spawnSync(findProgram('nginx')!, ['-t', '-c', configuration], { encoding: 'utf8' });
    expect([checked.status, checked.stderr.includes('No such file')]).toEqual([status, status === 1]);
    await rm(directory, { recursive: true, force: true });
  });
});
