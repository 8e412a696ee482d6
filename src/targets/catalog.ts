import { existsSync } from 'node:fs';
import { readdir, realpath } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LineCounter, parseDocument } from 'yaml';
import { parseYaml } from '../parsed-yaml.ts';
import { AllowlistError, ConfigurationError, type Problem } from '../problem.ts';
import { readRegularText } from '../regular-file.ts';
import { closest } from '../suggest.ts';
import { type Manifest, manifestSchema } from './manifest.ts';
import type { TemplateTexts } from './render.ts';
import { loadPrecompiled } from './template-engine.ts';
import type { Vendor } from './vendor.ts';

/** A vendor format as found on disk: the manifest, its templates, and the module it may bring. */
export interface Target {
  readonly manifest: Manifest;
  readonly templates: TemplateTexts;
  readonly vendor: Vendor;
  /** The folder, for messages. */
  readonly where: string;
}

const bundled = fileURLToPath(new URL('../../templates/', import.meta.url));

/** The ids of the targets that come with the product, sorted. */
export async function bundledTargets(): Promise<string[]> {
  const entries = await readdir(bundled, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}

const LOADED = new Map<string, Promise<Target>>();

/**
 * Loads a bundled target by id; once in a process.
 * @throws ConfigurationError for an unknown id, with suggestions
 */
export function loadTarget(id: string): Promise<Target> {
  const loaded = LOADED.get(id) ?? readBundled(id);
  LOADED.set(id, loaded);
  return loaded;
}

async function readBundled(id: string): Promise<Target> {
  const known = await bundledTargets();
  if (!known.includes(id)) {
    const near = closest(id, known);
    throw new ConfigurationError(
      `there is no target ${JSON.stringify(id)}${near.length > 0 ? `; did you mean ${near.join(', ')}?` : ''} Known: ${known.join(', ')}. A format of your own needs \`template: DIR\`.`,
    );
  }
  const target = await readFolder(join(bundled, id));
  await loadPrecompiled(id);
  if (target.manifest.id !== id)
    throw new AllowlistError(`templates/${id}/manifest.yaml: id is ${target.manifest.id}`);
  return { ...target, vendor: await loadVendor(id), where: `templates/${id}` };
}

/**
 * Loads a target from a folder of the user's: manifest and templates, no code.
 * @throws ConfigurationError listing every problem of the manifest
 */
export async function loadTargetFolder(directory: string): Promise<Target> {
  return readFolder(directory, ({ additive, undo, remembers, options }) => [
    ...(remembers
      ? [
          {
            where: 'remembers',
            what: 'does nothing without a module of the target, and a folder brings none',
            next: 'leave it out',
            path: ['remembers'],
          },
        ]
      : []),
    ...(additive && undo === undefined
      ? [
          {
            where: 'additive',
            what: 'nothing says how a line is taken back: what left would stay on the device',
            next: 'add `undo: { word: no }`, or `{ word: delete, instead: set }`',
            path: ['additive'],
          },
        ]
      : []),
    ...Object.entries(options).flatMap(([name, option]) =>
      option.capabilities === undefined
        ? []
        : [
            {
              where: `options.${name}.capabilities`,
              what: 'a grammar of lines reads files back by the `capabilities` of the manifest alone',
              next: 'make a folder for either',
              path: ['options', name, 'capabilities'],
            },
          ],
    ),
  ]);
}

interface ManifestProblem extends Problem {
  /** Where it stands in the manifest. */
  readonly path: readonly PropertyKey[];
}

/** @param judge finds what else is wrong in a manifest, where no module of the target stands beside it */
async function readFolder(
  directory: string,
  judge: (manifest: Manifest) => readonly ManifestProblem[] = () => [],
): Promise<Target> {
  const file = join(directory, 'manifest.yaml');
  const where = relative('.', directory) || '.';
  let text: string;
  let document: unknown;
  try {
    text = await readRegularText(file);
    document = await parseYaml(text);
  } catch (error) {
    throw new ConfigurationError(`cannot read ${file}: ${(error as Error).message}`, [], { cause: error });
  }
  const parsed = manifestSchema.safeParse(document);
  if (!parsed.success)
    throw new ConfigurationError(
      `${file} is not a valid manifest`,
      parsed.error.issues.map((issue): Problem => {
        const where = issue.path.join('.') || '(top level)';
        return { where: `${file}:${lineOf(text, issue.path)}: ${where}`, what: issue.message };
      }),
    );
  const problems = [...patternProblems(parsed.data), ...undoProblems(parsed.data), ...judge(parsed.data)];
  if (problems.length > 0)
    throw new ConfigurationError(
      `${file} is not a valid manifest`,
      problems.map((problem) => ({
        ...problem,
        where: `${file}:${lineOf(text, problem.path)}: ${problem.where}`,
      })),
    );
  const templates = new Map<string, string>();
  for (const { template } of parsed.data.files) {
    const path = join(directory, template);
    if (relative(directory, path).startsWith('..') || !existsSync(path))
      throw new ConfigurationError(`${file} names a template that does not exist in its folder: ${template}`);
    // A link would publish whatever the job can read.
    const [root, real] = [await realpath(directory), await realpath(path)];
    if (relative(root, real).startsWith('..'))
      throw new ConfigurationError(`${file}: the template ${template} is a link out of its folder`);
    templates.set(
      template,
      await readRegularText(path).catch((cause: Error) => {
        throw new ConfigurationError(`cannot read the template ${path}: ${cause.message}`, [], { cause });
      }),
    );
  }
  if (
    parsed.data.undo !== undefined &&
    ![...templates.values()].some((text) => text.includes('retiredLines'))
  )
    throw new ConfigurationError(
      `${file} says how lines are taken back, and no template writes them: add {{#each retiredLines}}{{this}}{{/each}}, each on a line of its own`,
    );
  return { manifest: parsed.data, templates, vendor: {}, where };
}

/** The line of a manifest on which a key, or the nearest one above it that is there, stands. */
function lineOf(text: string, path: readonly PropertyKey[]): number {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  for (let length = path.length; length > 0; length--) {
    const node = document.getIn(path.slice(0, length), true) as { range?: readonly number[] } | undefined;
    if (node?.range?.[0] !== undefined) return lines.linePos(node.range[0]).line;
  }
  return 1;
}

/** What a pattern of a line may capture, by what the line does. */
const CAPTURES: Readonly<Record<string, readonly string[]>> = {
  ignore: [],
  fixed: [],
  define: [],
  undo: [],
  group: ['group'],
  entry: ['group', 'prefix', 'address', 'length', 'netmask', 'first', 'last', 'host', 'suffix', 'domain'],
  service: ['service'],
  port: ['ports', 'firstPort', 'lastPort', 'protocol'],
  grant: ['group', 'ports', 'firstPort', 'lastPort', 'protocol', 'service'],
};

/** Patterns that are none, or that capture what nobody reads, and options that need one. */
function patternProblems(manifest: Manifest): ManifestProblem[] {
  const judge = (pattern: string, path: PropertyKey[], known: readonly string[] | undefined) => {
    const where = path.join('.');
    try {
      new RegExp(pattern, 'u');
    } catch (error) {
      return [{ where, what: (error as Error).message, path }];
    }
    const inAll = /^(defines|uses)([A-Z]\w*)?$/;
    const captured = [...pattern.matchAll(/\(\?<([A-Za-z_]\w*)>/g)].map(([, name]) => name!);
    return captured
      .filter(
        (name) =>
          known !== undefined && !known.includes(name) && !inAll.test(name) && !name.startsWith('same'),
      )
      .map((name) => ({
        where,
        what: `captures (?<${name}>), which nobody reads`,
        next: `known here: ${known!.join(', ') || 'none'}`,
        path,
      }));
  };
  return [
    ...manifest.readBack.flatMap(({ files, lines }, place) => [
      ...judge(files, ['readBack', place, 'files'], ['group', 'ports']),
      ...lines.flatMap(({ match, does }, index) =>
        judge(match, ['readBack', place, 'lines', index, 'match'], CAPTURES[does]),
      ),
    ]),
    ...Object.entries(manifest.options).flatMap(([name, { type, pattern, values }]) => {
      if (pattern !== undefined) return judge(pattern, ['options', name, 'pattern'], undefined);
      if (type !== 'string' || values !== undefined) return [];
      return [
        {
          where: `options.${name}`,
          what: 'takes any text, which the templates write as it is',
          next: 'give it a `pattern`, or `values`',
          path: ['options', name],
        },
      ];
    }),
  ];
}

/** How lines are taken back, said where nothing is asked for them. */
function undoProblems({ additive, undo }: Manifest): ManifestProblem[] {
  return undo === undefined || additive
    ? []
    : [
        {
          where: 'undo',
          what: 'does nothing without `additive: true`',
          next: 'add `additive: true`, or leave `undo` out',
          path: ['undo'],
        },
      ];
}

async function loadVendor(id: string): Promise<Vendor> {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const module = new URL(`./vendors/${id}.${extension}`, import.meta.url);
  if (!existsSync(module)) return {};
  const { vendor } = (await import(module.href)) as { vendor: Vendor };
  return vendor;
}
