/** Query parameters whose values may be shown; all others may be signatures, keys or tokens. */
const HARMLESS = new Set(['id', 'api-version', 'format', 'version', 'serviceareas', 'noipv6', 'allversions']);

const HIDDEN = '…';

/** The URL as it may stand in messages and in the lock: no user, no password, no query values but harmless ones. */
export function publicUrl(url: string | URL): string {
  const text = String(url);
  if (!URL.canParse(text)) return text.replace(/\/\/[^/@]*@/, `//${HIDDEN}@`).replace(/[?#].*$/s, '');
  const shown = new URL(text);
  shown.username = '';
  shown.password = '';
  shown.hash = '';
  const query = [...shown.searchParams].map(
    ([key, value]) => `${key}=${HARMLESS.has(key.toLowerCase()) ? encodeURIComponent(value) : HIDDEN}`,
  );
  shown.search = '';
  return query.length === 0 ? shown.href : `${shown.href}?${query.join('&')}`;
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
