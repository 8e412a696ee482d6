import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundlePage } from '../../scripts/bundle-page.js';
import { baselineOf } from '../../src/committed/baseline.ts';
import { filesReader, type OutputTree, readOutputTree } from '../../src/committed/output-tree.ts';
import { loadConfig } from '../../src/config/load.ts';
import { loadFeed } from '../../src/feed/load.ts';
import { loadTargets } from '../../src/job.ts';
import { planRun } from '../../src/pipeline.ts';
import { policyOfTags } from '../../src/policy/diff/snapshots.ts';
import { loadTables } from '../../src/products.ts';
import { feedWeek, reviewFeeds } from '../../src/review/feeds.ts';
import { HistoryRecorder } from '../../src/review/history/history.ts';
import { writeHistoryHtml } from '../../src/review/history/html.ts';
import { writeHtml } from '../../src/review/html/write-html.ts';
import type { Review } from '../../src/review/review.ts';
import { HOSTILE, hostileReview } from '../review/hostile.ts';
import { sampleReview } from '../review/sample.ts';
import { realWeek } from '../review/weeks.ts';
import { feedFile, feedsAvailable } from '../support/feeds.ts';
import { findProgram, lacks } from '../support/programs.ts';

/** For a person to look at. */
const SCREENSHOTS = fileURLToPath(new URL('../../out/review-page/', import.meta.url));
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** A browser that talks to nobody. */
const FLAGS = [
  '--headless=new',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** What a network team gets: names, addresses, four targets, and the week before. */
async function connectorReview(): Promise<Review> {
  const config = await loadConfig(fileURLToPath(new URL('../../data/replay/public.yaml', import.meta.url)));
  const request = {
    config,
    tables: (await loadTables(config)).tables,
    targets: await loadTargets(config),
    accept: [],
  };
  const plan = async (date: string, baseline?: OutputTree) =>
    planRun({
      ...request,
      feed: await loadFeed({
        cloud: 'public',
        override: feedFile(date),
        environment: {},
        today: '2025-07-21',
        report: () => undefined,
      }),
      baseline: await baselineOf(baseline),
      today: '2025-07-21',
    });
  const before = await readOutputTree(filesReader('before', (await plan('20250714')).files));
  return (await plan('20250721', before)).review;
}

type Options = Parameters<Browser['newContext']>[0];

describe.skipIf(lacks('chromium'))('the review page in Chromium', () => {
  let browser: Browser;
  let directory: string;
  let assets: Awaited<ReturnType<typeof bundlePage>>;
  const contexts: BrowserContext[] = [];

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'review-page-'));
    mkdirSync(SCREENSHOTS, { recursive: true });
    assets = await bundlePage();
    browser = await chromium.launch({ executablePath: findProgram('chromium')!, args: FLAGS });
  });
  afterAll(async () => {
    for (const context of contexts) await context.close();
    await browser.close();
    rmSync(directory, { recursive: true });
  });

  function write(review: Review, name: string): string {
    const path = join(directory, `${name}.html`);
    writeFileSync(path, writeHtml(review, assets));
    return pathToFileURL(path).href;
  }

  /** Opens a page; what it complains of and what it asks for is collected. */
  async function open(url: string, options: Options = {}) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
    contexts.push(context);
    const page = await context.newPage();
    const complaints: string[] = [];
    const requests: string[] = [];
    page.on('console', (message) => complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('request', (request) => requests.push(request.url()));
    await page.goto(url);
    return { page, complaints, requests };
  }

  /** What axe-core finds that keeps people from reading the page. */
  async function seriousFindings(page: Page): Promise<string[]> {
    await page.evaluate(AXE);
    const { violations, passes } = await page.evaluate<{
      violations: { id: string; impact: string; nodes: { html: string; failureSummary: string }[] }[];
      passes: unknown[];
    }>('axe.run(document, { resultTypes: ["violations", "passes"] })');
    expect(passes.length).toBeGreaterThan(15);
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html} ${node.failureSummary}`));
  }

  /** From the top: the bar at the top sticks to where the page was scrolled to. */
  async function shoot(page: Page, name: string): Promise<void> {
    await page.evaluate('scrollTo({ top: 0, behavior: "instant" })');
    await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), fullPage: true });
  }

  const rows = (page: Page) => page.locator('#table tbody tr');
  const firstCells = (page: Page) => page.locator('#table tbody tr td:first-child code').allTextContents();

  it('searches, filters and sorts the changes', async () => {
    const { page, complaints, requests } = await open(write(sampleReview(), 'sample'));
    expect(await rows(page).count()).toBe(11);
    await page.fill('#search', 'storage');
    expect(await firstCells(page)).toEqual(['192.0.2.0/26', '192.0.2.0/24']);
    expect(await page.textContent('#count')).toBe('2 of 2 matching changes (11 in all)');
    await page.fill('#search', '192.0.2.200');
    expect(await firstCells(page)).toEqual(['192.0.2.0/24', '192.0.2.128/25']);
    await page.fill('#search', '2001:db8::/32');
    expect(await firstCells(page)).toEqual(['2001:db8:8000::/48']);
    await page.fill('#search', 'nothing like it');
    expect(await page.textContent('#count')).toBe('No change matches.');
    await page.fill('#search', '');
    await page.selectOption('#sign', '-');
    expect(await rows(page).count()).toBe(5);
    await page.selectOption('#effect', 'no longer allowed');
    expect(await firstCells(page)).toEqual(['old.example.net:443', '203.0.113.64/26']);
    await page.selectOption('#sign', '');
    await page.selectOption('#effect', '');

    const size = page.getByRole('columnheader', { name: 'Addresses', exact: true });
    await size.getByRole('button').click();
    expect(await size.getAttribute('aria-sort')).toBe('ascending');
    const ascending = await page.locator('#table tbody tr td.right').allTextContents();
    expect(ascending).toEqual(['', '', '16', '64', '64', '128', '128', '128', '256', '256', '65,536 /64']);
    await size.getByRole('button').click();
    expect(await size.getAttribute('aria-sort')).toBe('descending');
    expect((await page.locator('#table tbody tr td.right').allTextContents())[0]).toBe('65,536 /64');
    expect(complaints).toEqual([]);
    expect(requests).toHaveLength(1);
  });

  it('folds, and shows the lines of a rule file when it is opened', async () => {
    const { page, complaints } = await open(write(sampleReview(), 'sample'));
    const file = page.locator('#file-list details').first();
    expect(await file.locator('tr').count()).toBe(0);
    await file.locator('summary').click();
    await file.locator('table').waitFor();
    expect(await file.locator('tr.added td.line').allTextContents()).toEqual(['add c', 'add d']);
    expect(await file.locator('tr.removed td.line').allTextContents()).toEqual(['add b']);
    await file.locator('summary').click();
    await file.locator('summary').click();
    expect(await file.locator('table').count()).toBe(1);
    expect(complaints).toEqual([]);
  });

  it('zooms the map and shows an address of it in the table', async () => {
    const { page, complaints } = await open(write(sampleReview(), 'sample'));
    await page.locator('#hilbert').getByRole('button', { name: '203.0.0.0/8' }).click();
    expect(await page.textContent('#map-here')).toContain('Shown: about a /8');
    await page.keyboard.press('+');
    expect(await page.textContent('#map-here')).toContain('Shown: about a /10');
    await page.keyboard.press('0');
    expect(await page.textContent('#map-here')).toContain('Shown: everything');
    const canvas = page.locator('#hilbert canvas');
    const pixels = () => canvas.evaluate((of: { toDataURL(): string }) => of.toDataURL());
    const whole = await pixels();
    await page.getByRole('button', { name: 'Zoom in' }).click();
    const near = await pixels();
    expect(near).not.toBe(whole);
    await canvas.focus();
    await page.keyboard.press('ArrowRight');
    expect(await pixels()).not.toBe(near);
    expect(complaints).toEqual([]);
  });

  it('works by keyboard alone', async () => {
    const { page } = await open(write(sampleReview(), 'sample'));
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('To the content');
    const reached = new Set<string>();
    for (let i = 0; i < 80; i++) {
      await page.keyboard.press('Tab');
      reached.add(await page.evaluate<string>('document.activeElement.id || document.activeElement.tagName'));
    }
    for (const place of ['search', 'sign', 'theme', 'CANVAS', 'SUMMARY']) expect(reached).toContain(place);
    await page.focus('#search');
    await page.keyboard.type('westeurope');
    expect(await rows(page).count()).toBe(2);
    const head = page.getByRole('columnheader', { name: 'Name or prefix' }).getByRole('button');
    await head.focus();
    await page.keyboard.press('Enter');
    expect(await firstCells(page)).toEqual(['192.0.2.0/24', '192.0.2.0/26']);
  });

  it('turns dark and light', async () => {
    const { page } = await open(write(sampleReview(), 'sample'), { colorScheme: 'light' });
    const background = () => page.evaluate<string>('getComputedStyle(document.body).backgroundColor');
    const light = await background();
    await page.click('#theme');
    expect(await background()).not.toBe(light);
    await page.click('#theme');
    expect(await background()).toBe(light);
  });

  it('runs nothing that comes from outside', async () => {
    for (const [index, text] of HOSTILE.entries()) {
      const { page, complaints, requests } = await open(write(hostileReview(text), `hostile-${index}`));
      expect(complaints).toEqual([]);
      expect(requests).toHaveLength(1);
      expect(await page.locator('main img, main script, main a[href^="http"]').count()).toBe(0);
      await page.context().close();
    }
  });

  it.each([
    ['light', { colorScheme: 'light' }],
    ['dark', { colorScheme: 'dark' }],
    ['phone', { colorScheme: 'light', viewport: { width: 390, height: 844 }, hasTouch: true }],
  ] as const)('has no serious finding of axe: %s', async (name, options) => {
    const { page } = await open(write(sampleReview(), 'sample'), options);
    for (const summary of await page.locator('summary').all()) await summary.click();
    expect(await seriousFindings(page)).toEqual([]);
    // Nothing is wider than the screen.
    expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0);
    await shoot(page, `sample-${name}`);
  });

  it.skipIf(!feedsAvailable).each([
    ['light', { colorScheme: 'light' }],
    ['dark', { colorScheme: 'dark' }],
    ['phone', { colorScheme: 'dark', viewport: { width: 390, height: 844 }, hasTouch: true }],
  ] as const)(
    'shows a real week of a connector without a serious finding of axe: %s',
    async (name, options) => {
      const { page, complaints, requests } = await open(write(await connectorReview(), 'connector'), options);
      for (const summary of await page.locator('#hosts summary, #targets summary').all())
        await summary.click();
      await page.locator('#file-list summary').first().click();
      expect(await seriousFindings(page)).toEqual([]);
      expect(complaints).toEqual([]);
      expect(requests).toHaveLength(1);
      expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0);
      await shoot(page, `connector-${name}`);
    },
  );

  it.skipIf(!feedsAvailable).each([
    ['light', { colorScheme: 'light' }],
    ['dark', { colorScheme: 'dark' }],
    ['phone', { colorScheme: 'light', viewport: { width: 390, height: 844 } }],
  ] as const)('shows a history without a serious finding of axe: %s', async (name, options) => {
    const recorder = new HistoryRecorder();
    for (const date of ['20220502', '20220509', '20220516', '20220523']) {
      const snapshot = realWeek(date);
      const week = feedWeek(snapshot, `ServiceTags_Public_${date}.json`);
      const policy = policyOfTags(snapshot, new Set(['AzureCloud', 'AzureDataLake', 'ServiceBus']));
      recorder.add({ id: week.name, date: week.fileDate!, week, policy, acceptances: [] });
    }
    const path = join(directory, 'history.html');
    writeFileSync(path, writeHistoryHtml(recorder.history(), assets));
    const { page, complaints, requests } = await open(pathToFileURL(path).href, options);
    expect(await seriousFindings(page)).toEqual([]);
    expect(complaints).toEqual([]);
    expect(requests).toHaveLength(1);
    expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0);
    await shoot(page, `history-${name}`);
  });

  it.skipIf(!feedsAvailable)('opens the largest week and filters it', async () => {
    const review = reviewFeeds(realWeek('20200824'), realWeek('20220502'), {
      before: 'ServiceTags_Public_20200824.json',
      after: 'ServiceTags_Public_20220502.json',
    });
    const url = write(review, 'largest');
    const times: { open: number; filter: number }[] = [];
    for (let run = 0; run < 3; run++) {
      const { page, complaints } = await open(url);
      const openTime = await page.evaluate<number>(
        'performance.getEntriesByType("navigation")[0].loadEventEnd',
      );
      expect(await page.textContent('#count')).toBe('200 of 30,358 changes');
      const filter = await page.evaluate<number>(`(() => {
        const start = performance.now();
        const search = document.getElementById('search');
        search.value = 'sql westeurope';
        search.dispatchEvent(new Event('input'));
        document.body.getBoundingClientRect();
        return performance.now() - start;
      })()`);
      expect(Number(/of ([\d,]+) matching/.exec((await page.textContent('#count'))!)![1])).toBeGreaterThan(
        10,
      );
      expect(complaints).toEqual([]);
      times.push({ open: openTime, filter });
      if (run === 0) {
        await page.fill('#search', '');
        await page.selectOption('#sign', '+');
        expect(await page.textContent('#count')).toContain('of 29,249 matching');
        await page.selectOption('#sign', '');
        for (const part of ['rules', 'where', 'map', 'changes'])
          await page.locator(`#${part}`).screenshot({ path: join(SCREENSHOTS, `largest-${part}.png`) });
      }
      await page.context().close();
    }
    const best = Math.min(...times.map((time) => time.open + time.filter));
    process.stdout.write(
      `largest week: opened and filtered in ${Math.round(best)} ms (${JSON.stringify(times)})\n`,
    );
  });
});
