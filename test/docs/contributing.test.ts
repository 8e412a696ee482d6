import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { ROOMS, roomImports, roomImportTables, upwardImports } from '../../scripts/room-imports.js';
import { replaceGenerated } from '../../src/targets/documentation.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');

/** Paths of the repository in code spans; those with a placeholder in capitals name what is to be made. */
function namedPaths(markdown: string): string[] {
  return [
    ...markdown.matchAll(
      /`((?:src|test|docs|scripts|templates|data|schema|bench|deploy|\.ci)\/[\w./-]*|[A-Z]+\.md|biome\.json)`/g,
    ),
  ].map(([, path]) => path!);
}

const isPlaceholder = (path: string) => path.split(/[/.]/).some((part) => part === 'ID' || part === 'NAME');

describe.each(['CONTRIBUTING.md', 'SECURITY.md', 'docs/architecture.md'])('%s', (document) => {
  it('names files that are there', () => {
    const paths = namedPaths(read(document)).filter((path) => !isPlaceholder(path));
    expect(paths.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
    if (document !== 'SECURITY.md') expect(paths.length).toBeGreaterThan(25);
  });

  it('names scripts of package.json', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const named = [...read(document).matchAll(/npm run (?:--silent )?([\w:-]+)/g)].map(([, name]) => name!);
    expect(named.filter((name) => !(name in scripts))).toEqual([]);
  });
});

it('the folder of what is to be made is there', () => {
  const made = namedPaths(read('CONTRIBUTING.md')).filter(isPlaceholder);
  const folders = made.map((path) => path.slice(0, path.search(/ID|NAME/)).replace(/\/[^/]*$/, ''));
  expect(folders.length).toBeGreaterThan(8);
  expect(folders.filter((folder) => !existsSync(join(ROOT, folder)))).toEqual([]);
});

describe('the rooms of src', () => {
  const imports = roomImports(join(ROOT, 'src'));

  it('import each other as docs/architecture.md says (npm run docs)', () => {
    const document = read('docs/architecture.md');
    expect(imports.length).toBeGreaterThan(90);
    expect(replaceGenerated(document, 'rooms', roomImportTables(imports))).toBe(document);
  });

  it('are each described there', () => {
    const document = read('docs/architecture.md');
    const missing = ROOMS.filter(
      (room) => !new RegExp(`^\\| (\`src/${room}\`|${room}) \\| \\w`, 'm').test(document),
    );
    expect(missing).toEqual([]);
  });

  // To be empty one day; until then no import may join.
  it('import no higher room, but for these', () => {
    expect(upwardImports(imports).flatMap(({ to, files }) => files.map((file) => `${file} → ${to}`))).toEqual(
      [
        'schema-problems.ts → feed',
        'feed/known-space.ts → policy',
        'feed/origins.ts → policy',
        'feed/origins.ts → config',
        'policy/m365-rules.ts → config',
        'policy/product-rules.ts → config',
        'policy/query.ts → config',
        'policy/regional-tags.ts → config',
        'policy/resolve.ts → config',
        'review/review.ts → committed',
        'review/sections/drift.ts → committed',
      ],
    );
  });
});

it('the forms for issues are forms', () => {
  const folder = join(ROOT, '.github/ISSUE_TEMPLATE');
  const forms = readdirSync(folder).filter((file) => file !== 'config.yml');
  expect(forms.length).toBeGreaterThan(2);
  for (const file of forms) {
    const { name, description, body } = parse(read(`.github/ISSUE_TEMPLATE/${file}`));
    const ids = body.flatMap(({ id }: { id?: string }) => id ?? []);
    expect([typeof name, typeof description, new Set(ids).size]).toEqual(['string', 'string', ids.length]);
  }
});
