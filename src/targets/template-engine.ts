import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import type Handlebars from 'handlebars';
import runtime from 'handlebars/runtime.js';
import { sha256 } from '../sha256.ts';
import { HELPERS } from './template-helpers.ts';
import { checkSyntax } from './template-syntax.ts';

type Template = Handlebars.TemplateDelegate<unknown>;

/** How templates are compiled: what is missing is an error, and no helper but ours is known. */
const OPTIONS = {
  strict: true,
  noEscape: true,
  knownHelpersOnly: true,
  knownHelpers: { each: true, if: true, unless: true, with: true, lookup: false, log: false },
  explicitPartialContext: true,
};

/** Where `npm run build` puts the compiled templates of each target; beside the sources there is none. */
const FOLDER = new URL('./compiled/', import.meta.url);

/** Templates by their texts: a run of many sites renders the same ones again and again. */
const COMPILED = new Map<string, Template>();

/** How many compiled templates are kept. */
const MOST_COMPILED = 500;

/** What the build has compiled of the targets that were loaded, by the SHA-256 of the template. */
const PRECOMPILED = new Map<string, TemplateSpecification>();

/** In words of Handlebars: an object with the function that a template was compiled to. */
type TemplateSpecification = Parameters<typeof Handlebars.template>[0];

/** Loads what the build has compiled of a bundled target. Of a template that was edited since it has nothing. */
export async function loadPrecompiled(target: string): Promise<void> {
  const file = new URL(`${target}.js`, FOLDER);
  if (!existsSync(file)) return;
  const { default: templates } = (await import(file.href)) as {
    readonly default: Readonly<Record<string, TemplateSpecification>>;
  };
  for (const [digest, specification] of Object.entries(templates)) PRECOMPILED.set(digest, specification);
}

/** A template as JavaScript, for the build. @throws Error with the line for what is no template */
export function precompile(text: string): string {
  return String(compiler().precompile(checked(text), OPTIONS));
}

/** The template of a text, compiled once. @throws Error with the line for what is no template */
export function compiledTemplate(text: string): Template {
  const known = COMPILED.get(text);
  if (known !== undefined) return known;
  const specification = PRECOMPILED.get(sha256(text));
  const template =
    specification === undefined
      ? compiler().compile<unknown>(checked(text), OPTIONS)
      : runtimeEngine().template<unknown>(specification);
  if (COMPILED.size >= MOST_COMPILED) COMPILED.clear();
  COMPILED.set(text, template);
  return template;
}

let engine: typeof Handlebars | undefined;
let full: typeof Handlebars | undefined;

/** What runs compiled templates. */
function runtimeEngine(): typeof Handlebars {
  engine ??= withOurHelpers(runtime.create());
  return engine;
}

/** What compiles templates, loaded for those of a user's own alone. */
function compiler(): typeof Handlebars {
  full ??= withOurHelpers(language().create());
  return full;
}

/** The package itself; what `create` makes of it has no visitor of parsed templates. */
function language(): typeof Handlebars {
  return createRequire(import.meta.url)('handlebars') as typeof Handlebars;
}

/** A template as Handlebars parses it, with nothing in it that the helpers would not see. */
function checked(text: string): hbs.AST.Program {
  const template = compiler().parse(text);
  checkSyntax(new (language().Visitor)(), template);
  return template;
}

function withOurHelpers(handlebars: typeof Handlebars): typeof Handlebars {
  for (const name of Object.keys(handlebars.helpers)) handlebars.unregisterHelper(name);
  handlebars.registerHelper(HELPERS);
  return handlebars;
}
