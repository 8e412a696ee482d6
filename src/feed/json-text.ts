import { FeedError } from '../problem.ts';

/** What came is no JSON document at all: cut off, a web page, garbage. Another way to the file may give it. */
export class NotJsonError extends FeedError {}

/**
 * Decodes published bytes: UTF-8, with or without a byte order mark.
 * @throws NotJsonError for bytes that are not UTF-8
 */
export function decodeText(content: string | Uint8Array, where: string): string {
  if (typeof content === 'string') return content.startsWith('\ufeff') ? content.slice(1) : content;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(content);
  } catch (cause) {
    throw new NotJsonError('the feed is not usable', [{ where, what: 'the content is not UTF-8 text' }], {
      cause,
    });
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
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    refuse(`the content is not JSON, or only a part of it: ${reasonOf(cause, text)}`, where, { cause });
  }
  const duplicate = findDuplicateKey(text);
  if (duplicate !== undefined)
    refuse(`the key ${quote(duplicate.key)} occurs twice in one object`, `${where}: ${duplicate.path}`);
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

/** Walks text that JSON.parse has accepted; iterative, for nesting may be deep. */
function findDuplicateKey(text: string): { readonly key: string; readonly path: string } | undefined {
  const stack: Frame[] = [];
  let expectsKey = false;
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case 0x7b: // {
        stack.push({ keys: new Set(), at: '' });
        expectsKey = true;
        break;
      case 0x5b: // [
        stack.push({ keys: undefined, at: 0 });
        expectsKey = false;
        break;
      case 0x7d: // }
      case 0x5d: // ]
        stack.pop();
        expectsKey = false;
        break;
      case 0x2c: {
        // ,
        const frame = stack.at(-1)!;
        if (typeof frame.at === 'number') frame.at++;
        else expectsKey = true;
        break;
      }
      case 0x22: {
        // "
        const end = endOfString(text, i);
        if (expectsKey) {
          const frame = stack.at(-1)!;
          const key = JSON.parse(text.slice(i, end + 1)) as string;
          if (frame.keys!.has(key)) return { key, path: pathOf(stack.slice(0, -1)) };
          frame.keys!.add(key);
          frame.at = key;
          expectsKey = false;
        }
        i = end;
      }
    }
  }
  return undefined;
}

function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); ; end = text.indexOf('"', end + 1)) {
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
