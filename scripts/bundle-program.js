// Bundles the command line into dist/program/: few files to read where tsc writes hundreds, and the packages that every
// command needs with them. `npm run build` runs it after tsc.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { parse } from 'yaml';
import { bundlePage } from './bundle-page.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Packages of the long-running commands: they load modules and workers of their own by path. */
export const EXTERNAL = ['cron', 'fastify', 'nodemailer', 'pino', 'prom-client'];

/** Modules that the program imports by a name that it makes up: one for each target that has code. */
const BY_NAME = { vendors: 'src/targets/vendors', devices: 'src/load/devices' };

/** Packages of which the program takes the default, and node finds no names in. */
const DEFAULT_ALONE = ['handlebars'];

/**
 * A package in CommonJS has its names in `import()` as node sees them; bundled, it would have its default alone.
 */
const namesOfPackages = {
  name: 'names-of-packages',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^[a-z@]/ }, ({ kind, path, namespace }) =>
      kind === 'dynamic-import' &&
      namespace === 'file' &&
      !path.startsWith('node:') &&
      !EXTERNAL.includes(path)
        ? { path, namespace: 'package' }
        : undefined,
    );
    onLoad({ filter: /./, namespace: 'package' }, async ({ path }) => {
      // As node itself finds it from here: `require` would find another module of some packages.
      const names = Object.keys(await import(path)).filter(
        (name) => name !== 'default' && /^[\w$]+$/.test(name),
      );
      if (names.length === 0 && !DEFAULT_ALONE.includes(path))
        throw new Error(`${path} exports nothing but its default to import()`);
      const from = JSON.stringify(path);
      return {
        contents: `export { ${names.join(', ')} } from ${from};\nexport { default } from ${from};\n`,
        resolveDir: ROOT,
      };
    });
  },
};

/**
 * The same code in fewer pieces: `yaml` as one ES module graph instead of 72 CommonJS modules, and Handlebars, where it is
 * bundled, without the package that maps sources, which it goes without where it is not there.
 */
const leanPackages = {
  name: 'lean-packages',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^yaml$/ }, () => ({
      path: join(ROOT, 'node_modules/yaml/browser/index.js'),
    }));
    onResolve({ filter: /^source-map$/ }, ({ path }) => ({ path, namespace: 'left-out' }));
    onLoad({ filter: /./, namespace: 'left-out' }, ({ path }) => ({
      contents: `throw new Error(${JSON.stringify(`${path} is left out`)});`,
    }));
  },
};

/** Writes what the tables and manifests hold as JSON, by the digests of their texts, where `parsedAtBuild` looks for it. */
function parseBundledYaml(folder, { parsedName }) {
  mkdirSync(folder);
  const tables = readdirSync(join(ROOT, 'data'), { recursive: true }).filter((file) =>
    file.endsWith('.yaml'),
  );
  const targets = readdirSync(join(ROOT, 'templates'));
  for (const file of [
    ...tables.map((table) => join('data', table)),
    ...targets.map((target) => join('templates', target, 'manifest.yaml')),
  ]) {
    const text = readFileSync(join(ROOT, file), 'utf8');
    writeFileSync(join(folder, parsedName(text)), JSON.stringify(parse(text)));
  }
}

/** Writes the templates of each target as JavaScript, by the digests of their texts, where `loadPrecompiled` looks for it. */
function compileTemplates(folder, { precompile, sha256 }) {
  mkdirSync(folder);
  for (const target of readdirSync(join(ROOT, 'templates'))) {
    const from = join(ROOT, 'templates', target);
    const { files } = parse(readFileSync(join(from, 'manifest.yaml'), 'utf8'));
    const texts = files.flatMap(({ template, each, path }) => [
      readFileSync(join(from, template), 'utf8'),
      ...(each === undefined ? [] : [path]),
    ]);
    const entries = [...new Set(texts)].map((text) => `'${sha256(text)}': ${precompile(text)}`);
    writeFileSync(join(folder, `${target}.js`), `export default {\n${entries.join(',\n')}\n};\n`);
  }
}

/**
 * Writes the bundle into `folder`/dist/program, with the script and the style of the HTML review. Same sources, same
 * bytes. Paths to `data`, `templates` and `package.json` lead two folders up from there, as they do from `src/*`.
 * @returns for each file of the bundle, the sources that are in it, relative to the repository
 */
export async function bundleProgram(folder) {
  const outdir = join(folder, 'dist/program');
  const modules = Object.entries(BY_NAME).flatMap(([name, path]) =>
    readdirSync(join(ROOT, path)).map((file) => [
      `${name}/${file.replace(/\.ts$/, '')}`,
      join(ROOT, path, file),
    ]),
  );
  // What an earlier build has left would be packed with it.
  rmSync(outdir, { recursive: true, force: true });
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: {
      main: 'src/cli/main.ts',
      'rehearse-dialer': 'src/rehearse/rehearse-dialer.ts',
      'rehearse-resolver': 'src/rehearse/rehearse-resolver.ts',
      'rehearse-asker': 'src/rehearse/rehearse-asker.ts',
      'site-worker': 'src/sites/site-worker.ts',
      'build-ahead': 'src/build-ahead.ts',
      ...Object.fromEntries(modules),
    },
    outdir,
    chunkNames: '[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    external: EXTERNAL,
    plugins: [namesOfPackages, leanPackages],
    // What packages in CommonJS ask node for.
    banner: {
      js: "import { createRequire as createRequireOfBundle } from 'node:module';\nconst require = createRequireOfBundle(import.meta.url);",
    },
    legalComments: 'none',
    charset: 'utf8',
    metafile: true,
    logLevel: 'warning',
  });
  const ahead = await import(pathToFileURL(join(outdir, 'build-ahead.js')).href);
  parseBundledYaml(join(outdir, 'parsed'), ahead);
  compileTemplates(join(outdir, 'compiled'), ahead);
  const { script, style } = await bundlePage();
  writeFileSync(join(outdir, 'page.js'), script);
  writeFileSync(join(outdir, 'page.css'), style);
  return new Map(
    Object.entries(metafile.outputs).map(([path, { inputs }]) => [
      join(ROOT, path),
      Object.entries(inputs).flatMap(([input, { bytesInOutput }]) => (bytesInOutput > 0 ? [input] : [])),
    ]),
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await bundleProgram(ROOT);
