import { expect, it } from 'vitest';
import { captureFilters } from '../../src/explain/capture-filter.ts';
import { makePolicy } from '../support/policy.ts';

const filtersOf = (ports: string) =>
  captureFilters(makePolicy({ name: 'a', prefixes: ['192.0.2.0/24'], ports }), undefined).map(
    ({ tool, filter }) => `${tool}: ${filter}`,
  );

it('watch datagrams where UDP is asked for, and SYNs where TCP is', () => {
  const udp = [
    'tcpdump: udp port 123 or udp portrange 3478-3481',
    'wireshark: udp.port == 123 || (udp.port >= 3478 && udp.port <= 3481)',
    'pktmon: pktmon filter add -t UDP -p 123',
    'pktmon: pktmon filter add -t UDP -p 3478',
  ];
  expect(filtersOf('123/udp,3478-3481/udp')).toEqual(udp);
  const both = filtersOf('443,123/udp,3478-3481/udp');
  expect(both.slice(-4)).toEqual(udp);
  expect(both.slice(0, -4)).toEqual(filtersOf('443'));
  expect(filtersOf('443').join()).not.toContain('udp');
  expect(captureFilters(makePolicy({ name: 'a', prefixes: [], ports: '443' }), undefined)).toEqual([]);
});
