import Handlebars from 'handlebars';
import { AllowlistError, ConfigurationError } from '../problem.ts';
import type { Manifest } from './manifest.ts';
import type { View } from './view.ts';

/** The text of a target's templates, by the name the manifest gives them. */
export type TemplateTexts = ReadonlyMap<string, string>;

/** One rendered file; `path` is relative to the target's folder. */
export interface RuleFile {
  readonly path: string;
  readonly text: string;
}

type Helper = (this: unknown, value: unknown, options: Handlebars.HelperOptions) => string;

/**
 * Handlebars' own block helpers render nothing for a missing value: a misspelt list would become an
 * empty rule file. These accept exactly one type each and throw for anything else.
 */
const HELPERS: Readonly<Record<string, Helper>> = {
  each(value, options) {
    if (!Array.isArray(value)) throw new HelperError('{{#each}} needs an array', options);
    return value
      .map((item, index) =>
        options.fn(item, {
          data: { ...options.data, index, first: index === 0, last: index === value.length - 1 },
          blockParams: [strictly(item), index],
        }),
      )
      .join('');
  },
  if(value, options) {
    return truth('if', value, options) ? options.fn(this) : options.inverse(this);
  },
  unless(value, options) {
    return truth('unless', value, options) ? options.inverse(this) : options.fn(this);
  },
  with(value, options) {
    if (typeof value !== 'object' || value === null)
      throw new HelperError('{{#with}} needs an object', options);
    return options.fn(value, { data: options.data, blockParams: [strictly(value)] });
  },
};

/**
 * A value as a block parameter: Handlebars looks fields up in one without being strict, and a misspelt field would be an
 * empty place in a rule file.
 */
function strictly(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  return new Proxy(value, {
    get: (target, key, receiver) => {
      if (typeof key === 'string' && !(key in target)) throw new MissingField(key);
      return strictly(Reflect.get(target, key, receiver));
    },
  });
}

/** A field that the value of a block parameter does not have. */
class MissingField extends TypeError {
  readonly field: string;

  constructor(field: string) {
    super(`there is no ${JSON.stringify(field)} here`);
    this.field = field;
  }
}

function truth(helper: string, value: unknown, options: Handlebars.HelperOptions): boolean {
  if (typeof value === 'boolean') return value;
  if (Array.isArray(value)) return value.length > 0;
  throw new HelperError(`{{#${helper}}} needs true, false or an array`, options);
}

/** Carries the line as Handlebars' own exceptions do. */
class HelperError extends TypeError {
  readonly lineNumber: number | undefined;

  constructor(message: string, options: Handlebars.HelperOptions) {
    super(message);
    // `loc` is set at run time but missing in the type declarations.
    this.lineNumber = (options as { loc?: { start: { line: number } } }).loc?.start.line;
  }
}

const ENGINE = Handlebars.create();
for (const name of Object.keys(ENGINE.helpers)) ENGINE.unregisterHelper(name);
ENGINE.registerHelper(HELPERS);

/** Templates by their texts: a run of many sites renders the same ones again and again. */
const COMPILED = new Map<string, Handlebars.TemplateDelegate<unknown>>();

/** How many compiled templates are kept. */
const MOST_COMPILED = 500;

function compiled(text: string): Handlebars.TemplateDelegate<unknown> {
  const known = COMPILED.get(text);
  if (known !== undefined) return known;
  const template = ENGINE.compile<unknown>(text, {
    strict: true,
    noEscape: true,
    knownHelpersOnly: true,
    knownHelpers: { each: true, if: true, unless: true, with: true, lookup: false, log: false },
    explicitPartialContext: true,
  });
  if (COMPILED.size >= MOST_COMPILED) COMPILED.clear();
  COMPILED.set(text, template);
  return template;
}

/**
 * Renders every file that the manifest lists.
 * @param where the folder of the target, for messages
 * @throws ConfigurationError naming template and line, for anything a template asks for that is not there
 */
export function render(manifest: Manifest, templates: TemplateTexts, view: View, where: string): RuleFile[] {
  const compile = (text: string, name: string) => {
    const template = compiled(text);
    return (context: unknown, data: Record<string, unknown> = {}) => {
      try {
        return template(context, { data });
      } catch (error) {
        throw templateError(error, `${where}/${name}`, text);
      }
    };
  };
  const files = manifest.files.flatMap((file): RuleFile[] => {
    const text = templates.get(file.template);
    if (text === undefined)
      throw new ConfigurationError(
        `${where}/manifest.yaml names a template that does not exist: ${file.template}`,
      );
    const body = compile(text, file.template);
    const produce = (path: string, context: unknown) =>
      finish(path, body(context, { root: view }), file.encoding, `${where}/${file.template}`);
    if (file.each === undefined) return [produce(file.path, view)];
    const items: unknown = (view as unknown as Record<string, unknown>)[file.each];
    if (!Array.isArray(items))
      throw new ConfigurationError(
        `${where}/manifest.yaml: files.each: the view has no list ${JSON.stringify(file.each)}`,
      );
    const path = compile(file.path, 'manifest.yaml');
    return items.map((item: unknown) => produce(path(item), item));
  });
  const paths = new Set<string>();
  for (const { path } of files) {
    if (paths.has(path)) throw new ConfigurationError(`${where}/manifest.yaml: two files are named ${path}`);
    paths.add(path);
  }
  return files;
}

/** One final newline (none in an empty file), LF only, and ASCII where the program needs it. */
function finish(path: string, rendered: string, encoding: 'ascii' | 'utf-8', where: string): RuleFile {
  const text = rendered.replace(/\n*$/, '\n').replace(/^\n$/, '');
  if (text.includes('\r')) throw new ConfigurationError(`${where}: a carriage return in ${path}`);
  const foreign = (encoding === 'ascii' ? /(?![\n\t])[\p{Cc}\P{ASCII}]/u : /(?![\n\t])\p{Cc}/u).exec(text);
  if (foreign !== null) {
    const line = text.slice(0, foreign.index).split('\n').length;
    throw new AllowlistError(
      `${path}:${line} would hold ${JSON.stringify(foreign[0])}, which ${encoding === 'ascii' ? 'is not ASCII' : 'is a control character'} (template ${where})`,
    );
  }
  return { path, text };
}

/** The first line that looks a field up: the run time does not tell where it was. */
function lineOfField(text: string, field: string): number | undefined {
  const index = text
    .split('\n')
    .findIndex((line) => line.includes(`.${field}`) || line.includes(`.[${field}]`));
  return index < 0 ? undefined : index + 1;
}

function templateError(error: unknown, where: string, text: string): ConfigurationError {
  const message = error instanceof Error ? error.message : String(error);
  const line =
    error instanceof MissingField
      ? lineOfField(text, error.field)
      : (error as { lineNumber?: number }).lineNumber;
  const place = line === undefined ? where : `${where}:${line}`;
  const source = line === undefined ? undefined : text.split('\n')[line - 1]?.trim();
  return new ConfigurationError(`${place}: ${message}${source === undefined ? '' : `, in ${source}`}`, [], {
    cause: error,
  });
}
