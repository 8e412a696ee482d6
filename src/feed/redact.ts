/** Query parameters whose values may be shown; all others may be signatures, keys or tokens. */
const HARMLESS = new Set(['id', 'api-version', 'format', 'version', 'serviceareas', 'noipv6', 'allversions']);

const HIDDEN = '…';

/** What in a path is no name of a folder or file: `/sig=…/`, `;token=…`, also with an encoded equals sign. */
const SECRET_IN_PATH =
  /((?:^|[/;,&?]|%3f|%26)(?:sig|signature|token|access[_-]?token|api[_-]?key|key|secret|password|pass|code|sas)(?:=|%3d))[^/;,&]*/gi;

/** A part of a path that may be a token: from so many characters on, and of those of base64url, hex and the like. */
const TOKEN = /^[A-Za-z0-9_~+/=-]{32,}$/;

/** The identifiers in the paths of Microsoft's download center and of its tenants, which are no secrets. */
const GUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** What goes before the commit of a repository in a path. */
const BEFORE_A_COMMIT = new Set(['blob', 'commit', 'commits', 'raw', 'tree']);

/** Bits of chance and names of files look alike but for how often letters, capitals and digits take turns. */
function isRandom(text: string): boolean {
  if (!TOKEN.test(text) || GUID.test(text)) return false;
  const turns = (kinds: string) => [...kinds.matchAll(/(.)(?=(.))/g)].filter(([, a, b]) => a !== b).length;
  // Within words only: what stands between them says nothing.
  const sum = (kindsOf: (word: string) => string) =>
    text
      .split(/[^A-Za-z0-9]+/)
      .map((word) => turns(kindsOf(word)))
      .reduce((total, count) => total + count, 0);
  const digits = sum((word) => word.replace(/[A-Za-z]/g, 'a').replace(/\d/g, '0'));
  const all = sum((word) => word.replace(/[a-z]/g, 'a').replace(/[A-Z]/g, 'A').replace(/\d/g, '0'));
  return digits * 8 >= Math.max(40, text.length) || (digits > 0 && all * 2 >= text.length * 0.9);
}

/** A path without the parts that look like tokens: those of links that are secret as a whole. */
function withoutTokens(path: string): string {
  if (!/[\w~+=%-]{32}/.test(path)) return path;
  return path
    .split('/')
    .map((segment, index, segments) =>
      BEFORE_A_COMMIT.has(segments[index - 1] ?? '')
        ? segment
        : segment
            .split('.')
            .map((part) => (isRandom(decode(part)) ? HIDDEN : part))
            .join('.'),
    )
    .join('/');
}

/**
 * The URL as it may stand in messages and in the lock: no user, no password, no query values but harmless ones, no
 * `sig=…` or `token=…` in the path, and nothing in it that looks like a token by itself.
 */
export function publicUrl(url: string | URL): string {
  const text = String(url);
  // `user:password@host` is a URL of the protocol `user:`, which has no host.
  if (!URL.canParse(text) || /^[^/\s:]+:(?!\/\/)[^/\s]*@/.test(text))
    return withoutTokens(
      text
        .replace(/[?#].*$/s, '')
        .replace(/\/\/[^/]*@/, `//${HIDDEN}@`)
        .replace(/^[^/\s]*:[^/\s]*@/, `${HIDDEN}@`)
        .replace(SECRET_IN_PATH, `$1${HIDDEN}`),
    );
  const shown = new URL(text);
  shown.username = '';
  shown.password = '';
  shown.hash = '';
  const query = [...shown.searchParams].map(
    ([key, value]) => `${key}=${HARMLESS.has(key.toLowerCase()) ? encodeURIComponent(value) : HIDDEN}`,
  );
  shown.search = '';
  const path = withoutTokens(shown.pathname.replace(SECRET_IN_PATH, `$1${HIDDEN}`));
  const href = shown.href.slice(0, shown.href.length - shown.pathname.length) + path;
  return query.length === 0 ? href : `${href}?${query.join('&')}`;
}

/** Anything in a text that looks like a URL with a user, a query or a secret in its path. */
const URLS = /\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s"'`<>\\]*/gi;

/**
 * A user and a password behind a slash where no URL is: `htps:/user:password@host`, `//…`. A single backslash begins an
 * escape in JSON, which has to stay whole; two stand for one that was typed.
 */
const MISTYPED = /(?<=\/|\\\\)[^\s"'`<>\\/@:]+:[^\s"'`<>\\/]*@/g;

/** The same at the beginning of a word: a URL that lacks its protocol. Braces are of style sheets: `a:hover{…}@media`. */
const WITHOUT_PROTOCOL = /(?<=^|[\s"'`(=])(?!mailto:)[^\s"'`<>\\/@:={}]+:[^\s"'`<>\\/{}]+@(?=[\w.[-])/gim;

/**
 * The text with every URL in it as it may be shown. Messages come from many places, of libraries too: this is what all of them
 * go through on their way out.
 */
export function withPublicUrls(text: string): string {
  const shown = text.includes('://') ? withPublicUrlsIn(text) : text;
  return shown.includes('@')
    ? shown.replace(MISTYPED, `${HIDDEN}@`).replace(WITHOUT_PROTOCOL, `${HIDDEN}@`)
    : shown;
}

function withPublicUrlsIn(text: string): string {
  return text.replace(URLS, (found) => {
    // A full stop or bracket after it belongs to the sentence.
    const [, url = found, tail = ''] = /^(.*?)([).,;:\]}…]*)$/s.exec(found) ?? [];
    const isPlain = !/[@?]|%3d|=|[\w~+%-]{32}/i.test(url);
    return isPlain || publicUrl(url) === url ? found : `${publicUrl(url)}${tail}`;
  });
}

/** The text without any of the secrets, in whatever spelling a URL may give them. */
export function redact(text: string, secrets: Iterable<string>): string {
  let result = text;
  for (const secret of secrets) {
    if (secret === '') continue;
    for (const spelling of new Set([secret, encodeURIComponent(secret)]))
      result = result.replaceAll(spelling, HIDDEN);
  }
  return result;
}

/** What of a URL must never be shown: its password and the values of its query that may be secrets. */
export function secretsOf(url: URL): string[] {
  const secrets: string[] = [];
  if (url.password !== '') secrets.push(url.password, decode(url.password));
  if (url.password !== '' && url.username !== '')
    secrets.push(Buffer.from(`${decode(url.username)}:${decode(url.password)}`).toString('base64'));
  for (const [key, value] of url.searchParams) if (!HARMLESS.has(key.toLowerCase())) secrets.push(value);
  return secrets;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
