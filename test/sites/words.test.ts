import { describe, expect, it } from 'vitest';
import type { Review } from '../../src/review/review.ts';
import {
  alikeSites as groupsOf,
  type SiteReview,
  tellSite,
  tellWhole,
  type WholeChange,
} from '../../src/sites/alike.ts';
import { sitesMessage, summariseSites, writeSitesMarkdown } from '../../src/sites/words.ts';
import { sampleReview } from '../review/sample.ts';

const wholes = new Map<string, WholeChange>();
const site = (name: string, review: Review = sampleReview()): SiteReview => {
  const told = tellSite(review);
  if (!wholes.has(told.kind)) wholes.set(told.kind, tellWhole(review, ''));
  return { name, told, digest: 'ab'.repeat(32) };
};
const alikeSites = (sites: readonly SiteReview[]) => groupsOf(sites, wholes);
/** Another change: a device fewer. */
const other = () => sampleReview({ targets: sampleReview().targets.slice(1) });

describe('sites that change alike', () => {
  it('are one group; others come after it', () => {
    const groups = alikeSites([site('c'), site('a', other()), site('b')]);
    expect(groups.map(({ names }) => names)).toEqual([['b', 'c'], ['a']]);
    expect(summariseSites(groups)).toMatch(/3 sites change in 2 ways$/);
    expect(summariseSites(alikeSites([site('a')]))).toBe(groups[0]!.told.headline);
    expect(summariseSites(alikeSites([site('a'), site('b')]))).toMatch(/2 sites change alike$|^2 sites: /);
    expect(summariseSites([])).toBe('Azure allowlist: no change at any site');
  });

  it('are not put together by figures that are the same by chance', () => {
    const swapped = (): Review => {
      const review = sampleReview();
      // As many addresses, and other ones.
      const [first, ...rest] = review.targets;
      const effect = { gained: first!.effect!.lost, lost: first!.effect!.gained };
      return { ...review, targets: [{ ...first!, effect, rules: first!.rules }, ...rest] };
    };
    const before = sampleReview();
    const same = { ...before, targets: before.targets.map((target) => ({ ...target })) };
    expect(alikeSites([site('a', before), site('b', same)])).toHaveLength(1);
    expect(alikeSites([site('a', before), site('b', swapped())])).toHaveLength(2);
  });

  it('fit into the message of a commit, however many ways there are', () => {
    const one = sitesMessage([site('a')], wholes);
    expect(one.body).toContain('Policy-Digest: abab');
    const reviews = Array.from({ length: 30 }, (_, index) => {
      const review = sampleReview();
      return site(`sites/number-${index}`, {
        ...review,
        targets: review.targets.map((target) => ({ ...target, id: `${target.id}${index}` })),
      });
    });
    const { subject, body } = sitesMessage(reviews, wholes);
    expect(subject.length).toBeLessThanOrEqual(72);
    expect(subject).toContain('30 sites change in 30 ways');
    const lines = body.split('\n');
    expect(lines.length).toBeLessThan(60);
    expect(body).toMatch(/\d+ more groups of sites: REVIEW\.md of each site has everything/);
    expect(lines.at(-2)).toMatch(/^Policy-Digest: [0-9a-f]{64}$/);
  });

  it('are one review in Markdown: a table, then each kind of change whole', () => {
    const text = writeSitesMarkdown(alikeSites([...'abcdef'].map((name) => site(name))), {
      total: 9,
      problems: [{ name: 'x', outcome: 'refused', message: 'new-space: too much\nof it' }],
    });
    expect(text).toMatch(/^# Azure allowlist: 6 of 9 sites change, all alike\n/);
    expect(text).toContain('`a, b, c and 3 more (6 sites)`');
    expect(text).toContain('All 6 sites');
    expect(text).toContain('`x`: refused: `new-space: too much of it`');
    expect(text.match(/^# /gm)).toHaveLength(1);
  });
});
