import { spawnSync } from 'node:child_process';
import type { Reporter, TestModule } from 'vitest/node';
import { findProgram } from './programs.ts';

/** The programs that each live test file drives, and how each tells its version. */
const PROGRAMS: Readonly<Record<string, readonly (readonly [program: string, ...version: string[]])[]>> = {
  'address-lists': [
    ['haproxy', '-v'],
    ['nginx', '-v'],
  ],
  'capture-filter': [['tcpdump', '--version']],
  'cisco-ftd': [
    ['curl', '--version'],
    ['jq', '--version'],
  ],
  connector: [
    ['xsltproc', '--version'],
    ['xmllint', '--version'],
  ],
  datagrams: [
    ['iptables-legacy', '--version'],
    ['iptables-nft', '--version'],
    ['nft', '--version'],
  ],
  dnsmasq: [
    ['dnsmasq', '--version'],
    ['nft', '--version'],
    ['ipset', '--version'],
  ],
  'feed-proxy': [['squid', '-v']],
  'git-transports': [
    ['git', '--version'],
    ['sshd', '-V'],
  ],
  iptables: [
    ['iptables-legacy', '--version'],
    ['iptables-nft', '--version'],
    ['ipset', '--version'],
  ],
  load: [
    ['nft', '--version'],
    ['iptables-nft', '--version'],
    ['dnsmasq', '--version'],
    ['squid', '-v'],
    ['nginx', '-v'],
    ['haproxy', '-v'],
  ],
  nftables: [['nft', '--version']],
  pac: [['chromium', '--version']],
  probe: [
    ['squid', '-v'],
    ['dnsmasq', '--version'],
    ['iptables', '--version'],
    ['openssl', 'version'],
  ],
  'python-ipaddress': [['python3', '--version']],
  rehearse: [
    ['nft', '--version'],
    ['iptables-legacy', '--version'],
    ['iptables-nft', '--version'],
  ],
  reload: [
    ['nft', '--version'],
    ['iptables-legacy', '--version'],
    ['iptables-nft', '--version'],
    ['ipset', '--version'],
    ['dnsmasq', '--version'],
  ],
  'review-page': [['chromium', '--version']],
  serve: [['chromium', '--version']],
  scenarios: [
    ['squid', '-v'],
    ['nft', '--version'],
  ],
  squid: [['squid', '-v']],
};

/** Prints, after the live tests, which real programs ran, in which version, and how many tests used each. */
export class ProgramsTable implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const rows = modules
      .map((module) => ({ module, name: /([^/]+)\.test\.ts$/.exec(module.moduleId)?.[1] ?? module.moduleId }))
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .flatMap(({ module, name }) => {
        const states = [...module.children.allTests()].map((test) => test.result().state);
        const count = (state: (typeof states)[number]) => states.filter((one) => one === state).length;
        const counts = `${count('passed')} | ${count('failed')} | ${count('skipped')}`;
        return (PROGRAMS[name] ?? [['(not listed)']]).map(
          ([program, ...flags]) => `| ${name} | ${program} | ${versionOf(program, flags)} | ${counts} |`,
        );
      });
    process.stdout.write(
      `\n${['| Live test | Program | Version | Passed | Failed | Skipped |', '|---|---|---|---|---|---|', ...rows].join('\n')}\n`,
    );
  }
}

function versionOf(program: string, flags: readonly string[]): string {
  const path = findProgram(program);
  if (path === undefined) return 'absent';
  const { stdout, stderr } = spawnSync(path, flags, { encoding: 'utf8', timeout: 20_000 });
  return /\d+(\.\d+)+/.exec(`${stdout}${stderr}`)?.[0] ?? 'unknown';
}
