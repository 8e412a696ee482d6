import { ConfigurationError } from '../problem.ts';
import type { Manifest } from './manifest.ts';
import { type RuleFile, render, type TemplateTexts } from './render.ts';
import type { View } from './view.ts';

/**
 * What a device may still hold of earlier files, for formats that only add. Each line that a published file ever said
 * and the present one does not is taken back by every file from then on, so that a device that missed weeks, or takes
 * one twice, ends with what the present file says and nothing else of ours.
 */

/** One line of a file, and the line of the block in which it stands; empty for a line of its own, or of a block. */
export interface Statement {
  readonly block: string;
  readonly line: string;
}

/** What a file says, and what it takes back, in order. */
export interface Statements {
  readonly said: readonly Statement[];
  readonly undone: readonly Statement[];
}

type Undo = NonNullable<Manifest['undo']>;

/** Cuts a text into its statements; comments (`!`, `#`) are none. */
export function statementsIn(text: string, { word, instead }: Undo): Statements {
  const said: Statement[] = [];
  const undone: Statement[] = [];
  let block = '';
  for (const raw of text.split('\n')) {
    const line = raw.trim();
    if (line === '' || /^[!#]/.test(line)) continue;
    const isInside = raw.startsWith(' ');
    const isUndone = line.startsWith(`${word} `);
    const rest = line.slice(word.length + 1);
    const plain = !isUndone ? line : instead === undefined ? rest : `${instead} ${rest}`;
    (isUndone ? undone : said).push({ block: isInside ? block : '', line: plain });
    if (!isInside) block = line;
  }
  // A block that is only opened again to take lines back says nothing by itself.
  const opened = new Set(undone.map((one) => one.block));
  const filled = new Set(said.map((one) => one.block));
  return {
    said: said.filter((one) => one.block !== '' || !opened.has(one.line) || filled.has(one.line)),
    undone,
  };
}

/**
 * Renders the files, with the lines that take back what the published ones said and these do not, the last first: what
 * refers to something goes before it.
 * @param inForce the files that were published last, by path
 */
export function renderRetiring(
  manifest: Manifest,
  templates: TemplateTexts,
  view: View,
  where: string,
  inForce: ReadonlyMap<string, string>,
): RuleFile[] {
  const files = render(manifest, templates, view, where);
  const { undo } = manifest;
  if (undo === undefined) return files;
  const retired = files.flatMap(({ path, text }) => retiredLines(manifest, text, inForce.get(path) ?? ''));
  if (retired.length === 0) return files;
  const rendered = render(manifest, templates, { ...view, retiredLines: retired }, where);
  const written = new Set(rendered.flatMap(({ text }) => text.split('\n')));
  const missing = retired.filter((line) => !written.has(line));
  if (missing.length > 0)
    throw new ConfigurationError(
      `${where}: ${missing.length} of ${retired.length} lines that take back what earlier files said are not in the files, ${JSON.stringify(missing[0])} first: what they said would stay on the device; write {{#each retiredLines}}{{this}}{{/each}}, each on a line of its own, wherever the templates branch`,
    );
  return rendered;
}

function retiredLines(manifest: Manifest, text: string, before: string): string[] {
  const undo = manifest.undo!;
  const key = ({ block, line }: Statement) => `${block}\n${line}`;
  const now = new Set(statementsIn(text, undo).said.map(key));
  const { said, undone } = statementsIn(before, undo);
  const kindOf = kinds(manifest);
  // Where it is said first, not where its block is opened again.
  const firsts = new Map<string, Statement>();
  for (const one of said) if (!firsts.has(key(one))) firsts.set(key(one), one);
  const earlier = new Map<string, Statement>();
  for (const one of [...undone, ...[...firsts.values()].reverse()])
    if (!earlier.has(key(one))) earlier.set(key(one), one);
  const gone = [...earlier.values()]
    .filter((one) => !now.has(key(one)))
    .map((one) => ({ ...one, kind: kindOf(one) }))
    .filter(({ kind }) => kind !== undefined);
  // What is granted refers to the rest, and a line goes before its block.
  const inOrder = [
    ...gone.filter(({ kind }) => kind === 'grant'),
    ...gone.filter(({ kind, block }) => kind !== 'grant' && block !== ''),
    ...gone.filter(({ kind, block }) => kind !== 'grant' && block === ''),
  ];
  const lines: string[] = [];
  let open = '';
  for (const { block, line } of inOrder) {
    if (block === '') {
      const whole = undo.whole?.map((start) => new RegExp(`^(?:${start})`, 'u').exec(line)?.[0]);
      lines.push(takenBack(whole?.find((found) => found !== undefined) ?? line, undo));
    } else {
      // Of a block that goes too: a device that misses that week may see the block come back.
      if (open !== block) lines.push(block);
      lines.push(` ${takenBack(line, undo)}`);
    }
    open = block;
  }
  return undo.whole === undefined ? lines : [...new Set(lines)];
}

function takenBack(line: string, { word, instead }: Undo): string {
  return instead === undefined ? `${word} ${line}` : line.replace(`${instead} `, `${word} `);
}

/** What these files may have meant by a line; undefined for what they never say: the published text may be a hand's. */
function kinds({ undo, readBack }: Manifest): (one: Statement) => string | undefined {
  const patterns = [
    ...(undo?.whole ?? []).map((match) => ({ match, does: 'define' as const })),
    ...readBack.flatMap(({ lines }) => lines),
  ]
    .filter(({ does }) => does !== 'ignore' && does !== 'undo')
    .map(({ match, does }) => ({ pattern: new RegExp(`^(?:${match})$`, 'u'), does }));
  return ({ block, line }) => {
    const text = block === '' ? line : ` ${line}`;
    return patterns.find(({ pattern }) => pattern.test(text))?.does;
  };
}
