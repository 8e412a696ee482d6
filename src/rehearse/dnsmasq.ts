import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { formatAddress, parseAddress } from '../net/address.ts';
import { counted } from '../numbers.ts';
import { AllowlistError } from '../problem.ts';
import type { Attempt } from './boundaries.ts';
import { DIALER, type KernelOptions, loadSide } from './kernel.ts';
import { type NamedPort, nameEdgesOf, rulesOf } from './name-edges.ts';
import { keyOf as keyOfPacket, NamespaceRow, REHEARSAL_CLIENTS } from './namespace-row.ts';
import { ownIptables, ownNftables } from './own-rules.ts';
import type { RuleEdges, Side, Trial } from './trial.ts';

/** A packet to an address that a name has resolved to. */
interface NamedAttempt extends NamedPort {
  readonly family: 4 | 6;
}

/** Asks for the names; runs in the namespace. */
const RESOLVER = [process.execPath, fileURLToPath(new URL('./rehearse-resolver.js', import.meta.url))];

/** Where names lead: each to an address of its own, on each side to another. What was opened before stays open for a while. */
const FIRST = { 4: parseAddress('198.18.0.0').value, 6: parseAddress('2001:db8::').value };

/** How many names have room on a side; 198.18.0.0/15 holds four sides. */
const NAMES = 32_768n;

const UPSTREAM_PORT = 5353;

/**
 * Tries files of dnsmasq by names, on a gateway of network namespaces: each name is looked up through dnsmasq, which fills
 * the sets, and packets are sent to the addresses that it was answered with.
 */
export function dnsmasqTrial(options: KernelOptions): Trial<NamedAttempt> {
  return {
    tried: 'dnsmasq and the kernel',
    edges: (plans) =>
      rulesOf(plans).flatMap((rule): RuleEdges<NamedAttempt>[] => {
        const edges = nameEdgesOf(plans, rule);
        if (edges.length === 0) return [];
        const attempts = edges.flatMap((edge) => ([4, 6] as const).map((family) => ({ ...edge, family })));
        return [{ rule, kind: 'names', attempts }];
      }),
    canBeSent: () => true,
    clients: REHEARSAL_CLIENTS,
    keyOf: ({ host, port, protocol, family }) => `${host} ${port} ${protocol} ${family}`,
    describe: ({ host, port, protocol, family }) => `${host} ${protocol} port ${port} by IPv${family}`,
    admits: ({ admission }, { host, port, protocol }) =>
      admission.from(REHEARSAL_CLIENTS).onPort(port, protocol).hosts.has(host),
    run(sides, attempts, folder) {
      return lookUpAndSend(options, sides, attempts, { folder, keyOf: this.keyOf });
    },
  };
}

async function lookUpAndSend(
  options: KernelOptions,
  sides: readonly Side[],
  attempts: readonly NamedAttempt[],
  { folder, keyOf }: { readonly folder: string; readonly keyOf: Trial<NamedAttempt>['keyOf'] },
): Promise<ReadonlySet<string>[]> {
  const { xtables, environment } = options;
  const names = [...new Set(attempts.map(({ host }) => host))];
  if (BigInt(names.length) > NAMES)
    throw new AllowlistError(`${names.length} names around the edges; ${NAMES} can be rehearsed`);
  const row = await NamespaceRow.open(environment);
  try {
    const inNftables = sides.filter(({ options }) => options.sets === 'nftables');
    const inIpset = sides.filter(({ options }) => options.sets !== 'nftables');
    if (inNftables.length > 0) await row.gateway(['sh', '-e'], { input: ownNftables(inNftables) });
    if (inIpset.length > 0) await row.gateway(['sh', '-e'], { input: ownIptables(inIpset, xtables) });
    const came: ReadonlySet<string>[] = [];
    for (const [index, side] of sides.entries()) {
      const current = join(folder, String(index));
      await loadSide(row, options, side, current, ':');
      const addresses = addressesOf(names, index);
      const zone = join(folder, `zone-${index}`);
      await writeFile(
        zone,
        names.flatMap((name) => Object.values(addresses.get(name)!).map((at) => `${at} ${name}\n`)).join(''),
      );
      const common = ['--no-daemon', '--user=root', '--no-resolv', '--no-hosts', '--bind-interfaces'];
      const here = [...common, '--listen-address=127.0.0.1', '--pid-file='];
      const daemons = [
        row.start([
          'dnsmasq',
          ...here,
          '--conf-file=/dev/null',
          `--port=${UPSTREAM_PORT}`,
          `--addn-hosts=${zone}`,
        ]),
        row.start([
          'dnsmasq',
          ...here,
          `--conf-file=${join(current, 'azure-names.conf')}`,
          `--server=127.0.0.1#${UPSTREAM_PORT}`,
        ]),
      ];
      try {
        const said = await row.gateway(RESOLVER, { input: names.map((name) => `${name}\n`).join('') });
        const unanswered = said.split('\n').filter((line) => line.startsWith('no answer: '));
        if (unanswered.length > 0)
          throw new AllowlistError(
            `dnsmasq gave ${counted(unanswered.length, 'name')} no answer, such as ${unanswered[0]}`,
          );
        const packets = new Map(
          attempts.map((attempt): [NamedAttempt, Attempt] => [
            attempt,
            { ...attempt, address: addresses.get(attempt.host)![attempt.family] },
          ]),
        );
        const from = side.options.hook === 'output' ? 'gateway' : 'client';
        const seen = await row.attempt([...packets.values()], from, DIALER);
        came.push(
          new Set(
            [...packets]
              .filter(([, packet]) => seen.has(keyOfPacket(packet)))
              .map(([attempt]) => keyOf(attempt)),
          ),
        );
      } finally {
        for (const daemon of daemons) await daemon.stop();
      }
    }
    return came;
  } finally {
    row.close();
  }
}

function addressesOf(
  names: readonly string[],
  side: number,
): ReadonlyMap<string, { readonly 4: string; readonly 6: string }> {
  return new Map(
    names.map((name, index) => {
      const at = BigInt(side) * NAMES + BigInt(index);
      return [name, { 4: formatAddress(4, FIRST[4] + at), 6: formatAddress(6, FIRST[6] + at) }];
    }),
  );
}
