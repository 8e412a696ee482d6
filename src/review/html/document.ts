import { createHash } from 'node:crypto';
import type { PageAssets } from './assets.ts';
import { escapeHtml, jsonForScript } from './escape-html.ts';

/** A part of a page with a heading of its own and a link to it. */
export interface Section {
  readonly id: string;
  /** Words of our own. */
  readonly name: string;
  readonly html: string;
}

export interface Document {
  readonly title: string;
  /** What stands at the top, in HTML. */
  readonly hero: string;
  readonly heroClass: string;
  readonly sections: readonly Section[];
  /** What the script is given; a page without it has nothing to fill. */
  readonly data?: unknown;
  readonly withoutScripts?: string;
}

/**
 * A self-contained page: no request leaves it, and its policy lets no other script or style run than its own.
 */
export function writeDocument(
  { title, hero, heroClass, sections, data, withoutScripts }: Document,
  { script, style }: PageAssets,
): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src '${sourceHash(script)}'; style-src '${sourceHash(style)}'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
</head>
<body>
<a class="skip" href="#main">To the content</a>
<header>
<div class="bar"><span class="brand">azure-allowlist</span><nav aria-label="Sections">${sections
    .map(({ id, name }) => `<a href="#${id}">${name}</a>`)
    .join('')}</nav><button type="button" id="theme" aria-pressed="false">Dark</button></div>
</header>
<main id="main">
<section class="hero ${heroClass}" aria-labelledby="title">
<h1 id="title">${heading(title)}</h1>
${hero}
</section>
${sections.map(({ id, name, html }) => `<section id="${id}" aria-labelledby="${id}-title"><h2 id="${id}-title">${name}</h2>\n${html}\n</section>`).join('\n')}
</main>
${withoutScripts === undefined ? '' : `<noscript><p class="noscript">${escapeHtml(withoutScripts)}</p></noscript>`}
${data === undefined ? '' : `<script type="application/json" id="data">${jsonForScript(data)}</script>`}
<script>${script}</script>
</body>
</html>
`;
}

/** By what a Content-Security-Policy knows an inline script or style. */
function sourceHash(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}

/** A date does not break at its hyphens, however narrow the screen. */
function heading(title: string): string {
  return escapeHtml(title).replaceAll(/\d{4}-\d\d-\d\d/g, '<span class="date">$&</span>');
}
