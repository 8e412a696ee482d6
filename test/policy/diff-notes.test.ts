import { describe, expect, it } from 'vitest';
import { DualStackSet } from '../../src/net/dual-stack-set.ts';
import { parsePrefix } from '../../src/net/prefix.ts';
import { type DiffContext, noteworthy } from '../../src/policy/diff/notes.ts';
import { diffPolicies } from '../../src/policy/diff.ts';
import type { TagAddresses } from '../../src/policy/policy.ts';
import { policyOf, tag } from '../review/weeks.ts';
import { makePolicy } from '../support/policy.ts';

const set = (...texts: string[]) => DualStackSet.fromPrefixes(texts.map(parsePrefix));

function notes(before: TagAddresses[], after: TagAddresses[], context?: DiffContext) {
  const diff = diffPolicies(policyOf({ r: before }, { name: 'r' }), policyOf({ r: after }, { name: 'r' }));
  return noteworthy(diff, context).map(({ kind, tag: of, text, addresses }) => [
    kind,
    of,
    text,
    ...(addresses === undefined ? [] : [addresses.toStrings().join(' ')]),
  ]);
}

describe('notes on a difference', () => {
  it('has none for an ordinary week', () => {
    expect(notes([tag('A', '', '192.0.2.0/25')], [tag('A', '', '192.0.2.0/25', '192.0.2.128/26')])).toEqual(
      [],
    );
  });

  it.each([
    ['2025-07-14', 'on 2025-07-14'],
    [undefined, 'before'],
  ])('notes addresses that were in no tag before, date %s', (date, told) => {
    expect(
      notes(
        [tag('A', '', '192.0.2.0/26')],
        [tag('A', '', '192.0.2.0/26', '192.0.2.64/26', '198.51.100.0/28')],
        { previousSpace: { date, addresses: set('192.0.2.0/24') } },
      ),
    ).toEqual([
      ['outside-azure', 'A', `gained addresses that no service tag had ${told}`, '198.51.100.0/28'],
    ]);
  });

  it('does not look for endpoint sets of Microsoft 365 in Azure', () => {
    const m365 = { id: 2, serviceArea: 'Exchange', category: 'Optimize', required: true } as const;
    const set2 = (...texts: string[]) => ({ ...tag('M365.Exchange.2', '', ...texts), m365 });
    const previousSpace = { date: '2025-07-14', addresses: set('192.0.2.0/24') };
    const [before, after] = [set2('192.0.2.0/24'), set2('192.0.2.0/24', '198.51.100.0/28')];
    expect(notes([before], [after], { previousSpace })).toEqual([]);
    expect(notes([], [after], { previousSpace })).toEqual([]);
    // Nor by its name alone: a service tag is a service tag.
    const { m365: _, ...plain } = after;
    expect(notes([], [plain], { previousSpace })).toHaveLength(1);
  });

  it('notes a prefix broader than any block before, per family, and not for two blocks that merge', () => {
    expect(notes([tag('A', '', '192.0.2.0/28')], [tag('A', '', '192.0.2.0/28', '198.51.100.0/24')])).toEqual([
      ['broadest-prefix', 'A', 'gained 198.51.100.0/24, broader than any before (/28)'],
    ]);
    expect(notes([tag('A', '', '192.0.2.0/25', '192.0.2.128/25')], [tag('A', '', '192.0.2.0/24')])).toEqual(
      [],
    );
    expect(notes([tag('A', '', '192.0.2.0/24')], [tag('A', '', '192.0.2.0/24', '2001:db8::/32')])).toEqual(
      [],
    );
  });

  it('notes names whose table rows are gone', () => {
    const diff = diffPolicies(
      makePolicy({ name: 'r', names: { '443': ['a.example.com', 'b.example.com'] } }),
      makePolicy({ name: 'r', names: { '443': ['a.example.com'] } }),
    );
    expect(noteworthy(diff).map(({ kind, text }) => [kind, text])).toEqual([
      ['names-gone', 'lost names whose table rows are gone: b.example.com:443 (test)'],
    ]);
  });

  const [early, late, wide] = [set('192.0.2.64/26'), set('192.0.2.128/26'), set('203.0.113.0/24')];
  const recentGains = [
    { rule: 'r', date: '2025-07-07', gained: early },
    { rule: 'r', date: '2025-07-14', gained: wide },
    { rule: 'r', date: '2025-07-21', gained: late },
    { rule: 'other', date: '2025-07-14', gained: set('192.0.2.0/24') },
  ];

  it('notes a removal soon after its addition to the same rule, once a rule', () => {
    expect(notes([tag('A', '', '192.0.2.0/25')], [tag('A', '', '192.0.2.0/26')], { recentGains })).toEqual([
      ['short-lived', '', 'loses addresses that it gained only on 2025-07-07', '192.0.2.64/26'],
    ]);
    expect(notes([tag('A', '', '192.0.2.0/24')], [tag('A', '', '192.0.2.0/26')], { recentGains })).toEqual([
      [
        'short-lived',
        '',
        'loses addresses that it gained only on 2025-07-07, 2025-07-21',
        '192.0.2.64/26 192.0.2.128/26',
      ],
    ]);
  });

  it('does not call a rule short-lived that is gone, nor addresses that stay by another tag', () => {
    const rule = policyOf({ r: [tag('A', '', '192.0.2.0/24')] }, { name: 'r' });
    expect(noteworthy(diffPolicies(rule, makePolicy()), { recentGains })).toEqual([]);
    const wider = tag('B', '', '192.0.2.0/24');
    expect(
      notes([tag('A', '', '192.0.2.0/24'), wider], [tag('A', '', '192.0.2.0/26'), wider], { recentGains }),
    ).toEqual([]);
  });

  it('says where lost addresses are now', () => {
    const currentTags = [
      tag('A', '', '192.0.2.0/25'),
      tag('Small', '', '192.0.2.128/28'),
      tag('Big', '', '192.0.2.128/26'),
      tag('Other', '', '198.51.100.0/24'),
    ];
    expect(notes([tag('A', '', '192.0.2.0/24')], [tag('A', '', '192.0.2.0/25')], { currentTags })).toEqual([
      [
        'moved-away',
        '',
        'lost addresses that are now in tags it does not select: Big, Small',
        '192.0.2.128/26',
      ],
    ]);
  });

  it.each([
    [
      'a new name',
      [tag('Old', '', '192.0.2.0/24')],
      [tag('New', '', '192.0.2.0/24')],
      ['Old', 'was renamed to New'],
    ],
    [
      'a new name with a little more',
      [tag('Old', '', '192.0.2.0/24')],
      [tag('New', '', '192.0.2.0/24', '198.51.100.0/29')],
      ['Old', 'was renamed to New'],
    ],
    [
      'a split',
      [tag('Old', '', '192.0.2.0/24')],
      [tag('Old.East', 'east', '192.0.2.0/25'), tag('Old.West', 'west', '192.0.2.128/25')],
      ['Old', 'was split into Old.East, Old.West'],
    ],
    [
      'a merger',
      [tag('Old.East', 'east', '192.0.2.0/25'), tag('Old.West', 'west', '192.0.2.128/25')],
      [tag('New', '', '192.0.2.0/24')],
      ['Old.East', 'and Old.West were merged into New'],
    ],
  ] as const)('notes %s', (_, before, after, expected) => {
    const found = notes([...before], [...after]).filter(([kind]) => kind === 'reorganised');
    expect(found.map(([, of, text]) => [of, text])).toEqual([expected]);
  });

  it('does not call it a new name where only a part moved', () => {
    const found = notes(
      [tag('Old', '', '192.0.2.0/24')],
      [tag('New', '', '192.0.2.0/26', '198.51.100.0/24')],
    ).filter(([kind]) => kind === 'reorganised');
    expect(found).toEqual([]);
  });
});
