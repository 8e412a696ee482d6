import { describe, expect, it } from 'vitest';
import { cutBody } from '../../src/forge/body.ts';
import { noticeOf, proposalOf } from '../../src/forge/wording.ts';
import { diffPolicies } from '../../src/policy/diff.ts';
import type { Review } from '../../src/review/review.ts';
import { tellReview } from '../../src/review/told.ts';
import { sampleReview } from '../review/sample.ts';
import { policyOf, tag } from '../review/weeks.ts';

const branches = { source: 'azure-allowlist/update', target: 'main' };
const config = { reviewers: ['ada'], labels: ['network'], autoMerge: true };
const cloud = (...prefixes: string[]) => policyOf({ r: [tag('A', '', ...prefixes)] }, { name: 'r' });

const changeOf = (...reviews: Review[]) => ({
  reviews: reviews.map(tellReview),
  title: 'a title',
  body: 'text',
});

describe('the pull request of a review', () => {
  it('is a draft with its label where a guard was accepted, and never merges by itself', () => {
    expect(proposalOf(changeOf(sampleReview()), branches, config)).toMatchObject({
      labels: ['look', 'accepted-guard', 'network'],
      draft: true,
      autoMerge: false,
      reviewers: ['ada'],
      body: 'text',
    });
  });

  it('merges by itself only where that is configured and the verdict is routine', () => {
    const routine = sampleReview({
      guards: [],
      acceptances: [],
      context: {},
      drift: [],
      targets: sampleReview().targets.filter(({ id }) => id === 'iptables'),
      diff: diffPolicies(cloud('198.18.0.0/16'), cloud('198.18.0.0/16', '192.0.2.0/24')),
    });
    expect(proposalOf(changeOf(routine), branches, config)).toMatchObject({
      labels: ['routine', 'network'],
      draft: false,
      autoMerge: true,
    });
    expect(proposalOf(changeOf(routine), branches, { ...config, autoMerge: false }).autoMerge).toBe(false);
    const look = sampleReview({ guards: [], acceptances: [] });
    // One of several reviews that asks for a look is enough.
    expect(proposalOf(changeOf(routine, look), branches, config)).toMatchObject({
      labels: ['look', 'network'],
      autoMerge: false,
    });
    expect(proposalOf(changeOf(look), branches, config)).toMatchObject({
      labels: ['look', 'network'],
      draft: false,
      autoMerge: false,
    });
  });
});

describe('the issue of a refused week', () => {
  it('says what was refused, and the command that accepts it', () => {
    const { title, body, label } = noticeOf({
      guards: [
        { guard: 'tag-shrink', message: 'AzureCloud loses 40 %\n# not a heading' },
        { guard: 'feed-shrink', message: 'the feed loses 30 %' },
        { guard: 'tag-shrink', message: 'Storage loses 20 %' },
      ],
      arguments: ['-c', "site one/it's.yaml"],
      label: undefined,
    });
    expect(title).toBe('Azure allowlist: refused by tag-shrink, feed-shrink');
    expect(label).toBe('azure-allowlist-refused');
    expect(body).toContain('    # not a heading\n');
    expect(body).toContain('the feed loses 30 %');
    expect(body).toContain(
      "azure-allowlist run -c 'site one/it'\\''s.yaml' --accept tag-shrink,feed-shrink\n",
    );
  });
});

describe('a body that is too long', () => {
  const review = [
    '# Review\n\nfirst\n\n',
    '## Fold\n\n<details><summary>many</summary>\n\n## inside\n\n</details>\n\n',
    '## Code\n\n```text\n# inside\n```\n\n',
    '## Last\n\nwords\n',
  ].join('');

  it('is cut before a heading for every limit, and never inside a fold or a fence', () => {
    for (let limit = 230; limit < review.length + 200; limit++) {
      const body = cutBody(review, limit);
      expect(body.length).toBeLessThanOrEqual(limit);
      if (body === review) continue;
      const kept = body.slice(0, body.indexOf('… and '));
      expect(review.startsWith(kept.trimEnd())).toBe(true);
      expect((kept.match(/<details>/g) ?? []).length).toBe((kept.match(/<\/details>/g) ?? []).length);
      expect((kept.match(/```/g) ?? []).length % 2).toBe(0);
    }
    const padded = `${review}\n${'## More\n\nwords and words\n\n'.repeat(20)}`;
    expect(cutBody(padded, 500)).toMatch(
      /… and \d+ more sections: REVIEW\.md in this change has everything\.\n$/,
    );
  });

  it('is cut at a paragraph where the first section alone is too long', () => {
    const body = cutBody(`${'one two\n\n'.repeat(200)}`, 600);
    expect(body).toMatch(/one two\n\n… and more: REVIEW\.md/);
    expect(body.length).toBeLessThanOrEqual(600);
    expect(cutBody('x'.repeat(1000), 600).length).toBeLessThanOrEqual(600);
  });
});
