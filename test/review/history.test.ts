import { readFileSync } from 'node:fs';
import pc from 'picocolors';
import { describe, expect, it } from 'vitest';
import { DualStackSet } from '../../src/net/dual-stack-set.ts';
import { parseHostPattern } from '../../src/net/host-pattern.ts';
import { HostSet } from '../../src/net/host-set.ts';
import { PortSet } from '../../src/net/ports.ts';
import { parsePrefix } from '../../src/net/prefix.ts';
import { Admission } from '../../src/policy/admission.ts';
import { policyOfTags } from '../../src/policy/diff/snapshots.ts';
import type { Policy, TagAddresses } from '../../src/policy/policy.ts';
import { feedWeek } from '../../src/review/feeds.ts';
import { type History, HistoryRecorder } from '../../src/review/history/history.ts';
import { writeHistoryHtml } from '../../src/review/history/html.ts';
import { historyDocument, writeHistoryJson } from '../../src/review/history/json.ts';
import { historyJsonSchema, historyShape } from '../../src/review/history/json-shape.ts';
import { historyOutline, historySentence } from '../../src/review/history/outline.ts';
import { blocksText } from '../../src/review/text.ts';
import { feedsAvailable } from '../support/feeds.ts';
import { HOSTILE } from './hostile.ts';
import { policyOf, realWeek, tag, week } from './weeks.ts';

const COMMIT = (digit: string) => digit.repeat(40);

/** Four commits: a prefix leaves and comes back, a tag comes and goes, a name comes, a guard is accepted. */
function sampleHistory(text = 'ticket 7'): History {
  const at = (names: string[], ...tags: TagAddresses[]): Policy =>
    policyOf({ r: tags }, { name: 'r', names: { '443': names }, addressUse: 'always' });
  const policies = [
    at(['a.example.com'], tag('A', '', '192.0.2.0/25', '192.0.2.128/26')),
    at(['a.example.com'], tag('A', '', '192.0.2.0/25'), tag('B', '', '2001:db8::/48')),
    at(
      ['a.example.com', 'b.example.com'],
      tag('A', '', '192.0.2.0/25', '192.0.2.128/26'),
      tag('B', '', '2001:db8::/48'),
    ),
    at(['a.example.com', 'b.example.com'], tag('A', '', '192.0.2.0/25', '192.0.2.128/26')),
  ];
  const recorder = new HistoryRecorder();
  for (const [index, policy] of policies.entries())
    recorder.add({
      id: COMMIT(`${index}`),
      date: `2025-07-${String(7 * index + 7).padStart(2, '0')}`,
      week: week('2025-07-07'),
      policy,
      acceptances: index === 2 ? [{ guard: 'tag-growth', message: text }] : [],
    });
  return recorder.history();
}

describe('a history', () => {
  const history = sampleHistory();

  it('has the figures of each revision', () => {
    expect(history.steps.map(({ space }) => space)).toEqual([
      { ipv4: 192n, ipv6: 0n },
      { ipv4: 128n, ipv6: 2n ** 80n },
      { ipv4: 192n, ipv6: 2n ** 80n },
      { ipv4: 192n, ipv6: 0n },
    ]);
    expect(history.steps[0]!.change).toBeUndefined();
    expect(history.steps[1]!.change).toEqual({
      addresses: { gained: { ipv4: 0n, ipv6: 2n ** 80n }, lost: { ipv4: 64n, ipv6: 0n } },
      names: { gained: [], lost: [] },
      ports: { gained: [], lost: [] },
      tags: { added: ['B'], removed: [], changed: 1 },
      prefixes: { gained: 1, lost: 1 },
      targets: { added: [], removed: [] },
    });
    expect(history.steps[2]!.change!.names).toEqual({ gained: ['b.example.com:443'], lost: [] });
    expect(history.steps[3]!.change!.tags).toEqual({ added: [], removed: ['B'], changed: 0 });
  });

  it('counts what came and went each time', () => {
    expect(history.tags.map(({ tag: name, changes, gained, lost }) => [name, changes, gained, lost])).toEqual(
      [
        ['A', 2, { ipv4: 64n, ipv6: 0n }, { ipv4: 64n, ipv6: 0n }],
        ['B', 2, { ipv4: 0n, ipv6: 2n ** 80n }, { ipv4: 0n, ipv6: 2n ** 80n }],
      ],
    );
    expect(history.tags[1]!.points.map((point) => point?.prefixes)).toEqual([undefined, 1, 1, undefined]);
  });

  it('knows what left and came back', () => {
    expect(history.returned).toEqual([
      { tag: 'A', prefix: '192.0.2.128/26', removed: '2025-07-14', returned: '2025-07-21', days: 7 },
    ]);
  });

  it('tells itself as text, with who accepted what', () => {
    const text = blocksText(historyOutline(history), { width: 120, colors: pc.createColors(false) });
    expect(text).toContain('4 revisions, 3 with changes of addresses or names');
    expect(text).toContain('2025-07-21 2222222222 accepted tag-growth: ticket 7');
    expect(text).toContain('A 192.0.2.128/26: gone on 2025-07-14, back on 2025-07-21 (7 days)');
    expect(text).toMatch(/2025-07-14 {2}1111111111 +−64 +\+65,536 \/64 +±0 +\+1, 1 changed +\+1 −1 +128/);
  });

  it('counts revisions that changed nothing, and tells an acceptance whatever changed', () => {
    const recorder = new HistoryRecorder();
    const policy = policyOf({ r: [tag('A', '', '192.0.2.0/25')] }, { name: 'r' });
    for (const [index, accepted] of [false, false, true, false].entries())
      recorder.add({
        id: COMMIT(`${index}`),
        date: `2025-07-0${index + 1}`,
        week: week(`2025-0${index + 1}-01`),
        policy,
        acceptances: accepted ? [{ guard: 'tag-growth', message: 'ticket 7' }] : [],
      });
    const text = blocksText(historyOutline(recorder.history()), {
      width: 120,
      colors: pc.createColors(false),
    });
    expect(text).toContain('2 revisions that changed nothing are left out here.');
    expect(text.match(/^ {2}2025-0\d-01 .*\d{10} /gm)).toHaveLength(2);
    // Each revision is of a week of its own: that is when it stands on the plots.
    expect(text).toMatch(/^History, 2025-01-01 → 2025-04-01$/m);
  });

  it('tells a target that leaves, and the first files of one that comes, apart from gains and losses', () => {
    const on = (prefix: string) =>
      Admission.addresses(DualStackSet.fromPrefixes([parsePrefix(prefix)]), PortSet.parseList('443'));
    const first = (target: string, ipv4: bigint) => ({ target, addresses: { ipv4, ipv6: 0n }, names: 0 });
    const recorder = new HistoryRecorder();
    const weeks: Record<string, string>[] = [
      { iptables: '192.0.2.0/24', squid: '192.0.2.0/25' },
      { squid: '192.0.2.0/25' },
      { squid: '192.0.2.0/25', edl: '192.0.2.0/26' },
      { squid: '192.0.2.0/25', pac: '192.0.2.0/24' },
    ];
    for (const [index, targets] of weeks.entries())
      recorder.add({
        id: COMMIT(`${index}`),
        date: `2025-07-0${index + 1}`,
        week: week(`2025-07-0${index + 1}`),
        policy: policyOf({ r: [tag('A', '', '192.0.2.0/24')] }, { name: 'r' }),
        targets: new Map(
          Object.entries(targets).map(([id, prefix]) => [id, { admission: on(prefix), lists: undefined }]),
        ),
        acceptances: [],
      });
    const found = recorder.history();
    expect(
      found.steps.map(({ space, change }) => [
        space.ipv4,
        change?.addresses.gained.ipv4,
        change?.addresses.lost.ipv4,
        change?.targets,
      ]),
    ).toEqual([
      [256n, undefined, undefined, undefined],
      [128n, 0n, 0n, { added: [], removed: ['iptables'] }],
      [128n, 0n, 0n, { added: [first('edl', 64n)], removed: [] }],
      [256n, 0n, 0n, { added: [first('pac', 256n)], removed: ['edl'] }],
    ]);
    const text = blocksText(historyOutline(found), { width: 120, colors: pc.createColors(false) });
    expect(text).toContain('4 revisions, 3 with changes of addresses, names or targets');
    expect(text).toMatch(/2025-07-04 .* ±0 .* \+pac −edl {2,}256$/m);
    expect(text).toContain('2025-07-02 1111111111 iptables is no longer configured');
    expect(text).toContain(
      '2025-07-04 3333333333 first files of pac: 256 IPv4 addresses; edl is no longer configured',
    );
    expect(text).not.toContain('left out here');
  });

  it('tells known addresses and names on other ports apart from gains, target by target', () => {
    const on = (prefix: string, ports: string, host = 'a.example.com') =>
      Admission.of([
        {
          hosts: HostSet.fromPatterns([parseHostPattern(host)]),
          addresses: DualStackSet.fromPrefixes([parsePrefix(prefix)]),
          ports: PortSet.parseList(ports),
        },
      ]);
    const recorder = new HistoryRecorder();
    const weeks: Record<string, Admission>[] = [
      { iptables: on('198.18.0.0/18', '443'), squid: on('198.18.0.0/18', '443') },
      { iptables: on('198.18.0.0/18', '443,8443'), squid: on('198.18.0.0/18', '443') },
      { iptables: on('198.18.0.0/19', '8443'), squid: on('198.18.0.0/18', '443') },
      { squid: on('198.18.0.0/18', '443'), edl: on('198.18.0.0/17', '8443') },
    ];
    for (const [index, targets] of weeks.entries())
      recorder.add({
        id: COMMIT(`${index}`),
        date: `2025-07-0${index + 1}`,
        week: week(`2025-07-0${index + 1}`),
        policy: policyOf({ r: [tag('A', '', '198.18.0.0/18')] }, { name: 'r' }),
        targets: new Map(Object.entries(targets).map(([id, admission]) => [id, { admission }])),
        acceptances: [],
      });
    const found = recorder.history();
    const at8443 = (ipv4: bigint) => ({
      ports: 'port 8443',
      addresses: { ipv4, ipv6: 0n },
      names: ['a.example.com:8443'],
    });
    const at443 = (ipv4: bigint) => ({
      ports: 'port 443',
      addresses: { ipv4, ipv6: 0n },
      names: ['a.example.com:443'],
    });
    expect(
      found.steps.map(({ change }) => [
        change?.addresses.gained.ipv4,
        change?.addresses.lost.ipv4,
        change?.names,
        change?.ports,
      ]),
    ).toEqual([
      [undefined, undefined, undefined, undefined],
      [0n, 0n, { gained: [], lost: [] }, { gained: [at8443(16_384n)], lost: [] }],
      // The upper half leaves iptables on both ports; the lower half only leaves 443.
      [0n, 8192n, { gained: [], lost: [] }, { gained: [], lost: [at443(8192n)] }],
      // One target leaves and another comes: what both let through is told by itself.
      [0n, 0n, { gained: [], lost: [] }, { gained: [], lost: [] }],
    ]);
    const text = blocksText(historyOutline(found), { width: 120, colors: pc.createColors(false) });
    expect(text).toContain('4 revisions, 3 with changes of addresses, names, ports or targets');
    expect(text).toContain('2025-07-02 1111111111 newly on port 8443: 1 name and 16,384 IPv4 addresses');
    expect(historyShape.parse(JSON.parse(writeHistoryJson(found)))).toEqual(historyDocument(found));
  });

  it('plots single IPv6 addresses where there is no whole /64', () => {
    const recorder = new HistoryRecorder();
    for (const [index, prefix] of ['2001:db8::/120', '2001:db8::/119'].entries())
      recorder.add({
        id: COMMIT(`${index}`),
        date: `2025-07-0${index + 1}`,
        week: week(`2025-07-0${index + 1}`),
        policy: policyOf({ r: [tag('A', '', prefix)] }, { name: 'r' }),
        acceptances: [],
      });
    const html = writeHistoryHtml(recorder.history(), { script: '', style: '' });
    expect(html).toContain('<title>2025-07-01: 256</title>');
    expect(html).toContain('IPv6 addresses over time');
    expect(html).not.toContain('/64 networks');
  });

  it('keeps the shape of its JSON', () => {
    expect(historyShape.parse(JSON.parse(writeHistoryJson(history)))).toEqual(historyDocument(history));
    const stored = readFileSync(new URL('../../schema/history.schema.json', import.meta.url), 'utf8');
    expect(JSON.parse(stored)).toEqual(JSON.parse(JSON.stringify(historyJsonSchema())));
  });

  it('draws its plots inside the page', () => {
    const html = writeHistoryHtml(history, { script: '', style: '' });
    expect(html.match(/<svg class="chart"/g)).toHaveLength(3);
    expect(html.match(/<svg class="spark"/g)).toHaveLength(2);
    expect(html).toContain('<title>2025-07-14: −64</title>');
    expect(html).not.toMatch(/NaN|Infinity|undefined|\s(src|style|on\w+)=/);
  });

  it.each(HOSTILE)('shows what comes from outside as itself: %j', (text) => {
    const elements = (html: string) => [...html.matchAll(/<[^>]*>/g)].map(([element]) => element);
    const page = (message: string) => writeHistoryHtml(sampleHistory(message), { script: '', style: '' });
    expect(elements(page(text))).toEqual(elements(page('harmless')));
  });

  it('can be of one revision or of none', () => {
    const recorder = new HistoryRecorder();
    expect(writeHistoryHtml(recorder.history(), { script: '', style: '' })).toContain(
      'Nothing was published yet',
    );
    recorder.add({
      id: COMMIT('a'),
      date: '2025-07-07',
      week: week('2025-07-07'),
      policy: policyOf({}, { name: 'r' }),
      acceptances: [],
    });
    const history1 = recorder.history();
    expect(historySentence(history1)).toMatch(/^1 revision, 0 with changes/);
    expect(writeHistoryHtml(history1, { script: '', style: '' })).not.toMatch(/NaN|Infinity/);
  });
});

describe.skipIf(!feedsAvailable)('the history of real weeks', () => {
  it('shows the wrong week of AzureDataLake', () => {
    const recorder = new HistoryRecorder();
    for (const date of ['20220502', '20220509', '20220516']) {
      const snapshot = realWeek(date);
      const of = feedWeek(snapshot, `ServiceTags_Public_${date}.json`);
      recorder.add({
        id: of.name,
        date: of.fileDate!,
        week: of,
        policy: policyOfTags(snapshot, new Set(['AzureDataLake'])),
        acceptances: [],
      });
    }
    const { tags, steps } = recorder.history();
    expect(tags[0]!.points.map((point) => point!.prefixes)).toEqual([20, 2_468, 19]);
    expect(steps.map(({ change }) => change?.prefixes)).toEqual([
      undefined,
      { gained: 2_448, lost: 0 },
      { gained: 0, lost: 2_449 },
    ]);
  });
});
