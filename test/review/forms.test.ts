import { readFileSync } from 'node:fs';
import { micromark } from 'micromark';
import { gfm, gfmHtml } from 'micromark-extension-gfm';
import pc from 'picocolors';
import { describe, expect, it } from 'vitest';
import { diffPolicies } from '../../src/policy/diff.ts';
import { reviewDocument, writeJson } from '../../src/review/json.ts';
import { reviewJsonSchema, reviewShape } from '../../src/review/json-shape.ts';
import { MARKDOWN_LIMIT, writeMarkdown } from '../../src/review/markdown.ts';
import type { Review } from '../../src/review/review.ts';
import { writeText } from '../../src/review/text.ts';
import { makePolicy } from '../support/policy.ts';
import { HOSTILE, hostileReview } from './hostile.ts';
import { sampleReview } from './sample.ts';
import { policyOf, tag } from './weeks.ts';

const plain = { width: 80, colors: pc.createColors(false) };
const NO_RULES = makePolicy();

/** As many tags as a bad year brings, in one rule. */
function hugeReview(rules: number, tags: number, perTag: number): Review {
  const parts = Array.from({ length: rules }, (_, rule) => ({ name: `rule-${rule}` }));
  const content = Object.fromEntries(
    parts.map(({ name }, rule) => [
      name,
      Array.from({ length: tags }, (_, index) =>
        tag(
          `Service${index}.Region`,
          'region',
          ...Array.from({ length: perTag }, (__, i) => {
            const block = (rule * tags + index) * perTag * 2 + i * 2;
            return `${1 + (block >> 16)}.${(block >> 8) & 255}.${block & 255}.0/24`;
          }),
        ),
      ),
    ]),
  );
  return sampleReview({ diff: diffPolicies(NO_RULES, policyOf(content, ...parts)) });
}

describe('the text form', () => {
  it('is as in the golden file', async () => {
    await expect(writeText(sampleReview(), plain)).toMatchFileSnapshot('../golden/review/sample.txt');
  });
  it.each([30, 60, 80, 140])('breaks every line that has a space before column %d', (width) => {
    // Headings and single words may be longer; everything that follows an indent could have been broken.
    for (const line of writeText(sampleReview(), { ...plain, width }).split('\n'))
      if (/^\s+\S+\s+\S+/.test(line))
        expect(line.length, line).toBeLessThanOrEqual(
          Math.max(width, line.trim().split(' ')[0]!.length + 12),
        );
  });
  it('shows a table where it fits, and a row in words where it does not', () => {
    const at = (width: number) => writeText(sampleReview(), { ...plain, width });
    expect(at(100)).toMatch(/^ {2}Service tag +Region +Prefixes as published +IPv4 addresses +IPv6$/m);
    const [, words] = /^ {2}Storage\.WestEurope\n((?: {4}.*\n)+)/m.exec(at(60))!;
    expect(words!.replaceAll(/\s+/g, ' ').trim()).toBe(
      'Region: westeurope; Prefixes as published: +1 −1; IPv4 addresses: −192; IPv6: ±0',
    );
  });
  it('colours gains cyan and losses red, no widening green, and without colours has no escape', () => {
    const text = writeText(sampleReview(), { ...plain, colors: pc.createColors(true) });
    expect(text).toContain('\u001b[36mnew.example.org:443');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are control characters
    expect(text.match(/\u001b\[32m[^\u001b]*/g) ?? []).not.toContainEqual(
      expect.stringMatching(/\+|Routine/),
    );
    expect(text).toContain('\u001b[31mold.example.net:443');
    expect(writeText(sampleReview(), plain)).not.toContain('\u001b');
  });
  it('counts what it does not show', () => {
    const text = writeText(hugeReview(1, 50, 2), { ...plain, shown: 5 });
    expect(text).toContain('… and 45 more tags');
    expect(text).toContain('… and 95 more prefixes');
  });
  it.each(HOSTILE)('lets nothing from outside drive the terminal: %j', (text) => {
    expect(writeText(hostileReview(text), plain).replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  });
});

describe('the Markdown form', () => {
  it('is as in the golden file', async () => {
    await expect(writeMarkdown(sampleReview())).toMatchFileSnapshot('../golden/review/sample.md');
  });
  it.each([
    [1, 1500, 6],
    [40, 60, 3],
    [400, 1, 1],
    [1000, 1, 1],
  ])(
    'stays under the limit with %d rules of %d tags and counts what it leaves out',
    (rules, tags, perTag) => {
      const text = writeMarkdown(hugeReview(rules, tags, perTag));
      expect(text.length).toBeLessThanOrEqual(MARKDOWN_LIMIT);
      expect(text.length).toBeGreaterThan(MARKDOWN_LIMIT / 20);
      expect(text).toMatch(/… and [\d,]+ more/);
      expect(text.match(/<details>/g)?.length).toBe(text.match(/<\/details>/g)?.length);
      const cells = [...text.matchAll(/^\| `Service/gm)].length;
      const cut = [...text.matchAll(/^\| … and ([\d,]+) more tags?/gm)].reduce(
        (sum, [, count]) => sum + Number(count!.replace(',', '')),
        0,
      );
      const shownRules = [...text.matchAll(/^## Rule /gm)].length;
      expect(cells + cut).toBe(shownRules * tags);
      const missing = /and ([\d,]+) more sections?/.exec(text);
      // The sections that are missing beside rules are "Targets" and "Required hosts".
      expect(shownRules + (missing === null ? 0 : Number(missing[1]!.replace(',', '')) - 2)).toBe(rules);
    },
  );
  it.each(HOSTILE)('shows what comes from outside as itself: %j', (text) => {
    const html = rendered(hostileReview(text));
    expect(skeleton(html)).toEqual(skeleton(rendered(hostileReview('harmless'))));
    // GitHub looks for these in the text between the elements, code excepted.
    const bare = html.replace(/<code[\s\S]*?<\/code>/g, '').split(/<[^>]*>/);
    for (const piece of bare) expect(piece).not.toMatch(/@\w|#\d|:\w+:|www\.|https?:/);
  });
});

/** As GitHub renders it, before its own clean-up. */
function rendered(review: Review): string {
  return micromark(writeMarkdown(review), {
    extensions: [gfm()],
    htmlExtensions: [gfmHtml()],
    allowDangerousHtml: true,
  });
}

/** The elements without what is in them. */
function skeleton(html: string): string[] {
  return [...html.replaceAll('<!-- -->', '').matchAll(/<[^>]*>/g)].map(([element]) => element);
}

describe('the JSON form', () => {
  it('is as in the golden file', async () => {
    await expect(writeJson(sampleReview())).toMatchFileSnapshot('../golden/review/sample.json');
  });
  it('keeps its shape', () => {
    for (const review of [sampleReview(), hugeReview(3, 5, 2), hostileReview(HOSTILE[0]!)])
      expect(reviewShape.parse(JSON.parse(writeJson(review)))).toEqual(reviewDocument(review));
  });
  it('has the published schema', () => {
    const stored = JSON.parse(
      readFileSync(new URL('../../schema/review.schema.json', import.meta.url), 'utf8'),
    );
    expect(stored).toEqual(JSON.parse(JSON.stringify(reviewJsonSchema())));
  });
});
