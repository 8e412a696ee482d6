import { describe, expect, test } from 'vitest';
import { addDays, daysBetween } from '../../src/feed/file-date.ts';
import { loadKnownFigures } from '../../src/feed/known-space.ts';
import { parsePrefix } from '../../src/net/prefix.ts';
import { type AcceptedSizes, rememberSizes } from '../../src/policy/guards/drift.ts';
import { CONSTRAINTS, checkOf, describeRefusal, GUARDS, MUST_HAVE } from '../../src/policy/guards/judge.ts';
import { ConfigurationError } from '../../src/problem.ts';
import { judgeMadeUp, type MadeUpCase, type MadeUpWeek } from '../support/guard-weeks.ts';

/** What one guard says: `refused: …`, `noted: …`; nothing where it passes. */
function saidBy(guard: string, made: MadeUpCase): string[] {
  return judgeMadeUp(made)
    .filter(({ guard: name, outcome }) => name === guard && outcome !== 'passed' && outcome !== 'not judged')
    .map(({ outcome, message }) => `${outcome}: ${message}`);
}

const TAGS = { AzureCloud: ['198.18.0.0/16', '2001:db8::/40'], Sql: ['203.0.113.0/24'] };

/** The first /`length`s inside a prefix of length `of`, every `step`th; IPv4 in 198.18.0.0/15. */
function slices(count: number, length: number, step = 1): string[] {
  return Array.from({ length: count }, (_, index) => {
    const offset = index * step * 2 ** (32 - length);
    return `198.${18 + Math.floor(offset / 65536)}.${Math.floor(offset / 256) % 256}.${offset % 256}/${length}`;
  });
}

/** Every other /48 of 2001:db8::/32. */
function ipv6Slices(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `2001:db8:${(2 * index + 1).toString(16)}::/48`);
}

describe('every guard', () => {
  const limits = {
    specialUseAllowed: ['198.18.0.0/15', '203.0.113.0/24', '2001:db8::/32'].map(parsePrefix),
  };
  const week: MadeUpWeek = { tags: TAGS };
  const accepted = [{ date: '2026-01-05', tags: new Map([['AzureCloud', 65_536n]]) }];

  test('passes a week in which nothing changes', () => {
    expect(judgeMadeUp({ before: week, after: week, limits, accepted })).toEqual(
      // There is no second source, and nothing is set apart: their guards are silent.
      GUARDS.filter(({ applies }) => applies === undefined).map(({ name }) => ({
        guard: name,
        outcome: 'passed',
        message: '',
      })),
    );
  });

  test('does not say that it passed where it had nothing to compare', () => {
    const outcomes = (made: MadeUpCase) =>
      Object.fromEntries(judgeMadeUp({ limits, ...made }).map((found) => [found.guard, found.message]));
    const first = outcomes({ after: week });
    for (const guard of [
      'feed-rollback',
      'feed-shrink',
      'tag-shrink',
      'tag-growth',
      'tag-precedent',
      'new-space',
    ])
      expect(first[guard], guard).toBe('nothing is in force yet');
    const undated = outcomes({ before: week, after: { ...week, date: 'Latest' } });
    for (const guard of ['feed-stale', 'date-ahead', 'drift'])
      expect(undated[guard], guard).toBe('the file has no date');
    expect(judgeMadeUp({ after: week, limits }).filter(({ outcome }) => outcome === 'refused')).toEqual([]);
    const late = outcomes({ before: { ...week, date: '20250105' }, after: week });
    expect(late['tag-precedent']).toBe('the week in force is more than 84 days older');
  });

  test('is accepted by its name, and by no other', () => {
    const made = {
      before: { date: '20260112', tags: TAGS },
      after: { date: '20260105', tags: { AzureCloud: TAGS.AzureCloud } },
      rules: { all: ['AzureCloud', 'Sql'] },
      limits: { feedShrinkPrefixPercent: 100 },
    };
    const outcomes = (accept: string[]) =>
      judgeMadeUp({ ...made, accept })
        .filter(({ outcome }) => outcome !== 'passed' && outcome !== 'not judged')
        .map(({ guard, outcome }) => `${guard} ${outcome}`);
    expect(outcomes([])).toEqual(['feed-rollback refused', 'tag-missing refused', 'special-use refused']);
    expect(outcomes(['special-use', 'tag-missing'])).toEqual([
      'feed-rollback refused',
      'tag-missing accepted',
      'special-use accepted',
    ]);
    expect(describeRefusal(judgeMadeUp(made))).toBe(
      [
        'refused by feed-rollback, tag-missing, special-use; the previous output stands',
        '  feed-rollback: the feed is of 2026-01-05, older than the 2026-01-12 in force',
        '  tag-missing: the feed has no service tag Sql, which rule all needs (rules[].serviceTags)',
        '  special-use: rule all, service tag AzureCloud: 198.18.0.0/16, 2001:db8::/40 special-use space (guards.special-use.allow lists what is allowed all the same)',
        'Before you accept it:',
        '  feed-rollback: Check the download page for a newer file, and the cache or mirror that the run reads; accept only to return to an older week on purpose.',
        '  tag-missing: Check for a new name of the tag (azure-allowlist tags), and change the configuration instead where there is one.',
        '  special-use: Do not accept private or special ranges from a feed; put what is really meant under prefixes of a rule.',
        'To accept it once: --accept feed-rollback,tag-missing,special-use',
      ].join('\n'),
    );
  });

  test('that can refuse says what to check before it is accepted', () => {
    const names = [...GUARDS.map(({ name }) => name), CONSTRAINTS, MUST_HAVE];
    // It never refuses: its week has no feed then, which is an error of its own.
    expect(names.filter((name) => checkOf(name) === undefined)).toEqual(['feed-quarantine']);
  });

  test('that does not exist cannot be accepted', () => {
    expect(() => judgeMadeUp({ after: { tags: TAGS }, accept: ['tag-shrnk'] })).toThrow(ConfigurationError);
    expect(() => judgeMadeUp({ after: { tags: TAGS }, accept: ['tag-shrnk'] })).toThrow(
      '--accept tag-shrnk: there is no guard of that name that can be accepted; did you mean tag-shrink?',
    );
  });
});

describe('feed-rollback', () => {
  const other = { ...TAGS, Sql: ['203.0.113.0/25'] };
  test.each<[string, MadeUpWeek, MadeUpWeek, string[]]>([
    ['a newer file', { date: '20260105', changeNumber: 7, tags: TAGS }, { changeNumber: 8, tags: other }, []],
    [
      'an older file',
      { date: '20260112', changeNumber: 7, tags: TAGS },
      { date: '20260105', changeNumber: 8, tags: other },
      ['refused: the feed is of 2026-01-05, older than the 2026-01-12 in force'],
    ],
    [
      'an older file with the same content: the source has gone back all the same',
      { date: '20260112', tags: TAGS },
      { date: '20260105', tags: TAGS },
      ['refused: the feed is of 2026-01-05, older than the 2026-01-12 in force'],
    ],
    [
      'a newer file whose changeNumber fell, as in 2020',
      { date: '20200331', changeNumber: 102, tags: TAGS },
      { date: '20200427', changeNumber: 88, tags: other },
      ['noted: changeNumber fell from 102 to 88 although the file is newer (2020-03-31 → 2020-04-27)'],
    ],
    [
      'other content under an unchanged changeNumber, as in 2025',
      { date: '20250217', changeNumber: 350, tags: TAGS },
      { date: '20250303', changeNumber: 350, tags: other },
      ['noted: the content changed under an unchanged changeNumber 350'],
    ],
    ['the same file again', { tags: TAGS }, { tags: TAGS }, []],
    [
      'the same date with other content and a higher changeNumber',
      { changeNumber: 7, tags: TAGS },
      { changeNumber: 8, tags: other },
      ['noted: the file of 2026-01-12 was published again with other content (changeNumber 7 → 8)'],
    ],
    [
      'the same date with other content and the same changeNumber',
      { changeNumber: 7, tags: TAGS },
      { changeNumber: 7, tags: other },
      ['noted: the file of 2026-01-12 was published again with other content (changeNumber still 7)'],
    ],
    [
      'the same date with other content and a lower changeNumber',
      { changeNumber: 8, tags: TAGS },
      { changeNumber: 7, tags: other },
      [
        'refused: changeNumber fell from 8 to 7 under the same date 2026-01-12: an earlier edition of the file in force',
      ],
    ],
    [
      'a lower changeNumber where only the file in force has a date (…_Latest.json)',
      { changeNumber: 8, tags: TAGS },
      { date: 'Latest', changeNumber: 7, tags: other },
      [
        'refused: changeNumber fell from 8 to 7, and no date says that the feed is newer than the one in force',
      ],
    ],
    [
      'a lower changeNumber where no file has a date (the API)',
      { date: 'Latest', changeNumber: 8, tags: TAGS },
      { date: 'Latest', changeNumber: 7, tags: other },
      [
        'refused: changeNumber fell from 8 to 7, and no date says that the feed is newer than the one in force',
      ],
    ],
    [
      'a higher changeNumber without a date',
      { date: 'Latest', changeNumber: 7, tags: TAGS },
      { date: 'Latest', changeNumber: 8, tags: other },
      [],
    ],
    [
      'an unchanged changeNumber without a date',
      { date: 'Latest', changeNumber: 7, tags: TAGS },
      { date: 'Latest', changeNumber: 7, tags: other },
      ['noted: the content changed under an unchanged changeNumber 7'],
    ],
    [
      'a feed without change numbers (the XML form): 0 is no number',
      { date: '20200811', changeNumber: 0, tags: TAGS },
      { date: '20200826', changeNumber: 0, tags: other },
      [],
    ],
    [
      'the XML form after the JSON form',
      { date: '20200811', changeNumber: 105, tags: TAGS },
      { date: '20200826', changeNumber: 0, tags: other },
      [],
    ],
    [
      'the XML form published again',
      { date: '20200826', changeNumber: 0, tags: TAGS },
      { date: '20200826', changeNumber: 0, tags: other },
      ['noted: the file of 2020-08-26 was published again with other content'],
    ],
    [
      'the file of another cloud',
      { date: '20260105', tags: TAGS },
      { cloud: 'usgov', tags: TAGS },
      ['refused: the output tree holds the cloud public, the feed is of usgov'],
    ],
  ])('%s', (_, before, after, said) => {
    expect(saidBy('feed-rollback', { before, after })).toEqual(said);
  });
});

describe('feed-rollback without a date', () => {
  const week = (changeNumber: number, date = 'Latest', prefix = '198.18.0.0/16'): MadeUpWeek => ({
    date,
    changeNumber,
    tags: { AzureCloud: [prefix] },
  });
  test('refuses a changeNumber that would keep every real file out', () => {
    const said = (after: MadeUpWeek) => saidBy('feed-rollback', { before: week(42), after });
    expect(said(week(1042, 'Latest', '198.18.0.0/17'))).toEqual([]);
    expect(said(week(1043, 'Latest', '198.18.0.0/17'))[0]).toMatch(
      /^refused: changeNumber rose from 42 to 1043/,
    );
    expect(
      saidBy('feed-rollback', { before: week(42, '20260105'), after: week(1_000_000, '20260112') }),
    ).toEqual([]);
  });
});

describe('feed-stale', () => {
  const look = 'check that the source is still updated (guards.feed-stale.days)';
  test.each<[string, MadeUpWeek, string, number | undefined, string[]]>([
    ['public, 30 days', { date: '20260112', tags: TAGS }, '2026-02-11', undefined, []],
    [
      'public, 31 days',
      { date: '20260112', tags: TAGS },
      '2026-02-12',
      undefined,
      [`noted: the feed is of 2026-01-12, 31 days old; over 30 days ${look}`],
    ],
    ['usgov, 60 days', { date: '20260112', cloud: 'usgov', tags: TAGS }, '2026-03-13', undefined, []],
    [
      'china, 61 days',
      { date: '20260112', cloud: 'china', tags: TAGS },
      '2026-03-14',
      undefined,
      [`noted: the feed is of 2026-01-12, 61 days old; over 60 days ${look}`],
    ],
    ['at the configured limit', { date: '20240226', tags: TAGS }, '2024-03-07', 10, []],
    [
      'over the configured limit, over a leap day',
      { date: '20240226', tags: TAGS },
      '2024-03-08',
      10,
      [`refused: the feed is of 2024-02-26, more than 10 days old; ${look}`],
    ],
    [
      'over a turn of the year',
      { date: '20251229', tags: TAGS },
      '2026-01-13',
      14,
      [`refused: the feed is of 2025-12-29, more than 14 days old; ${look}`],
    ],
    ['dated tomorrow: time zones', { date: '20260112', tags: TAGS }, '2026-01-11', 1, []],
    [
      'dated in the future',
      { date: '20260112', tags: TAGS },
      '2026-01-02',
      1,
      ['noted: the feed is of 2026-01-12, 10 days in the future'],
    ],
    ['without a date', { date: 'Latest', tags: TAGS }, '2030-01-01', 1, []],
  ])('%s', (_, after, today, staleDays, said) => {
    expect(saidBy('feed-stale', { after, today, limits: { staleDays } })).toEqual(said);
  });
});

describe('feed-shrink', () => {
  const before = (feedAddresses: bigint): MadeUpWeek => ({ date: '20260105', tags: TAGS, feedAddresses });
  const after = (feedAddresses: bigint): MadeUpWeek => ({ tags: TAGS, feedAddresses });
  test.each<[bigint, bigint, number | undefined, string[]]>([
    [47_000_000n, 47_000_000n, undefined, []],
    [47_000_000n, 60_000_000n, undefined, []],
    [47_000_000n, 44_650_000n, undefined, []],
    [
      47_000_000n,
      44_649_000n,
      undefined,
      [
        'refused: the feed lost 5.00 % of its IPv4 space (47,000,000 → 44,649,000 addresses); more than 5 % (guards.feed-shrink.percent)',
      ],
    ],
    [
      657_324n,
      548_000n,
      10,
      [
        'refused: the feed lost 16.63 % of its IPv4 space (657,324 → 548,000 addresses); more than 10 % (guards.feed-shrink.percent)',
      ],
    ],
    [657_324n, 548_000n, 20, []],
    [0n, 0n, undefined, []],
  ])('%s → %s addresses, limit %s', (old, now, percent, said) => {
    const limits = percent === undefined ? {} : { feedShrinkPercent: percent };
    expect(saidBy('feed-shrink', { before: before(old), after: after(now), limits })).toEqual(said);
  });

  test.each<[number, number, number | undefined, string[]]>([
    [10, 9, undefined, []],
    [
      100,
      89,
      undefined,
      [
        'refused: the feed lists 11.00 % fewer prefixes (100 → 89 in 1 → 1 tags); more than 10 % (guards.feed-shrink.prefixPercent)',
      ],
    ],
    [100, 89, 11, []],
    [9, 10, undefined, []],
  ])('%i → %i prefixes with the same space, limit %s', (old, now, percent, said) => {
    const week = (count: number): MadeUpWeek => ({
      tags: { Sql: ['198.18.0.0/15', ...slices(count - 1, 28, 2)] },
    });
    const limits = percent === undefined ? {} : { feedShrinkPrefixPercent: percent };
    expect(saidBy('feed-shrink', { before: week(old), after: week(now), limits })).toEqual(said);
  });
});

describe('tag-missing and tag-empty', () => {
  const after = { tags: { ...TAGS, Storage: [] } };
  test('name the tag, the rules and what may be meant', () => {
    const rules = { connector: ['AzureCloud', 'Storage', 'Sqll'], bus: ['Storage', 'ServiceBus'] };
    expect(saidBy('tag-missing', { after, rules })).toEqual([
      'refused: the feed has no service tag Sqll, which rule connector needs; did you mean Sql? (rules[].serviceTags)',
      'refused: the feed has no service tag ServiceBus, which rule bus needs (rules[].serviceTags)',
    ]);
    expect(saidBy('tag-empty', { after, rules })).toEqual([
      'refused: the service tag Storage has no prefixes, which the rules connector, bus need (rules[].serviceTags)',
    ]);
  });
  test('do not mind tags that no rule names', () => {
    expect(saidBy('tag-missing', { before: { tags: TAGS }, after, rules: { one: ['Sql'] } })).toEqual([]);
    expect(saidBy('tag-empty', { after, rules: { one: ['Sql'] } })).toEqual([]);
  });
});

describe('tag-shrink', () => {
  const key = 'more than 30 % (guards.tag-shrink.percent)';
  const feedAddresses = 47_000_000n;
  const week = (tags: MadeUpWeek['tags'], size = feedAddresses): MadeUpWeek => ({
    tags,
    feedAddresses: size,
  });
  const AzureCloud = ['198.18.0.0/15'];

  test.each<[string, string[], string[], string[]]>([
    ['nothing is lost', slices(32, 24), slices(32, 24), []],
    ['it grows', slices(32, 24), slices(64, 24), []],
    ['the same addresses in other prefixes', slices(2, 17), ['198.18.0.0/16'], []],
    ['30 % exactly', slices(40, 24), slices(28, 24), []],
    [
      'just over 30 %, 3,328 addresses',
      slices(40, 24),
      slices(27, 24),
      [
        `refused: the service tag Sql loses 32.50 % of its IPv4 space (10,240 → 6,912 of the same addresses); ${key}`,
      ],
    ],
    [
      'half, exactly 2,048 addresses',
      slices(16, 24),
      slices(8, 24),
      [
        `refused: the service tag Sql loses 50.00 % of its IPv4 space (4,096 → 2,048 of the same addresses); ${key}`,
      ],
    ],
    [
      'replaced by as many others',
      slices(16, 24, 2),
      slices(32, 24).filter((_, index) => index % 2 === 1),
      [
        `refused: the service tag Sql loses 100.00 % of its IPv4 space (4,096 → 0 of the same addresses); ${key}`,
      ],
    ],
    [
      'three quarters, but few addresses',
      slices(4, 24),
      slices(1, 24),
      [
        `noted: the service tag Sql loses 75.00 % of its IPv4 space (1,024 → 256 of the same addresses); ${key}, but fewer than 2,048 addresses (guards.tag-shrink.addresses)`,
      ],
    ],
  ])('IPv4 beside a tag that covers it: %s', (_, old, now, said) => {
    const made = { before: week({ AzureCloud, Sql: old }), after: week({ AzureCloud, Sql: now }) };
    expect(saidBy('tag-shrink', made)).toEqual(said);
  });

  test('a small loss is refused where a rule loses nearly half of its space by it', () => {
    const made = {
      before: week({ AzureCloud, Sql: slices(4, 24), Dns: ['203.0.113.0/30', '203.0.113.8/30'] }),
      after: week({ AzureCloud, Sql: slices(1, 24), Dns: ['203.0.113.8/30'] }),
      rules: { connector: ['AzureCloud', 'Sql', 'Dns'], names: ['Dns'] },
    };
    expect(saidBy('tag-shrink', made)).toEqual([
      `noted: the service tag Sql loses 75.00 % of its IPv4 space (1,024 → 256 of the same addresses); ${key}, but fewer than 2,048 addresses (guards.tag-shrink.addresses)`,
      `refused: the service tag Dns loses 50.00 % of its IPv4 space (8 → 4 of the same addresses); ${key}, and rule names loses 50.00 % by it, more than 45 % (guards.tag-shrink.rulePercent)`,
    ]);
  });

  test('a rule that loses less than that, or as much as is configured, is let be', () => {
    const made = { before: week({ Dns: slices(20, 28) }), after: week({ Dns: slices(12, 28) }) };
    const noted = [
      `noted: the service tag Dns loses 40.00 % of its IPv4 space (320 → 192 of the same addresses); ${key}, but fewer than 2,048 addresses (guards.tag-shrink.addresses)`,
    ];
    expect(saidBy('tag-shrink', made)).toEqual(noted);
    expect(saidBy('tag-shrink', { ...made, limits: { tagShrinkRulePercent: 40 } })).toEqual(noted);
    expect(saidBy('tag-shrink', { ...made, limits: { tagShrinkRulePercent: 39 } })).toEqual([
      expect.stringMatching(/^refused: .*more than 39 %/),
    ]);
  });

  test('a rule does not lose what another of its tags still has', () => {
    const made = {
      before: week({ Sql: slices(4, 24), 'Sql.WestEurope': slices(4, 24) }),
      after: week({ Sql: slices(4, 24), 'Sql.WestEurope': slices(1, 24) }),
    };
    expect(saidBy('tag-shrink', made)).toEqual([
      expect.stringMatching(
        /^noted: the service tag Sql\.WestEurope loses 75\.00 %.*fewer than 2,048 addresses/,
      ),
    ]);
  });

  test('in a small cloud the least loss is one ten-thousandth of the feed', () => {
    const before = week({ AzureCloud, Sql: slices(8, 28) }, 657_324n);
    const lose = (kept: number) => ({ before, after: week({ AzureCloud, Sql: slices(kept, 28) }, 657_324n) });
    expect(saidBy('tag-shrink', lose(4))).toEqual([
      `noted: the service tag Sql loses 50.00 % of its IPv4 space (128 → 64 of the same addresses); ${key}, but fewer than 65 addresses (guards.tag-shrink.addresses)`,
    ]);
    expect(saidBy('tag-shrink', lose(3))).toEqual([
      `refused: the service tag Sql loses 62.50 % of its IPv4 space (128 → 48 of the same addresses); ${key}`,
    ]);
  });

  test('in a made-up feed the least loss is 64 addresses', () => {
    const before = week({ AzureCloud, Sql: slices(8, 28) }, 36_124n);
    const after = week({ AzureCloud, Sql: slices(5, 28) }, 36_124n);
    expect(saidBy('tag-shrink', { before, after })).toEqual([
      expect.stringMatching(/^noted: .*, but fewer than 64 addresses/),
    ]);
  });

  test('percentage and least loss are configured', () => {
    const made = {
      before: week({ AzureCloud, Sql: slices(4, 24) }),
      after: week({ AzureCloud, Sql: slices(1, 24) }),
    };
    expect(saidBy('tag-shrink', { ...made, limits: { tagShrinkAddresses: 768 } })).toEqual([
      `refused: the service tag Sql loses 75.00 % of its IPv4 space (1,024 → 256 of the same addresses); ${key}`,
    ]);
    expect(
      saidBy('tag-shrink', { ...made, limits: { tagShrinkAddresses: 0, tagShrinkPercent: 75 } }),
    ).toEqual([]);
  });

  test.each<[string, string[], string[], string[]]>([
    ['60 % exactly', ipv6Slices(10), ipv6Slices(4), []],
    [
      'more than 60 %, large prefixes',
      ipv6Slices(10),
      ipv6Slices(3),
      [
        'refused: the service tag Sql loses 70.00 % of its IPv6 space (10 → 3 of the same prefixes); more than 60 % (guards.tag-shrink.ipv6Percent)',
      ],
    ],
    [
      'a young region loses its only /64',
      ['2001:db8::/64'],
      [],
      [
        'noted: the service tag Sql loses 100.00 % of its IPv6 space (1 → 0 of the same prefixes); more than 60 % (guards.tag-shrink.ipv6Percent), but no more than a /64 and fewer than 16 prefixes',
      ],
    ],
    [
      'fifteen hosts',
      Array.from({ length: 15 }, (_, index) => `2001:db8::${(2 * index + 1).toString(16)}/128`),
      [],
      [
        'noted: the service tag Sql loses 100.00 % of its IPv6 space (15 → 0 of the same prefixes); more than 60 % (guards.tag-shrink.ipv6Percent), but no more than a /64 and fewer than 16 prefixes',
      ],
    ],
    [
      'sixteen hosts',
      Array.from({ length: 16 }, (_, index) => `2001:db8::${(2 * index + 1).toString(16)}/128`),
      [],
      [
        'refused: the service tag Sql loses 100.00 % of its IPv6 space (16 → 0 of the same prefixes); more than 60 % (guards.tag-shrink.ipv6Percent)',
      ],
    ],
    ['IPv6 arrives', [], ipv6Slices(4), []],
  ])('IPv6: %s', (_, old, now, said) => {
    const made = {
      before: week({ Sql: [...slices(1, 24), ...old] }),
      after: week({ Sql: [...slices(1, 24), ...now] }),
    };
    expect(saidBy('tag-shrink', made)).toEqual(said);
  });

  test('a tag that vanished or was emptied is left to tag-missing and tag-empty, a new one has lost nothing', () => {
    const made = {
      before: week({ AzureCloud, Sql: slices(16, 24), Dns: slices(16, 24) }),
      after: week({ AzureCloud, Sql: [], Storage: slices(16, 24) }),
    };
    expect(saidBy('tag-shrink', made)).toEqual([]);
  });
});

describe('tag-growth', () => {
  const week = (tags: MadeUpWeek['tags'], feedAddresses = 47_000_000n): MadeUpWeek => ({
    tags,
    feedAddresses,
  });

  test.each<[string, string[], string[], string[]]>([
    ['eight times the space and the prefixes', slices(1, 28, 2), slices(8, 28, 2), []],
    [
      'nine times the space and the prefixes',
      slices(1, 28, 2),
      slices(9, 28, 2),
      [
        'refused: the service tag Sql grows to 9.0 times its IPv4 space (16 → 144 addresses, 1 → 9 prefixes); more than 8 times in space and in prefixes (guards.tag-growth.factor)',
      ],
    ],
    ['a region opens: a few large prefixes come to small ones', slices(4, 28), ['198.18.0.0/18'], []],
    ['many single hosts inside what it had', ['198.18.0.0/24'], [...slices(200, 32, 2), '198.18.0.0/24'], []],
    ['the first IPv4 prefixes', ['2001:db8::/48'], [...slices(20, 28, 2), '2001:db8::/48'], []],
    [
      'nine times the IPv6 space and prefixes',
      ipv6Slices(16),
      ipv6Slices(144),
      [
        'refused: the service tag Sql grows to 9.0 times its IPv6 space (16 → 144 prefixes); more than 8 times in space and in prefixes (guards.tag-growth.factor)',
      ],
    ],
    [
      'a million times the IPv6 space',
      Array.from({ length: 16 }, (_, index) => `2001:db8::${(2 * index + 1).toString(16)}/128`),
      ipv6Slices(129),
      [
        'refused: the service tag Sql grows to over a million times its IPv6 space (16 → 129 prefixes); more than 8 times in space and in prefixes (guards.tag-growth.factor)',
      ],
    ],
    ['fifteen IPv6 prefixes multiply as IPv6 arrives', ipv6Slices(15), ipv6Slices(300), []],
    ['the first IPv6 prefixes', slices(1, 24), [...slices(1, 24), ...ipv6Slices(40)], []],
  ])('%s', (_, old, now, said) => {
    expect(saidBy('tag-growth', { before: week({ Sql: old }), after: week({ Sql: now }) })).toEqual(said);
  });

  test.each<[string, string[], string[], bigint, string[]]>([
    ['doubles', ['198.18.0.0/17'], ['198.18.0.0/16'], 1_000_000n, []],
    [
      'more than doubles by more than 1 % of the feed',
      ['198.18.0.0/17'],
      ['198.18.0.0/16', '198.19.0.0/24'],
      3_000_000n,
      [
        'refused: the service tag Sql grows by 33,024 addresses (32,768 → 65,792), 1.10 % of the whole feed; more than 1 % in a step that more than doubles it (guards.tag-growth.percent)',
      ],
    ],
    ['more than doubles by less', ['198.18.0.0/17'], ['198.18.0.0/16', '198.19.0.0/24'], 4_000_000n, []],
    [
      'has its first IPv4 prefix, a large one',
      ['2001:db8::/48'],
      ['198.18.0.0/15', '2001:db8::/48'],
      4_000_000n,
      [
        'refused: the service tag Sql grows by 131,072 addresses (0 → 131,072), 3.28 % of the whole feed; more than 1 % in a step that more than doubles it (guards.tag-growth.percent)',
      ],
    ],
  ])('a tag %s', (_, old, now, feed, said) => {
    expect(saidBy('tag-growth', { before: week({ Sql: old }, feed), after: week({ Sql: now }) })).toEqual(
      said,
    );
  });

  test('factor and percentage are configured', () => {
    const grows = { before: week({ Sql: slices(1, 28, 2) }), after: week({ Sql: slices(9, 28, 2) }) };
    expect(saidBy('tag-growth', { ...grows, limits: { tagGrowthFactor: 9 } })).toEqual([]);
    expect(
      saidBy('tag-growth', { ...grows, limits: { tagGrowthFactor: 9, tagGrowthPercent: 0.0001 } }),
    ).toEqual([
      'refused: the service tag Sql grows by 128 addresses (16 → 144), 0.00 % of the whole feed; more than 0.0001 % in a step that more than doubles it (guards.tag-growth.percent)',
    ]);
  });
});

describe('special-use', () => {
  test.each<[string, boolean]>([
    ['0.0.0.0/0', true],
    ['10.0.0.0/8', true],
    ['10.1.2.3/32', true],
    ['11.0.0.0/16', false],
    ['100.64.0.0/10', true],
    ['127.0.0.1/32', true],
    ['169.254.169.254/32', true],
    ['168.63.129.15/32', false],
    ['168.63.129.16/32', true],
    ['172.16.0.0/12', true],
    ['172.32.0.0/16', false],
    ['192.0.0.0/24', true],
    ['192.0.2.0/24', true],
    ['192.168.0.0/16', true],
    ['198.18.0.0/15', true],
    ['198.51.100.0/24', true],
    ['203.0.113.0/24', true],
    ['224.0.0.0/4', true],
    ['255.255.255.255/32', true],
    ['198.20.0.0/16', false],
    ['::/0', true],
    ['::1/128', true],
    ['::ffff:0:0/96', true],
    ['64:ff9b::/96', true],
    ['2001:db8::/32', true],
    ['2001::/32', true],
    ['2002::/16', true],
    ['2001:db9::/32', false],
    ['2003::/16', false],
    ['3fff::/20', true],
    ['fc00::/7', true],
    ['fe80::/10', true],
    ['ff00::/8', true],
  ])('%s: %s', (prefix, refused) => {
    const made = { after: { tags: { Sql: [prefix] } } };
    expect(saidBy('special-use', made).length > 0).toBe(refused);
    expect(saidBy('special-use', { ...made, rules: { other: [] } })).toEqual([]);
    expect(
      saidBy('special-use', { after: { tags: { Empty: [] } }, rules: {}, prefixes: [prefix] }).length > 0,
    ).toBe(refused);
  });

  test('shows five and counts the rest, and leaves out what is let in', () => {
    const tags = { Sql: [...slices(7, 24, 2), '192.0.2.0/24'] };
    expect(saidBy('special-use', { after: { tags } })).toEqual([
      'refused: rule all, service tag Sql: 192.0.2.0/24, 198.18.0.0/24, 198.18.2.0/24, 198.18.4.0/24, 198.18.6.0/24 and 3 more special-use space (guards.special-use.allow lists what is allowed all the same)',
    ]);
    const specialUseAllowed = [parsePrefix('198.18.0.0/15')];
    expect(saidBy('special-use', { after: { tags }, limits: { specialUseAllowed } })).toEqual([
      'refused: rule all, service tag Sql: 192.0.2.0/24 special-use space (guards.special-use.allow lists what is allowed all the same)',
    ]);
  });
});

describe('too-broad', () => {
  test.each<[string, string[]]>([
    ['10.0.0.0/12', []],
    ['10.0.0.0/11', ['refused: rule all, Sql: 10.0.0.0/11 is broader than /12 (guards.too-broad.ipv4)']],
    ['0.0.0.0/0', ['refused: rule all, Sql: 0.0.0.0/0 is broader than /12 (guards.too-broad.ipv4)']],
    ['fc00::/32', []],
    ['fc00::/31', ['refused: rule all, Sql: fc00::/31 is broader than /32 (guards.too-broad.ipv6)']],
  ])('%s', (prefix, said) => {
    expect(saidBy('too-broad', { after: { tags: { Sql: [prefix] } } })).toEqual(said);
  });

  test('speaks of configured prefixes too, and by the configured lengths', () => {
    const made = { after: { tags: { Sql: ['10.0.0.0/12'] } }, prefixes: ['10.0.0.0/11'] };
    expect(saidBy('too-broad', made)).toEqual([
      'refused: rule own, configured prefixes: 10.0.0.0/11 is broader than /12 (guards.too-broad.ipv4)',
    ]);
    expect(saidBy('too-broad', { ...made, limits: { shortestIpv4: 11 } })).toEqual([]);
    expect(saidBy('too-broad', { ...made, limits: { shortestIpv4: 13 } })).toHaveLength(2);
  });
});

describe('empty-policy', () => {
  test('refuses a rule that allows nothing', () => {
    const made = {
      after: { tags: { Sql: ['203.0.113.0/24'], Dns: [] } },
      rules: { sql: ['Sql'], dns: ['Dns'] },
    };
    expect(saidBy('empty-policy', made)).toEqual(['refused: rule dns allows nothing any more']);
    expect(saidBy('empty-policy', { ...made, rules: { all: ['Sql', 'Dns'] } })).toEqual([]);
  });
});

describe('new-space', () => {
  const cloud = (...more: string[]): MadeUpWeek['tags'] => ({ AzureCloud: ['20.0.0.0/11', ...more] });
  const before: MadeUpWeek = { date: '20260105', tags: cloud() };
  test.each<[string, string[], RegExp | undefined]>([
    ['131,072 addresses in a new /8', ['1.0.0.0/15'], undefined],
    [
      'more in a new /8',
      ['1.0.0.0/15', '1.4.0.0/24'],
      /^refused: 131,328 IPv4 addresses in a \/8 where no tag had any.*1\.0\.0\.0\/15 \(no tag had any in 1\.0\.0\.0\/8\)/,
    ],
    ['4 Mi addresses in known /8s', ['20.64.0.0/10'], undefined],
    [
      'more in known /8s',
      ['20.64.0.0/10', '20.128.0.0/24'],
      /^refused: 4,194,560 IPv4 addresses that no tag had/,
    ],
    ['a /40 of IPv6', ['2603:1000::/40'], undefined],
    ['a /36 of IPv6', ['2603:1000::/36'], /^refused: 268,435,456 IPv6 \/64 networks that no tag had/],
  ])('%s', (_, more, says) => {
    const said = saidBy('new-space', { before, after: { tags: cloud(...more) } });
    expect(said).toHaveLength(says === undefined ? 0 : 1);
    if (says !== undefined) expect(said[0]).toMatch(says);
  });

  test('allows as much again for every four weeks between', () => {
    const after = { tags: cloud('1.0.0.0/15', '1.4.0.0/24') };
    expect(saidBy('new-space', { before: { ...before, date: '20251205' }, after })).toEqual([]);
  });

  test('of tags that no rule selects', () => {
    const tags = { ...cloud(), Other: ['20.0.0.0/16', '1.0.0.0/12'] };
    expect(saidBy('new-space', { before, after: { tags }, rules: { r: ['AzureCloud'] } })[0]).toMatch(
      /^refused: 1,048,576 IPv4 addresses in a \/8 where no tag had any, in tags that no rule selects/,
    );
  });

  test('does not count what another tag had', () => {
    const tags = { ...cloud(), Other: ['1.0.0.0/12'] };
    expect(
      saidBy('new-space', {
        before: { ...before, tags },
        after: { tags: { ...tags, ...cloud('1.0.0.0/12') } },
        rules: { r: ['AzureCloud'] },
      }),
    ).toEqual([]);
  });
});

describe('new-space of a tree that remembers none', () => {
  // 20.0.0.0/12 was full, 20.16.0.0/12 had 65,536; IPv6 two /64.
  const knownFigures = {
    asOf: '2025-08-18',
    files: 60,
    blocks: new Map([
      ['20.0.0.0/12', 1_048_576n],
      ['20.16.0.0/12', 65_536n],
      ...Array.from({ length: 32 }, (_, index): [string, bigint] => [
        `${52 + (index >> 4)}.${(index & 15) * 16}.0.0/12`,
        1_048_576n,
      ]),
      ['2603:1000::/32', 2n],
    ]),
  };
  const said = (date: string, ...prefixes: string[]) =>
    saidBy('new-space', {
      after: { date, tags: { AzureCloud: ['20.0.0.0/12', ...prefixes] } },
      knownFigures,
    });

  test.each<[string, string, string[], RegExp | undefined]>([
    ['what the files had', '20250811', ['20.16.0.0/16', '2603:1000::/63'], undefined],
    ['special-use space', '20250811', ['10.0.0.0/8'], undefined],
    ['32,768 addresses in a new /8', '20250811', ['1.0.0.0/17'], undefined],
    ['131,072 addresses in a new /8', '20250811', ['1.0.0.0/15'], /^noted: 131,072 /],
    [
      'more in a new /8',
      '20250811',
      ['1.0.0.0/15', '1.32.0.0/24', '9.0.0.0/24'],
      /^refused: 131,584 IPv4 addresses in a \/8 where no tag had any in the weekly files up to 2025-08-18; limit 131,072 \(guards\.new-space\.farAddresses\): 131,328 in 1\.0\.0\.0\/8, 256 in 9\.0\.0\.0\/8$/,
    ],
    [
      'the same, years later',
      '20270811',
      ['1.0.0.0/15', '1.32.0.0/24'],
      /^noted: 131,328 .*limit 15,204,352 after 26 times 28 days/,
    ],
    [
      'sixteen /12 a year later',
      '20260811',
      Array.from({ length: 16 }, (_, index) => `96.${index * 16}.0.0/12`),
      /^refused: 16,777,216 IPv4 addresses in a \/8.*16,777,216 in 96\.0\.0\.0\/8/,
    ],
    [
      'five /12 in a known /8',
      '20250818',
      ['20.32.0.0/11', '20.64.0.0/11', '20.96.0.0/12'],
      /^refused: 5,242,880 IPv4 addresses more than their \/12 had .*limit 4,194,304 \(guards\.new-space\.addresses\): 1,048,576 in 20\.32\.0\.0\/12,.* and 2 more blocks$/,
    ],
    [
      'an IPv6 /32',
      '20250818',
      ['2a10:1::/32'],
      /^refused: 4,294,967,296 IPv6 \/64 networks more than their \/32 had/,
    ],
    ['as much IPv6 as four weeks may bring', '20250818', ['2a10:1::/37'], /^noted: 134,217,728 /],
  ])('%s', (_, date, prefixes, says) => {
    const found = said(date, ...prefixes);
    if (says === undefined) expect(found).toEqual([]);
    else expect(found[0]).toMatch(says);
  });

  test('is judged of all tags, in proportion to a small cloud, and by the day where there is no date', () => {
    const small = { ...knownFigures, blocks: new Map([['20.0.0.0/12', 1_048_576n]]) };
    const after = { date: 'Latest', tags: { A: ['20.0.0.0/16'], B: ['1.0.0.0/18'] } };
    const rules = { r: ['A'] };
    // A 24th of what the public cloud may grow by.
    expect(saidBy('new-space', { after, rules, knownFigures: small, today: '2025-08-20' })).toEqual([
      expect.stringMatching(/^noted: 16,384 .*limit 360,426 after 1 times 28 days/),
    ]);
    const most = Array.from({ length: 9 }, (_, index) => `9.${index}.0.0/16`);
    const grown = { ...after, tags: { A: ['20.0.0.0/16', ...most] } };
    expect(saidBy('new-space', { after: grown, rules, knownFigures: small, today: '2025-08-20' })[0]).toMatch(
      /^refused: 589,824 /,
    );
  });

  test('gives way to what the tree remembers', () => {
    const tags = { AzureCloud: ['1.0.0.0/12'] };
    expect(
      saidBy('new-space', { before: { date: '20260105', tags }, after: { tags }, knownFigures }),
    ).toEqual([]);
  });

  test.each(['public', 'usgov', 'china'] as const)(
    'ships figures of %s, and no range of a file',
    async (cloud) => {
      const figures = (await loadKnownFigures(cloud))!;
      expect(figures.asOf).toMatch(/^\d{4}-\d{2}-\d{2}$/);
      for (const [block, size] of figures.blocks) {
        expect(block).toMatch(block.includes(':') ? /\/32$/ : /\/12$/);
        expect(size <= 1n << (block.includes(':') ? 32n : 20n)).toBe(true);
      }
      expect(await loadKnownFigures('germany')).toBeUndefined();
    },
  );
});

describe('date-ahead', () => {
  test.each([
    ['20260120', []],
    [
      '20260121',
      ['noted: the feed is of 2026-01-21, 8 days in the future; it keeps out the weeks before it'],
    ],
    [
      '20260128',
      ['refused: the feed is of 2026-01-28, more than 14 days in the future (guards.date-ahead.days)'],
    ],
    [
      '20990105',
      ['refused: the feed is of 2099-01-05, more than 14 days in the future (guards.date-ahead.days)'],
    ],
  ])('of a file of %s on 2026-01-13', (date, says) => {
    expect(saidBy('date-ahead', { after: { date, tags: TAGS } })).toEqual(says);
  });
});

describe('unallocated', () => {
  test.each(['2d00::/32', '3ffe::/40', '2640::/32', '2001:4e00::/32'])('refuses %s', (prefix) => {
    expect(saidBy('unallocated', { after: { tags: { A: ['20.0.0.0/16', prefix] } } })).toEqual([
      `refused: rule all, service tag A: ${prefix}, which IANA had given to nobody as of 2026-11-29`,
    ]);
  });
  test.each(['2603:1000::/40', '2a01:111::/32', '2404:f800::/32', '2620:1ec::/36', '4.0.0.0/12'])(
    'knows %s',
    (prefix) => {
      expect(saidBy('unallocated', { after: { tags: { A: [prefix] } } })).toEqual([]);
    },
  );
});

describe('feed-absurd', () => {
  const rules = { r: ['Sql'] };
  test.each<[string, string[]]>([
    [
      '0.0.0.0/0',
      [
        'refused: in tags that no rule selects: Other has 0.0.0.0/0; a feed that holds this is not to be trusted elsewhere either',
      ],
    ],
    [
      '10.0.0.0/16',
      [
        'refused: in tags that no rule selects: Other has 10.0.0.0/16; a feed that holds this is not to be trusted elsewhere either',
      ],
    ],
    [
      '2d00::/40',
      [
        'refused: in tags that no rule selects: Other has 2d00::/40; a feed that holds this is not to be trusted elsewhere either',
      ],
    ],
    ['20.0.0.0/16', []],
  ])('%s in a tag that nobody selects', (prefix, says) => {
    const limits = { specialUseAllowed: [parsePrefix('203.0.113.0/24')] };
    expect(
      saidBy('feed-absurd', { after: { tags: { Sql: ['203.0.113.0/24'], Other: [prefix] } }, rules, limits }),
    ).toEqual(says);
  });
});

describe('tag-precedent', () => {
  const large = (...prefixes: string[]) => ({ AzureCloud: prefixes });
  const said = (before: MadeUpWeek['tags'], after: MadeUpWeek['tags'], days = '20260105') =>
    saidBy('tag-precedent', { before: { date: days, tags: before }, after: { tags: after } }).map((text) =>
      text.slice(0, 62),
    );
  test('a large tag that loses or gains more than lawful weeks do', () => {
    expect(
      said(large('20.0.0.0/11'), large('20.0.0.0/12', '20.16.0.0/13', '20.24.0.0/14', '20.28.0.0/15')),
    ).toEqual(['refused: the service tag AzureCloud loses 131,072 of 2,097,152']);
    expect(said(large('20.0.0.0/11'), large('20.0.0.0/11', '20.32.0.0/13', '20.40.0.0/16'))).toEqual([
      'refused: the service tag AzureCloud gains 589,824 on 2,097,152',
    ]);
    expect(said(large('20.0.0.0/11'), large('20.0.0.0/11', '20.32.0.0/13'))).toEqual([]);
  });
  test('a swap of a part of AzureActiveDirectory', () => {
    const aad = (...prefixes: string[]) => ({ AzureActiveDirectory: ['20.190.128.0/18', ...prefixes] });
    expect(said(aad('40.126.0.0/18'), aad('6.0.0.0/18'))).toHaveLength(2);
    const known = { Sql: ['40.126.64.128/25'] };
    expect(
      said({ ...aad('40.126.0.0/18'), ...known }, { ...aad('40.126.0.0/18', '40.126.64.0/29'), ...known }),
    ).toEqual([]);
    expect(said(aad('40.126.0.0/18'), aad('40.126.0.0/18', '40.126.64.0/26'))).toEqual([
      'noted: the service tag AzureActiveDirectory gains 64 of 32,768',
    ]);
  });
  test('IPv6 of AzureActiveDirectory', () => {
    const aad = (...prefixes: string[]) => ({
      AzureActiveDirectory: ['20.190.128.0/18', '2603:1006:2000::/47', ...prefixes],
    });
    expect(said(aad(), aad('2a01:4f8:1::1/128'))).toEqual([]);
    expect(said(aad(), aad('2a01:4f8:1::/64'))[0]).toMatch(/^noted: /);
    expect(said(aad(), aad('2a01:4f8::/47'))[0]).toMatch(/^refused: /);
    const none = { AzureActiveDirectory: ['20.190.128.0/18'] };
    expect(said(none, aad())[0]).toMatch(/^noted: /);
  });
  test('a loss of a large tag between what lawful weeks lost and the limit', () => {
    const left = ['20.0.0.0/12', '20.16.0.0/13', '20.24.0.0/14', '20.28.0.0/15', '20.30.0.0/16'];
    const with32 = [...left, '20.31.0.0/17', '20.31.128.0/18', '20.31.192.0/19', '20.31.224.0/20'];
    expect(said(large('20.0.0.0/11'), large(...with32, '20.31.240.0/21', '20.31.248.0/22'))).toEqual([]);
    expect(said(large('20.0.0.0/11'), large(...with32))[0]).toMatch(/^noted: .* loses 4,096 of/);
    expect(said(large('20.0.0.0/11'), large(...left, '20.31.0.0/17', '20.31.128.0/18'))).toEqual([
      'noted: the service tag AzureCloud loses 16,384 of 2,097,152 IP',
    ]);
    const ipv6 = (length: number) => ['20.0.0.0/11', `2603:1000::/${length}`];
    expect(said(large(...ipv6(40), '2603:1100::/48'), large(...ipv6(40)))[0]).toBeUndefined();
    expect(said(large(...ipv6(40), '2603:1100::/46'), large(...ipv6(40)))[0]).toMatch(
      /^noted: .* 262,144 of/,
    );
    expect(said(large(...ipv6(39)), large(...ipv6(40)))[0]).toMatch(/^refused: .* loses 16,777,216/);
  });
  test('a step many times as large as any that is remembered of the tag', () => {
    const size = new Map([['Sql', 65_536n]]);
    const weeks = (gained: bigint) =>
      ['2025-12-01', '2025-12-08', '2025-12-15', '2025-12-22', '2026-01-05'].map((date) => ({
        date,
        tags: size,
        steps: new Map([['Sql', { gained, lost: 0n }]]),
      }));
    const ask = (accepted: readonly AcceptedSizes[]) =>
      judgeMadeUp({
        before: { date: '20260105', tags: { Sql: ['20.0.0.0/16'] } },
        after: { tags: { Sql: ['20.0.0.0/16', '20.1.0.0/21'] } },
        accepted,
      })
        .filter(({ guard, outcome }) => guard === 'tag-precedent' && outcome !== 'passed')
        .map(({ look, message }) => `${look} ${message}`);
    expect(ask(weeks(512n))).toEqual([]);
    expect(ask(weeks(128n))).toEqual([
      'true the service tag Sql gains 2,048 IPv4 addresses; the largest step since 2025-12-08 gained 128',
    ]);
    expect(ask(weeks(128n).slice(1))).toEqual([]);
  });
});

describe('tag-precedent of what a tag gains and loses', () => {
  const said = (
    before: MadeUpWeek['tags'],
    after: MadeUpWeek['tags'],
    rules: Record<string, string[]> = { r: ['AzureCloud', 'ServiceBus'] },
  ) =>
    saidBy('tag-precedent', {
      before: { date: '20260105', tags: before },
      after: { tags: after },
      rules,
    });
  const singles = (block: string, count: number, step = 2) =>
    Array.from({ length: count }, (_, index) => `${block}.${index * step}/32`);
  const week = (gained: string[], more: Record<string, string[]> = {}) => ({
    AzureCloud: ['20.0.0.0/14'],
    ServiceBus: ['20.1.0.0/20', ...gained],
    Sql: ['20.2.0.0/24'],
    ...more,
  });

  test('single addresses in a tag of blocks', () => {
    const near = (count: number) => said(week([]), week(singles('20.2.1', count)));
    expect(near(2)).toEqual([]);
    // Few, beside a service: those of customers all the same.
    expect(near(3)).toEqual([
      'noted: the service tag ServiceBus gains 3 IPv4 addresses in prefixes longer than a /29 that were in AzureCloud before, and in no other service: those of customers (such as 20.2.1.0/32); over 2 ask for a look',
    ]);
    const named = (...prefixes: string[]) => ({
      ...week([]),
      AzureActiveDirectory: ['20.1.0.0/20', ...prefixes],
    });
    const ofSignIn = (count: number) =>
      said(named(), named(...singles('20.2.1', count)), { r: ['AzureCloud', 'AzureActiveDirectory'] });
    expect(ofSignIn(10)).toEqual([]);
    expect(ofSignIn(11)).toHaveLength(1);
    expect(near(11)).toEqual([
      'noted: the service tag ServiceBus gains 11 IPv4 addresses in prefixes longer than a /29 and had 0 of 4,096 in such; over a quarter as many ask for a look, from 10 on',
    ]);
    // A tag that is made of single addresses has them as its precedent.
    const own = singles('20.2.2', 44);
    const small = (more: string[]) => ({ ...week([]), ServiceBus: [...own, ...more] });
    expect(said(small([]), small(singles('20.2.1', 11)))).toEqual([]);
    expect(said(small([]), small(singles('20.2.1', 12)))).toHaveLength(1);
    // The same as a block.
    expect(said(week([]), week(['20.2.1.0/28']))).toEqual([]);
  });

  test('addresses that were those of customers', () => {
    const block = 'such as 20.3.0.0/28';
    expect(said(week([]), week(['20.3.0.0/28']))).toEqual([
      `noted: the service tag ServiceBus gains 16 IPv4 addresses that were in AzureCloud before, where no service has any in the same /21: those of customers (${block}); over 2 ask for a look`,
    ]);
    expect(said(week([]), week(['20.3.0.0/31']))).toEqual([]);
    // Services that come to a region together are company of each other, another part of the same tag is none.
    expect(said(week([]), week(['20.3.0.0/28'], { EventHub: ['20.3.7.0/28'] }))).toEqual([]);
    expect(said(week([]), week(['20.3.0.0/28'], { EventHub: ['20.3.8.0/28'] }))).toHaveLength(1);
    expect(said(week([]), week(['20.3.0.0/28'], { 'ServiceBus.A': ['20.3.0.0/28'] }))).toHaveLength(1);
    expect(said(week([]), week(['20.3.0.0/28'], { 'AzureCloud.a': ['20.3.0.0/16'] }))).toHaveLength(1);
    // New to Azure.
    expect(said(week([]), week(['40.0.0.0/28'], { AzureCloud: ['20.0.0.0/14', '40.0.0.0/16'] }))).toEqual([]);
    // What another service has, and what it shares as it did before.
    expect(said(week([]), week(['20.2.0.0/30']))).toEqual([
      'noted: the service tag ServiceBus gains 4 IPv4 addresses that other services have, Sql first (such as 20.2.0.0/30); over 2, and over a quarter of what it shares, ask for a look',
    ]);
    expect(said(week([]), week(['20.2.0.0/31']))).toEqual([]);
    expect(said(week(['20.2.0.0/28']), week(['20.2.0.0/28', '20.2.0.16/30']))).toEqual([]);
    expect(said(week([]), week(['20.2.1.0/28'], { 'ServiceBus.A': ['20.2.1.0/28'] }))).toEqual([]);
    // Of the tag with limits of its own as well.
    const named = (...prefixes: string[]) => ({
      ...week([]),
      AzureActiveDirectory: ['20.1.0.0/20', ...prefixes],
    });
    expect(
      said(named(), named(...singles('20.3.0', 3)), { r: ['AzureCloud', 'AzureActiveDirectory'] }),
    ).toHaveLength(1);
    // Without AzureCloud in the policy, by the space of the feeds that were in force.
    expect(said(week([]), week(['20.3.0.0/28']), { r: ['ServiceBus'] })).toHaveLength(1);
  });

  test('new single addresses of AzureCloud', () => {
    const cloud = (...prefixes: string[]) => ({
      AzureCloud: ['20.0.0.0/11', ...prefixes],
      Sql: ['40.9.0.0/24', '40.0.1.128/25'],
    });
    const rules = { r: ['AzureCloud'] };
    expect(said(cloud(), cloud(...singles('40.0.1', 2)), rules)).toEqual([]);
    expect(said(cloud(), cloud(...singles('40.0.1', 3)), rules)).toEqual([
      'noted: the service tag AzureCloud gains 3 single IPv4 addresses that no tag had (such as 40.0.1.0/32); no lawful week brought one, over 2 ask for a look',
    ]);
    // Pairs are how it lawfully grows, up to a number that no week comes near; what another tag had is not new.
    expect(said(cloud(), cloud('40.0.1.0/31', '40.0.1.4/31', '40.0.1.8/31'), rules)).toEqual([]);
    expect(said(cloud(), cloud(...singles('40.9.0', 3)), rules)).toEqual([]);
  });

  test('more blocks of a length than any week brought', () => {
    const pairs = (count: number, length = 31) =>
      Array.from({ length: count }, (_, index) => `40.0.${index}.0/${length}`);
    const tags = (cloud: string[], bus: string[] = []) => ({
      AzureCloud: ['20.0.0.0/11', ...cloud],
      ServiceBus: ['20.1.0.0/20', ...bus],
      // So that no block /24 is new.
      Sql: Array.from({ length: 80 }, (_, index) => `40.${index % 2}.${index >> 1}.128/25`),
    });
    const rules = { r: ['AzureCloud', 'ServiceBus'] };
    const gaining = (cloud: string[], bus?: string[]) => said(tags([]), tags(cloud, bus), rules);
    expect(gaining(pairs(32))).toEqual([]);
    expect(gaining(pairs(33))).toEqual([
      'noted: the service tag AzureCloud gains 33 blocks /31 that no tag had (such as 40.0.0.0/31); a lawful week brought AzureCloud 23 of a length at most, over 32 ask for a look',
    ]);
    expect(gaining([...pairs(20), ...pairs(20, 30).map((one) => one.replace('40.0', '40.1'))])).toEqual([]);
    expect(gaining(pairs(17, 28), pairs(16, 28))).toEqual([]);
    expect(gaining(pairs(17, 28), pairs(17, 28))).toEqual([
      'noted: the service tag ServiceBus gains 17 blocks /28 that no tag had (such as 40.0.0.0/28); a lawful week brought a service 12 of a length at most, over 16 ask for a look',
    ]);
    expect(gaining(pairs(2), pairs(2))).toEqual([]);
    expect(gaining(pairs(3), pairs(3))).toEqual([
      'noted: the service tag ServiceBus gains 6 IPv4 addresses, singly or in pairs, that no tag had (such as 40.0.0.0/31); over 5 ask for a look',
    ]);
  });

  test('a part of a block that is announced as a whole, where no tag had any', () => {
    const cloud = (...prefixes: string[]) => ({
      AzureCloud: ['20.0.0.0/11', ...prefixes],
      Sql: ['40.9.0.0/25'],
    });
    const gaining = (...prefixes: string[]) => said(cloud(), cloud(...prefixes), { r: ['AzureCloud'] });
    const parts = (count: number) => Array.from({ length: count }, (_, index) => `40.0.${index}.16/28`);
    expect(gaining('40.9.0.128/31', '40.9.0.132/31')).toEqual([]);
    expect(gaining('40.0.0.0/31', '40.0.0.8/29')).toEqual([]);
    expect(gaining('40.0.0.0/31', '40.0.0.4/30')).toEqual([
      'noted: the service tag AzureCloud gains 6 IPv4 addresses in a block /24 where no tag had any (such as 40.0.0.0/31), which another network may announce; 8 or fewer in one ask for a look',
    ]);
    expect(gaining('40.0.0.0/31', '40.0.9.0/29', '40.1.0.0/24')).toEqual([
      'noted: the service tag AzureCloud gains 10 IPv4 addresses in 2 blocks /24 where no tag had any (such as 40.0.0.0/31), which another network may announce; 8 or fewer in one ask for a look',
    ]);
    expect(gaining(...parts(4), '40.1.0.0/25')).toEqual([]);
    expect(gaining(...parts(5))).toEqual([
      'noted: the service tag AzureCloud gains 80 IPv4 addresses in 5 blocks /24 where no tag had any (such as 40.0.0.16/28), which another network may announce; over 4 blocks in part ask for a look',
    ]);
  });

  test('small ranges in more places than any week had', () => {
    const cloud = (...prefixes: string[]) => ({
      AzureCloud: ['20.0.0.0/11', ...prefixes],
      Sql: ['40.9.0.0/25'],
    });
    const gaining = (...prefixes: string[]) => said(cloud(), cloud(...prefixes), { r: ['AzureCloud'] });
    const places = (count: number, length: number) =>
      Array.from({ length: count }, (_, index) => `40.${100 + index}.3.0/${length}`);
    const several = (found: readonly string[]) => found.filter((text) => text.includes('different /16'));
    expect(several(gaining(...places(7, 24)))).toEqual([]);
    expect(several(gaining(...places(8, 24)))).toEqual([
      'noted: the service tag AzureCloud gains small ranges of IPv4 addresses that no tag had, in 8 different /16 (such as at 40.100.3.0); a lawful week did in 6 at most, over 7 ask for a look',
    ]);
    expect(several(gaining(...places(8, 25)))).toHaveLength(1);
    // Larger ones are how it grows; many in one /16 are in one place.
    expect(several(gaining(...places(8, 25).map((one) => one.replace('3.0/25', '0.0/20'))))).toEqual([]);
    expect(several(gaining(...Array.from({ length: 9 }, (_, index) => `40.100.${8 * index}.0/24`)))).toEqual(
      [],
    );
  });

  test('IPv6 addresses that were those of customers', () => {
    const hosts = (subnet: string, count: number) =>
      Array.from({ length: count }, (_, index) => `${subnet}::${(2 * index + 1).toString(16)}/128`);
    const tags = (...bus: string[]) => ({
      AzureCloud: ['20.0.0.0/14', '2603:1020::/32'],
      ServiceBus: ['20.1.0.0/20', '2603:1020:1::/120', ...bus],
      Sql: ['2603:1020:2::/120'],
    });
    const gaining = (...bus: string[]) => said(tags(), tags(...bus), { r: ['ServiceBus', 'AzureCloud'] });
    expect(gaining(...hosts('2603:1020:9', 2))).toEqual([]);
    expect(gaining(...hosts('2603:1020:9', 3))).toEqual([
      'noted: the service tag ServiceBus gains IPv6 addresses in 3 prefixes that were in AzureCloud before, where no service has any in the same /64: those of customers (such as 2603:1020:9::1/128); over 2 ask for a look',
    ]);
    // Beside another service, and in its own subnet.
    expect(gaining(...hosts('2603:1020:2:0:1', 3))).toEqual([]);
    expect(gaining(...hosts('2603:1020:1:0:1', 3))).toEqual([]);
  });

  test('a part of a service that loses a block', () => {
    const part = (...prefixes: string[]) => ({
      Storage: ['20.0.0.0/14'],
      'Storage.A': prefixes,
      AzureCloud: ['20.0.0.0/14'],
    });
    const before = part('20.0.0.0/20', '20.1.0.0/24');
    expect(said(before, part('20.0.0.0/20'), { r: ['Storage.A'] })).toEqual([
      'noted: the service tag Storage.A loses 256 of 4,352 IPv4 addresses (such as 20.1.0.0/24); a regional tag of its size lawfully lost 73 at most',
    ]);
    expect(said(before, part('20.0.0.0/20', '20.1.0.0/25'), { r: ['Storage.A'] })).toEqual([]);
    // What moved has left it as well.
    expect(
      said(
        { ...before, 'Storage.B': ['20.2.0.0/24'] },
        { ...part('20.0.0.0/20'), 'Storage.B': ['20.1.0.0/24', '20.2.0.0/24'] },
        { r: ['Storage.A'] },
      ),
    ).toHaveLength(1);
  });
});

describe('region-lost', () => {
  const said = (before: MadeUpWeek['tags'], after: MadeUpWeek['tags'], parts?: Record<string, string>) =>
    saidBy('region-lost', {
      before: { date: '20260105', tags: before },
      after: { tags: after },
      rules: { r: Object.keys(before).filter((tag) => tag === 'AzureCloud' || tag === 'Storage.A') },
      ...(parts === undefined ? {} : { parts }),
    });

  test('by name, where the field of the region is emptied', () => {
    const cut = { AzureCloud: ['20.0.0.0/12'], 'AzureCloud.westeurope': ['20.31.0.0/24'] };
    expect(said({ ...cut, AzureCloud: ['20.0.0.0/11'] }, cut)).toEqual([
      'refused: the service tag AzureCloud loses 256 IPv4 addresses that AzureCloud.westeurope still has (such as 20.31.0.0/24)',
    ]);
  });

  test('addresses that left a region and not the global tag', () => {
    const regions = Object.fromEntries(
      ['B', 'C', 'D', 'E'].map((region, index) => [`Storage.${region}`, [`20.1.${index}.0/24`]]),
    );
    const before = { Storage: ['20.0.0.0/15'], 'Storage.A': ['20.0.0.0/23'], ...regions };
    const after = { ...before, 'Storage.A': ['20.0.0.0/24'] };
    expect(said(before, after)).toEqual([
      'refused: the service tag Storage.A loses 256 IPv4 addresses that Storage still has, and no other part of it (such as 20.0.1.0/24)',
    ]);
    expect(said(before, { ...after, 'Storage.B': ['20.0.1.0/24', '20.1.0.0/24'] })).toEqual([]);
    expect(said(before, { ...after, Storage: ['20.0.0.0/24', '20.1.0.0/16'] })).toEqual([]);
  });

  test('a regional tag that vanishes with its addresses', () => {
    const before = { AzureCloud: ['20.0.0.0/11', '40.0.0.0/19'], 'AzureCloud.westeurope': ['40.0.0.0/19'] };
    const after = { AzureCloud: ['20.0.0.0/11'] };
    const parts = { AzureCloud: 'northeurope westeurope' };
    expect(said(before, after, parts)).toEqual([
      'refused: the service tag AzureCloud loses 8,192 IPv4 addresses in the week in which AzureCloud.northeurope, AzureCloud.westeurope vanished',
    ]);
    expect(said(before, { AzureCloud: before.AzureCloud }, parts)).toEqual([]);
    expect(said(before, after)).toEqual([]);
  });

  test('a region that is cut down in every tag, whatever its size', () => {
    const week = (...region: string[]) => ({
      AzureCloud: ['20.0.0.0/11', ...region],
      'AzureCloud.small': region,
      'AzureCloud.other': ['20.0.0.0/11'],
    });
    const parts = { AzureCloud: 'other=2097152 small=8192' };
    const before = week('40.0.0.0/20', '40.0.16.0/20');
    expect(said(before, week('40.0.0.0/24'), parts)).toEqual([
      'refused: AzureCloud.small loses 7,936 of 8,192 IPv4 addresses, and AzureCloud with it; over 5 % of a region ask for a look, over 50 % are refused',
    ]);
    expect(said(before, week('40.0.0.0/20'), parts)[0]).toMatch(/^noted: AzureCloud.small loses 4,096 of/);
    const all = ['40.0.0.0/20', '40.0.16.0/21', '40.0.24.0/22', '40.0.28.0/23', '40.0.30.0/24'];
    expect(said(before, week(...all), parts)).toEqual([]);
    // It has moved inside the whole tag, or an earlier version told no sizes.
    expect(said(before, { ...before, 'AzureCloud.small': ['40.0.0.0/24'] }, parts)).toEqual([]);
    expect(said(before, week('40.0.0.0/24'), { AzureCloud: 'other small' })).toEqual([]);
  });

  test('addresses that left the global tag and not the regional one', () => {
    const region = { ...TAGS, 'AzureCloud.westeurope': ['198.18.64.0/24'] };
    const cut = { ...region, AzureCloud: ['198.18.0.0/18', '198.18.128.0/17', '2001:db8::/40'] };
    expect(
      judgeMadeUp({
        before: { date: '20260105', tags: region },
        after: { tags: cut },
        regions: { 'AzureCloud.westeurope': 'westeurope' },
      })
        .filter(({ guard }) => guard === 'region-lost')
        .map(({ message }) => message),
    ).toEqual([
      'the service tag AzureCloud loses 256 IPv4 addresses of the region westeurope that AzureCloud.westeurope still has (such as 198.18.64.0/24)',
    ]);
  });
});

describe('cross-tag', () => {
  const week = (...sql: string[]) => ({
    AzureCloud: ['20.0.0.0/11', '2603:1000::/40'],
    Sql: ['20.1.0.0/24', '2603:1000::/64', ...sql],
  });
  test.each<[string, string[]]>([
    ['20.2.0.0/16', []],
    ['40.0.0.0/24', ['noted']],
    ['40.0.0.0/19', ['refused']],
    ['2a01:4f8::1/128', ['noted']],
    ['2a01:4f8::/63', ['refused']],
  ])('a tag inside AzureCloud that gains %s', (gained, outcomes) => {
    const said = saidBy('cross-tag', {
      before: { date: '20260105', tags: week() },
      after: { tags: week(gained) },
    });
    expect(said.map((text) => text.split(':')[0])).toEqual(outcomes);
  });

  test('is not blinded by an address that is taken out of AzureCloud at once', () => {
    const after = {
      ...week('40.0.0.0/19'),
      AzureCloud: ['20.0.0.0/16', '20.1.0.0/25', '20.2.0.0/15', '2603:1000::/40'],
    };
    const before = { date: '20260105', tags: week() };
    expect(saidBy('cross-tag', { before, after: { tags: after } })[0]).toMatch(/^refused/);
    const sql = { rules: { r: ['Sql'] } };
    const less = { ...after, AzureCloud: ['20.0.0.0/16', '20.1.0.2/31', '20.1.0.4/30', '20.1.0.8/29'] };
    const rest = ['20.1.0.16/28', '20.1.0.32/27', '20.1.0.64/26', '20.1.0.128/25'];
    const almost = { ...less, AzureCloud: [...less.AzureCloud, ...rest] };
    expect(saidBy('cross-tag', { before, after: { tags: almost }, ...sql })[0]).toMatch(/^refused/);
    expect(saidBy('cross-tag', { before, after: { tags: less }, ...sql })).toEqual([]);
  });

  const regional = (...storage: string[]) => ({
    AzureCloud: ['20.0.0.0/11'],
    'AzureCloud.westeurope': ['20.1.0.0/16'],
    'AzureCloud.brazilsouth': ['20.2.0.0/16'],
    Storage: ['20.1.0.0/18', '20.2.0.0/18'],
    'Storage.WestEurope': ['20.1.0.0/24', ...storage],
  });
  test.each<[string, string, string[]]>([
    ['its whole and its region have', '20.1.1.0/24', []],
    [
      'its whole does not have',
      '20.1.64.0/32',
      [
        'noted: the service tag Storage.WestEurope gains 1 IPv4 addresses that Storage does not have (such as 20.1.64.0/32); no part ever did',
      ],
    ],
    ['a few addresses of another region', '20.2.0.0/28', []],
    [
      'a block of another region',
      '20.2.0.0/24',
      [
        'noted: the service tag Storage.WestEurope lies in AzureCloud.westeurope and gains 256 IPv4 addresses outside of it (such as 20.2.0.0/24); a lawful week 2 at most',
      ],
    ],
    [
      'a wide block of another region',
      '20.2.0.0/19',
      [
        'refused: the service tag Storage.WestEurope lies in AzureCloud.westeurope and gains 8,192 IPv4 addresses outside of it (such as 20.2.0.0/19); a lawful week 2 at most',
      ],
    ],
  ])('a part of a tag gains what %s: %s', (_, gained, says) => {
    const rules = { r: ['Storage.WestEurope'] };
    const before = { date: '20260105', tags: regional() };
    expect(saidBy('cross-tag', { before, after: { tags: regional(gained) }, rules })).toEqual(says);
  });

  test('AzureActiveDirectory gains an address outside AzureCloud, though it lies there in part', () => {
    const tags = (...more: string[]) => ({
      AzureCloud: ['20.0.0.0/11'],
      AzureActiveDirectory: ['20.1.0.0/24', '40.126.0.0/24', ...more],
      Sql: ['20.1.0.0/24', '40.126.0.0/24', ...more],
    });
    expect(
      saidBy('cross-tag', {
        before: { date: '20260105', tags: tags() },
        after: { tags: tags('45.9.1.0/32') },
      }),
    ).toEqual([
      'noted: the service tag AzureActiveDirectory never gained IPv4 addresses outside of AzureCloud and gains 1 IPv4 addresses outside of it (such as 45.9.1.0/32)',
    ]);
  });
});

describe('tag-precedent of tags beside larger ones', () => {
  const week = (arm: string[], other: string[]) => ({
    AzureCloud: ['20.0.0.0/12', ...other],
    AzureResourceManager: arm,
  });
  const said = (arm: string[], other: string[]) =>
    saidBy('tag-precedent', {
      before: { date: '20260105', tags: week(['40.1.0.0/21'], ['40.1.0.0/21']) },
      after: { tags: week(arm, other) },
    });
  const less = ['40.1.0.0/22', '40.1.4.0/23', '40.1.6.0/24', '40.1.7.0/25'];
  test.each<[string, string[], string[], string[]]>([
    [
      'a sixteenth is lost',
      less,
      less,
      [
        'noted: the service tag AzureResourceManager loses 128 of 2,048 IPv4 addresses that no other tag in use has; over 5 % asks for a look',
      ],
    ],
    ['AzureCloud still has it', less, ['40.1.0.0/21'], []],
    ['less is lost', [...less, '40.1.7.128/26'], [...less, '40.1.7.128/26'], []],
  ])('%s', (_, arm, other, says) => {
    expect(said(arm, other)).toEqual(says);
  });

  test('AzureCloud loses more than it ever did', () => {
    const lost = (...after: string[]) =>
      saidBy('tag-precedent', {
        before: { date: '20260105', tags: { AzureCloud: ['20.0.0.0/12', '40.1.0.0/22'] } },
        after: { tags: { AzureCloud: ['20.0.0.0/12', ...after] } },
      });
    expect(lost('40.1.0.0/23')).toEqual([]);
    expect(lost()[0]).toMatch(/^noted: .* a lawful week of it lost 0\.05 % at most$/);
  });
});

describe('broader', () => {
  const said = (before: string[], after: string[]) =>
    saidBy('broader', {
      before: { date: '20260105', tags: { AzureCloud: before } },
      after: { tags: { AzureCloud: after } },
    }).map((text) => text.slice(0, 63));
  test.each<[string, string[], string[], string[]]>([
    ['a /17 that becomes a /16', ['20.0.0.0/17'], ['20.0.0.0/16'], []],
    [
      'a /16 that becomes a /15',
      ['20.0.0.0/16'],
      ['20.0.0.0/15'],
      ['noted: the service tag AzureCloud has 20.0.0.0/15 where it had '],
    ],
    [
      'a /16 that becomes a /13',
      ['20.0.0.0/16'],
      ['20.0.0.0/13'],
      ['refused: the service tag AzureCloud has 20.0.0.0/13 where it ha'],
    ],
    ['a new /13', ['20.0.0.0/16'], ['20.0.0.0/16', '40.0.0.0/13'], []],
    [
      'a /44 of IPv6 that becomes a /40',
      ['2603:1000::/44'],
      ['2603:1000::/40'],
      ['refused: the service tag AzureCloud has 2603:1000::/40 where it'],
    ],
  ])('%s', (_, before, after, says) => {
    expect(said(before, after)).toEqual(says);
  });
});

describe('drift', () => {
  const tags = (size: number) => ({ Sql: [`20.0.0.0/${32 - size}`] });
  const since = (date: string, addresses: bigint) => [{ date, tags: new Map([['Sql', addresses]]) }];
  const said = (accepted: ReturnType<typeof since>) =>
    saidBy('drift', {
      before: { date: '20260105', tags: tags(13) },
      after: { tags: tags(13) },
      accepted,
    }).map((text) => text.replace(/ \(.*/, ''));
  test.each<[string, bigint, string[]]>([
    ['2025-12-22', 14_000n, []],
    ['2025-12-22', 16_384n, ['refused: the service tag Sql has shrunk by 50.0 % since 2025-12-22']],
    ['2025-11-01', 20_480n, ['refused: the service tag Sql has shrunk by 60.0 % since 2025-11-01']],
    ['2025-02-01', 20_480n, []],
    ['2024-01-01', 81_920n, []],
  ])('by the sizes of %s: %s', (date, size, says) => {
    expect(said(since(date, size))).toEqual(says);
  });

  test('a chain of swaps that keeps the size of the tag', () => {
    const chain = (lost: bigint) =>
      ['2025-12-15', '2025-12-22', '2025-12-29', '2026-01-05'].map((date) => ({
        date,
        tags: new Map([['Sql', 8192n]]),
        steps: new Map([['Sql', { gained: lost, lost }]]),
      }));
    expect(said(chain(1024n))).toEqual([]);
    // What the first of them had lost came before it.
    expect(said(chain(1536n))).toEqual([
      'refused: the service tag Sql has lost 56.3 % of its size since 2025-12-15 and gained others',
    ]);
  });

  test('a chain of steps of AzureActiveDirectory', () => {
    const weeks = ['2025-12-15', '2025-12-22', '2025-12-29', '2026-01-05'].map((date) => ({
      date,
      tags: new Map([['AzureActiveDirectory', 56_820n]]),
      steps: new Map([['AzureActiveDirectory', { gained: 150n, lost: 0n }]]),
    }));
    const tag = (...more: string[]) => ({
      AzureActiveDirectory: ['20.190.128.0/18', '40.126.0.0/18', ...more],
    });
    const ask = (...more: string[]) =>
      saidBy('drift', {
        before: { date: '20260105', tags: tag() },
        after: { tags: tag(...more) },
        accepted: weeks,
      });
    expect(ask('45.0.0.0/27')).toEqual([]);
    expect(ask('45.0.0.0/25')).toEqual([
      'refused: the service tag AzureActiveDirectory has gained 578 IPv4 addresses since 2025-12-15; 512 at most in 28 days, by however many steps',
    ]);
  });

  test('few addresses, week after week', () => {
    const weeks = (...steps: (readonly [string, bigint, bigint])[]) =>
      steps.map(([date, gained, lost]) => ({
        date,
        tags: new Map([['ServiceBus', 4096n]]),
        steps: new Map([['ServiceBus', { gained, lost }]]),
      }));
    const tag = (...prefixes: string[]) => ({ ServiceBus: ['20.0.0.0/20', ...prefixes] });
    const ask = (accepted: ReturnType<typeof weeks>, before: string[], after: string[]) =>
      saidBy('drift', {
        before: { date: '20260105', tags: tag(...before) },
        after: { tags: tag(...after) },
        accepted,
      });
    const chain = weeks(['2025-12-22', 0n, 0n], ['2025-12-29', 10n, 256n], ['2026-01-05', 1n, 1n]);
    expect(ask(chain, [], ['20.1.0.0/30'])).toEqual([
      'noted: the service tag ServiceBus gained 10 IPv4 addresses or fewer in 3 steps since 2025-12-22; from 3 in 35 days on that asks for a look',
    ]);
    expect(ask(chain, ['20.1.0.0/24'], [])).toEqual([
      'noted: the service tag ServiceBus lost IPv4 addresses in 3 steps since 2025-12-22; from 3 in 35 days on that asks for a look',
    ]);
    // This week takes part in it; a block is no such step, and what is older does not count.
    expect(ask(chain, [], [])).toEqual([]);
    expect(ask(chain, [], ['20.1.0.0/28'])).toEqual([]);
    expect(ask(chain.slice(1), [], ['20.1.0.0/30'])).toEqual([]);
    const older = weeks(['2025-11-03', 0n, 0n], ['2025-12-01', 10n, 256n], ['2026-01-05', 1n, 1n]);
    expect(ask(older, [], ['20.1.0.0/30'])).toEqual([]);
  });

  test('sums the steps of weeks that it does not remember, and of a file that was published again', () => {
    const tags = new Map([['Sql', 8192n]]);
    const step = new Map([['Sql', { gained: 1n, lost: 2n }]]);
    let kept: AcceptedSizes[] = [];
    for (let week = 0; week < 50; week++)
      kept = rememberSizes(kept, addDays('2024-01-01', 7 * week), tags, step);
    const sum = (of: 'gained' | 'lost') =>
      kept.reduce((all, { steps }) => all + (steps?.get('Sql')?.[of] ?? 0n), 0n);
    expect([sum('gained'), sum('lost')]).toEqual([50n, 100n]);
    kept = rememberSizes(kept, addDays('2024-01-01', 7 * 49), tags, step);
    expect([sum('gained'), sum('lost')]).toEqual([51n, 102n]);
  });

  test('remembers every week for five weeks, and then one in four, for a year and a bit', () => {
    let kept: AcceptedSizes[] = [];
    for (let week = 0; week < 120; week++)
      kept = rememberSizes(kept, addDays('2024-01-01', 7 * week), new Map());
    const ages = kept.map(({ date }) => daysBetween(date, addDays('2024-01-01', 7 * 119)));
    expect(ages.filter((age) => age <= 35)).toEqual([35, 28, 21, 14, 7, 0]);
    expect(Math.max(...ages)).toBeGreaterThan(350);
    expect(kept.length).toBeLessThan(22);
  });
});
