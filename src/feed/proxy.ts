import { ConfigurationError } from '../problem.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The proxy for a URL by the usual variables, lower case before upper case: HTTPS_PROXY or HTTP_PROXY by
 * the URL's scheme, else ALL_PROXY, unless NO_PROXY exempts the host. Undefined means a direct connection.
 * @throws ConfigurationError for a proxy that is not an http(s) URL; its value is not told, for it may hold a password
 */
export function proxyFor(url: URL, environment: Environment): URL | undefined {
  const name = `${url.protocol.slice(0, -1)}_proxy`;
  const [variable, value] = firstSet(environment, [name, name.toUpperCase(), 'all_proxy', 'ALL_PROXY']);
  if (value === undefined || isExempt(url, firstSet(environment, ['no_proxy', 'NO_PROXY'])[1] ?? ''))
    return undefined;
  const text = /^[a-z][a-z0-9+.-]*:\/\//i.test(value) ? value : `http://${value}`;
  const proxy = URL.canParse(text) ? new URL(text) : undefined;
  if (
    proxy === undefined ||
    (proxy.protocol !== 'http:' && proxy.protocol !== 'https:') ||
    proxy.hostname === ''
  )
    throw new ConfigurationError('the proxy cannot be used', [
      { where: variable, what: 'is not an http:// or https:// URL', next: 'e.g. http://proxy.example:8080' },
    ]);
  return proxy;
}

/**
 * Whether NO_PROXY exempts the URL: `*`, a host, a suffix with or without a leading dot or `*.`, each with an
 * optional port; separated by commas or spaces.
 */
export function isExempt(url: URL, noProxy: string): boolean {
  const host = bare(url.hostname);
  const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port;
  return noProxy
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .some((entry) => {
      if (entry === '*') return true;
      const match = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(entry);
      const name = bare(match === null ? entry : match[1]!).replace(/^\*?\./, '');
      if (match?.[2] !== undefined && match[2] !== port) return false;
      return name !== '' && (host === name || host.endsWith(`.${name}`));
    });
}

function bare(host: string): string {
  return host
    .toLowerCase()
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '');
}

function firstSet(environment: Environment, names: readonly string[]): readonly [string, string | undefined] {
  for (const name of names) {
    const value = environment[name]?.trim();
    if (value !== undefined && value !== '') return [name, value];
  }
  return [names[0]!, undefined];
}
