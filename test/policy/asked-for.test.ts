import { expect, it } from 'vitest';
import { formatAddress } from '../../src/net/address.ts';
import { prepareAnswers } from '../../src/policy/answer.ts';
import { askedFor } from '../../src/policy/asked-for.ts';
import { parseQuery } from '../../src/policy/query.ts';
import { makePolicy } from '../support/policy.ts';
import { below, seededRandom } from '../support/random.ts';

const POLICY = makePolicy(
  {
    name: 'connector',
    names: { '443': ['*.example.com', 'login.example.net'], '80': ['.example.org'] },
    prefixes: ['192.0.2.0/26', '2001:db8::/33'],
    ports: '80,443',
  },
  { name: 'storage', prefixes: ['192.0.2.64/26', '192.0.3.0/25', '2001:db8:8000::/34'], ports: '443' },
);

it.each([
  ['192.0.2.70', true],
  ['192.0.2.70:80', false],
  ['192.0.2.0/25:443', true],
  ['192.0.2.0/25:80', false],
  ['192.0.2.0/24', false],
  ['2001:db8::/33', true],
  ['2001:db8::/32', false],
  ['a.example.com', true],
  ['example.com', false],
  ['example.org:443', false],
])('%s', (query, asked) => {
  expect(askedFor(POLICY, parseQuery(query))).toBe(asked);
});

it('agrees with the prepared answers of a policy without targets', () => {
  const { brief } = prepareAnswers(POLICY, []);
  const random = seededRandom(6);
  const seen = new Set<boolean>();
  for (let count = 0; count < 2000; count++) {
    const length = 22 + below(random, 11);
    const value =
      (0xc000_0200n >> BigInt(32 - length)) + BigInt(below(random, 2 ** Math.max(0, length - 23)));
    const prefix = `${formatAddress(4, value << BigInt(32 - length))}/${length}`;
    const text = `${length === 32 ? prefix.slice(0, -3) : prefix}${['', ':80', ':443'][below(random, 3)]}`;
    const query = parseQuery(text);
    const asked = brief(query).verdict === 'allowed';
    expect([text, askedFor(POLICY, query)]).toEqual([text, asked]);
    seen.add(asked);
  }
  expect(seen.size).toBe(2);
});
