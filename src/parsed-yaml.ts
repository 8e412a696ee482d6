import { readFile } from 'node:fs/promises';
import { sha256 } from './sha256.ts';

/** Where `npm run build` puts what it has parsed; beside the sources there is none. */
const FOLDER = new URL('./parsed/', import.meta.url);

/** The name of the file that holds what a text of YAML was parsed to. */
export function parsedName(text: string): string {
  return `${sha256(text)}.json`;
}

/**
 * The value of a text of YAML that comes with the product, parsed when it was built. Undefined for any other text, one that
 * was edited since among them.
 */
export async function parsedAtBuild(text: string): Promise<unknown> {
  const json = await readFile(new URL(parsedName(text), FOLDER), 'utf8').catch(() => undefined);
  return json === undefined ? undefined : JSON.parse(json);
}

/** The value of a text of YAML, parsed now where the build has not. @throws YAMLParseError */
export async function parseYaml(text: string): Promise<unknown> {
  return (await parsedAtBuild(text)) ?? (await import('yaml')).parse(text);
}
