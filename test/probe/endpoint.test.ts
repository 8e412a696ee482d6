import { describe, expect, it } from 'vitest';
import { parseEndpointTable } from '../../src/endpoints/load.ts';
import { parseHostPattern } from '../../src/net/host-pattern.ts';
import { loadProbeData } from '../../src/probe/data.ts';
import { endpointsToProbe } from '../../src/probe/endpoint.ts';

const table = (rows: string) =>
  parseEndpointTable(
    `id: made-up
title: Made up
cloud: public
confidence: high
sources: [{ id: us, title: Made up, url: "https://example.com/", date: 2026-01-01 }]
rows:
${rows}`,
    'made-up.yaml',
  );
const REST = 'purpose: a test, sources: [us], notCovered: a test';

describe('what is probed', () => {
  it('hosts with each port once, wildcards by their examples alone, a range by its first port, a path', async () => {
    const { rows } = await table(`
  - { hosts: [a.example.com, "*.example.net", "*.example.org"], ports: [443, 9350-9354], ${REST} }
  - { hosts: [a.example.com], ports: [443], ${REST} }
  - { hosts: [b.example.com], path: /pki, ports: [80], ${REST} }
  - { hosts: [ctdl.example.com], misprintOf: ctldl.example.com, ports: [80], ${REST} }`);
    const examples = [
      { pattern: parseHostPattern('*.example.net'), host: 'x.example.net' },
      // Not below the wildcard: it would say nothing of it.
      { pattern: parseHostPattern('*.example.org'), host: 'example.org' },
    ];
    expect(
      endpointsToProbe(rows, examples).map(({ endpoint, host, port, path }) => [endpoint, host, port, path]),
    ).toEqual([
      ['a.example.com', 'a.example.com', 443, '/'],
      ['a.example.com', 'a.example.com', 9350, '/'],
      ['*.example.net', 'x.example.net', 443, '/'],
      ['*.example.net', 'x.example.net', 9350, '/'],
      ['*.example.org', undefined, 443, '/'],
      ['*.example.org', undefined, 9350, '/'],
      ['b.example.com/pki', 'b.example.com', 80, '/pki'],
    ]);
  });

  it('ports of UDP beside those of TCP, one of each where both are asked for', async () => {
    const { rows } = await table(`
  - { hosts: [turn.example.com, "*.example.org"], ports: [443, "443/udp", "3478-3481/udp"], ${REST} }`);
    expect(
      endpointsToProbe(rows, []).map(({ endpoint, port, protocol }) => `${endpoint}:${port}/${protocol}`),
    ).toEqual([
      'turn.example.com:443/tcp',
      'turn.example.com:443/udp',
      'turn.example.com:3478/udp',
      '*.example.org:443/tcp',
      '*.example.org:443/udp',
      '*.example.org:3478/udp',
    ]);
  });

  it('the bundled examples lie below their patterns', async () => {
    for (const { pattern, host } of (await loadProbeData()).examples)
      expect(host.endsWith(`.${pattern.name}`), host).toBe(true);
  });
});
