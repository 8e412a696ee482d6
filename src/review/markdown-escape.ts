/** Longest piece of text from outside that a review repeats; what is cut is counted. */
const LONGEST = 400;

/**
 * Text as part of a line of Markdown that renders as itself: no markup, HTML, link, mention, reference or
 * emoji comes of it. GitHub looks for `@user`, `#12` and bare links in the rendered text as well: an empty
 * comment between the characters ends that.
 */
export function escapeMarkdown(text: string): string {
  return breakReferences(escapeHtml(oneLine(text).replace(/[\\`*_[\]|~$]/g, '\\$&')));
}

/** Text inside an HTML element of a Markdown file. */
export function escapeHtmlLine(text: string): string {
  return breakReferences(escapeHtml(oneLine(text)));
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function breakReferences(text: string): string {
  return text
    .replace(/[@#]/g, '$&<!-- -->')
    .replace(/\b(www)\.|\b(https?|ftp|mailto|xmpp):|:(?=[\w+-]+:)/gi, (match) =>
      match === ':' ? ':<!-- -->' : `${match.slice(0, -1)}<!-- -->${match.slice(-1)}`,
    );
}

/** Text as a code span; `inTable` also escapes what would end the cell. */
export function codeSpan(text: string, inTable: boolean): string {
  const content = oneLine(text);
  const longestRun = Math.max(0, ...[...content.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longestRun + 1);
  const padding = /^`|`$|^ .* $/.test(content) ? ' ' : '';
  const span = `${fence}${padding}${content === '' ? ' ' : content}${padding}${fence}`;
  return inTable ? span.replaceAll('|', '\\|') : span;
}

/** Text inside a fenced block: only its own lines and the fence could do harm. */
export function codeLine(text: string): string {
  return oneLine(text).replaceAll('`', "'");
}

function oneLine(text: string): string {
  const line = text
    .replace(/\s+/g, ' ')
    .replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`);
  if (line.length <= LONGEST) return line;
  return `${[...line].slice(0, LONGEST).join('')} … (${line.length} characters)`;
}
