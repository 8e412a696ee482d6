import { FeedError } from '../problem.ts';

/** What came is no JSON document at all: cut off, a web page, garbage. Another way to the file may give it. */
export class NotJsonError extends FeedError {}

/** How deep objects and lists may lie in each other; a weekly file has five levels. */
const MOST_LEVELS = 64;

/** How many keys a document may have in all; a weekly file has some 33,000. */
const MOST_KEYS = 1_000_000;

/**
 * Decodes published bytes: UTF-8, with or without a byte order mark, or UTF-16 with one, as PowerShell saves what a command
 * prints.
 * @throws NotJsonError for other bytes
 */
export function decodeText(content: string | Uint8Array, where: string): string {
  if (typeof content === 'string') return content.startsWith('\ufeff') ? content.slice(1) : content;
  const [first, second] = content;
  const encoding =
    first === 0xff && second === 0xfe ? 'UTF-16LE' : first === 0xfe && second === 0xff ? 'UTF-16BE' : 'UTF-8';
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(content);
  } catch (cause) {
    throw new NotJsonError(
      'the feed is not usable',
      [{ where, what: `the content is not ${encoding} text` }],
      {
        cause,
      },
    );
  }
}

/**
 * Parses JSON text and refuses what JSON.parse lets pass: a key that occurs twice in one object, where
 * the first value would vanish without a word.
 * @throws NotJsonError
 */
export function parseJson(text: string, where: string): unknown {
  const refuse = (what: string, at = where, options?: ErrorOptions): never => {
    throw new NotJsonError('the feed is not usable', [{ where: at, what }], options);
  };
  const start = text.slice(0, 400).trimStart();
  if (start === '' && text.trim() === '') refuse('the content is empty');
  if (start.startsWith('<')) refuse('an HTML or XML page came in place of JSON');
  // Before JSON.parse, which would build millions of nested lists.
  const found = walk(text);
  if (typeof found === 'string') refuse(found);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    refuse(`the content is not JSON, or only a part of it: ${reasonOf(cause, text)}`, where, { cause });
  }
  if (typeof found === 'object')
    refuse(`the key ${quote(found.key)} occurs twice in one object`, `${where}: ${found.path}`);
  return value;
}

/** A JSON string literal of at most 80 characters of the text. */
export function quote(text: string): string {
  return text.length > 80 ? `${JSON.stringify(text.slice(0, 79))}…` : JSON.stringify(text);
}

/** The place as a line and a column where V8 tells a position, else V8's own words, made printable. */
function reasonOf(error: unknown, text: string): string {
  const message = error instanceof Error ? error.message : String(error);
  if (message.startsWith('Unexpected end')) return `it ends after ${text.length} characters, too early`;
  const position = /position (\d+)/.exec(message)?.[1];
  if (position === undefined)
    return JSON.stringify(message.slice(0, 200)).slice(1, -1).replaceAll('\\"', '"');
  const before = text.slice(0, Number(position)).split('\n');
  return `${message.slice(0, message.indexOf(' in JSON'))} in line ${before.length}, column ${before.at(-1)!.length + 1}`;
}

interface Frame {
  /** Keys seen so far; undefined in an array. */
  readonly keys: Set<string> | undefined;
  /** The key or index that is being read. */
  at: string | number;
}

interface DuplicateKey {
  readonly key: string;
  readonly path: string;
}

/**
 * Looks for a key that occurs twice in one object. The text need not be JSON: what is found in other text means nothing.
 * @returns the key, or what is beyond the bounds
 */
function walk(text: string): DuplicateKey | string | undefined {
  let keys = 0;
  const stack: Frame[] = [];
  let expectsKey = false;
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case 0x7b: // {
        stack.push({ keys: new Set(), at: '' });
        if (stack.length > MOST_LEVELS) return `it is nested deeper than ${MOST_LEVELS} levels`;
        expectsKey = true;
        break;
      case 0x5b: // [
        stack.push({ keys: undefined, at: 0 });
        if (stack.length > MOST_LEVELS) return `it is nested deeper than ${MOST_LEVELS} levels`;
        expectsKey = false;
        break;
      case 0x7d: // }
      case 0x5d: // ]
        stack.pop();
        expectsKey = false;
        break;
      case 0x2c: {
        // ,
        const frame = stack.at(-1);
        if (frame === undefined) return undefined;
        if (typeof frame.at === 'number') frame.at++;
        else expectsKey = true;
        break;
      }
      case 0x22: {
        // "
        const end = endOfString(text, i);
        const frame = stack.at(-1);
        if (end === -1) return undefined;
        if (expectsKey && frame?.keys !== undefined) {
          const literal = text.slice(i + 1, end);
          const key = literal.includes('\\') ? unescaped(literal) : literal;
          if (frame.keys.has(key)) return { key, path: pathOf(stack.slice(0, -1)) };
          if (++keys > MOST_KEYS) return `it has more than ${MOST_KEYS} keys`;
          frame.keys.add(key);
          frame.at = key;
          expectsKey = false;
        }
        i = end;
      }
    }
  }
  return undefined;
}

/** The text of a string literal; what cannot be read is told by JSON.parse afterwards. */
function unescaped(literal: string): string {
  try {
    return JSON.parse(`"${literal}"`) as string;
  } catch {
    return literal;
  }
}

/** Where the string that begins there ends; -1 if it does not. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); ; end = text.indexOf('"', end + 1)) {
    if (end === -1) return -1;
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === 0x5c) backslashes++;
    if (backslashes % 2 === 0) return end;
  }
}

function pathOf(frames: readonly Frame[]): string {
  const steps = frames
    .slice(0, 12)
    .map(({ at }) => (typeof at === 'number' ? `[${at}]` : `.${at.slice(0, 80)}`));
  return `$${steps.join('')}${frames.length > 12 ? '…' : ''}`;
}
