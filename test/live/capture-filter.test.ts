import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { captureFilters } from '../../src/explain/capture-filter.ts';
import type { Namespace } from '../support/gateway.ts';
import { makePolicy } from '../support/policy.ts';
import { lacks, lacksNamespaces } from '../support/programs.ts';
import { everyAddressLocal } from '../support/squid.ts';

const absent = lacks('tcpdump', 'iptables', 'ip6tables', 'ip', 'nsenter') || lacksNamespaces();

describe.skipIf(absent)('the filters for tcpdump, in a namespace', () => {
  let namespace: Namespace;
  beforeAll(async () => {
    namespace = await everyAddressLocal();
  });
  afterAll(() => namespace?.close());

  /** What tcpdump sees with the filter of the policy while the dialler tries to connect; drops are on the way in. */
  const seen = async (...dialled: readonly (readonly [address: string, port: number])[]) => {
    const { filter } = captureFilters(
      makePolicy({
        name: 'connector',
        names: { '80,443': ['*.example.com'], '8080-8090': ['a.example.com'] },
      }),
      undefined,
    ).find(({ tool }) => tool === 'tcpdump')!;
    const dial = dialled.map(
      ([address, port]) =>
        `require('net').connect({ host: '${address}', port: ${port} }).on('error', () => {}).setTimeout(2600, function () { this.destroy(); });`,
    );
    return namespace.must([
      'sh',
      '-c',
      'timeout 5 tcpdump -lnqi lo --immediate-mode "$1" 2>/dev/null & sleep 1; "$2" -e "$3"; wait; true',
      'sh',
      filter,
      process.execPath,
      dial.join('\n'),
    ]);
  };

  it('show unanswered SYNs again and again, in both families, and nothing on other ports', async () => {
    for (const [program, address] of [
      ['iptables', '203.0.113.20'],
      ['ip6tables', '2001:db8::20'],
    ] as const)
      await namespace.script(`${program} -A INPUT -d ${address} -p tcp --syn -j DROP`);
    const text = await seen(
      ['203.0.113.20', 443],
      ['2001:db8::20', 8085],
      ['203.0.113.20', 22],
      ['2001:db8::20', 8091],
    );
    const count = (pattern: RegExp) => text.split('\n').filter((line) => pattern.test(line)).length;
    expect(count(/> 203\.0\.113\.20\.443:/)).toBeGreaterThanOrEqual(2);
    expect(count(/> 2001:db8::20\.8085:/)).toBeGreaterThanOrEqual(2);
    expect(count(/\.22:|\.8091:/)).toBe(0);
  });
});
