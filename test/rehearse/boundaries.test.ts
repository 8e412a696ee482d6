import { describe, expect, it } from 'vitest';
import { boundariesOf } from '../../src/rehearse/boundaries.ts';
import { writeMatrix } from '../../src/rehearse/matrix-text.ts';
import { makePolicy } from '../support/policy.ts';
import { buildBundled } from '../support/rule-files.ts';

async function planOf(prefixes: string[], ports: string) {
  return (await buildBundled('nftables', makePolicy({ name: 'a', prefixes, ports }))).plan;
}

describe('boundariesOf', () => {
  it('names the first and last address and port of every range, and the neighbours outside', async () => {
    const plan = await planOf(['192.0.2.0/30', '192.0.2.4/32', '2001:db8::/127'], '443,8080-8090');
    const found = boundariesOf([plan]).map(({ rule, family, attempts }) => ({
      rule,
      family,
      addresses: [...new Set(attempts.map(({ address }) => address))],
      ports: [...new Set(attempts.map(({ port }) => port))],
      count: attempts.length,
    }));
    const ports = [442, 443, 444, 8079, 8080, 8090, 8091];
    expect(found).toEqual([
      {
        rule: 'a',
        family: 4,
        addresses: ['192.0.1.255', '192.0.2.0', '192.0.2.4', '192.0.2.5'],
        ports,
        count: 28,
      },
      {
        rule: 'a',
        family: 6,
        addresses: ['2001:db7:ffff:ffff:ffff:ffff:ffff:ffff', '2001:db8::', '2001:db8::1', '2001:db8::2'],
        ports,
        count: 28,
      },
    ]);
  });

  it('tries the edges of UDP with datagrams, and those of TCP with connections', async () => {
    const [edges] = boundariesOf([await planOf(['192.0.2.0/24'], '443,443/udp,3478-3481/udp')]);
    expect(new Set(edges!.attempts.map(({ protocol, port }) => `${port}/${protocol}`))).toEqual(
      new Set([
        ...['442/tcp', '443/tcp', '444/tcp', '442/udp', '443/udp', '444/udp'],
        ...['3477/udp', '3478/udp', '3481/udp', '3482/udp'],
      ]),
    );
  });

  it('knows no address before the first and none after the last', async () => {
    const plan = await planOf(['0.0.0.0/0', '::/0'], '1-65535');
    expect(
      boundariesOf([plan]).map(({ attempts }) => attempts.map(({ address, port }) => `${address} ${port}`)),
    ).toEqual([
      ['0.0.0.0 1', '0.0.0.0 65535', '255.255.255.255 1', '255.255.255.255 65535'],
      [':: 1', ':: 65535', `${'ffff:'.repeat(7)}ffff 1`, `${'ffff:'.repeat(7)}ffff 65535`],
    ]);
  });

  it('takes the edges of all plans together: what has moved is tried where it was and where it is', async () => {
    const plans = [await planOf(['192.0.2.0/24'], '80'), await planOf(['198.51.100.0/24'], '443')];
    const [edges] = boundariesOf(plans);
    expect(edges!.attempts).toHaveLength(8 * 6);
    expect(boundariesOf([])).toEqual([]);
  });
});

describe('writeMatrix', () => {
  it('spells out the first surprises and counts the rest', () => {
    const row = {
      rule: 'a',
      kind: 'IPv4',
      attempts: 1234,
      stayOpen: 1,
      open: 2,
      close: 3,
      stayClosed: 4,
    } as const;
    const surprises = Array.from({ length: 25 }, (_, index) => ({
      request: `192.0.2.${index} ${index === 1 ? 'udp' : 'tcp'} port 443`,
      rule: 'a',
      files: 'planned' as const,
      came: index % 2 === 0,
    }));
    const text = writeMatrix({
      target: 'nftables',
      tried: 'the kernel',
      hadFiles: true,
      rows: [row],
      notSent: 3,
      forOthers: ['b'],
      surprises,
    });
    expect(text).toContain('| a | IPv4 | 1,234 | 1 | 2 | 3 | 4 |');
    expect(text).toContain('3 edges cannot be sent to');
    expect(text).toContain('must be kept out: rule b.');
    expect(text).toContain('25 requests fared otherwise');
    expect(text).toContain('- 192.0.2.0 tcp port 443 (rule a, files planned): came through');
    expect(text).toContain('- 192.0.2.1 udp port 443 (rule a, files planned): did not come through');
    expect(text).toContain('- … and 5 more');
    expect(text).not.toContain('192.0.2.20');
  });
});
