import { describe, expect, it } from 'vitest';
import { readPublished } from '../../src/feed/load.ts';
import { parseM365Endpoints } from '../../src/feed/parse-m365.ts';
import { DualStackSet } from '../../src/net/dual-stack-set.ts';
import { parsePrefix } from '../../src/net/prefix.ts';
import { RunRefused } from '../../src/pipeline.ts';
import { AllowlistError, ConfigurationError, FeedError, GuardRefusal } from '../../src/problem.ts';
import {
  receiveError,
  receiveFeed,
  receiveM365,
  receiveOrigins,
  sendError,
  sendFeed,
  sendM365,
  sendOrigins,
} from '../../src/sites/transfer.ts';
import { weeklyTag } from '../feed/weekly-file.ts';

describe('what goes to another thread', () => {
  it('is the same feed there', () => {
    const name = 'ServiceTags_Public_20260105.json';
    const values = [weeklyTag('Sql', ['198.51.100.0/24', '2001:db8::/32']), weeklyTag('Storage', [])];
    const bytes = new TextEncoder().encode(JSON.stringify({ changeNumber: 7, cloud: 'Public', values }));
    const feed = readPublished(bytes, name, { cloud: 'public' }, { kind: 'file', name });
    const there = receiveFeed(structuredClone(sendFeed(feed)));
    expect(there.source).toEqual(feed.source);
    expect(there.snapshot.contentSha256).toBe(feed.snapshot.contentSha256);
    expect(there.snapshot.tags.get('Sql')?.addresses.toStrings()).toEqual([
      '198.51.100.0/24',
      '2001:db8::/32',
    ]);
  });

  it('are the same endpoint sets of Microsoft 365 there', () => {
    const text = JSON.stringify([
      {
        id: 1,
        serviceArea: 'Exchange',
        serviceAreaDisplayName: 'Exchange Online',
        urls: ['outlook.office.com', '*.example.com', 'autodiscover.*.onmicrosoft.com'],
        ips: ['198.51.100.0/24', '2001:db8::/32'],
        tcpPorts: '80,443',
        udpPorts: '3478-3481',
        expressRoute: true,
        category: 'Optimize',
        required: true,
      },
    ]);
    const endpoints = {
      instance: 'Worldwide',
      version: '2026010500',
      sha256: 'ab',
      ...parseM365Endpoints(text, 'file', undefined),
    } as const;
    const there = receiveM365(structuredClone(sendM365(endpoints)));
    expect(there).toEqual(endpoints);
    expect(there.rows[0]!.ports.has(3480, 'udp')).toBe(true);
  });

  it('is the same second source there, or why there is none', () => {
    const addresses = DualStackSet.fromPrefixes(['198.51.100.0/24', '2001:db8::/33'].map(parsePrefix));
    const origins = {
      found: { name: 'AS8075', addresses, asOf: '2026-01-05' },
      refuse: true,
      maximumDays: 9,
    };
    const there = receiveOrigins(structuredClone(sendOrigins(origins)));
    expect(there).toMatchObject({
      refuse: true,
      maximumDays: 9,
      found: { name: 'AS8075', asOf: '2026-01-05' },
    });
    expect('addresses' in there.found && there.found.addresses.equals(addresses)).toBe(true);
    const none = { ...origins, found: { unavailable: 'why' } };
    expect(receiveOrigins(structuredClone(sendOrigins(none)))).toEqual(none);
  });

  it('are errors of the same kind, with the same words', () => {
    const problems = [{ where: 'rules[0]', what: 'wrong' }];
    const finding = { guard: 'new-space', outcome: 'refused', message: 'too much' } as const;
    for (const error of [
      new AllowlistError('failed', problems),
      new ConfigurationError('wrong', problems),
      new FeedError('gone', problems),
      new GuardRefusal('refused'),
      new RunRefused('refused', [finding]),
    ]) {
      const there = receiveError(structuredClone(sendError(error)));
      expect(there).toBeInstanceOf(error.constructor);
      expect([there.message, there.exitStatus]).toEqual([error.message, error.exitStatus]);
      if (error instanceof RunRefused) expect((there as RunRefused).findings).toEqual([finding]);
    }
  });
});
