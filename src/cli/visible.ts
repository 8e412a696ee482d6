/** The one kind of escape sequence that the product writes: colours. */
const COLOUR = new RegExp(`${String.fromCharCode(0x1b)}\\[\\d{1,3}(?:;\\d{1,3})*m`, 'gu');

/** Control characters but for line feeds and tabs, and what a terminal does not show: zero-width, bidirectional, separators. */
const INVISIBLE = /(?![\n\t])[\p{Cc}\p{Cf}\u2028\u2029]/gu;

/**
 * A text as it may reach a terminal: what could move the cursor, hide or reorder other text is written as `\u` and its number, which
 * in JSON is the same character. Feeds, file names, answers of servers and configurations end up in messages.
 * @param colours whether the product's own colours may stay
 */
export function visible(text: string, colours: boolean): string {
  if (!colours) return escaped(text);
  let result = '';
  let end = 0;
  for (const match of text.matchAll(COLOUR)) {
    result += escaped(text.slice(end, match.index)) + match[0];
    end = match.index + match[0].length;
  }
  return result + escaped(text.slice(end));
}

function escaped(text: string): string {
  return text.replace(INVISIBLE, (character) =>
    Array.from(
      { length: character.length },
      (_, index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`,
    ).join(''),
  );
}
