import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { fileDigest } from '../../src/committed/output-tree.ts';
import { formatAddress } from '../../src/net/address.ts';
import type { AddressSet } from '../../src/net/address-set.ts';
import { DualStackSet } from '../../src/net/dual-stack-set.ts';
import { parsePrefix } from '../../src/net/prefix.ts';
import { type BuiltProduct, buildProduct } from '../support/built-product.ts';
import { firstLine, type Namespace } from '../support/gateway.ts';
import { times } from '../support/long.ts';
import { lacks, lacksNamespaces } from '../support/programs.ts';
import { everyAddressLocal } from '../support/squid.ts';

const absent =
  lacks(
    'nft',
    'ipset',
    'iptables-nft',
    'iptables-legacy',
    'dnsmasq',
    'squid',
    'nginx',
    'haproxy',
    'python3',
  ) || lacksNamespaces();

/** The addresses that the rule `storage-weu` of an output tree lets through. */
function storage(tree: string): AddressSet {
  const text = readFileSync(join(tree, 'nginx/storage-weu-ipv4.conf'), 'utf8');
  return DualStackSet.fromPrefixes(
    [...text.matchAll(/^(\S+) 1;$/gm)].map(([, prefix]) => parsePrefix(prefix!)),
  ).ipv4;
}

function someAddress(set: AddressSet): string {
  const [range] = set.ranges();
  return formatAddress(4, range!.first);
}

describe.skipIf(absent)('load, on the device', () => {
  let product: BuiltProduct;
  /** The output trees of two weeks. */
  let weeks: readonly [string, string];
  let work: string;
  let state: string;
  let namespace: Namespace;

  beforeAll(async () => {
    product = await buildProduct();
    work = mkdtempSync(join(realpathSync(tmpdir()), 'load-'));
    chmodSync(work, 0o755);
    const sample = fileURLToPath(new URL('../../data/sample/', import.meta.url));
    const text = readFileSync(join(sample, 'allowlist.yaml'), 'utf8').replace(
      /targets:\n[\s\S]*?\n\n/,
      `targets:\n  nftables: {}\n  iptables: {}\n  dnsmasq: {}\n  squid: { directory: ${work}/state/squid/current }\n  haproxy: {}\n  nginx: {}\n\n`,
    );
    // The names do not change between the weeks; what is loaded for them does with an option.
    for (const [name, hours] of [
      ['20260105', 24],
      ['20260112', 48],
    ])
      writeFileSync(
        join(work, `${name}.yaml`),
        text.replace('dnsmasq: {}', `dnsmasq: { timeoutHours: ${hours} }`),
      );
    weeks = ['20260105', '20260112'].map((week) => {
      const out = join(work, week);
      execFileSync(process.execPath, [
        ...[join(product.folder, 'dist/program/main.js'), 'run', '-c', join(work, `${week}.yaml`), '-o', out],
        ...['--feed', join(sample, `ServiceTags_Public_${week}.json`)],
      ]);
      return out;
    }) as unknown as [string, string];
  });
  afterAll(() => {
    product?.remove();
    rmSync(work, { recursive: true, force: true });
  });
  beforeEach(async () => {
    // Of each test its own: a load to be confirmed leaves a process that looks there a minute and a half later, from the
    // namespace of its own test.
    state = mkdtempSync(join(work, 'state-'));
    chmodSync(state, 0o755);
    namespace = await everyAddressLocal();
    return () => namespace.close();
  });

  const command = (...args: readonly string[]) => [
    process.execPath,
    join(product.folder, 'dist/program/main.js'),
    ...args,
  ];
  const load = (source: string, target: string, ...more: readonly string[]) =>
    namespace.run(command('load', source, '--target', target, '--state', state, ...more));
  const inForce = (target: string) => readlinkSync(join(state, target, 'current'));
  const must = async (...args: Parameters<typeof load>) => {
    const { status, stdout, stderr } = await load(...args);
    expect([status, stderr]).toEqual([0, expect.not.stringMatching(/taken back/)]);
    return stdout;
  };

  const both = () => someAddress(storage(weeks[0]).intersection(storage(weeks[1])));
  const added = () => someAddress(storage(weeks[1]).difference(storage(weeks[0])));

  /** What the kernel lets through, without what differs from load to load. */
  const KERNEL = {
    nftables: 'nft list ruleset',
    iptables: 'iptables-nft -S; ip6tables-nft -S; ipset save | grep -v ^create | sort',
    dnsmasq: 'nft list ruleset',
  } as const;
  const kernel = (target: keyof typeof KERNEL) => namespace.script(KERNEL[target]);
  const flags = (target: string) => [
    ...(target === 'iptables' ? ['--xtables', 'nft'] : []),
    ...(target === 'dnsmasq' ? ['--reload', 'true'] : []),
  ];

  describe.each(Object.keys(KERNEL) as (keyof typeof KERNEL)[])('%s', (target) => {
    it('loads the first week, the next, and goes back when a probe fails or nobody confirms', async () => {
      const more = flags(target);
      expect(await must(weeks[0], target, ...more)).toContain(`${target}: loaded `);
      const [first, rules] = [inForce(target), await kernel(target)];
      expect(rules).not.toBe('');

      const unreachable = await load(weeks[1], target, ...more, '--probe', '127.0.0.1:9');
      expect([unreachable.status, unreachable.stderr]).toEqual([
        1,
        expect.stringMatching(
          /taken back; [0-9a-f]{16} is in force again: what must be reachable is not[\s\S]*127\.0\.0\.1:9/,
        ),
      ]);
      expect([inForce(target), await kernel(target)]).toEqual([first, rules]);

      const failing = await load(weeks[1], target, ...more, '--probe-command', 'echo no way; exit 7');
      expect([failing.status, failing.stderr]).toEqual([1, expect.stringMatching(/exit 7[\s\S]*no way/)]);
      const silent = await load(weeks[1], target, ...more, '--confirm', '1s');
      expect([silent.status, silent.stderr]).toEqual([
        1,
        expect.stringContaining('nobody confirmed within 1 s'),
      ]);
      expect([inForce(target), await kernel(target)]).toEqual([first, rules]);

      const confirmed = load(weeks[1], target, ...more, '--confirm', '60s');
      let status: number | null = 1;
      for (let attempt = 0; attempt < 100 && status !== 0; attempt++) {
        await new Promise((done) => setTimeout(done, 100));
        // Not before it was loaded, as somebody would who looks first.
        if (inForce(target) !== first && (await kernel(target)) !== rules)
          ({ status } = await namespace.run(command('confirm', '--target', target, '--state', state)));
      }
      expect((await confirmed).status).toBe(0);
      expect(await kernel(target)).not.toBe(rules);
      expect(inForce(target)).not.toBe(first);
      expect((await namespace.run(command('confirm', '--target', target, '--state', state))).status).toBe(1);
      expect(await must(weeks[1], target, ...more)).toContain('loaded again');
    });

    it('leaves nothing in force when the very first load is taken back', async () => {
      const { status, stderr } = await load(weeks[0], target, ...flags(target), '--probe', '127.0.0.1:9');
      expect([status, stderr]).toEqual([1, expect.stringContaining('nothing is in force')]);
      expect(() => inForce(target)).toThrow(/ENOENT/);
      expect(await kernel(target)).not.toMatch(/accept$|-j ACCEPT/m);
    });

    it('loads nothing where it cannot see what an earlier load has left', async () => {
      await must(weeks[0], target, ...flags(target));
      const [first, rules] = [inForce(target), await kernel(target)];
      const program = target === 'iptables' ? 'ipset' : 'nft';
      const bin = join(work, `blind-${target}`);
      mkdirSync(bin, { recursive: true });
      const real = (await namespace.must(['sh', '-c', `command -v ${program}`])).trim();
      writeFileSync(
        join(bin, program),
        `#!/bin/sh\ncase "$1 $2" in *list*) echo "blind today" >&2; exit 1 ;; esac\nexec ${real} "$@"\n`,
        { mode: 0o755 },
      );
      const { status, stderr } = await namespace.run([
        ...['env', `PATH=${bin}:${process.env.PATH}`],
        ...command('load', weeks[1], '--target', target, '--state', state, ...flags(target)),
      ]);
      expect([status, stderr]).toEqual([1, expect.stringMatching(/nothing was loaded[\s\S]*blind today/)]);
      expect([inForce(target), await kernel(target)]).toEqual([first, rules]);
    });

    it('leaves the old or the new when it is killed at any moment, and goes back with the next command', async () => {
      const more = flags(target);
      await must(weeks[0], target, ...more);
      const [first, rules] = [inForce(target), await kernel(target)];
      // How long a whole load takes on this machine, as busy as it is.
      const start = performance.now();
      await must(weeks[1], target, ...more, '--probe-command', 'sleep 0.3');
      const seconds = (performance.now() - start) / 1000;
      await must(weeks[0], target, ...more);
      const seen = new Set<string>();
      const kills = times(8, 24);
      for (let moment = 0; moment < kills; moment++) {
        await namespace.run([
          ...['timeout', '-s', 'KILL', (seconds * (0.3 + (moment * 0.72) / kills)).toFixed(3)],
          ...command(
            'load',
            weeks[1],
            '--target',
            target,
            '--state',
            state,
            ...more,
            '--probe-command',
            'sleep 0.3',
          ),
        ]);
        // Whoever it had started may still be at work: that is the product's to know.
        seen.add(inForce(target));
        const { status, stdout, stderr } = await namespace.run(
          command('take-back', '--target', target, '--state', state),
        );
        expect([moment, status, stderr]).toEqual([moment, 0, expect.anything()]);
        // Killed after it was final: not to be taken back.
        if (!stdout.includes('nothing to take back') || inForce(target) === first) {
          expect([inForce(target), await kernel(target)], `at ${moment}: ${stdout}${stderr}`).toEqual([
            first,
            rules,
          ]);
        } else await must(weeks[0], target, ...more);
      }
      process.stderr.write(`${target}: killed ${kills} times, ${seen.size} states\n`);
    }, 240_000);
  });

  it('fetches what is served, and refuses what was edited on the way, even with a lock to match', async () => {
    const edited = join(work, 'edited');
    const serve = async (directory: string) => {
      const server = namespace.start(
        'python3',
        '-u',
        '-m',
        'http.server',
        '-b',
        '127.0.0.1',
        '-d',
        directory,
        '8099',
      );
      await firstLine(server, 'Serving');
      server.stderr.resume();
      return server;
    };
    const good = await serve(weeks[0]);
    await must('http://127.0.0.1:8099', 'nftables');
    good.kill('SIGKILL');
    const [first, rules] = [inForce('nftables'), await kernel('nftables')];
    const gone = await load('http://127.0.0.1:8099', 'nftables');
    expect([gone.status, gone.stderr]).toEqual([
      1,
      expect.stringMatching(/cannot fetch allowlist\.lock\.json/),
    ]);

    const edits: readonly (readonly [string, string | RegExp, string])[] = [
      ['nftables/azure-sets.nft', /^\t\d\S*,\n/m, '\t10.0.0.0/8,\n'],
      ['nftables/azure-chain.nft', 'dport { 443 }', 'dport { 22, 443 }'],
      ['nftables/load.sh', 'set -eu\n', 'set -eu\ntouch /tmp/evil\n'],
    ];
    for (const [path, from, to] of edits)
      for (const relock of [false, true]) {
        rmSync(edited, { recursive: true, force: true });
        cpSync(weeks[0], edited, { recursive: true });
        const before = readFileSync(join(edited, path), 'utf8');
        const after = before.replace(from, to);
        expect(after).not.toBe(before);
        writeFileSync(join(edited, path), after);
        const lock = join(edited, 'allowlist.lock.json');
        if (relock)
          writeFileSync(lock, readFileSync(lock, 'utf8').replace(fileDigest(before), fileDigest(after)));
        const server = await serve(edited);
        const { status, stderr } = await load('http://127.0.0.1:8099/', 'nftables');
        server.kill('SIGKILL');
        expect([path, relock, status, stderr]).toEqual([
          path,
          relock,
          1,
          expect.stringContaining('is not what its lock says; nothing was loaded'),
        ]);
      }
    expect([inForce('nftables'), await kernel('nftables')]).toEqual([first, rules]);
  });

  it('says what is wrong with its arguments', async () => {
    for (const [args, message] of [
      [['load', weeks[0], '--target', 'nftable'], /did you mean nftables/],
      [['load', weeks[0], '--target', 'nftables', '--probe', 'x'], /is not HOST:PORT/],
      [['load', weeks[0], '--target', 'nftables', '--confirm', 'soon'], /a time is needed/],
      [['load', work, '--target', 'nftables'], /there is no allowlist\.lock\.json/],
    ] as const) {
      const { status, stderr } = await namespace.run(command(...args, '--state', state));
      expect([status, stderr]).toEqual([5, expect.stringMatching(message)]);
    }
  });

  it('goes back by itself after a kill, without anybody at the terminal', async () => {
    await must(weeks[0], 'nftables');
    const [first, rules] = [inForce('nftables'), await kernel('nftables')];
    const loader = namespace.start(
      ...(command('load', weeks[1], '--target', 'nftables', '--state', state, '--confirm', '1s') as [
        string,
        ...string[],
      ]),
    );
    await new Promise((done) => loader.stderr.once('data', done));
    loader.kill('SIGKILL');
    expect(inForce('nftables')).not.toBe(first);
    for (let second = 0; second < 60 && inForce('nftables') !== first; second++)
      await new Promise((done) => setTimeout(done, 1000));
    await new Promise((done) => setTimeout(done, 2000));
    expect([inForce('nftables'), await kernel('nftables')]).toEqual([first, rules]);
  });

  it('goes back when the terminal is lost', async () => {
    await must(weeks[0], 'nftables');
    const first = inForce('nftables');
    const loader = namespace.start(
      ...(command('load', weeks[1], '--target', 'nftables', '--state', state, '--confirm', '60s') as [
        string,
        ...string[],
      ]),
    );
    await new Promise((done) => loader.stderr.once('data', done));
    const ended = new Promise<number | null>((done) => loader.once('exit', done));
    // The signal goes to nsenter's own process, which has become the command.
    loader.kill('SIGHUP');
    expect(await ended).toBe(1);
    expect(inForce('nftables')).toBe(first);
  });

  describe.each(['nginx', 'haproxy', 'squid'] as const)('a running %s', (target) => {
    beforeEach(() => {
      // Where the configuration says that Squid's lists are.
      state = join(work, 'state');
      rmSync(state, { recursive: true, force: true });
    });

    /** The program's own configuration, which includes what `current` leads to. */
    const configure = (): string => {
      const lists = join(state, target, 'current');
      const path = join(work, `${target}.conf`);
      const files = (kind: string) =>
        ['ipv4', 'ipv6'].map((family) => `${lists}/storage-weu-${family}.${kind}`);
      const texts = {
        nginx: [
          `pid ${work}/nginx.pid;\nerror_log ${work}/nginx.log;\nworker_processes 1;\nevents {}\nhttp {\naccess_log off;`,
          `geo $server_addr $azure { default 0;\n${files('conf')
            .map((file) => `include ${file};`)
            .join('\n')}\n}`,
          'server { listen 443; if ($azure = 0) { return 403; } return 200; }\n}\n',
        ],
        haproxy: [
          'defaults\n  mode http\n  timeout connect 3s\n  timeout client 5s\n  timeout server 5s\nfrontend port-443\n  bind :443',
          ...files('lst').map((file) => `  acl azure dst -f ${file}`),
          '  http-request return status 200 if azure\n  http-request deny deny_status 403\n',
        ],
        squid: [
          `http_port 127.0.0.1:3128\nvisible_hostname proxy.example.test\npid_filename ${work}/squid.pid\ncache_log ${work}/squid.log`,
          `access_log none\ncoredump_dir ${work}\ncache deny all\ndns_nameservers 127.0.0.1\nshutdown_lifetime 0 seconds\npinger_enable off`,
          `connect_timeout 1 second\nforward_timeout 1 second\nmax_filedescriptors 1024\ninclude ${lists}/azure-allow.conf\nhttp_access deny all\n`,
        ],
      };
      writeFileSync(path, texts[target].join('\n'));
      return path;
    };
    const start = (configuration: string) =>
      namespace.start(
        ...((
          {
            nginx: ['nginx', '-c', configuration, '-g', 'daemon off;'],
            haproxy: ['haproxy', '-W', '-p', `${work}/haproxy.pid`, '-f', configuration],
            squid: ['squid', '-N', '-n', 'loadtest', '-f', configuration],
          } as const
        )[target] as unknown as [string, ...string[]]),
      );
    const reload = () =>
      ({
        nginx: `nginx -s reload -c ${work}/nginx.conf && sleep 0.5`,
        haproxy: `kill -USR2 $(cat ${work}/haproxy.pid) && sleep 1`,
        squid: `squid -n loadtest -k reconfigure -f ${work}/squid.conf && sleep 1`,
      })[target];
    /** Whether the program lets an address through. */
    const lets = async (host: string): Promise<boolean> => {
      const client = fileURLToPath(
        new URL(`../support/${target === 'squid' ? 'proxy' : 'http'}-client.mjs`, import.meta.url),
      );
      const [status] = JSON.parse(
        await namespace.must(
          [process.execPath, client, ...(target === 'squid' ? ['127.0.0.1', '3128'] : [])],
          JSON.stringify([{ method: 'CONNECT', host, port: 443 }]),
        ),
      ) as number[];
      return status !== 403;
    };

    it('takes the next week, keeps the last on a failure, and never reads what its checker refuses', async () => {
      const configuration = configure();
      const flags = ['--program-config', configuration];
      await must(weeks[0], target, ...flags, '--reload', 'true');
      const daemon = start(configuration);
      daemon.stdout.resume();
      daemon.stderr.resume();
      try {
        for (let attempt = 0; attempt < 50 && !(await lets(both()).catch(() => false)); attempt++)
          await new Promise((done) => setTimeout(done, 200));
        expect([await lets(both()), await lets(added())]).toEqual([true, false]);
        const first = inForce(target);
        const taken = await load(weeks[1], target, ...flags, '--reload', reload(), '--probe', '127.0.0.1:9');
        expect([taken.status, inForce(target)]).toEqual([1, first]);
        expect([await lets(both()), await lets(added())]).toEqual([true, false]);

        // Pulled from the product's own server.
        const server = namespace.start(
          ...(command('serve', weeks[1], '--listen', '127.0.0.1:8099') as [string, ...string[]]),
        );
        server.stdout.resume();
        await new Promise((done) => server.stderr.once('data', done));
        try {
          await must('http://127.0.0.1:8099', target, ...flags, '--reload', reload());
        } finally {
          server.kill('SIGTERM');
        }
        expect([await lets(both()), await lets(added())]).toEqual([true, true]);
        const second = inForce(target);
        writeFileSync(configuration, `${readFileSync(configuration, 'utf8')}\nnonsense here\n`);
        const refused = await load(weeks[0], target, ...flags, '--reload', `touch ${work}/reloaded`);
        expect([refused.status, refused.stderr]).toEqual([
          1,
          expect.stringContaining('the program refuses the files; nothing was loaded'),
        ]);
        expect([inForce(target), readdirSync(work).includes('reloaded')]).toEqual([second, false]);
      } finally {
        daemon.kill('SIGTERM');
      }
    });
  });
});
