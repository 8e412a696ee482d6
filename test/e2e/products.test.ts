import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { feedFile, feedsAvailable } from '../support/feeds.ts';
import { azureAllowlist, workplace } from './command.ts';

const CONFIGURATION = `version: 1
products:
  - { aks: { region: westeurope, groups: [tunnel, time] } }
  - arc-servers
  - { avd: { region: westeurope, groups: [rdp-shortpath] } }
  - connector
targets: { squid: {}, paloalto: {}, iptables: {}, nftables: {} }
output: out
`;

const TABLES = ['aks', 'arc-servers', 'avd-session-host', 'private-network-connector'];

interface LockDocument {
  readonly policy: {
    readonly rules: readonly {
      readonly name: string;
      readonly rows: readonly { readonly table: string }[];
      readonly tags: readonly { readonly tag: string }[];
    }[];
  };
  readonly targets: Readonly<
    Record<string, Readonly<Record<'omissions' | 'widenings', readonly { kind: string; reason: string }[]>>>
  >;
}

it.skipIf(!feedsAvailable)(
  'AKS, Arc, Azure Virtual Desktop and the connector run and verify together, and get through as their tables say',
  async () => {
    const folder = workplace();
    writeFileSync(join(folder, 'allowlist.yaml'), CONFIGURATION);
    const run = (...args: string[]) => azureAllowlist(args, { cwd: folder });
    expect(await run('run', '--feed', feedFile('20250818'))).toMatchObject({ status: 0 });
    const verified = await run('verify', 'out');
    expect(verified.stdout).toMatch(/squid, paloalto, iptables, nftables read back equal to the policy/);
    expect(verified.status).toBe(0);

    const { policy, targets } = JSON.parse(
      readFileSync(join(folder, 'out/allowlist.lock.json'), 'utf8'),
    ) as LockDocument;
    const tags = new Map(policy.rules.map((rule) => [rule.name, rule.tags.map(({ tag }) => tag)]));
    expect(tags.get('products-a1194u')).toEqual(['AzureCloud.westeurope']);
    expect(tags.get('products-a9000')).toEqual(['AzureCloud.westeurope']);
    expect([...new Set(policy.rules.flatMap(({ rows }) => rows.map(({ table }) => table)))].sort()).toEqual(
      TABLES,
    );
    expect(targets.squid!.widenings.map(({ reason }) => reason)).toContain(
      'only azgn*.servicebus.windows.net is asked for; no host pattern says that exactly',
    );
    expect(targets.squid!.omissions.map(({ kind }) => kind)).toContain('udp');

    const asked = await run(
      'check',
      '--json',
      'x.hcp.westeurope.azmk8s.io',
      'ntp.ubuntu.com:123/udp',
      'rdweb.wvd.microsoft.com:443',
      'proxy.msappproxy.net:80',
      '51.5.0.1:3478/udp',
      '51.5.0.1:3479/udp',
      'x.hcp.northeurope.azmk8s.io',
    );
    const { answers } = JSON.parse(asked.stdout) as {
      answers: readonly {
        query: string;
        verdict: string;
        targets: readonly { target: string; lets: string }[];
      }[];
    };
    expect(
      answers.map(({ query, verdict, targets: each }) =>
        [query, verdict, ...each.map(({ target, lets }) => `${target} ${lets}`)].join(', '),
      ),
    ).toEqual([
      'x.hcp.westeurope.azmk8s.io, allowed, squid all, paloalto all, iptables nothing, nftables nothing',
      // A name on a port of UDP: the one target matches no UDP, the next no name there, the others no names.
      'ntp.ubuntu.com:123/udp, refused, squid nothing, paloalto nothing, iptables nothing, nftables nothing',
      'rdweb.wvd.microsoft.com:443, allowed, squid all, paloalto all, iptables all, nftables all',
      'proxy.msappproxy.net:80, allowed, squid all, paloalto all, iptables all, nftables all',
      '51.5.0.1:3478/udp, allowed, squid nothing, paloalto all, iptables all, nftables all',
      '51.5.0.1:3479/udp, refused, squid nothing, paloalto nothing, iptables nothing, nftables nothing',
      'x.hcp.northeurope.azmk8s.io, refused, squid nothing, paloalto nothing, iptables nothing, nftables nothing',
    ]);
    const review = readFileSync(join(folder, 'out/REVIEW.md'), 'utf8');
    expect(review).toMatch(/^\| Table \| Hosts \| squid \| paloalto \| iptables \| nftables \|$/m);
    for (const table of TABLES) expect(review).toMatch(new RegExp(`^\\| \\S*${table}\\S* \\| \\d+ \\|`, 'm'));
  },
);
