import { describe, expect, it } from 'vitest';
import { DualStackSet } from '../../src/net/dual-stack-set.ts';
import { PortSet } from '../../src/net/ports.ts';
import { parsePrefix } from '../../src/net/prefix.ts';
import { Admission } from '../../src/policy/admission.ts';
import { diffPolicies } from '../../src/policy/diff.ts';
import { sentence, summarise } from '../../src/review/summary.ts';
import { reviewTarget, type TargetSide } from '../../src/review/targets.ts';
import { verdict } from '../../src/review/verdict.ts';
import { makePolicy } from '../support/policy.ts';
import { sampleAfter, sampleBefore, sampleReview } from './sample.ts';
import { policyOf, tag, week } from './weeks.ts';

const NO_RULES = makePolicy();

describe('the first sentence', () => {
  it('tells the change in numbers', () => {
    expect(sentence(sampleReview())).toBe(
      'Newly allowed: 1 name, 16 IPv4 addresses and 65,536 IPv6 /64 networks; no longer allowed: 1 name and 128 IPv4 addresses; first files of squid: 3 names, 464 IPv4 addresses and 196,608 IPv6 /64 networks; gone is no longer configured; 4 of 5 rule files change.',
    );
  });
  it('tells a first run', () => {
    const review = sampleReview({
      feed: { before: undefined, after: week('2025-07-21') },
      diff: diffPolicies(NO_RULES, sampleAfter),
      targets: sampleReview().targets.filter(({ id }) => id === 'squid'),
    });
    expect(sentence(review)).toBe(
      'First run: 1 target lets 3 names, 464 IPv4 addresses and 196,608 IPv6 /64 networks through; the one rule file changes.',
    );
  });
  it('tells that nothing changed', () => {
    const review = sampleReview({ diff: diffPolicies(sampleAfter, sampleAfter), targets: [] });
    expect(sentence({ ...review, drift: [] })).toBe('Nothing changes on any device.');
  });
  it('says of which targets it speaks where others are new or gone', () => {
    const { targets, ...review } = sampleReview({ drift: [] });
    const quiet = targets.map((target) =>
      target.presence === 'kept'
        ? { ...target, effect: { gained: Admission.empty, lost: Admission.empty } }
        : target,
    );
    expect(sentence({ ...review, targets: quiet })).toMatch(
      /^No change on [\w, ]+; first files of squid: 3 names, .*; gone is no longer configured; /,
    );
    expect(sentence({ ...review, targets: quiet.filter(({ id }) => id === 'squid') })).toMatch(
      /^First files of squid: /,
    );
  });
  describe('of a change of ports', () => {
    const on = (prefix: string, ports: string) =>
      Admission.addresses(DualStackSet.fromPrefixes([parsePrefix(prefix)]), PortSet.parseList(ports));
    const side = (admission: Admission, extra?: Admission): TargetSide => ({
      ...{ entries: 0, options: {}, admission, byRule: new Map() },
      files: [{ path: 'rules.txt', text: `${admission.describe()} ${extra?.describe()}` }],
      plan: {
        omissions: [],
        widenings:
          extra === undefined
            ? []
            : [{ rule: 'web', kind: 'budget', reason: 'few entries', admitted: extra }],
      },
    });
    const reviewOf = (...targets: readonly [string, TargetSide, TargetSide][]) =>
      sampleReview({
        drift: [],
        targets: targets.map(([id, before, after]) => reviewTarget(id, before, after)),
      });

    it('tells new addresses apart from known ones on other ports, target by target', () => {
      const before = side(on('198.18.0.0/18', '443'));
      const opened = reviewOf(['iptables', before, side(on('198.18.0.0/18', '443,8443'))]);
      expect(sentence(opened)).toBe('Newly on port 8443: 16,384 IPv4 addresses; the one rule file changes.');
      expect(summarise(opened)).toBe('Azure allowlist of 2025-07-21: port 8443: +16,384 IPv4');
      // What one target has had on 443, another has not had at all.
      const both = reviewOf(
        ['iptables', before, side(on('198.18.0.0/18', '443,8443'))],
        ['squid', side(on('198.18.0.0/19', '443')), side(on('198.18.0.0/18', '443'))],
      );
      expect(sentence(both)).toMatch(
        /^Newly allowed: 8,192 IPv4 addresses; newly on port 8443: 16,384 IPv4 addresses; /,
      );
      expect(summarise(both)).toBe('Azure allowlist of 2025-07-21: +8,192 IPv4, port 8443: +16,384 IPv4');
    });

    it('says which ports close for what is kept on others, and what goes altogether', () => {
      const review = reviewOf([
        'iptables',
        side(Admission.union([on('198.18.0.0/24', '80,443'), on('203.0.113.0/24', '443')])),
        side(on('198.18.0.0/24', '443')),
      ]);
      expect(sentence(review)).toMatch(
        /^No longer allowed: 256 IPv4 addresses; no longer on port 80: 256 IPv4 addresses; /,
      );
      expect(summarise(review)).toBe('Azure allowlist of 2025-07-21: -256 IPv4, port 80: -256 IPv4');
    });

    it('stays within a subject of 72 characters, however many ports there are', () => {
      const ports = Array.from({ length: 12 }, (_, index) => 8000 + 2 * index).join();
      const review = reviewOf([
        'iptables',
        side(on('198.18.0.0/18', '443')),
        side(Admission.union([on('198.18.0.0/18', `443,${ports}`), on('203.0.113.0/24', '443')])),
      ]);
      expect(summarise(review)).toBe('Allowlist of 2025-07-21: +256 IPv4, other ports');
    });

    it('tells the extra addresses of budgets from → to, those of like targets once', () => {
      const [small, wide] = [on('198.18.0.0/25', '443'), on('198.18.0.0/24', '443')];
      const kept = [side(wide, small), side(wide, wide)] as const;
      expect(sentence(reviewOf(['iptables', ...kept], ['nftables', ...kept]))).toMatch(
        /; extra addresses for the budget of iptables and nftables: 128 IPv4 addresses → 256 IPv4 addresses; /,
      );
      expect(sentence(reviewOf(['iptables', side(wide, small), side(wide)]))).toMatch(
        /; extra addresses for the budget of iptables: 128 IPv4 addresses → none; /,
      );
      expect(sentence(reviewOf(['iptables', side(wide, small), side(wide, small)]))).not.toContain('extra');
    });

    it('tells in the verdict which budget lets fewer extra addresses in, which alone is routine', () => {
      const rule = on('198.18.0.0/18', '443');
      const [small, wide] = [on('203.0.113.0/26', '443'), on('203.0.113.0/25', '443')];
      const between = (before: Admission, after?: Admission) =>
        verdict({
          ...reviewOf([
            'edl',
            side(rule.union(before), before),
            side(after === undefined ? rule : rule.union(after), after),
          ]),
          diff: diffPolicies(sampleAfter, sampleAfter),
          guards: [],
        });
      expect(between(wide, small)).toEqual({
        level: 'routine',
        text: 'Routine: fewer extra addresses for the budget of rule web on edl (−64 IPv4 addresses); nothing asks for a look.',
      });
      expect(between(small).text).toBe(
        'Routine: no extra addresses any more for the budget of rule web on edl (−64 IPv4 addresses); nothing asks for a look.',
      );
      expect(between(small, wide)).toMatchObject({
        level: 'look',
        text: expect.stringMatching(/^Review required: edl lets other extra .*\(64 IPv4 addresses\)\.$/),
      });
      // The rule on other ports takes its extra addresses along: they are the same.
      const moved = sampleReview({
        drift: [],
        targets: [
          reviewTarget(
            'edl',
            side(rule.union(small), small),
            side(
              Admission.union([on('198.18.0.0/18', '8443'), on('203.0.113.0/26', '8443')]),
              on('203.0.113.0/26', '8443'),
            ),
          ),
        ],
      });
      expect(`${sentence(moved)} ${verdict(moved).text}`).not.toContain('extra');
      // More than one percent of what the target allows is a look of its own.
      const large = on('203.0.113.0/24', '443');
      expect(between(large).text).toMatch(
        /^Review required: edl loses 1\.5 % .*\. No extra addresses any more for the budget of rule web on edl \(−256 IPv4 addresses\)\.$/,
      );
    });
  });
  it('speaks of service tags where two feeds are compared', () => {
    const review = sampleReview({ scope: 'feeds', targets: [], guards: [] });
    expect(sentence(review)).toMatch(/^Entered the service tags: .*; left the service tags: [^;]*\.$/);
  });
});

describe('the verdict', () => {
  const quiet = { guards: [], acceptances: [], context: {}, drift: [] };
  const filesAlone = {
    diff: diffPolicies(sampleAfter, sampleAfter),
    targets: sampleReview().targets.filter(({ id }) => id === 'iptables'),
  };
  const cloud = (...prefixes: string[]) => policyOf({ r: [tag('A', '', ...prefixes)] }, { name: 'r' });
  const ordinary = diffPolicies(cloud('198.18.0.0/16'), cloud('198.18.0.0/16', '192.0.2.0/24'));
  const unordinary = diffPolicies(cloud('198.18.0.0/16'), cloud('198.18.0.0/17', '198.18.128.0/18'));

  it.each([
    [
      'a refusal first',
      sampleReview({ guards: [{ guard: 'tag-growth', outcome: 'refused', message: '' }] }),
      'refused',
    ],
    ['an acceptance', sampleReview(), 'look'],
    [
      'nothing',
      sampleReview({ ...quiet, diff: diffPolicies(sampleAfter, sampleAfter), targets: [] }),
      'nothing',
    ],
    ['files that change alone', sampleReview({ ...quiet, ...filesAlone }), 'routine'],
    ['a week as most are', sampleReview({ ...quiet, ...filesAlone, diff: ordinary }), 'routine'],
    ['a week that loses more', sampleReview({ ...quiet, ...filesAlone, diff: unordinary }), 'look'],
    ['a narrowing', sampleReview({ ...quiet, diff: diffPolicies(sampleBefore, NO_RULES) }), 'look'],
  ] as const)('tells %s', (_, review, level) => {
    expect(verdict(review).level).toBe(level);
  });
});

describe('the commit subject', () => {
  it('says the numbers', () => {
    expect(summarise(sampleReview())).toBe(
      'Allowlist of 2025-07-21: +16 -128 IPv4, +65,536/64 IPv6, +1 -1 names',
    );
  });
  it('is at most 72 ASCII characters, whatever the change', () => {
    const big = policyOf(
      { r: [tag('A', '', '1.0.0.0/8', '11.0.0.0/9', '2000::/8')] },
      { name: 'r', names: { '443': Array.from({ length: 300 }, (_, i) => `host-${i}.example.com`) } },
    );
    const other = policyOf(
      { r: [tag('A', '', '12.0.0.0/8', '13.0.0.0/9', '3000::/9', '2001:db8::1/128')] },
      { name: 'r', names: { '443': Array.from({ length: 300 }, (_, i) => `host-${i}.example.net`) } },
    );
    for (const diff of [diffPolicies(big, other), diffPolicies(NO_RULES, big), diffPolicies(big, big)]) {
      const subject = summarise(sampleReview({ diff }));
      expect(subject).toMatch(/^[ -~]{20,72}$/);
    }
  });
});
