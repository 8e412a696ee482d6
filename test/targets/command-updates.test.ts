import { describe, expect, it } from 'vitest';
import type { Policy } from '../../src/policy/policy.ts';
import { buildTarget, proveReadBack } from '../../src/targets/build.ts';
import { loadTarget } from '../../src/targets/catalog.ts';
import { resolveOptions } from '../../src/targets/options.ts';
import { CiscoDevice, JunosDevice, JunosRouter } from '../support/command-devices.ts';
import { makePolicy, type RuleParts, samplePolicy } from '../support/policy.ts';
import { below, seededRandom } from '../support/random.ts';
import { sampleAttempts } from '../support/samples.ts';

/** A device that takes the files of one target. */
interface Device {
  readonly take: (text: string, each?: () => void) => readonly string[];
  readonly allows: (address: string, port: number, protocol?: 'tcp' | 'udp') => boolean;
  readonly state: () => readonly string[];
}

function cisco(...lists: readonly [string, string]): Device {
  const device = new CiscoDevice();
  return {
    take: (text, each) => device.run(text, each),
    allows: (address, port, protocol = 'tcp') =>
      device.allows({ address, port, protocol }, lists[address.includes(':') ? 1 : 0]),
    state: () => device.state,
  };
}

function junos(device: JunosDevice | JunosRouter): Device {
  return {
    take: (text) => device.commit(text),
    allows: (address, port, protocol = 'tcp') => device.allows({ address, port, protocol }),
    state: () => device.state,
  };
}

const TARGETS: readonly (readonly [string, () => Device])[] = [
  ['cisco-asa', () => cisco('azure-allow', 'azure-allow')],
  ['cisco-ios', () => cisco('azure-allow', 'azure-allow-v6')],
  ['junos', () => junos(new JunosDevice())],
  ['junos-filter', () => junos(new JunosRouter())],
];

/** Publishes one policy after the other, each with the file of the one before in force. */
async function publisher(id: string) {
  const target = await loadTarget(id);
  let inForce: ReadonlyMap<string, string> = new Map();
  return {
    target,
    publish: (policy: Policy, given: Readonly<Record<string, unknown>> = {}) => {
      const options = resolveOptions(target.manifest, given, `targets.${id}`);
      const output = buildTarget(policy, { id, target, options, inForce });
      inForce = new Map(output.files.map(({ path, text }) => [path, text]));
      return { ...output, text: output.files[0]!.text };
    },
  };
}

/** Rules, ports and addresses that come and go. */
function randomPolicy(random: () => number): Policy {
  const PORTS = ['443', '80,443', '1433,11000-11999', '443,443/udp', '3478-3481/udp'];
  const some = <T>(items: readonly T[]): T[] => items.filter(() => below(random, 3) > 0);
  const prefixes = Array.from({ length: 12 }, (_, index) => `198.51.100.${index * 16 + (index % 2)}/32`);
  const ipv6 = Array.from({ length: 4 }, (_, index) => `2001:db8:${index}::/48`);
  return makePolicy(
    ...some(['web', 'mail', 'web-2', 'sql']).map(
      (name): RuleParts => ({
        name,
        prefixes: [...some(prefixes), ...some(ipv6)],
        ports: PORTS[below(random, PORTS.length)]!,
        ...(below(random, 2) > 0
          ? {
              names: { '443': some(['a.example.net', 'b.example.net', 'c.example.net']) },
              addressUse: 'always',
            }
          : {}),
      }),
    ),
  );
}

/** What a device says of what is there, or gone, already. */
const HARMLESS = /^(already exists|not there|Specified access-list does not exist|statement not found)/;

describe.each(TARGETS)('%s', (id, newDevice) => {
  const take = (device: Device, text: string, each?: () => void) => {
    for (const answer of device.take(text, each)) expect(answer).toMatch(HARMLESS);
    return device;
  };

  it('lets exactly the addresses and ports through that are asked for', async () => {
    const { publish } = await publisher(id);
    const device = take(newDevice(), publish(samplePolicy()).text);
    const rules = samplePolicy().rules.filter(({ addresses }) => !addresses.isEmpty);
    const { attempts, expected } = sampleAttempts(
      rules,
      [22, 80, 443, 444, 1433, 11_500],
      200,
      seededRandom(2),
    );
    expect(attempts.map(([address, port]) => device.allows(address, port))).toEqual(expected);
    expect(new Set(expected).size).toBe(2);
  });

  it('holds what a new one holds after 60 random policies, whichever it missed (seed 5)', async () => {
    const random = seededRandom(5);
    const { publish } = await publisher(id);
    const device = newDevice();
    const late: { readonly device: Device; readonly until: number }[] = [];
    for (let turn = 0; turn < 60; turn++) {
      const policy = randomPolicy(random);
      const { text } = publish(policy);
      const fresh = take(newDevice(), text).state();
      expect(take(device, text).state(), `policy ${turn}`).toEqual(fresh);
      if (turn % 5 === 0) late.push({ device: take(newDevice(), text), until: turn + 1 + below(random, 20) });
      for (const waiting of late.filter(({ until }) => until === turn))
        expect(take(waiting.device, text).state(), `policy ${turn}, late`).toEqual(fresh);
      // The same file once more changes nothing.
      if (turn % 10 === 0) expect(take(device, text).state()).toEqual(fresh);
      const { attempts, expected } = sampleAttempts(policy.rules, [80, 443, 1433, 3478], 10, random);
      expect(
        attempts.map(([address, port]) => device.allows(address, port)),
        `policy ${turn}`,
      ).toEqual(expected);
    }
  });

  it('loses no packet that both weeks let through, after any command', async () => {
    const { publish } = await publisher(id);
    const week = (...prefixes: readonly string[]) =>
      makePolicy({ name: 'web', prefixes: ['192.0.2.0/24', '2001:db8::/32', ...prefixes], ports: '443' });
    const device = take(newDevice(), publish(week('203.0.113.0/25', '198.51.100.7/32')).text);
    take(device, publish(week('203.0.113.128/25', '2001:db9::/48')).text, () => {
      for (const address of ['192.0.2.9', '2001:db8::9']) expect(device.allows(address, 443)).toBe(true);
    });
    expect(device.allows('198.51.100.7', 443)).toBe(false);
    expect(device.allows('203.0.113.9', 443)).toBe(false);
    expect(device.allows('203.0.113.129', 443)).toBe(true);
  });

  it('leaves nothing where no rule has an address left, and allows nothing', async () => {
    const { publish } = await publisher(id);
    const device = take(newDevice(), publish(samplePolicy()).text);
    const { text } = publish(makePolicy({ name: 'emptied' }));
    expect(take(device, text).state()).toEqual(take(newDevice(), text).state());
    if (id !== 'cisco-asa') expect(device.allows('192.0.2.1', 443)).toBe(false);
  });

  it('takes nothing back that is a hand in the published file, nor what it says itself', async () => {
    const { publish, target } = await publisher(id);
    const first = publish(samplePolicy());
    const options = resolveOptions(target.manifest, {}, id);
    const isJunos = id.startsWith('junos');
    const foreign = isJunos ? 'set system host-name gateway' : 'hostname gateway';
    const inForce = new Map(first.files.map(({ path, text }) => [path, `${foreign}\n${text}`]));
    const next = buildTarget(makePolicy({ name: 'sql', prefixes: ['198.18.0.0/15'] }), {
      id,
      target,
      options,
      inForce,
    });
    expect(next.files[0]!.text).not.toContain('gateway');
    const said =
      /^(?:object-group network|set security address-book global address-set|set policy-options prefix-list) (\S+)/m.exec(
        next.files[0]!.text,
      )!;
    const hand = isJunos
      ? next.files[0]!.text.replace(
          '# What follows',
          `delete ${id === 'junos' ? 'applications application' : 'policy-options prefix-list'} azure-x\n# What follows`,
        )
      : `${next.files[0]!.text}no object-group network ${said[1]}\n`;
    const read = () => proveReadBack(target, next.plan, [{ path: next.files[0]!.path, text: hand }]);
    if (isJunos) expect(read()).toEqual([]);
    else expect(read).toThrow('takes back what the file itself says');
  });
});
