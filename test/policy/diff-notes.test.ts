import { describe, expect, it } from 'vitest';
import { DualStackSet } from '../../src/net/dual-stack-set.ts';
import { parsePrefix } from '../../src/net/prefix.ts';
import { type DiffContext, noteworthy } from '../../src/policy/diff/notes.ts';
import { diffPolicies } from '../../src/policy/diff.ts';
import type { TagAddresses } from '../../src/policy/policy.ts';
import { policyOf, tag } from '../review/weeks.ts';
import { makePolicy } from '../support/policy.ts';

const set = (...texts: string[]) => DualStackSet.fromPrefixes(texts.map(parsePrefix));

/** Notes that explain a gain or a loss: they have tests of their own. */
const EXPLANATIONS: ReadonlySet<string> = new Set(['attribution', 'shrunk', 'withdrawn']);

function notes(before: TagAddresses[], after: TagAddresses[], context?: DiffContext) {
  const diff = diffPolicies(policyOf({ r: before }, { name: 'r' }), policyOf({ r: after }, { name: 'r' }));
  const found = noteworthy(diff, context).filter(({ kind }) => !EXPLANATIONS.has(kind));
  return found.map(({ kind, tag: of, text, detail, addresses }) => [
    kind,
    of,
    detail === undefined ? text : `${text}: ${detail}`,
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
      [
        'new-space',
        '',
        `gains blocks that no service tag had ${told}: 198.51.100.0/28 (no tag had any in 198.0.0.0/8)`,
        '198.51.100.0/28',
      ],
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
        'loses addresses that are now in tags it does not select: Big 192.0.2.128/26, Small 192.0.2.128/28',
        '192.0.2.128/26',
      ],
    ]);
  });

  it('does not say of a tag that no target uses any more that it, or its addresses, have gone', () => {
    const before = [tag('A', '', '192.0.2.0/24'), tag('B', '', '198.51.100.0/24')];
    const currentTags = [...before, tag('B.West', 'west', '198.51.100.0/25')];
    const unused = [{ rule: 'r', tags: ['B'] }];
    expect(notes(before, before.slice(0, 1), { currentTags, unused })).toEqual([]);
    expect(notes(before, before.slice(0, 1), { currentTags }).map(([kind]) => kind)).toEqual([
      'tag-gone',
      'moved-away',
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

describe('notes on losses and growth', () => {
  const told = (before: TagAddresses[], after: TagAddresses[], context: DiffContext = {}) =>
    noteworthy(
      diffPolicies(policyOf({ r: before }, { name: 'r' }), policyOf({ r: after }, { name: 'r' })),
      context,
    ).map(({ kind, text }) => [kind, text]);

  it('tells a block that became smaller as that block, and smaller pieces of the same not at all', () => {
    expect(told([tag('A', '', '2001:db8:2403::/48')], [tag('A', '', '2001:db8:2403::/63')])).toEqual([
      ['shrunk', 'has smaller blocks: 2001:db8:2403::/48 → /63'],
    ]);
    expect(told([tag('A', '', '192.0.2.0/24')], [tag('A', '', '192.0.2.0/25', '192.0.2.128/25')])).toEqual(
      [],
    );
  });

  it('tells loses addresses that no tag has any more', () => {
    const after = [tag('A', '', '192.0.2.0/24')];
    expect(told([tag('A', '', '192.0.2.0/24', '198.51.100.0/24')], after, { currentTags: after })).toEqual([
      ['withdrawn', 'loses addresses that no service tag has any more'],
    ]);
  });

  it('says where the growth of a tag comes from: its regional tags, the largest first, or its blocks', () => {
    const before = [tag('Cloud', '', '192.0.2.0/24')];
    const after = [tag('Cloud', '', '192.0.2.0/24', '198.51.100.0/24', '203.0.113.0/28')];
    const currentTags = [
      ...after,
      tag('Cloud.south', 'south', '203.0.113.0/28'),
      tag('Cloud.north', 'north', '198.51.100.0/24', '192.0.2.0/24'),
      tag('CloudElse.north', 'north', '198.51.100.0/24'),
    ];
    const gains = (context: DiffContext, ...rules: TagAddresses[][]) =>
      noteworthy(
        diffPolicies(
          policyOf({ r: before, s: rules[0] ?? [] }, { name: 'r' }, { name: 's' }),
          policyOf({ r: after, s: rules[1] ?? [] }, { name: 'r' }, { name: 's' }),
        ),
        context,
      )
        .filter(({ kind }) => kind === 'attribution')
        .map(({ rule, tag, text, detail }) => [rule, tag, text, detail]);
    expect(gains({ currentTags })).toEqual([
      ['r', 'Cloud', 'gains 272 IPv4', 'north +256, south +16 (largest block 198.51.100.0/24)'],
    ]);
    // What no region has, and what another rule had before: the devices gain the rest only.
    expect(gains({ currentTags: currentTags.slice(0, 2) })).toEqual([
      ['r', 'Cloud', 'gains 272 IPv4', 'south +16 (203.0.113.0/28); 256 in no region: 198.51.100.0/24'],
    ]);
    expect(gains({}, [tag('Else', '', '203.0.113.0/29')], [tag('Else', '', '203.0.113.0/29')])).toEqual([
      [
        'r',
        'Cloud',
        'gains 272 IPv4',
        '198.51.100.0/24, 203.0.113.0/28; 8 IPv4 of all this allowed before by another tag or rule',
      ],
    ]);
    expect(gains({}, [tag('Else', '', '0.0.0.0/0')], [tag('Else', '', '0.0.0.0/0')])).toEqual([]);
  });

  it('says of the smaller gains of many tags what they come to, and in which', () => {
    const prefix = (index: number) => `198.51.100.${index * 16}/${28 + (index % 2)}`;
    const names = Array.from({ length: 11 }, (_, index) => `Tag${index}`);
    const diff = diffPolicies(
      policyOf({ r: names.map((name, index) => tag(name, '', `192.0.2.${index}/32`)) }, { name: 'r' }),
      policyOf(
        { r: names.map((name, index) => tag(name, '', `192.0.2.${index}/32`, prefix(index))) },
        { name: 'r' },
      ),
    );
    const said = noteworthy(diff).filter(({ kind }) => kind === 'attribution');
    expect(said.map((note) => note.tag)).toEqual([
      ...['Tag0', 'Tag10', 'Tag2', 'Tag4', 'Tag6', 'Tag8', 'Tag1', 'Tag3'],
      '',
    ]);
    expect(said.at(-1)).toMatchObject({ text: 'gains 24 IPv4 in 3 more tags', detail: 'Tag5, Tag7, Tag9' });
  });

  it('knows a rule under a new name, and a rule that lies in another', () => {
    const parts = { prefixes: ['192.0.2.0/24'], ports: '443' };
    const renamed = diffPolicies(
      makePolicy({ name: 'web', ...parts }),
      makePolicy({ name: 'www', ...parts }),
    );
    expect(noteworthy(renamed).map(({ rule, text }) => [rule, text])).toEqual([
      ['www', 'is the rule web under a new name'],
    ]);
    expect(renamed.rules.map(({ presence, renamedFrom }) => [presence, renamedFrom])).toEqual([
      ['changed', 'web'],
    ]);
    // With a tag added it is the same rule still, and none that is new while another is gone.
    const [a, b, c] = [
      tag('A', '', '192.0.2.0/24'),
      tag('B', '', '10.0.0.0/8'),
      tag('C', '', '192.0.2.0/25'),
    ];
    const of = (name: string, ...tags: readonly ReturnType<typeof tag>[]) =>
      policyOf({ [name]: tags }, { name });
    const added = diffPolicies(of('web', a), of('www', a, b, c));
    expect(added.rules.map(({ rule, presence, renamedFrom }) => [rule, presence, renamedFrom])).toEqual([
      ['www', 'changed', 'web'],
    ]);
    expect(noteworthy(added).map(({ kind, text }) => [kind, text])[0]).toEqual([
      'renamed-rule',
      'is the rule web under a new name, with B, C added',
    ]);
    // A rule of other tags is another rule, whatever it lets through.
    const other = diffPolicies(of('web', a), of('www', b));
    expect(other.rules.map(({ rule, presence }) => [rule, presence])).toEqual([
      ['www', 'added'],
      ['web', 'removed'],
    ]);
    // The rule that is the same is the former one, not the one that has more.
    const two = diffPolicies(
      of('web', a),
      policyOf({ more: [a, b], same: [a] }, { name: 'more' }, { name: 'same' }),
    );
    expect(two.rules.map(({ rule, presence, renamedFrom }) => [rule, presence, renamedFrom])).toEqual([
      ['more', 'added', undefined],
      ['same', 'changed', 'web'],
    ]);
    const nested = diffPolicies(
      makePolicy({ name: 'web', ...parts }),
      makePolicy({ name: 'web', ...parts }, { name: 'part', prefixes: ['192.0.2.0/28'], ports: '443' }),
    );
    expect(nested.nested).toEqual([{ inner: 'part', outer: 'web' }]);
  });
});

describe('blocks of new space', () => {
  const look = (gained: string, known: string) =>
    noteworthy(
      diffPolicies(
        policyOf({ r: [tag('A', '', known)] }, { name: 'r' }),
        policyOf({ r: [tag('A', '', known, gained)] }, { name: 'r' }),
      ),
      { previousSpace: { date: undefined, addresses: set(known) } },
    )
      .filter(({ kind }) => kind === 'new-space')
      .map((note) => note.look);

  it.each([
    ['a /8 in which no tag had anything', '11.0.0.0/24', '198.18.0.0/15', true],
    ['a /12 in which no tag had anything', '10.64.0.0/24', '10.0.0.0/24', true],
    ['a block of 131,072 addresses', '10.64.0.0/15', '10.66.0.0/24', true],
    ['a block of 65,536 addresses', '10.64.0.0/16', '10.65.0.0/24', false],
    ['a small block in an empty /16', '10.64.0.0/24', '10.65.0.0/24', true],
    ['a small block in known surroundings', '10.64.0.0/24', '10.64.1.0/24', false],
    ['a /16 of IPv6 in which no tag had anything', '2002:db8::/48', '2001:db8::/32', true],
    ['a /32 of IPv6 in which no tag had anything', '2001:db9::/48', '2001:db8::/32', true],
    ['IPv6 in known surroundings', '2001:db8:1::/48', '2001:db8::/48', false],
  ])('asks for a look at %s: %s', (_, gained, known, expected) => {
    expect(look(gained, known)).toEqual([expected]);
  });
});
