import pc from 'picocolors';
import { describe, expect, it } from 'vitest';
import { widthOf } from '../../src/cli/io.ts';
import { writeBrief } from '../../src/review/brief.ts';
import { commitMessage } from '../../src/review/commit-message.ts';
import { writeHtml } from '../../src/review/html/write-html.ts';
import { reviewDocument } from '../../src/review/json.ts';
import { writeMarkdown } from '../../src/review/markdown.ts';
import type { Review } from '../../src/review/review.ts';
import { sentence } from '../../src/review/summary.ts';
import { HOSTILE, hostileReview } from './hostile.ts';
import { sampleReview } from './sample.ts';

const colors = pc.createColors(false);
const many: Review = sampleReview({
  guards: Array.from({ length: 80 }, (_, index) => ({
    guard: `guard-${index}`,
    outcome: 'noted' as const,
    message: 'a message that is long enough to need two lines of a narrow terminal, and says nothing else',
  })),
});

describe('the review on one screen', () => {
  it.each([0, 40, 80, 120])(
    'takes 40 lines at most of a terminal of %i columns, and cuts no line',
    (columns) => {
      const width = widthOf({ columns });
      for (const review of [sampleReview(), many, ...HOSTILE.map(hostileReview)]) {
        const lines = writeBrief(review, 'out/REVIEW.md', { width, colors }).trimEnd().split('\n');
        // Names that are longer than a narrow terminal take lines of their own.
        if (width >= 80 || review === many) expect(lines.length).toBeLessThanOrEqual(39);
        for (const target of review.targets.filter(({ id }) => /^[a-z]+$/.test(id)))
          expect(
            lines.some((line) => line.startsWith(`  ${target.id} `)),
            target.id,
          ).toBe(true);
      }
    },
  );

  it('cuts where it comes from before what asks for a look', () => {
    const guards = many.guards.slice(0, 3);
    const text = writeBrief({ ...many, guards }, 'out/REVIEW.md', { width: 100, colors });
    for (const { guard } of guards) expect(text).toContain(guard);
  });

  it('tells of guards that did not pass alone', () => {
    const text = writeBrief(sampleReview(), 'out/REVIEW.md', { width: 100, colors });
    expect(text).toContain('accepted tag-shrink');
    expect(text).not.toContain('feed-schema');
    expect(text).toContain('In out/REVIEW.md, or with --details');
  });
});

describe('the commit message', () => {
  it('has under 60 lines, no longer than git shows, and ends with trailers', () => {
    for (const review of [sampleReview(), many, ...HOSTILE.map(hostileReview)]) {
      const { subject, body } = commitMessage(review, 'd'.repeat(64));
      expect(subject.length).toBeLessThanOrEqual(72);
      expect(body.split('\n').length + 2).toBeLessThan(60);
      expect(body.trimEnd().split('\n').slice(-3)).toEqual([
        'Azure-File-Date: 2025-07-21',
        'Azure-Change-Number: 363',
        `Policy-Digest: ${'d'.repeat(64)}`,
      ]);
    }
  });

  it('tells acceptances and a line a target', () => {
    const { body } = commitMessage(sampleReview(), 'd');
    expect(body).toContain('tag-shrink: ticket 4711');
    expect(body).toContain('  gone no longer configured');
  });
});

describe('all forms', () => {
  it('tell the same figures of the same difference', () => {
    const review = sampleReview();
    const document = reviewDocument(review);
    expect(document.summary.sentence).toBe(sentence(review));
    expect(writeMarkdown(review)).toContain('iptables` +16 **−128** IPv4, +65,536 /64, +1 **−1** names');
    const page = writeHtml(review, { script: '', style: '' });
    expect(page).toContain(sentence(review));
    const plain = page.replace(/<[^>]*>/g, '');
    for (const { id, line } of document.targets) expect(plain).toContain(`${id} ${line}`);
    const iptables = document.targets.find(({ id }) => id === 'iptables')!;
    expect(iptables.line).toBe('+16 −128 IPv4, +65,536 /64, +1 −1 names (connector, ops, retired)');
    expect(document.effect.gained.flatMap(({ addresses }) => addresses.ipv4.prefixes)).toEqual([
      '203.0.113.0/28',
    ]);
  });
});
