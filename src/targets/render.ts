import { AllowlistError, ConfigurationError } from '../problem.ts';
import type { Manifest } from './manifest.ts';
import { compiledTemplate } from './template-engine.ts';
import { MissingField } from './template-helpers.ts';
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
  const compile = (text: string, name: string) => {
    const template = compiledTemplate(text);
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
