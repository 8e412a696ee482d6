import { AllowlistError, ConfigurationError } from '../problem.ts';
import type { Manifest } from './manifest.ts';
import { compiledTemplate } from './template-engine.ts';
import { MissingField, strictly, WHOLE_OBJECT } from './template-view.ts';
import type { View } from './view.ts';

/** The text of a target's templates, by the name the manifest gives them. */
export type TemplateTexts = ReadonlyMap<string, string>;

/** One rendered file; `path` is relative to the target's folder. */
export interface RuleFile {
  readonly path: string;
  readonly text: string;
}

/**
 * Renders every file that the manifest lists.
 * @param where the folder of the target, for messages
 * @throws ConfigurationError naming template and line, for anything a template asks for that is not there
 */
export function render(manifest: Manifest, templates: TemplateTexts, view: View, where: string): RuleFile[] {
  const root = strictly(view);
  const compile = (text: string, name: string) => {
    const named = <T>(work: () => T): T => {
      try {
        return work();
      } catch (error) {
        throw templateError(error, `${where}/${name}`, text);
      }
    };
    const template = named(() => compiledTemplate(text));
    return (context: unknown) => named(() => template(strictly(context), { data: { root } }));
  };
  const files = manifest.files.flatMap((file): RuleFile[] => {
    const text = templates.get(file.template);
    if (text === undefined)
      throw new ConfigurationError(
        `${where}/manifest.yaml names a template that does not exist: ${file.template}`,
      );
    const body = compile(text, file.template);
    const produce = (path: string, context: unknown) =>
      finish(path, body(context), file.encoding, `${where}/${file.template}`);
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
  const whole = text.indexOf(WHOLE_OBJECT);
  if (whole >= 0) {
    const line = text.slice(0, whole).split('\n').length;
    throw new ConfigurationError(
      `${path}:${line} would hold a whole object or list (template ${where}): write a field of it, or {{#each}}`,
    );
  }
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
  const lines = text.split('\n');
  const name = field.replaceAll(/[^\w]/g, '\\$&');
  // A field of something, and where there is none, whatever a tag names.
  for (const pattern of [`\\{\\{[^}]*[./]\\[?${name}\\b`, `\\{\\{[^}]*\\b${name}\\b`]) {
    const index = lines.findIndex((line) => new RegExp(pattern).test(line));
    if (index >= 0) return index + 1;
  }
  return undefined;
}

function templateError(error: unknown, where: string, text: string): ConfigurationError {
  const message = (error instanceof Error ? error.message : String(error)).replace(
    /^(".*") not defined in [\s\S]* - \d+:\d+$/,
    'there is no $1 here',
  );
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
