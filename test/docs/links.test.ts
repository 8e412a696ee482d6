import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const NOT_OURS = new Set(['node_modules', 'dist', 'out', 'coverage', 'reports', '.git', '.stryker-tmp']);

/** Every Markdown file of the repository but the generated reviews under `test`, as paths from its root. */
function documents(folder = ROOT): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory())
      return NOT_OURS.has(entry.name) || path === join(ROOT, 'test') ? [] : documents(path);
    return entry.name.endsWith('.md') ? [relative(ROOT, path)] : [];
  });
}

/** Without code, in which brackets are no links. */
function prose(markdown: string): string {
  return markdown
    .replace(/^( *)(`{3,})[^\n]*\n[\s\S]*?^\1\2$/gm, '')
    .replace(/<!--[\s\S]*?-->/g, '')
    .replace(/(`+)[^`][\s\S]*?\1/g, 'code');
}

function links(markdown: string): string[] {
  const text = prose(markdown);
  return [
    ...[...text.matchAll(/\]\(\s*<?([^\s)>]+)>?(?:\s+"[^"]*")?\s*\)/g)].map(([, to]) => to!),
    ...[...text.matchAll(/^\[[^\]]+\]:\s*<?(\S+?)>?(?:\s|$)/gm)].map(([, to]) => to!),
  ];
}

/** The anchors of a document as a forge makes them from its headings. */
function anchors(markdown: string): ReadonlySet<string> {
  const headings = markdown
    .replace(/^( *)(`{3,})[^\n]*\n[\s\S]*?^\1\2$/gm, '')
    .matchAll(/^#{1,6} +(.*?) *#*$/gm);
  const seen = new Map<string, number>();
  const slugs = [...headings].map(([, heading]) => {
    const slug = heading!
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\p{Pc} -]/gu, '')
      .replaceAll(' ', '-');
    const before = seen.get(slug) ?? 0;
    seen.set(slug, before + 1);
    return before === 0 ? slug : `${slug}-${before}`;
  });
  return new Set([...slugs, ...[...markdown.matchAll(/\bid="([^"]+)"/g)].map(([, id]) => id!)]);
}

const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');

/** Links of a document that lead nowhere: to a file that is not there, or to a heading that is not in it. */
function broken(path: string, markdown: string): string[] {
  return links(markdown).filter((link) => {
    if (/^[a-z]+:/i.test(link)) return false;
    const [file = '', anchor] = link.split('#');
    const to = file === '' ? path : join(dirname(path), decodeURI(file));
    if (to.startsWith('..') || !existsSync(join(ROOT, to))) return true;
    if (anchor === undefined || statSync(join(ROOT, to)).isDirectory() || !to.endsWith('.md')) return false;
    return !anchors(to === path ? markdown : read(to)).has(anchor);
  });
}

it.each(documents())('every link in %s leads somewhere', (path) => {
  expect(broken(path, read(path))).toEqual([]);
});

it('notices links that lead nowhere', () => {
  const text = '# A `b` c\n\n[a](#a-b-c) [b](#b) [c](gone.md) [d](docs/guards.md#no-such) `[e](f)`\n';
  expect(broken('README.md', text)).toEqual(['#b', 'gone.md', 'docs/guards.md#no-such']);
});

it('lists every document of docs/ in docs/README.md, which README.md links', () => {
  const listed = links(read('docs/README.md'));
  const files = readdirSync(join(ROOT, 'docs')).filter(
    (name) => name.endsWith('.md') && name !== 'README.md',
  );
  expect(files.filter((name) => !listed.includes(name))).toEqual([]);
  expect(links(read('README.md'))).toContain('docs/README.md');
});
