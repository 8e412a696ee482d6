import { readFileSync, statSync } from 'node:fs';
import type { Agent as HttpAgent } from 'node:http';
import type { Agent as HttpsAgent } from 'node:https';
import { rootCertificates } from 'node:tls';
import { gunzipSync, inflateSync } from 'node:zlib';
import { counted, digits } from '../numbers.ts';
import { ConfigurationError } from '../problem.ts';
import { isAllowedHost } from './allowed-hosts.ts';
import { ForwardProxyAgent } from './forward-proxy-agent.ts';
import { HttpFailure, statusFailure, transportFailure } from './http-failure.ts';
import { type Environment, proxyFor } from './proxy.ts';
import { publicUrl, redact, secretsOf } from './redact.ts';
import { HTTP_DEFAULTS, type HttpConfig } from './source-config.ts';

/**
 * Names the tool and is compatible with what the download pages expect of a browser: they answer 403 to
 * clients without a User-Agent or with one of a library.
 */
export const USER_AGENT = 'Mozilla/5.0 (compatible; azure-allowlist)';

const MOST_REDIRECTS = 8;

/** A network that is only starting gets a few seconds; a machine without one is told so soon. */
const RETRIES_OFFLINE = 2;

export interface HttpClientOptions {
  readonly config: HttpConfig;
  /** Hosts, or `*.suffix`, that requests and redirects may go to. */
  readonly allowedHosts: readonly string[];
  readonly environment: Environment;
  /** Told about each retry and redirect, without secrets. */
  readonly report: (line: string) => void;
}

export interface HttpRequest {
  readonly accept?: string;
  /** Sent to the URL's own origin only, never along a redirect elsewhere. */
  readonly bearerToken?: string;
  /** Statuses after which the server must not be asked again soon, whatever Retry-After says. */
  readonly finalStatuses?: readonly number[];
  /** From an earlier answer: an unchanged document comes as `unchanged`. */
  readonly etag?: string | undefined;
  readonly lastModified?: string | undefined;
}

export interface HttpDocument {
  /** Where it came from after redirects, without secrets. */
  readonly url: string;
  /** Whether the document is the one that `etag` or `lastModified` named; then `body` is empty. */
  readonly unchanged: boolean;
  /** Uncompressed as far as Content-Encoding goes. */
  readonly body: Uint8Array;
  readonly etag: string | undefined;
  readonly lastModified: string | undefined;
}

export interface HttpClient {
  /** Gets one document. @throws HttpFailure */
  get(url: string, request?: HttpRequest): Promise<HttpDocument>;
  /** The largest document that is accepted, in bytes, uncompressed. */
  readonly maximumBytes: number;
}

/** One answer of a server. */
interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

/**
 * An HTTP client for networks with proxies, TLS inspection and flaky paths: every attempt, every document
 * and every wait is bounded in time and size.
 * @throws ConfigurationError for an unusable proxy or certificate authority
 */
export function createHttpClient(options: HttpClientOptions): HttpClient {
  const config = { ...HTTP_DEFAULTS, ...options.config };
  const maximumBytes = Math.floor(config.maximumMegabytes * 1024 * 1024);
  const certificates = trustedCertificates(config, options);

  /** Whether the last document failed because this machine has no network: the next ones do not wait for it again. */
  let offline = false;

  const get = async (text: string, request: HttpRequest = {}): Promise<HttpDocument> => {
    const secrets = URL.canParse(text) ? secretsOf(new URL(text)) : [];
    if (request.bearerToken !== undefined) secrets.push(request.bearerToken);
    const deadline = Date.now() + config.totalSeconds * 1000;
    for (let attempt = 0; ; attempt++) {
      try {
        const document = await follow(text, request, deadline);
        offline = false;
        return document;
      } catch (error) {
        if (error instanceof ConfigurationError) throw error;
        const failure = transportFailure(error);
        const final = failure.status !== undefined && request.finalStatuses?.includes(failure.status);
        const wait = final === true ? undefined : waitBefore(attempt, failure);
        if (wait === undefined || Date.now() + wait >= deadline) {
          offline = failure.offline;
          throw told(failure, secrets, attempt);
        }
        options.report(
          redact(`${publicUrl(text)}: ${failure.message}; trying again in ${wait / 1000} s`, secrets),
        );
        await new Promise((resolve) => setTimeout(resolve, wait));
      }
    }
  };

  /** Milliseconds; undefined to give up. */
  const waitBefore = (attempt: number, failure: HttpFailure): number | undefined => {
    const most = failure.offline ? Math.min(config.retries, offline ? 0 : RETRIES_OFFLINE) : config.retries;
    if (!failure.transient || attempt >= most) return undefined;
    const longest = config.longestWaitSeconds * 1000;
    if (failure.retryAfter !== undefined)
      return failure.retryAfter * 1000 > longest ? undefined : failure.retryAfter * 1000;
    const backoff = Math.min(longest, config.firstWaitSeconds * 1000 * 2 ** attempt);
    return Math.round(backoff * (0.75 + Math.random() / 2));
  };

  const follow = async (text: string, request: HttpRequest, deadline: number): Promise<HttpDocument> => {
    let url = checkedUrl(text, options.allowedHosts);
    const { origin } = url;
    const seen = new Set<string>();
    for (;;) {
      if (seen.has(url.href)) throw new HttpFailure('the redirects go round in a circle');
      if (seen.size > MOST_REDIRECTS) throw new HttpFailure(`more than ${MOST_REDIRECTS} redirects`);
      seen.add(url.href);
      const answer = await once(url, url.origin === origin ? request : {}, deadline);
      const location = header(answer, 'location');
      if ([301, 302, 303, 307, 308].includes(answer.status) && location !== undefined) {
        url = redirected(url, location, options.allowedHosts);
        continue;
      }
      const unchanged =
        answer.status === 304 && (request.etag !== undefined || request.lastModified !== undefined);
      if (!unchanged && answer.status !== 200) throw statusFailure(answer.status, retryAfter(answer));
      return {
        url: publicUrl(url),
        unchanged,
        body: unchanged ? new Uint8Array() : decode(answer, maximumBytes),
        etag: header(answer, 'etag'),
        lastModified: header(answer, 'last-modified'),
      };
    }
  };

  const once = async (url: URL, request: HttpRequest, deadline: number): Promise<Answer> => {
    const { got } = await import('got');
    const stream = got.stream(url, {
      headers: headersOf(url, request),
      agent: await agentFor(url, options.environment, config, certificates),
      ...(certificates === undefined ? {} : { https: { certificateAuthority: [...certificates] } }),
      decompress: false,
      followRedirect: false,
      throwHttpErrors: false,
      retry: { limit: 0 },
      timeout: {
        lookup: config.connectSeconds * 1000,
        connect: config.connectSeconds * 1000,
        secureConnect: config.connectSeconds * 1000,
        response: config.responseSeconds * 1000,
        socket: config.responseSeconds * 1000,
      },
    });
    return await new Promise<Answer>((resolve, reject) => {
      const chunks: Buffer[] = [];
      let size = 0;
      let head: Pick<Answer, 'status' | 'headers'> | undefined;
      const timer = setTimeout(
        () => fail(new HttpFailure(`not complete within ${config.totalSeconds} s`)),
        Math.max(1, deadline - Date.now()),
      );
      const fail = (error: unknown) => {
        clearTimeout(timer);
        stream.destroy();
        reject(transportFailure(error));
      };
      stream.on('error', fail);
      stream.on('response', (response: { statusCode: number; headers: Answer['headers'] }) => {
        head = { status: response.statusCode, headers: response.headers };
        if (Number(response.headers['content-length']) > maximumBytes) fail(tooLarge(maximumBytes));
      });
      stream.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > maximumBytes) fail(tooLarge(maximumBytes));
        else chunks.push(chunk);
      });
      stream.on('end', () => {
        clearTimeout(timer);
        const body = Buffer.concat(chunks);
        const promised = head?.headers['content-length'];
        if (head === undefined) reject(new HttpFailure('the connection was cut', { transient: true }));
        else if (head.status === 200 && promised !== undefined && Number(promised) !== body.length)
          reject(
            new HttpFailure(
              `${counted(body.length, 'byte')} came of the ${digits(Number(promised))} that were announced`,
              {
                transient: true,
              },
            ),
          );
        else resolve({ ...head, body });
      });
    });
  };

  return { get, maximumBytes };
}

/** @throws HttpFailure for anything but http(s), or a host that is not allowed */
function checkedUrl(text: string, allowedHosts: readonly string[]): URL {
  if (!URL.canParse(text)) throw new HttpFailure(`${JSON.stringify(publicUrl(text))} is not a URL`);
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    throw new HttpFailure(`${JSON.stringify(url.protocol)} is neither https nor http`);
  if (!isAllowedHost(url, allowedHosts))
    throw new HttpFailure(`the host ${url.hostname} is not allowed`, {
      next: 'if it is yours, name it in feed.http.allowedHosts',
    });
  return url;
}

function redirected(from: URL, location: string, allowedHosts: readonly string[]): URL {
  if (!URL.canParse(location, from.href))
    throw new HttpFailure('a redirect leads to something that is not a URL');
  const to = new URL(location, from);
  if (from.protocol === 'https:' && to.protocol !== 'https:')
    throw new HttpFailure(`a redirect leads from https to ${to.protocol}//${to.host}; it is not followed`);
  try {
    return checkedUrl(to.href, allowedHosts);
  } catch (error) {
    if (!(error instanceof HttpFailure)) throw error;
    throw new HttpFailure(`a redirect is not followed: ${error.message}`, { next: error.next });
  }
}

function headersOf(url: URL, request: HttpRequest): Record<string, string> {
  const headers: Record<string, string> = {
    'user-agent': USER_AGENT,
    accept: request.accept ?? '*/*',
    'accept-encoding': 'gzip',
    'accept-language': 'en',
  };
  if (request.bearerToken !== undefined) headers.authorization = `Bearer ${request.bearerToken}`;
  else if (url.username !== '' || url.password !== '')
    headers.authorization = `Basic ${Buffer.from(`${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`).toString('base64')}`;
  if (request.etag !== undefined) headers['if-none-match'] = request.etag;
  if (request.lastModified !== undefined) headers['if-modified-since'] = request.lastModified;
  return headers;
}

/** The agents that lead to a URL: direct, or through the proxy of the environment. */
export async function agentFor(
  url: URL,
  environment: Environment,
  config: Required<Pick<HttpConfig, 'connectSeconds'>>,
  certificates: readonly string[] | undefined,
): Promise<{ http?: HttpAgent; https?: HttpsAgent }> {
  const proxy = proxyFor(url, environment);
  if (proxy === undefined) return {};
  if (url.protocol === 'http:' && proxy.protocol === 'http:')
    return { http: new ForwardProxyAgent(proxy, { timeout: config.connectSeconds * 1000 }) };
  const { HttpProxyAgent, HttpsProxyAgent } = await import('hpagent');
  const options = {
    proxy,
    timeout: config.connectSeconds * 1000,
    proxyRequestOptions: {
      headers: { 'user-agent': USER_AGENT },
      ...(certificates === undefined ? {} : { ca: [...certificates] }),
    },
  };
  return url.protocol === 'https:'
    ? { https: new HttpsProxyAgent(options) }
    : { http: new HttpProxyAgent(options) };
}

/**
 * The certificate authorities to trust beside Node's own; undefined where its list will do.
 * @throws ConfigurationError for a configured file that is none
 */
export function trustedCertificates(
  config: HttpConfig,
  { environment, report }: Pick<HttpClientOptions, 'environment' | 'report'>,
): readonly string[] | undefined {
  const extra: string[] = [];
  if (config.certificateAuthority !== undefined) {
    const pem = readPem(config.certificateAuthority);
    if (pem === undefined)
      throw new ConfigurationError('the certificate authority cannot be used', [
        {
          where: `feed.http.certificateAuthority: ${config.certificateAuthority}`,
          what: 'is not a readable PEM file with a certificate',
        },
      ]);
    extra.push(pem);
  }
  const file = environment.NODE_EXTRA_CA_CERTS;
  if (file !== undefined && file !== '') {
    const pem = readPem(file);
    if (pem === undefined) report(`NODE_EXTRA_CA_CERTS: ${file} is not a readable PEM file; it is not used`);
    else extra.push(pem);
  }
  return extra.length === 0 ? undefined : [...rootCertificates, ...extra];
}

function readPem(file: string): string | undefined {
  try {
    // A pipe would be waited for.
    if (!statSync(file).isFile()) return undefined;
    const text = readFileSync(file, 'utf8');
    return text.includes('-----BEGIN CERTIFICATE-----') ? text : undefined;
  } catch {
    return undefined;
  }
}

function decode(answer: Answer, maximumBytes: number): Uint8Array {
  const encoding = (header(answer, 'content-encoding') ?? 'identity').trim().toLowerCase();
  if (encoding === 'identity' || encoding === '') return answer.body;
  const inflate =
    encoding === 'gzip' || encoding === 'x-gzip'
      ? gunzipSync
      : encoding === 'deflate'
        ? inflateSync
        : undefined;
  if (inflate === undefined)
    throw new HttpFailure(
      `the content is encoded as ${JSON.stringify(encoding.slice(0, 40))}, which was not asked for`,
    );
  try {
    return inflate(answer.body, { maxOutputLength: maximumBytes });
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE')
      throw tooLarge(maximumBytes);
    throw new HttpFailure(`the content is damaged ${encoding} data`, { transient: true });
  }
}

function tooLarge(maximumBytes: number): HttpFailure {
  return new HttpFailure(`the document is larger than ${digits(maximumBytes)} bytes`, {
    next: 'if that is right, raise feed.http.maximumMegabytes',
  });
}

function header(answer: Answer, name: string): string | undefined {
  const value = answer.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** Seconds, from a number or a date (RFC 9110, 10.2.3). */
function retryAfter(answer: Answer): number | undefined {
  const value = header(answer, 'retry-after')?.trim();
  if (value === undefined) return undefined;
  if (/^\d{1,9}$/.test(value)) return Number(value);
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, Math.ceil((date - Date.now()) / 1000));
}

function told(failure: HttpFailure, secrets: readonly string[], attempt: number): HttpFailure {
  const waits = failure.retryAfter === undefined ? '' : `, which asks to wait ${failure.retryAfter} s`;
  const tries = attempt === 0 ? '' : ` after ${attempt + 1} attempts`;
  return new HttpFailure(redact(`${failure.message}${waits}${tries}`, secrets), failure);
}
