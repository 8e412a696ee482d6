import { describe, expect, it } from 'vitest';
import { DualStackSet } from '../../src/net/dual-stack-set.ts';
import { PortSet, type Protocol } from '../../src/net/ports.ts';
import { parsePrefix } from '../../src/net/prefix.ts';
import { Admission } from '../../src/policy/admission.ts';
import { judgeResolved } from '../../src/probe/inside-policy.ts';
import { parseResolved } from '../../src/probe/resolved-file.ts';
import { ConfigurationError } from '../../src/problem.ts';

describe('a list of resolved addresses', () => {
  it('takes several addresses a line, several lines a host, comments and CRLF', () => {
    const found = parseResolved(
      '# from the connector\r\nA.example.com. 192.0.2.1 2001:db8::1\r\n\r\na.example.com 192.0.2.1 # again\n',
      'list.txt',
    );
    expect([...found]).toEqual([['a.example.com', ['192.0.2.1', '2001:db8::1']]]);
  });

  it('tells every line that is no such thing', () => {
    expect(() => parseResolved('a.example.com\nb.example.com 1.2.3\n*.x 1.2.3.4\n', 'list.txt')).toThrow(
      ConfigurationError,
    );
    try {
      parseResolved('a.example.com\nb.example.com 1.2.3\nx/y 1.2.3.4\n', 'list.txt');
    } catch (error) {
      expect((error as ConfigurationError).problems.map(({ where }) => where)).toEqual([
        'list.txt:1',
        'list.txt:2',
        'list.txt:3',
      ]);
    }
  });

  it('is judged by the addresses and ports of each target that matches no names', () => {
    const targets = [
      {
        id: 'iptables',
        admission: Admission.addresses(
          DualStackSet.fromPrefixes([parsePrefix('192.0.2.0/28'), parsePrefix('2001:db8::/64')]),
          PortSet.of(443),
        ),
      },
      {
        id: 'nginx',
        admission: Admission.addresses(
          DualStackSet.fromPrefixes([parsePrefix('192.0.2.0/24')]),
          PortSet.of(443),
        ),
      },
    ];
    const endpoint = (host: string | undefined, port: number, protocol: Protocol = 'tcp') => ({
      endpoint: host ?? '*.example.org',
      host,
      port,
      protocol,
      path: '/',
    });
    const findings = judgeResolved(
      [
        endpoint('a.example.com', 443),
        endpoint('a.example.com', 80),
        endpoint('b.example.com', 443),
        endpoint(undefined, 443),
      ],
      new Map([['a.example.com', ['192.0.2.1', '192.0.2.16', '2001:db8::1']]]),
      targets,
    );
    expect(findings.map(({ address, port, kind, seen }) => [address, port, kind, seen])).toEqual([
      ['192.0.2.1', 443, 'works', 'let through by iptables, nginx'],
      [
        '192.0.2.16',
        443,
        'outside-policy',
        '192.0.2.16 of a.example.com is not allowed on port 443 by iptables',
      ],
      [
        '2001:db8::1',
        443,
        'outside-policy',
        '2001:db8::1 of a.example.com is not allowed on port 443 by nginx',
      ],
      ...['192.0.2.1', '192.0.2.16', '2001:db8::1'].map((address) => [
        address,
        80,
        'outside-policy',
        `${address} of a.example.com is not allowed on port 80 by iptables, nginx`,
      ]),
      [undefined, 443, 'not-probed', 'not in the list'],
      [undefined, 443, 'not-probed', 'a wildcard, and no name below it is known'],
    ]);

    const datagrams = {
      id: 'nftables',
      admission: Admission.addresses(
        DualStackSet.fromPrefixes([parsePrefix('192.0.2.0/28')]),
        PortSet.parseList('443,3478/udp'),
      ),
    };
    expect(
      judgeResolved(
        [endpoint('a.example.com', 3478, 'udp'), endpoint('a.example.com', 443, 'udp')],
        new Map([['a.example.com', ['192.0.2.1']]]),
        [datagrams],
      ).map(({ kind, seen }) => [kind, seen]),
    ).toEqual([
      ['works', 'let through by nftables'],
      ['outside-policy', '192.0.2.1 of a.example.com is not allowed on port 443/udp by nftables'],
    ]);
  });
});
