import { expect, it } from 'vitest';
import { DualStackSet } from '../../src/net/dual-stack-set.ts';
import { PortSet } from '../../src/net/ports.ts';
import { parsePrefix } from '../../src/net/prefix.ts';
import { Admission } from '../../src/policy/admission.ts';
import { effectOf } from '../../src/policy/effect.ts';
import { deviceText } from '../../src/review/device-line.ts';

const on = (prefix: string, ports: string) =>
  Admission.addresses(DualStackSet.fromPrefixes([parsePrefix(prefix)]), PortSet.parseList(ports));

it.each([
  ['443', '443,123/udp', '+256 IPv4, newly on port 123/udp'],
  ['443,123/udp', '443', '−256 IPv4, no longer on port 123/udp'],
  ['443,8080', '443,123/udp', '+256 −256 IPv4, newly on port 123/udp, no longer on port 8080'],
])('says which ports came and which went, where the addresses stay: %s → %s', (from, to, text) => {
  const [before, after] = [on('192.0.2.0/24', from), on('192.0.2.0/24', to)];
  expect(
    deviceText({
      ...{ id: 'iptables', presence: 'kept', before, after, effect: effectOf(before, after) },
      ...{ problem: undefined, rules: [], options: [], files: [], omissions: [], widenings: [] },
      entries: { before: 1, after: 1, limit: undefined },
    }),
  ).toBe(text);
});
