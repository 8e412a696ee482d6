import { describe, expect, it } from 'vitest';
import { formatAddress } from '../../src/net/address.ts';
import { DualStackSet } from '../../src/net/dual-stack-set.ts';
import { formatPrefix, parsePrefix } from '../../src/net/prefix.ts';
import type { TargetAdmission } from '../../src/policy/answer/register.ts';
import { prepareAnswers } from '../../src/policy/answer.ts';
import type { Policy, PolicyRule } from '../../src/policy/policy.ts';
import { parseQuery } from '../../src/policy/query.ts';
import { fitPolicy } from '../../src/targets/fit.ts';
import { type Capabilities, manifestSchema } from '../../src/targets/manifest.ts';
import { makePolicy, samplePolicy } from '../support/policy.ts';
import { below, seededRandom } from '../support/random.ts';

const ALL = { ipv4: true, ipv6: true, names: 'suffix', ports: true } as const;

function target(id: string, policy: Policy, given: Partial<Capabilities>): TargetAdmission {
  const { capabilities } = manifestSchema.parse({
    id,
    title: id,
    description: id,
    capabilities: given,
    files: [{ path: 'x', template: 'x' }],
  });
  return { id, addressMatch: capabilities.addressMatch, ...fitPolicy(policy, capabilities) };
}

/** Puts tags into the first rule, and their coverage into its rows. */
function withTags(policy: Policy, tags: Readonly<Record<string, readonly string[]>>): Policy {
  const [first, ...rest] = policy.rules as [PolicyRule, ...PolicyRule[]];
  const selected = Object.entries(tags).map(([tag, texts]) => {
    const prefixes = texts.map(parsePrefix);
    return { tag, region: '', prefixes, addresses: DualStackSet.fromPrefixes(prefixes) };
  });
  const coveredBy = Object.keys(tags).map((tag) => ({ tag, basis: 'test' }));
  return {
    ...policy,
    rules: [
      {
        ...first,
        tags: selected,
        rows: first.rows.map((row) => ({ ...row, coveredBy })),
        addresses: DualStackSet.union([first.addresses, ...selected.map(({ addresses }) => addresses)]),
      },
      ...rest,
    ],
  };
}

const POLICY = withTags(
  makePolicy(
    {
      name: 'connector',
      names: { '443': ['*.example.com', 'login.example.net'], '80,443': ['.example.org'] },
      paths: { '80': ['www.example.net/pki'] },
      ports: '80,443',
    },
    { name: 'storage', prefixes: ['192.0.2.64/26', '203.0.113.0/24'], ports: '443' },
  ),
  {
    Broad: ['192.0.2.0/24', '192.0.2.0/28', '2001:db8::/32'],
    Narrow: ['192.0.2.0/27', '192.0.2.32/27', '192.0.2.0/29'],
  },
);
const TARGETS = [
  target('proxy', POLICY, { ...ALL, addressMatch: 'literal', apex: 'included' }),
  target('packets', POLICY, { ipv4: true, ports: true }),
  target('portless', POLICY, { ipv4: true, ipv6: true }),
];
const { answer } = prepareAnswers(POLICY, TARGETS);
const ask = (text: string) => answer(parseQuery(text));
const summary = (text: string) => {
  const { verdict, ports, rules, targets } = ask(text);
  const each = targets.map(({ target: id, by, ports: on, notes }) =>
    [id, by ?? 'no', on, ...notes.map(({ kind }) => kind)].filter((part) => part !== '').join(' '),
  );
  return [`${verdict} ${ports}`.trim(), rules.map(({ rule }) => rule).join(), ...each].join(' | ');
};

describe('an answer', () => {
  it.each([
    [
      'a.example.com:443',
      'allowed 443 | connector | proxy name 443 | packets address 443 covered omitted | portless address 443 covered omitted',
    ],
    // No device lets the apex through but the one that cannot tell it from what is below.
    ['example.com:443', 'refused |  | proxy name 443 widened | packets no | portless no'],
    [
      'example.org',
      'allowed 80,443 | connector | proxy name 80,443 | packets address 80,443 covered omitted | portless address 80,443 covered omitted',
    ],
    ['a.example.com:80', 'refused |  | proxy no | packets no | portless no'],
    [
      'http://www.example.net/pki/x.crl',
      'allowed 80 | connector | proxy name 80 | packets address 80 covered omitted | portless address 80 covered omitted',
    ],
    [
      'http://www.example.net/pkix',
      'allowed 80 | connector | proxy name 80 widened | packets address 80 covered omitted | portless address 80 covered omitted',
    ],
    [
      '192.0.2.1:443',
      'allowed 443 | connector | proxy no by-name | packets address 443 | portless address 443',
    ],
    [
      '192.0.2.65',
      'allowed 80,443 | connector,storage | proxy address 443 by-name | packets address 80,443 | portless address 1-65535 widened widened',
    ],
    ['203.0.113.9:22', 'refused |  | proxy no | packets no | portless address 22 widened'],
    [
      '[2001:db8::1]:80',
      'allowed 80 | connector | proxy no by-name | packets no omitted | portless address 80',
    ],
    ['198.51.100.1', 'refused |  | proxy no | packets no | portless no'],
  ])('%s: %s', (text, expected) => {
    expect(summary(text)).toBe(expected);
  });

  it('names every tag that contains an address, the narrowest first, with its narrowest prefix', () => {
    const tags = ask('192.0.2.3:22').tags.map(({ tag, prefix }) => `${tag} ${prefix}`);
    expect(tags).toEqual(['Narrow 192.0.2.0/29', 'Broad 192.0.2.0/28']);
  });

  it('names the rows that ask for a host, and says where a URL leaves the path', () => {
    const [inside, outside] = ['http://www.example.net/pki', 'http://www.example.net/'].map(
      (text) => ask(text).rules[0]!.rows,
    );
    const row = {
      table: 'test',
      endpoint: 'www.example.net/pki',
      ports: '80',
      purpose: 'test',
      sources: ['test'],
    };
    expect(inside).toEqual([{ ...row, row: 3, outsidePath: false }]);
    expect(outside).toEqual([{ ...row, row: 3, outsidePath: true }]);
  });

  it('splits a CIDR into the allowed and the other part, both exact, by ports', () => {
    const { verdict, ports, parts, tags, targets } = ask('192.0.2.0/23');
    expect([verdict, ports]).toEqual(['partly', '80,443']);
    expect(parts).toEqual({
      allowed: [{ ports: '80,443', prefixes: ['192.0.2.0/24'] }],
      other: ['192.0.3.0/24'],
      allowedAddresses: '256',
      otherAddresses: '256',
    });
    expect(tags.map(({ tag, contains }) => `${tag} ${contains}`)).toEqual(['Narrow part', 'Broad part']);
    expect(targets.map(({ target: id, lets, prefixes }) => `${id} ${lets} ${prefixes}`)).toEqual([
      'proxy part 192.0.2.64/26',
      'packets part 192.0.2.0/24',
      'portless part 192.0.2.0/24',
    ]);
  });

  it('names a tag whose prefixes only together contain a CIDR', () => {
    const { tags } = ask('192.0.2.0/26:443');
    expect(tags).toMatchObject([
      { tag: 'Narrow', contains: 'all', prefix: null },
      { tag: 'Broad', contains: 'all', prefix: '192.0.2.0/24' },
    ]);
  });

  it.each([
    ['203.0.113.9:22', 'it is asked for on other ports: 443 (rule storage)'],
    [
      'login.exmaple.net',
      'the nearest names that are asked for: login.example.net, *.example.com, .example.org',
    ],
    ['example.com', 'the nearest names that are asked for: *.example.com, .example.org'],
    ['a.b.exampel.com', 'the nearest names that are asked for: *.example.com, .example.org'],
    ['192.0.3.1', 'the nearest prefix that is asked for is 192.0.2.0/24 (Broad), 2 addresses below'],
    ['192.0.1.0/24', 'the nearest prefix that is asked for is 192.0.2.0/29 (Narrow), 1 address above'],
    ['203.0.114.0', 'the nearest prefix that is asked for is 203.0.113.0/24 (rule storage), 1 address below'],
    ['203.0.113.0/25:80', 'it, or a part of it, is asked for on other ports: 443 (rule storage)'],
    ['192.0.2.1', null],
  ])('hints for %s: %s', (text, expected) => {
    expect(ask(text).hint).toBe(expected);
  });

  it('says so where a rule asks for it and no target lets it through', () => {
    const proxyOnly = prepareAnswers(POLICY, TARGETS.slice(0, 1)).answer(parseQuery('192.0.2.1:443'));
    expect(proxyOnly.verdict).toBe('refused');
    expect(proxyOnly.hint).toBe('rule connector asks for it, but no target allows it');
  });

  it('takes what the rules ask for where there is no target', () => {
    expect(prepareAnswers(POLICY, []).answer(parseQuery('192.0.2.1:443')).verdict).toBe('allowed');
  });

  it('does not take a name to be let through by addresses that match literal hosts only', () => {
    const exact = target('exact', POLICY, { ...ALL, names: 'exact', addressMatch: 'literal' });
    const [only] = prepareAnswers(POLICY, [exact]).answer(parseQuery('a.example.com:443')).targets;
    expect(only).toMatchObject({ lets: 'nothing', notes: [{ kind: 'omitted' }] });
  });
});

describe('answers of all kinds agree', () => {
  // Addresses beside names are those of a tag: what is nearest is told by its prefixes.
  const policy = {
    ...samplePolicy(),
    rules: samplePolicy().rules.map((rule) =>
      rule.prefixes.length > 0 || rule.addresses.isEmpty
        ? rule
        : {
            ...rule,
            tags: [
              {
                tag: 'Made.Up',
                region: '',
                prefixes: rule.addresses.cover(),
                addresses: rule.addresses,
              },
            ],
          },
    ),
  };
  const targets = [
    target('a', policy, ALL),
    target('b', policy, { ipv4: true, ports: true }),
    target('c', policy, { ipv4: true, ipv6: true }),
    target('d', policy, { ...ALL, names: 'exact' }),
  ];
  const sample = prepareAnswers(policy, targets);
  const PORTS = [22, 80, 443, 1433, 8080, 11_500];
  const bases = [...policy.rules.flatMap(({ addresses }) => addresses.cover())];

  /** A prefix near the edge of one of the policy's. */
  function draw(random: () => number) {
    const { family, first, length } = bases[below(random, bases.length)]!;
    const bits = family === 4 ? 32 : 128;
    const size = 1n << BigInt(bits - length);
    const offset = [0n, size - 1n, -1n, size, size / 2n][below(random, 5)]!;
    const narrow = BigInt(below(random, 10));
    const value = ((first + offset) >> narrow) << narrow;
    return { family, first: value, length: bits - Number(narrow) };
  }

  it('an address, its /32 or /128, and the admissions themselves (seed 20260105)', () => {
    const random = seededRandom(20260105);
    const verdicts = new Set<string>();
    for (let round = 0; round < 400; round++) {
      const { family, first } = draw(random);
      const port = PORTS[below(random, PORTS.length)]!;
      const bits = family === 4 ? 32 : 128;
      const single = sample.answer({
        kind: 'address',
        family,
        value: first,
        port: { port, protocol: 'tcp' },
      });
      const prefix = { family, first, length: bits } as const;
      const cidr = sample.answer({ kind: 'prefix', prefix, port: { port, protocol: 'tcp' } });
      const where = `${formatAddress(family, first)} ${port}`;
      const inSet = ({ addresses }: { addresses: DualStackSet }) => addresses.containsPrefix(prefix);
      const asked = policy.rules.some((rule) => inSet(rule) && rule.addressPorts.has(port));
      const through = targets.filter(({ admission }) => inSet(admission.onPort(port))).map(({ id }) => id);
      expect(single.verdict, where).toBe(asked && through.length > 0 ? 'allowed' : 'refused');
      const letting = (targetsOf: typeof single.targets) =>
        targetsOf.filter(({ lets }) => lets === 'all').map(({ target: id }) => id);
      expect(letting(single.targets), where).toEqual(through);
      expect([cidr.verdict, cidr.ports, letting(cidr.targets)], where).toEqual([
        single.verdict,
        single.ports,
        through,
      ]);
      const short = sample.brief({ kind: 'address', family, value: first, port: { port, protocol: 'tcp' } });
      expect([short.verdict, short.ports, letting(short.targets)], where).toEqual([
        single.verdict,
        single.ports,
        through,
      ]);
      verdicts.add(single.verdict);
    }
    expect([...verdicts].sort()).toEqual(['allowed', 'refused']);
  });

  it('the brief answer and the whole one, whatever was asked before', () => {
    const brief = ({
      verdict,
      ports,
      rules,
      targets: of,
    }: Omit<ReturnType<typeof sample.answer>, 'subject'>) => [
      verdict,
      ports,
      rules.map(({ rule, by }) => [rule, by]),
      of.map(({ target: id, lets, by, ports: through }) => [id, lets, by, through]),
    ];
    const hosts = ['login.example.net', 'a.example.com', 'example.org', 'www.example.net', 'nowhere.invalid'];
    const texts = [
      ...hosts.flatMap((host) => [
        host,
        ...PORTS.map((port) => `${host}:${port}`),
        `http://${host}/pkiops/x`,
        `https://${host}/`,
        `https://${host}/other?q`,
      ]),
      ...bases.flatMap(({ family, first }) => {
        const text = family === 4 ? formatAddress(4, first) : `[${formatAddress(6, first)}]`;
        return [...PORTS.map((port) => `${text}:${port}`), text.replaceAll(/[[\]]/g, '')];
      }),
    ];
    // Twice over, and in the other order: what is remembered of one query is right for the next.
    for (const text of [...texts, ...texts.toReversed()]) {
      const query = parseQuery(text);
      expect(brief(sample.brief(query)), text).toEqual(brief(sample.answer(query)));
      expect(sample.brief(query).port, text).toBe(query.port?.port ?? null);
    }
  });

  it('the parts of a CIDR are all of it, do not overlap, and hold what is allowed (seed 20260112)', () => {
    const random = seededRandom(20260112);
    const verdicts = new Set<string>();
    for (let round = 0; round < 200; round++) {
      const prefix = draw(random);
      const port = PORTS[below(random, PORTS.length)]!;
      const { parts, verdict } = sample.answer({ kind: 'prefix', prefix, port: { port, protocol: 'tcp' } });
      const read = (texts: readonly string[]) => DualStackSet.fromPrefixes(texts.map(parsePrefix));
      const allowed = read(parts!.allowed.flatMap(({ prefixes }) => prefixes));
      const other = read(parts!.other);
      const where = `${formatPrefix(prefix)} ${port}`;
      expect(allowed.union(other).equals(DualStackSet.fromPrefixes([prefix])), where).toBe(true);
      expect(allowed.intersection(other).isEmpty, where).toBe(true);
      for (const [set, expected] of [
        [allowed, 'allowed'],
        [other, 'refused'],
      ] as const)
        for (const { family, first } of set.cover()) {
          const single = sample.answer({
            kind: 'address',
            family,
            value: first,
            port: { port, protocol: 'tcp' },
          });
          expect(single.verdict, where).toBe(expected);
        }
      verdicts.add(verdict);
    }
    expect([...verdicts].sort()).toEqual(['allowed', 'partly', 'refused']);
  });
});

describe('names by one method of asking a proxy', () => {
  const policy = makePolicy({
    name: 'r',
    names: { '80,443': ['a.example', 'b.example'] },
    methods: { 'a.example': ['tunnel'] },
  });
  const asked = (text: string, ...ids: readonly ('proxy' | 'packets')[]) =>
    prepareAnswers(
      policy,
      ids.map((id) => target(id, policy, { ...ALL, methods: id === 'proxy' })),
    ).answer(parseQuery(text));

  it('are refused by the other where the targets tell them apart', () => {
    expect(asked('http://a.example', 'proxy')).toMatchObject({
      verdict: 'refused',
      byOtherMethod: true,
      hint: 'it is asked for by CONNECT only',
      rules: [{ rule: 'r' }],
      targets: [
        {
          lets: 'nothing',
          notes: [{ kind: 'omitted', rule: 'r', reason: 'it is asked for by CONNECT only' }],
        },
      ],
    });
    for (const text of ['https://a.example', 'a.example:80', 'http://b.example'])
      expect(asked(text, 'proxy'), text).toMatchObject({ verdict: 'allowed', hint: null });
  });

  it('are allowed where a target sees packets', () => {
    const found = asked('http://a.example', 'proxy', 'packets');
    expect(found).toMatchObject({ verdict: 'allowed', targets: [{ lets: 'nothing' }, { lets: 'all' }] });
    expect(found).not.toHaveProperty('byOtherMethod');
  });
});
