import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { bundlePage } from '../../scripts/bundle-page.js';
import { withPublicUrls } from '../../src/feed/redact.ts';
import { makePageData } from '../../src/review/html/make-page-data.ts';
import type { PageData } from '../../src/review/html/page-data.ts';
import { writeHtml } from '../../src/review/html/write-html.ts';
import { verdict } from '../../src/review/verdict.ts';
import { HOSTILE, hostileReview } from './hostile.ts';
import { sampleReview } from './sample.ts';

const assets = { script: 'let x = 1;', style: 'p{color:red}' };

/** The page without the data, which is compared on its own. */
function markup(html: string): string {
  return html.replace(/(<script type="application\/json" id="data">).*?(<\/script>)/s, '$1$2');
}

function dataOf(html: string): PageData {
  return JSON.parse(
    /<script type="application\/json" id="data">(.*?)<\/script>/s.exec(html)![1]!,
  ) as PageData;
}

describe('the HTML form', () => {
  it('lets its own script and style run, and nothing else', () => {
    const html = writeHtml(sampleReview(), assets);
    const policy = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(html)![1]!;
    const hash = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
    expect(policy.split('; ').sort()).toEqual(
      [
        "default-src 'none'",
        `script-src ${hash(assets.script)}`,
        `style-src ${hash(assets.style)}`,
        "base-uri 'none'",
        "form-action 'none'",
      ].sort(),
    );
  });

  it('refers to nothing outside the file', async () => {
    const html = writeHtml(sampleReview(), await bundlePage());
    expect(html).not.toMatch(/\s(src|on\w+|style)=/i);
    expect([...html.matchAll(/\shref="([^"]*)"/g)].map(([, href]) => href)).toSatisfy((links: string[]) =>
      links.every((href) => href.startsWith('#')),
    );
    expect(html).not.toMatch(/@import|url\(/);
  });

  it('leaves the command line as it was written: what hides secrets finds none in its style and script', async () => {
    const html = writeHtml(sampleReview(), await bundlePage());
    expect(withPublicUrls(html)).toBe(html);
  });

  it('says its verdict once', () => {
    const html = writeHtml(sampleReview(), assets);
    expect(verdict(sampleReview()).text).toMatch(/^Review required: /);
    expect(html).toContain('<span class="badge">Review required</span> ');
    expect(html).not.toContain('Review required: ');
  });

  it('has a target for every link', () => {
    const html = writeHtml(sampleReview(), assets);
    const ids = [...html.matchAll(/\sid="([^"]*)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const [, id] of html.matchAll(/\shref="#([^"]*)"/g)) expect(ids).toContain(id);
  });

  it.each(HOSTILE)('shows what comes from outside as itself: %j', (text) => {
    const elements = (html: string) =>
      [...markup(html).matchAll(/<[^>]*>/g)].map(([element]) => element.replace(/ data-label="[^"<>]*"/, ''));
    const html = writeHtml(hostileReview(text), assets);
    expect(elements(html)).toEqual(elements(writeHtml(hostileReview('harmless'), assets)));
    // The data is read back as it was, whatever it holds.
    expect(dataOf(html)).toEqual(JSON.parse(JSON.stringify(makePageData(hostileReview(text)))));
  });

  it('is the same for the same review', () => {
    expect(writeHtml(sampleReview(), assets)).toBe(writeHtml(sampleReview(), assets));
  });
});

describe('the data of the page', () => {
  const data = makePageData(sampleReview());

  it('has a row for every name and prefix that came or went, with what it means', () => {
    expect(
      data.rows.map(([group, sign, what, effect]) => [
        data.groups[group]!.source,
        sign,
        what,
        data.effects[effect],
      ]),
    ).toEqual([
      ['names', '+', 'new.example.org:443', 'newly allowed'],
      ['names', '-', 'old.example.net:443', 'no longer allowed'],
      ['Storage.WestEurope', '+', '192.0.2.0/26', 'was allowed already'],
      ['Storage.WestEurope', '-', '192.0.2.0/24', 'partly still allowed'],
      ['AzureCloud', '+', '192.0.2.128/25', 'was allowed already'],
      ['AzureCloud', '+', '198.51.100.0/24', 'was allowed already'],
      ['AzureCloud', '+', '2001:db8:8000::/48', 'newly allowed'],
      ['AzureCloud', '-', '198.51.100.0/25', 'still allowed'],
      ['AzureCloud', '-', '198.51.100.128/25', 'still allowed'],
      ['configured', '+', '203.0.113.0/28', 'newly allowed'],
      ['configured', '-', '203.0.113.64/26', 'no longer allowed'],
    ]);
  });

  it('has the ranges of the map', () => {
    const [a, b] = [0xc0_00_02_40, 0xc0_00_02_7f];
    expect(data.map.lost).toEqual([a, b, 0xcb_00_71_40, 0xcb_00_71_7f]);
    expect(data.map.gained).toEqual([0xcb_00_71_00, 0xcb_00_71_0f]);
  });

  it('unites the tags of a region', () => {
    expect(data.bars.regions).toContainEqual({
      label: 'westeurope',
      gained: { ipv4: 0, ipv6: 0 },
      lost: { ipv4: 192, ipv6: 0 },
    });
  });

  it('has the lines of changed files', () => {
    expect(data.files[0]).toEqual({
      path: 'iptables/v4.ipset',
      hunks: [
        [
          [' ', 1, 1, 'add a'],
          ['-', 2, 0, 'add b'],
          ['+', 0, 2, 'add c'],
          ['+', 0, 3, 'add d'],
        ],
      ],
      hidden: 0,
    });
  });

  it('counts the lines that a long file has beyond what the page holds', () => {
    const sample = sampleReview();
    const after = Array.from({ length: 9_000 }, (_, index) => `line ${index}\n`).join('');
    const target = sample.targets[0]!;
    const file = { ...target.files[0]!, before: '', after };
    const long = makePageData({
      ...sample,
      targets: [{ ...target, files: [{ ...file, presence: 'added' }] }],
    });
    const shown = long.files[0]!.hunks.flat().length;
    expect(shown + long.files[0]!.hidden).toBe(9_000);
    expect(long.files[0]!.hidden).toBeGreaterThan(0);
  });
});
