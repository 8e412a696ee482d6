import { ConfigurationError, FeedError } from '../problem.ts';
import type { HttpClient } from './http-client.ts';
import { parseJson, quote } from './json-text.ts';
import { publicUrl } from './redact.ts';
import type { Cloud } from './snapshot.ts';
import { API_DEFAULTS, type ApiSource } from './source-config.ts';

/** Azure Resource Manager of each cloud (https://learn.microsoft.com/en-us/azure/azure-government/compare-azure-government-global-azure and the like). */
const RESOURCE_MANAGERS: Readonly<Record<Cloud, string | undefined>> = {
  public: 'https://management.azure.com',
  usgov: 'https://management.usgovcloudapi.net',
  china: 'https://management.chinacloudapi.cn',
  germany: undefined,
};

/** Real answers have a handful of pages. */
const MOST_PAGES = 200;

/** How the API's answer differs from the weekly file; said with each run that uses it. */
export const API_DIFFERENCES =
  'the Service Tag Discovery API is often behind the weekly file and a subset of it: it names only the tags that the subscription and the API version know';

/**
 * The address of the first page.
 * @throws ConfigurationError for an endpoint that would send the token in the clear, or none for the cloud
 */
export function apiUrl(source: ApiSource, cloud: Cloud): URL {
  const refuse = (field: string, what: string): never => {
    throw new ConfigurationError('the API source cannot be used', [{ where: `feed.source.${field}`, what }]);
  };
  const endpoint = source.endpoint ?? RESOURCE_MANAGERS[cloud];
  if (endpoint === undefined) return refuse('kind', `the cloud ${cloud} has no such API`);
  if (!/^[0-9a-f-]{36}$/i.test(source.subscription))
    refuse('subscription', `${quote(source.subscription)} is not a subscription id (a GUID)`);
  const location = source.location ?? API_DEFAULTS.location;
  if (!/^[a-z0-9]+$/i.test(location)) refuse('location', `${quote(location)} is not an Azure location`);
  const version = source.apiVersion ?? API_DEFAULTS.apiVersion;
  if (!/^\d{4}-\d{2}-\d{2}(-preview)?$/.test(version))
    refuse('apiVersion', `${quote(version)} is not a version`);
  if (!URL.canParse(endpoint)) return refuse('endpoint', 'is not a URL');
  const base = new URL(endpoint);
  if (base.protocol !== 'https:' && !(base.protocol === 'http:' && isLoopback(base.hostname)))
    refuse('endpoint', 'is not https: the token would be sent in the clear');
  return new URL(
    `/subscriptions/${source.subscription}/providers/Microsoft.Network/locations/${location}/serviceTags?api-version=${version}`,
    base,
  );
}

/**
 * Gets all pages and joins them into one document in the API's form.
 * @throws FeedError if the pages do not belong together; HttpFailure
 */
export async function getServiceTagPages(
  client: HttpClient,
  first: URL,
  bearerToken: string,
): Promise<string> {
  const seen = new Set<string>();
  let joined: Record<string, unknown> | undefined;
  const values: unknown[] = [];
  let next: URL | undefined = first;
  while (next !== undefined) {
    const where = `${publicUrl(first)}, page ${seen.size + 1}`;
    const refuse = (what: string): never => {
      throw new FeedError('the feed is not usable', [{ where, what }]);
    };
    if (seen.has(next.href)) refuse('nextLink leads back to an earlier page');
    if (seen.size >= MOST_PAGES) refuse(`there are more than ${MOST_PAGES} pages`);
    seen.add(next.href);
    const { body } = await client.get(next.href, { accept: 'application/json', bearerToken });
    const page = parseJson(new TextDecoder().decode(body), where);
    if (typeof page !== 'object' || page === null || Array.isArray(page))
      return refuse('the page is not an object');
    const { values: more, nextLink, ...rest } = page as Readonly<Record<string, unknown>>;
    if (!Array.isArray(more)) return refuse('values is not a list');
    if (joined === undefined) joined = rest;
    for (const field of ['changeNumber', 'cloud'])
      if (joined[field] !== rest[field])
        refuse(`${field} differs from the first page's: the feed changed meanwhile`);
    for (const value of more) values.push(value);
    next = nextPage(nextLink, first, refuse);
  }
  return JSON.stringify({ ...joined, values });
}

function nextPage(nextLink: unknown, first: URL, refuse: (what: string) => never): URL | undefined {
  if (nextLink === undefined || nextLink === null || nextLink === '') return undefined;
  if (typeof nextLink !== 'string' || !URL.canParse(nextLink, first.href))
    return refuse('nextLink is not a URL');
  const next = new URL(nextLink, first);
  if (next.origin !== first.origin)
    refuse(`nextLink leads to another host, ${next.host}; the token is not sent there`);
  return next;
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(host);
}
