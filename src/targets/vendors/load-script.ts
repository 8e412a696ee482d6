import { ReadBackError } from '../read-back.ts';
import type { RuleFile, TemplateTexts } from '../render.ts';

const HEADER = /\{\{#each [^}]+\}\}\n# \{\{this\}\}\n\{\{\/each\}\}\n/;

/**
 * Holds a load script to its template. It runs as root: nothing but the comments at its head may differ.
 * @param values what stands for `{{name}}` in the template, as found in the target's other files
 * @throws ReadBackError naming the first line that is not the template's own
 */
export function expectLoadScript(
  file: RuleFile,
  templates: TemplateTexts,
  name: string,
  values: Readonly<Record<string, string>>,
): void {
  const template = templates.get(name);
  if (template === undefined) throw new ReadBackError(`${file.path}: there is no template ${name}`);
  const expected = template
    .replace(HEADER, '')
    .replace(/\{\{(?:@root\.)?([\w.]+)\}\}/g, (_, key: string) => values[key] ?? `{{${key}}}`)
    .split('\n');
  const lines = file.text.split('\n');
  // The comments at the head stand after the line that names the shell.
  const head = lines.slice(1).findIndex((line) => !line.startsWith('# '));
  const found = [lines[0], ...lines.slice(1 + head)];
  const first = expected.findIndex((line, index) => line !== found[index]);
  if (first === -1 && found.length === expected.length) return;
  const at = first === -1 ? expected.length : first;
  throw new ReadBackError(
    `${file.path}:${(at === 0 ? 0 : at + head) + 1}: not the load script of this target: expected ${JSON.stringify(expected[at] ?? 'the end')}, found ${JSON.stringify(found[at] ?? 'the end')}`,
  );
}
