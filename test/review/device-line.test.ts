import { expect, it } from 'vitest';
import { DualStackSet } from '../../src/net/dual-stack-set.ts';
import { parseHostPattern } from '../../src/net/host-pattern.ts';
import { HostSet } from '../../src/net/host-set.ts';
import { PortSet } from '../../src/net/ports.ts';
import { parsePrefix } from '../../src/net/prefix.ts';
import { Admission } from '../../src/policy/admission.ts';
import { effectOf } from '../../src/policy/effect.ts';
import { deviceTexts } from '../../src/review/device-line.ts';
import { reviewTarget, type TargetSide } from '../../src/review/targets.ts';

const on = (prefix: string, ports: string) =>
  Admission.addresses(DualStackSet.fromPrefixes([parsePrefix(prefix)]), PortSet.parseList(ports));

it.each([
  ['443', '443,123/udp', '256 IPv4 newly on port 123/udp'],
  ['443,123/udp', '443', '256 IPv4 no longer on port 123/udp'],
  ['443,8080', '443,123/udp', '256 IPv4 newly on port 123/udp, 256 IPv4 no longer on port 8080'],
  ['443', '1-65535,1-65535/udp', '256 IPv4 newly on every UDP port and port 1-442,444-65535'],
])('says which ports came and which went, where the addresses stay: %s → %s', (from, to, text) => {
  const [before, after] = [on('192.0.2.0/24', from), on('192.0.2.0/24', to)];
  expect(
    deviceTexts([
      {
        ...{ id: 'iptables', presence: 'kept', before, after, effect: effectOf(before, after) },
        ...{
          problem: undefined,
          rules: [],
          byName: [],
          apart: false,
          options: [],
          files: [],
          omissions: [],
          widenings: [],
        },
        entries: { before: 1, after: 1, limit: undefined },
      },
    ]),
  ).toEqual([`iptables ${text}`]);
});

const line = (before: Admission, after: Admission) => {
  const side = (admission: Admission): TargetSide => ({
    ...{ plan: { omissions: [], widenings: [] }, files: [], entries: 0, options: {} },
    admission,
    byRule: new Map(),
  });
  return deviceTexts([reviewTarget('iptables', side(before), side(after))]);
};

it('says which ports open and which close, also where they are the same ones for other addresses', () => {
  expect(
    line(
      Admission.union([on('192.0.2.0/24', '80'), on('198.51.100.0/24', '443')]),
      Admission.union([on('192.0.2.0/24', '443'), on('198.51.100.0/24', '80')]),
    ),
  ).toEqual([
    'iptables 256 IPv4 newly on port 80, 256 IPv4 newly on port 443, 256 IPv4 no longer on port 80, 256 IPv4 no longer on port 443',
  ]);
});

it('tells what is new apart from what was let through on other ports', () => {
  expect(
    line(
      Admission.union([on('192.0.2.0/24', '80,443'), on('198.51.100.0/24', '443')]),
      Admission.union([
        on('192.0.2.0/24', '443'),
        on('198.51.100.0/24', '443,8443'),
        on('203.0.113.0/25', '443'),
      ]),
    ),
  ).toEqual(['iptables +128 IPv4, 256 IPv4 newly on port 8443, 256 IPv4 no longer on port 80']);
});

it('says each port once, whatever the grants', () => {
  expect(
    line(
      Admission.union([on('192.0.2.0/24', '80'), on('198.51.100.0/24', '80,8080')]),
      Admission.union([on('192.0.2.0/24', '80,443'), on('198.51.100.0/24', '80,443,8080')]),
    ),
  ).toEqual(['iptables 512 IPv4 newly on port 443']);
});

it('takes what is declared of a renamed rule for the same', () => {
  const side = (rule: string): TargetSide => ({
    ...{ files: [], entries: 0, options: {}, admission: on('192.0.2.0/24', '443'), byRule: new Map() },
    plan: {
      omissions: [{ rule, kind: 'names', reason: 'no names', omitted: on('203.0.113.0/24', '443') }],
      widenings: [{ rule, kind: 'budget', reason: 'wide', admitted: on('192.0.2.0/28', '443') }],
    },
  });
  const { omissions, widenings } = reviewTarget('iptables', side('web'), side('site'));
  expect([...omissions, ...widenings].map(({ rule, presence }) => [rule, presence])).toEqual([
    ['site', 'unchanged'],
    ['site', 'unchanged'],
  ]);
});

it('says of a target without a change that it allows by name what changes by address on another', () => {
  const side = (byRule: Readonly<Record<string, Admission>>): TargetSide => ({
    ...{ plan: { omissions: [], widenings: [] }, files: [], entries: 0, options: {} },
    admission: Admission.union(Object.values(byRule)),
    byRule: new Map(Object.entries(byRule)),
  });
  const names = Admission.hosts(
    HostSet.fromPatterns([parseHostPattern('*.web.example')]),
    PortSet.parseList('443'),
  );
  const quiet = { web: names, api: names, mail: on('203.0.113.0/24', '25') };
  const [proxy, mixed] = [
    side(quiet),
    side({ ...quiet, web: Admission.union([names, on('192.0.2.0/24', '443')]) }),
  ];
  const [before, after] = [
    side({ web: on('192.0.2.0/24', '443') }),
    side({ web: on('192.0.2.0/23', '443') }),
  ];
  expect(
    deviceTexts([
      reviewTarget('squid', proxy, proxy),
      reviewTarget('edl', mixed, mixed),
      reviewTarget('iptables', before, after),
    ]),
  ).toEqual([
    // Of the rules that did not change, nothing needs to be explained.
    'squid no change: allows web by name',
    'edl no change',
    'iptables +256 IPv4 (web)',
  ]);
});

it.each([
  [['ports'], 'kept', '; also allows other ports'],
  [['clients', 'ports', 'path'], 'kept', '; also allows other ports and clients'],
  [['path', 'apex', 'budget'], 'kept', ''],
  [['ports'], 'added', '; also allows other ports'],
] as const)('says what the files cannot bind: %j of a target that is %s', (kinds, presence, ending) => {
  const after = on('192.0.2.0/24', '443');
  const side = (admission: Admission, byRule: TargetSide['byRule']): TargetSide => ({
    plan: {
      omissions: [],
      widenings: ['web', 'other'].flatMap((rule) =>
        (rule === 'web' ? kinds : (['ports', 'clients'] as const)).map((kind) => ({
          ...{ rule, kind, reason: 'a test' },
          admitted: kind === 'budget' ? Admission.empty : on('192.0.2.0/24', '444'),
        })),
      ),
    },
    ...{ files: [], entries: 0, options: {} },
    admission,
    byRule,
  });
  const review = reviewTarget(
    'aws',
    presence === 'kept' ? side(Admission.empty, new Map()) : undefined,
    side(after, new Map([['web', after]])),
  );
  // Of a new target all rules are told, of another those that change.
  const found = deviceTexts([
    presence === 'kept'
      ? review
      : { ...review, widenings: review.widenings.filter(({ rule }) => rule === 'web') },
  ]);
  expect(found).toEqual([
    presence === 'kept' ? `aws +256 IPv4 (web)${ending}` : `aws first files: 256 IPv4 addresses${ending}`,
  ]);
});
