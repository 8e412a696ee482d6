import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Policy } from '../../src/policy/policy.ts';
import { firstLine, Gateway } from '../support/gateway.ts';
import { times } from '../support/long.ts';
import { makePolicy } from '../support/policy.ts';
import { lacks, lacksNamespaces } from '../support/programs.ts';
import { successiveWeeks, writeRuleFiles } from '../support/successive-weeks.ts';

const absent =
  lacks('nft', 'ipset', 'iptables-nft', 'iptables-legacy', 'dnsmasq', 'ip', 'nsenter') || lacksNamespaces();
const PORTS = [80, 443, 8443];

/** A table of the user's own: it counts what it refuses of the packets to watched addresses. */
const OWN_TABLE = `
  table inet filter {
    counter refused { }
    set watched { type ipv4_addr; elements = { 203.0.113.100 } }
    chain forward {
      type filter hook forward priority filter; policy drop;
      iifname "outside" accept
      meta mark & 0x00003000 != 0 accept
      ip daddr @watched counter name refused
    }
  }
`;

/** How the user's own rules use what is loaded, and how they are emptied: of one backend. */
interface Backend {
  readonly name: string;
  readonly options: Readonly<Record<string, string>>;
  readonly otherOptions: Readonly<Record<string, string | number>>;
  readonly environment: readonly string[];
  /** The user's own rules: at the start, and again after a flush. */
  readonly own: string;
  readonly flush: string;
  /** Empties what lets 203.0.113.100 through. */
  readonly empty: string;
  /** Prints the packets to 203.0.113.100 that were refused. */
  readonly refused: string;
  /** Prints everything that is loaded, without elements. */
  readonly list: string;
}

const nftables = {
  environment: [],
  own: `nft -f - <<'END'\n${OWN_TABLE}\nEND`,
  flush: 'nft flush ruleset',
  empty: 'nft delete table inet azure_allow',
  refused: `nft list counter inet filter refused | sed -n 's/.*packets \\([0-9]*\\).*/\\1/p'`,
  list: 'nft -t list ruleset',
};

function xtables(backend: string, chain: string) {
  return {
    environment: [`XTABLES=${backend}`],
    own: ['iptables', 'ip6tables']
      .map(
        (family) => `
          ${family}-${backend} -N ${chain}; ${family}-${backend} -N OTHER
          ${family}-${backend} -A FORWARD -i outside -j ACCEPT
          ${family}-${backend} -A FORWARD -j ${chain}
          ${family}-${backend} -A FORWARD -j OTHER
          ${family === 'iptables' ? `${family}-${backend} -A FORWARD -d 203.0.113.100 -j DROP` : ''}
          ${family}-${backend} -P FORWARD DROP`,
      )
      .join('\n'),
    flush: `for command in iptables-${backend} ip6tables-${backend}; do $command -F; $command -X; done; ipset destroy`,
    empty: `iptables-${backend} -F ${chain}`,
    refused: `iptables-${backend} -v -x -n -L FORWARD 4 | awk '{ print $1 }'`,
    list: `{ ipset list -name; iptables-${backend} -S; }`,
  };
}

const addressBackends: readonly Backend[] = [
  { name: 'nftables', options: {}, otherOptions: { mark: '0x00002000' }, ...nftables },
  ...['nft', 'legacy'].map((backend) => ({
    name: `iptables, ${backend} backend`,
    options: {},
    otherOptions: { chain: 'OTHER' },
    ...xtables(backend, 'AZURE-ALLOW'),
  })),
];

const [, sampleWeek, sampleNext] = successiveWeeks.at(-1)!;

/** Both weeks hold one more address, on one rule in the first and on another, and new, one in the next. */
function moving(policy: Policy, rule: string): Policy {
  const added = makePolicy({ name: rule, prefixes: ['203.0.113.100/32'], ports: '443' });
  return { ...policy, rules: [...policy.rules, ...added.rules] };
}

describe.skipIf(absent).each(addressBackends)('$name, loaded again and again', (backend) => {
  let row: Gateway;
  const target = backend.name.startsWith('nft') ? 'nftables' : 'iptables';
  const policies = {
    first: moving(sampleWeek, 'moved'),
    next: moving(sampleNext, 'arrived'),
    less: makePolicy({ name: 'arrived', prefixes: ['203.0.113.100/32'], ports: '443' }),
  };
  const load = async (directory: string) =>
    row.gateway.must(['env', ...backend.environment, 'sh', join(directory, 'load.sh')]);
  const write = (policy: Policy, options: Backend['otherOptions'] = {}) =>
    writeRuleFiles(target, policy, { ...backend.options, ...options });
  const refused = async () => Number(await row.gateway.script(backend.refused));
  const open = () =>
    row.dial([
      ['203.0.113.100', 443],
      ['203.0.113.100', 80],
      ['203.0.113.101', 443],
    ]);

  beforeAll(async () => {
    row = await Gateway.open(PORTS);
    await row.gateway.script(backend.own);
  });
  afterAll(() => row?.close());

  it('allows nothing before the first load, and what the policy says after it', async () => {
    expect(await open()).toEqual([false, false, false]);
    await load(await write(policies.first));
    expect(await open()).toEqual([true, false, false]);
  });

  const LOADS = 16;
  // Two transactions of nft were once one, which lost a packet every other second.
  const seconds = target === 'nftables' ? times(20, 60) : times(10, 20);
  it(`loses no packet in ${seconds} s of loads: the same, another week, an address that moves to another rule`, async () => {
    const directories = await Promise.all([policies.first, policies.next].map((policy) => write(policy)));
    const start = await refused();
    const end = Date.now() + seconds * 1000;
    let loads = 0;
    const { rounds } = await row.stream('203.0.113.100', 443, async () => {
      // On a busy machine a load takes its time: enough of them, however long that is.
      while (Date.now() < end || loads < LOADS) {
        await load(directories[Math.floor(loads / 2) % 2]!);
        loads++;
      }
    });
    process.stderr.write(`${backend.name}: ${loads} loads, ${rounds} round trips\n`);
    expect(loads).toBeGreaterThanOrEqual(LOADS);
    expect(rounds).toBeGreaterThan(1_000);
    expect(await refused()).toBe(start);

    // The same measurement sees what a load loses that does not keep the old until the new is there.
    await row.stream('203.0.113.100', 443, async () => {
      await row.gateway.script(`${backend.empty}; sleep 0.1`);
      await load(directories[0]!);
    });
    expect(await refused()).toBeGreaterThan(start);
  });

  it('loses none with other options, and leaves nothing of a rule that is gone', async () => {
    await load(await write(policies.first));
    const start = await refused();
    const [other, less] = await Promise.all([
      write(policies.first, backend.otherOptions),
      write(policies.less, backend.otherOptions),
    ]);
    await row.stream('203.0.113.100', 443, async () => {
      await load(other);
      await load(less);
    });
    expect(await refused()).toBe(start);
    const list = await row.gateway.script(backend.list);
    expect(list).toContain('arrived');
    // With another chain, the old one is the user's to take away, with its jump and its sets.
    for (const { name } of policies.first.rules)
      if (target === 'nftables') expect(list).not.toContain(`${name}_`);
    await load(await write(policies.less));
    expect(await row.gateway.script(`${backend.list} | grep -c -- '-new\\|moved' || :`)).toBe('0\n');
    expect(await open()).toEqual([true, false, false]);
  });

  it('loads after a flush of everything', async () => {
    await row.gateway.script(`${backend.flush}; ${backend.own}`);
    expect(await open()).toEqual([false, false, false]);
    await load(await write(policies.first));
    expect(await open()).toEqual([true, false, false]);
  });

  it('makes good a load that was killed half way, at any moment', async () => {
    const [first, next] = await Promise.all([write(policies.first), write(policies.next)]);
    const kills = times(10, 20);
    for (let moment = 0; moment < kills; moment++) {
      await row.gateway.run([
        'timeout',
        '-s',
        'KILL',
        String(0.01 + (moment * 0.4) / kills),
        'env',
        ...backend.environment,
        'sh',
        `${moment % 2 === 0 ? next : first}/load.sh`,
      ]);
      expect(await row.dial([['203.0.113.100', 443]])).toEqual([true]);
    }
    await load(first);
    expect(await row.gateway.script(`${backend.list} | grep -c -- '-new\\|arrived' || :`)).toBe('0\n');
  });

  it('waits for another load, and for the lock of xtables', async () => {
    const directory = await write(policies.first);
    for (const lock of ['/run/azure-allowlist.lock', '/run/xtables.lock']) {
      const holder = row.gateway.start('flock', lock, 'sh', '-c', 'echo held; exec sleep 2');
      await firstLine(holder, 'held');
      const start = Date.now();
      await load(directory);
      // The nf_tables backend has no lock of its own, and nft none at all.
      if (lock.includes('allowlist') || backend.name.includes('legacy'))
        expect(Date.now() - start).toBeGreaterThan(1_000);
      // The next commands of xtables, which do not wait, must not meet it.
      if (holder.exitCode === null) await once(holder, 'exit');
    }
  });
});

const zone = { 'tenant.example.com': { a: '203.0.113.100', aaaa: '2001:db8:f::100' } };

const nameBackends: readonly Backend[] = [
  {
    name: 'nftables',
    options: { sets: 'nftables' },
    otherOptions: { timeoutHours: 48, mark: '0x00002000' },
    ...nftables,
  },
  ...['nft', 'legacy'].map((backend) => ({
    name: `ipset, ${backend} backend`,
    options: { sets: 'ipset' },
    otherOptions: { timeoutHours: 48 },
    ...xtables(backend, 'AZURE-NAMES'),
  })),
];

function program(name: string): string {
  return fileURLToPath(new URL(`../support/${name}.mjs`, import.meta.url));
}

describe.skipIf(absent).each(nameBackends)('dnsmasq, sets of $name, loaded again and again', (backend) => {
  const children: ChildProcessWithoutNullStreams[] = [];
  const rows: Gateway[] = [];
  let state: string;

  /** A gateway as it is after a start: dnsmasq runs, nothing is loaded. */
  const start = async (): Promise<Gateway> => {
    const row = await Gateway.open(PORTS);
    rows.push(row);
    await row.gateway.script(backend.own);
    const upstream = row.server.start(
      process.execPath,
      program('dns-upstream'),
      '5300',
      JSON.stringify(zone),
    );
    children.push(upstream);
    await firstLine(upstream, 'listening');
    return row;
  };
  /** Loads as the README says; the restart of dnsmasq is this test's own, by its process. */
  const load = async (row: Gateway, directory: string, ...action: readonly string[]) => {
    await writeFile(
      `${directory}/dnsmasq.conf`,
      `listen-address=10.99.1.1\nbind-interfaces\nno-resolv\nno-hosts\nuser=root\npid-file=${state}/pid
server=10.99.2.2#5300\nconf-file=${directory}/azure-names.conf\n`,
    );
    await writeFile(
      `${directory}/restart.sh`,
      `[ ! -f ${state}/pid ] || kill $(cat ${state}/pid)\nfor try in 1 2 3 4 5 6 7 8 9 10; do\n  dnsmasq -C ${directory}/dnsmasq.conf 2>/dev/null && exit\n  sleep 0.2\ndone\nexit 1\n`,
    );
    await row.gateway.must([
      'env',
      ...backend.environment,
      `RESTART_DNSMASQ=sh ${directory}/restart.sh`,
      `SAVED=${state}/saved`,
      'sh',
      `${directory}/load.sh`,
      ...action,
    ]);
  };
  const write = (names: Readonly<Record<string, string[]>>, options: Backend['otherOptions'] = {}) =>
    writeRuleFiles(
      'dnsmasq',
      makePolicy({ name: 'names', names }, { name: 'more', names: { '8443': ['*.example.net'] } }),
      { ...backend.options, ...options },
    );
  const lookUp = (row: Gateway) =>
    row.client.must([process.execPath, program('dns-client'), '10.99.1.1', 'tenant.example.com']);
  const refused = async (row: Gateway) => Number(await row.gateway.script(backend.refused));
  const open = (row: Gateway) =>
    row.dial([
      ['203.0.113.100', 443],
      ['2001:db8:f::100', 443],
      ['203.0.113.100', 80],
    ]);
  const stop = async () => {
    if (existsSync(`${state}/pid`)) await rows.at(-1)!.gateway.script(`kill $(cat ${state}/pid)`);
    await rm(`${state}/pid`, { force: true });
  };

  beforeAll(async () => {
    state = await mkdtemp(join(tmpdir(), 'dnsmasq-state-'));
    await start();
  });
  afterAll(async () => {
    await stop();
    for (const child of children) child.kill('SIGKILL');
    for (const row of rows) row.close();
  });

  it('keeps a stream through loads, other timeouts and a rule that goes, and leaves nothing behind', async () => {
    const row = rows.at(-1)!;
    const [first, other, back] = await Promise.all([
      write({ '443': ['*.example.com'] }),
      write({ '443': ['*.example.com'] }, backend.otherOptions),
      write({ '443': ['*.example.com'] }),
    ]);
    await load(row, first);
    expect(await open(row)).toEqual([false, false, false]);
    await lookUp(row);
    expect(await open(row)).toEqual([true, true, false]);
    const before = await refused(row);
    const { rounds } = await row.stream('203.0.113.100', 443, async () => {
      for (const directory of [first, first, other, other, back, first]) await load(row, directory);
      const less = await writeRuleFiles(
        'dnsmasq',
        makePolicy({ name: 'names', names: { '443': ['*.example.com'] } }),
        backend.options,
      );
      await load(row, less);
    });
    expect(rounds).toBeGreaterThan(100);
    expect(await refused(row)).toBe(before);
    const list = await row.gateway.script(backend.list);
    expect(list).toMatch(/names_443/);
    expect(list).not.toMatch(/more_8443|48h|azure-names-new/);
    expect(await open(row)).toEqual([true, true, false]);
  });

  it('fills the sets again after a flush, although dnsmasq had the answers in its cache', async () => {
    const row = rows.at(-1)!;
    const first = await write({ '443': ['*.example.com'] });
    await row.gateway.script(`${backend.flush}; ${backend.own}`);
    await load(row, first);
    expect(await open(row)).toEqual([false, false, false]);
    await lookUp(row);
    expect(await open(row)).toEqual([true, true, false]);
  });

  it('after a reboot lets clients go on that hold their answers still', async () => {
    const first = await write({ '443': ['*.example.com'] });
    await load(rows.at(-1)!, first, 'save');
    await stop();
    const row = await start();
    expect(await open(row)).toEqual([false, false, false]);
    await load(row, first);
    expect(await open(row)).toEqual([true, true, false]);
    // Once: what was saved is not kept alive by every later load.
    expect(existsSync(`${state}/saved`)).toBe(false);
  });
});
