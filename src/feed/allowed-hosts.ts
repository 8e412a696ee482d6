/** Where Microsoft's pages, files and services live. */
export const MICROSOFT_HOSTS: readonly string[] = ['*.microsoft.com'];

/** Whether a URL's host is one of the patterns: a host, or `*.suffix` for everything below the suffix. */
export function isAllowedHost(url: URL, patterns: Iterable<string>): boolean {
  const host = url.hostname.toLowerCase();
  for (const pattern of patterns) {
    const wanted = pattern.toLowerCase();
    if (wanted.startsWith('*.') ? host.endsWith(wanted.slice(1)) : host === wanted) return true;
  }
  return false;
}
