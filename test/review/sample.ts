import { DualStackSet } from '../../src/net/dual-stack-set.ts';
import { parseHostPattern } from '../../src/net/host-pattern.ts';
import { HostSet } from '../../src/net/host-set.ts';
import { PortSet } from '../../src/net/ports.ts';
import { parsePrefix } from '../../src/net/prefix.ts';
import { Admission } from '../../src/policy/admission.ts';
import { diffPolicies } from '../../src/policy/diff.ts';
import type { Policy } from '../../src/policy/policy.ts';
import { admissionOf, admissionOfRule } from '../../src/policy/rule-admission.ts';
import type { Review } from '../../src/review/review.ts';
import { reviewTarget, type TargetSide } from '../../src/review/targets.ts';
import { policyOf, tag, week } from './weeks.ts';

/** Two made-up weeks with one of everything that a review tells. */
export const sampleBefore: Policy = policyOf(
  {
    connector: [
      tag('AzureCloud', '', '198.51.100.0/25', '198.51.100.128/25', '2001:db8::/47'),
      tag('Storage.WestEurope', 'westeurope', '192.0.2.0/24'),
    ],
  },
  { name: 'connector', names: { '443': ['*.example.com', 'old.example.net'], '80': ['crl.example.net'] } },
  { name: 'retired', prefixes: ['203.0.113.64/26'], ports: '1433' },
);

export const sampleAfter: Policy = policyOf(
  {
    connector: [
      tag('AzureCloud', '', '198.51.100.0/24', '192.0.2.128/25', '2001:db8::/47', '2001:db8:8000::/48'),
      tag('Storage.WestEurope', 'westeurope', '192.0.2.0/26'),
    ],
  },
  { name: 'connector', names: { '443': ['*.example.com', 'new.example.org'], '80': ['crl.example.net'] } },
  { name: 'ops', prefixes: ['203.0.113.0/28'], ports: '22,8080-8090' },
);

const names = (text: string) =>
  Admission.hosts(HostSet.fromPatterns([parseHostPattern(text)]), PortSet.of(443));

function side(
  policy: Policy,
  entries: number,
  files: TargetSide['files'],
  omitted: readonly string[],
  admitted: readonly string[],
): TargetSide {
  return {
    entries,
    files,
    options: {},
    admission: admissionOf(policy),
    byRule: new Map(policy.rules.map((rule) => [rule.name, admissionOfRule(rule)])),
    plan: {
      omissions: omitted.map((text) => ({
        rule: 'connector',
        kind: 'names',
        omitted: names(text),
        reason: 'this target matches no host names',
      })),
      widenings: admitted.map((text) => ({
        rule: 'connector',
        kind: 'apex',
        admitted: names(text),
        reason: 'this target cannot match the subdomains without the domain itself',
      })),
    },
  };
}

export function sampleReview(change: Partial<Review> = {}): Review {
  return {
    scope: 'policy',
    feed: { before: week('2025-07-14', 362), after: week('2025-07-21', 363) },
    diff: diffPolicies(sampleBefore, sampleAfter),
    targets: [
      reviewTarget(
        'iptables',
        side(
          sampleBefore,
          3,
          [
            { path: 'v4.ipset', text: 'add a\nadd b\n' },
            { path: 'same.rules', text: 'x\n' },
          ],
          ['*.example.com'],
          [],
        ),
        side(
          sampleAfter,
          4,
          [
            { path: 'v4.ipset', text: 'add a\nadd c\nadd d\n' },
            { path: 'same.rules', text: 'x\n' },
          ],
          ['*.example.com'],
          [],
        ),
        65536,
      ),
      reviewTarget(
        'pac',
        side(sampleBefore, 3, [{ path: 'proxy.pac', text: 'old\n' }], [], []),
        side(sampleAfter, 4, [{ path: 'proxy.pac', text: 'new\n' }], [], ['example.com']),
        undefined,
      ),
      reviewTarget(
        'squid',
        undefined,
        side(sampleAfter, 4, [{ path: 'names.txt', text: '.example.com\n' }], [], []),
        undefined,
      ),
      reviewTarget(
        'gone',
        side(sampleBefore, 1, [{ path: 'gone.txt', text: 'a\n' }], [], []),
        undefined,
        undefined,
      ),
    ],
    drift: [
      {
        where: 'committed',
        target: 'iptables',
        files: ['iptables/v4.ipset'],
        lets: Admission.addresses(DualStackSet.fromPrefixes([parsePrefix('9.9.9.9/32')]), PortSet.of(443)),
        lacks: Admission.empty,
        problem: undefined,
      },
    ],
    unused: [{ rule: 'names-only', tags: ['AzureMonitor'] }],
    guards: [
      { guard: 'feed-schema', outcome: 'passed', message: '3 tags' },
      {
        guard: 'tag-shrink',
        outcome: 'accepted',
        message: 'Storage.WestEurope lost 75.0 % (192 of 256), 60 % at most',
      },
      { guard: 'feed-stale', outcome: 'noted', message: 'the feed is 12 days old' },
    ],
    acceptances: [{ guard: 'tag-shrink', message: 'ticket 4711' }],
    context: {
      previousSpace: { date: '2025-07-14', addresses: sampleBefore.rules[0]!.addresses },
      currentTags: [tag('Elsewhere', '', '192.0.2.64/26')],
      recentGains: [
        {
          rule: 'connector',
          date: '2025-06-30',
          gained: DualStackSet.fromPrefixes([parsePrefix('192.0.2.64/27')]),
        },
      ],
    },
    coverageStands: false,
    coverage: [
      {
        rule: 'connector',
        table: 'private-network-connector',
        host: '*.example.com',
        ports: '443',
        purpose: 'traffic',
        targets: [
          { target: 'iptables', how: 'address', detail: 'AzureCloud: the article says so' },
          { target: 'pac', how: 'widened', detail: 'example.com itself as well' },
        ],
      },
      {
        rule: 'connector',
        table: 'private-network-connector',
        host: 'crl.example.net',
        ports: '80',
        purpose: 'certificates',
        targets: [
          { target: 'iptables', how: 'uncovered', detail: 'no service tag holds it' },
          { target: 'pac', how: 'name', detail: '' },
        ],
      },
    ],
    ...change,
  };
}
