import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const FOLDER = fileURLToPath(new URL('../scripts/', import.meta.url));

/** What the scripts take from the built product: `[script, module of src, names]`. */
const imports = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.js'))
  .flatMap((script) =>
    [
      ...readFileSync(`${FOLDER}${script}`, 'utf8').matchAll(
        /import \{([^}]+)\} from '\.\.\/dist\/([^']+)\.js'/g,
      ),
    ].map(([, names, module]): [string, string, string[]] => [
      script,
      module!,
      names!.split(',').flatMap((name) => name.trim().split(' as ')[0] || []),
    ]),
  );

it('sees what the scripts import', () => {
  expect(imports.length).toBeGreaterThan(30);
});

// Most of them are run by hand, after weeks in which what they import has moved.
it.each(imports)('%s finds what it imports from %s', async (_, module, names) => {
  const found = (await import(new URL(`../src/${module}.ts`, import.meta.url).href)) as Record<
    string,
    unknown
  >;
  expect(names.filter((name) => !(name in found))).toEqual([]);
});
