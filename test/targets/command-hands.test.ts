import { describe, expect, it } from 'vitest';
import { proveReadBack } from '../../src/targets/build.ts';
import { makePolicy } from '../support/policy.ts';
import { buildBundled } from '../support/rule-files.ts';

/* A hand in a file of commands that refer to each other: each command that is gone, doubled or bent is told. */

const POLICY = makePolicy(
  {
    name: 'web',
    names: { '443': ['login.example.net'] },
    prefixes: ['192.0.2.0/24', '2001:db8::/48'],
    ports: '80,443,443/udp',
    addressUse: 'always',
  },
  { name: 'sql', prefixes: ['198.18.0.0/16'], ports: '1433,11000-11999' },
);

const TERM = 'set firewall family inet filter azure-allow term azure-sql-ipv4-tcp-1433';

type Hand = readonly [what: string, from: string | RegExp, to: string, message: RegExp];

const HANDS: readonly (readonly [id: string, hands: readonly Hand[]])[] = [
  [
    'cisco-asa',
    [
      ['a port twice', ' service-object tcp destination eq 80\n', '$&$&', /80 is listed twice/],
      ['a range that holds another port', 'eq 1433\n', 'eq 11500\n', /is listed twice/],
      [
        'a port of its own accord',
        'object-group service azure-sql-ipv4-ports\n',
        '',
        /is listed twice|nothing before it says/,
      ],
      [
        'another service group',
        'permit object-group azure-sql-ipv4-ports any',
        'permit object-group azure-web-ipv4-ports any',
        /not a line of this format/,
      ],
      [
        'no line that uses it',
        /access-list .* object-group azure-sql-ipv4\n/,
        '',
        /nothing refers to sql-ipv4|never granted/,
      ],
      [
        'no ports at all',
        /( service-object tcp destination (eq 1433|range .*)\n)+/,
        '',
        /nothing before it says/,
      ],
      ['one port fewer', ' service-object tcp destination eq 1433\n', '', /missing/],
      [
        'another protocol',
        'service-object udp destination eq 443',
        'service-object udp destination eq 444',
        /missing/,
      ],
      ['a source port', 'tcp destination eq 1433', 'tcp source eq 1433', /not a line of this format/],
    ],
  ],
  [
    'junos-filter',
    [
      ['no action', `${TERM} then accept\n`, '', /nothing before it defines/],
      ['another action', `${TERM} then accept`, `${TERM} then discard`, /not a line of this format/],
      [
        'no destination',
        `${TERM} from destination-prefix-list azure-sql-ipv4\n`,
        '',
        /nothing before it defines/,
      ],
      [
        'another destination',
        `${TERM} from destination-prefix-list azure-sql-ipv4`,
        `${TERM} from destination-prefix-list azure-web-ipv4`,
        /not a line of this format/,
      ],
      ['no port', `${TERM} from protocol tcp destination-port 1433\n`, '', /nothing refers to|missing/],
      [
        'another port',
        'protocol tcp destination-port 1433',
        'protocol tcp destination-port 1434',
        /not a line/,
      ],
      [
        'another filter',
        `${TERM} then accept`,
        `${TERM.replace('azure-allow', 'other')} then accept`,
        /stood before/,
      ],
      [
        'a prefix of the other family',
        'azure-sql-ipv4 198.18.0.0/16',
        'azure-sql-ipv4 2001:db8::/48',
        /not a line/,
      ],
      ['a wider prefix', '198.18.0.0/16', '198.16.0.0/14', /not in the policy/],
    ],
  ],
];

describe.each(HANDS)('%s', (id, hands) => {
  it.each(hands)('%s', async (_, from, to, message) => {
    const { files, plan, target } = await buildBundled(id, POLICY);
    const [file] = files;
    const edited = [{ path: file!.path, text: file!.text.replace(from, to) }];
    expect(edited[0]!.text).not.toBe(file!.text);
    expect(() => {
      throw new Error(JSON.stringify(proveReadBack(target, plan, edited)));
    }).toThrow(message);
  });
});
