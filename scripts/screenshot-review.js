// Makes docs/images/review.png: the HTML review of the two made-up weeks of data/sample, as Chromium shows it.
// `npm run build && node scripts/screenshot-review.js [CHROMIUM]`; the program is found on the PATH where none is named.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { crc32, deflateSync, inflateSync } from 'node:zlib';
import { chromium } from 'playwright-core';

const root = fileURLToPath(new URL('..', import.meta.url));
const image = join(root, 'docs/images/review.png');

/** So wide and so high is what the picture shows of the page. */
const VIEW = { width: 1000, height: 700 };

/** A README is read on slow lines too. */
const MOST_BYTES = 150_000;

const allowlist = (...args) =>
  execFileSync(process.execPath, [join(root, 'dist/program/main.js'), ...args], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });

/** The same picture, its pixels compressed as far as zlib goes. */
function packed(png) {
  const chunks = [];
  for (let at = 8; at < png.length; at += png.readUInt32BE(at) + 12)
    chunks.push({
      type: png.toString('latin1', at + 4, at + 8),
      data: png.subarray(at + 8, at + 8 + png.readUInt32BE(at)),
    });
  const pixels = chunks.filter(({ type }) => type === 'IDAT').map(({ data }) => data);
  const data = deflateSync(inflateSync(Buffer.concat(pixels)), { level: 9, memLevel: 9 });
  const kept = chunks.filter(({ type }) => type === 'IHDR' || type === 'IEND');
  const written = [kept[0], { type: 'IDAT', data }, kept[1]].map(({ type, data: content }) => {
    const body = Buffer.concat([Buffer.from(type, 'latin1'), content]);
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(content.length);
    sum.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, sum]);
  });
  return Buffer.concat([png.subarray(0, 8), ...written]);
}

const executablePath = process.argv[2] ?? execFileSync('which', ['chromium'], { encoding: 'utf8' }).trim();
const folder = mkdtempSync(join(tmpdir(), 'screenshot-'));
try {
  const trees = ['20260105', '20260112'].map((date, index) => {
    const tree = join(folder, `tree-${date}`);
    // The second week is compared with the first.
    if (index === 1) execFileSync('cp', ['-r', join(folder, 'tree-20260105'), tree]);
    const feed = `data/sample/ServiceTags_Public_${date}.json`;
    allowlist('run', '-c', 'data/sample/allowlist.yaml', '-o', tree, '--feed', feed);
    return tree;
  });
  const page = join(folder, 'review.html');
  writeFileSync(page, allowlist('diff', ...trees, '--format', 'html'));
  const browser = await chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-gpu', '--disable-lcd-text'],
  });
  try {
    const tab = await browser.newPage({ viewport: VIEW, colorScheme: 'light' });
    await tab.goto(pathToFileURL(page).href);
    await tab.evaluate(() => document.fonts.ready);
    const picture = packed(await tab.screenshot({ type: 'png' }));
    if (picture.length > MOST_BYTES)
      throw new Error(
        `the picture has ${picture.length} bytes, ${MOST_BYTES} at most: make the view smaller`,
      );
    mkdirSync(join(root, 'docs/images'), { recursive: true });
    writeFileSync(image, picture);
    console.log(`docs/images/review.png: ${VIEW.width} × ${VIEW.height}, ${picture.length} bytes`);
  } finally {
    await browser.close();
  }
} finally {
  rmSync(folder, { recursive: true });
}
