import { agentFor, trustedCertificates } from '../feed/http-client.ts';
import { transportFailure } from '../feed/http-failure.ts';
import type { Environment } from '../feed/proxy.ts';
import { publicUrl, redact } from '../feed/redact.ts';
import { HTTP_DEFAULTS, type HttpConfig } from '../feed/source-config.ts';
import { ForgeError } from './forge.ts';

/** The name that forges see; GitHub answers 403 to requests without one. */
const USER_AGENT = 'azure-allowlist';

/** How often a request is sent anew that a rate limit or a broken server turned away. */
const RETRIES = 4;

export interface RestOptions {
  /** The forge's name for people. */
  readonly name: string;
  /** The address of the API, without a slash at the end. */
  readonly base: string;
  /** With the credentials. */
  readonly headers: Readonly<Record<string, string>>;
  /** Never shown. */
  readonly secrets: readonly string[];
  readonly http: HttpConfig;
  readonly environment: Environment;
  readonly report: (line: string) => void;
  /** What helps after a status, in the forge's words. */
  readonly hints?: Readonly<Record<number, string>>;
}

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** A path below the API's address, or a whole URL of it. */
export interface RestClient {
  /**
   * Sends one request and returns the JSON of the answer, undefined for an empty one.
   *
   * Waits as `Retry-After` or a rate limit's reset asks, up to `http.longestWaitSeconds`.
   * @param body sent as JSON
   * @throws ForgeError for any status but 2xx, and where no answer comes
   */
  send<T>(
    method: Method,
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<T>;
}

/** One answer, as far as it is judged. */
interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/**
 * A client for the few JSON calls that a forge is asked.
 *
 * Plain got, and none of the forges' kept clients: Octokit and `@gitbeaker/rest` send with `fetch`, which on Node 20
 * knows neither HTTPS_PROXY nor a certificate authority of the configuration, and the networks that need this tool
 * have both; `azure-devops-node-api` has a third way for them. Here the forges are reached exactly as the feeds
 * are, for three to seven calls each.
 * @throws ConfigurationError for an unusable proxy or certificate authority
 */
export function createRestClient(options: RestOptions): RestClient {
  const config = { ...HTTP_DEFAULTS, ...options.http };
  const certificates = trustedCertificates(config, options);

  const once = async (
    method: Method,
    url: URL,
    body: unknown,
    headers: Readonly<Record<string, string>>,
  ): Promise<Answer> => {
    const { got } = await import('got');
    const {
      statusCode,
      headers: answered,
      rawBody,
    } = await got(url, {
      method,
      headers: {
        accept: 'application/json',
        'user-agent': USER_AGENT,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...options.headers,
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      agent: await agentFor(url, options.environment, config, certificates),
      ...(certificates === undefined ? {} : { https: { certificateAuthority: [...certificates] } }),
      followRedirect: false,
      throwHttpErrors: false,
      retry: { limit: 0 },
      timeout: {
        connect: config.connectSeconds * 1000,
        response: config.responseSeconds * 1000,
        request: config.totalSeconds * 1000,
      },
      responseType: 'buffer',
    });
    return { status: statusCode, headers: answered, text: rawBody.toString('utf8') };
  };

  const send = async <T>(
    method: Method,
    path: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<T> => {
    const url = new URL(path.startsWith('http') ? path : `${options.base}${path}`);
    const where = `${method} ${publicUrl(url)}`;
    for (let attempt = 0; ; attempt++) {
      const answer = await once(method, url, body, headers).catch((error: unknown) => {
        const failure = transportFailure(error);
        throw new ForgeError(
          `${options.name} cannot be reached`,
          {
            where,
            what: redact(failure.message, options.secrets),
            ...(failure.next === undefined ? {} : { next: failure.next }),
          },
          { cause: error },
        );
      });
      // A sign-in page instead of the answer: Azure DevOps sends 203 for a token that it does not know.
      const page = answer.status === 203 || /^\s*<(?:!doctype|html)/i.test(answer.text);
      if (answer.status >= 200 && answer.status < 300 && !page) return parsed<T>(answer, where, options.name);
      const wait = waitOf(answer, attempt);
      if (wait !== undefined && wait <= config.longestWaitSeconds && attempt < RETRIES) {
        options.report(`${where}: HTTP ${answer.status}; trying again in ${wait} s`);
        await new Promise((resolve) => setTimeout(resolve, wait * 1000));
        continue;
      }
      throw refusal(options, where, page && answer.status < 300 ? 401 : answer.status, answer, wait);
    }
  };
  return { send };
}

function parsed<T>({ text, status }: Answer, where: string, name: string): T {
  if (text.trim() === '') return undefined as T;
  try {
    return JSON.parse(text) as T;
  } catch (cause) {
    const what = `HTTP ${status}, but the answer is not JSON`;
    throw new ForgeError(
      `${name} gives an answer that cannot be read`,
      { where, what, next: 'is this the address of the API?' },
      { cause, status },
    );
  }
}

/**
 * Seconds to wait, undefined where waiting does not help. A secondary limit of GitHub is a 403 with
 * `Retry-After`, the primary one a 403 or 429 with `x-ratelimit-remaining: 0` and a reset in Unix seconds; GitLab
 * names it `ratelimit-reset`. A gateway's 502 to 504 passes in seconds.
 */
function waitOf(answer: Answer, attempt: number): number | undefined {
  const header = (name: string): string | undefined => {
    const value = answer.headers[name];
    return Array.isArray(value) ? value[0] : value;
  };
  const after = header('retry-after')?.trim();
  const limited =
    answer.status === 429 ||
    (answer.status === 403 && (after !== undefined || header('x-ratelimit-remaining') === '0'));
  if (!limited && ![502, 503, 504].includes(answer.status)) return undefined;
  if (after !== undefined && /^\d{1,9}$/.test(after)) return Number(after);
  const date = after === undefined ? Number.NaN : Date.parse(after);
  if (!Number.isNaN(date)) return Math.max(0, Math.ceil((date - Date.now()) / 1000));
  const reset = header('x-ratelimit-reset') ?? header('ratelimit-reset');
  if (limited && reset !== undefined && /^\d{9,11}$/.test(reset))
    return Math.max(1, Math.ceil(Number(reset) - Date.now() / 1000));
  return 2 ** attempt;
}

const SUMMARIES: Readonly<Record<number, string>> = {
  400: 'does not take the request',
  401: 'does not accept the token',
  403: 'does not allow this',
  404: 'does not know this repository, or does not show it to this token',
  409: 'says that this conflicts with what is there',
  422: 'does not take these values',
  429: 'has had too many requests',
};

const HINTS: Readonly<Record<number, string>> = {
  401: 'the token is missing, wrong or expired',
  403: 'the token needs the right to write pull requests, issues and contents of this repository',
  404: 'look at the address, the project and what the token may read',
  429: 'try again later',
};

function refusal(
  { name, hints, secrets }: RestOptions,
  where: string,
  status: number,
  answer: Answer,
  wait: number | undefined,
): ForgeError {
  const said = saidBy(answer.text);
  const asks = wait === undefined ? '' : `, which asks to wait ${wait} s`;
  const next = wait === undefined ? (hints?.[status] ?? HINTS[status]) : HINTS[429];
  const summary = SUMMARIES[wait !== undefined && status === 403 ? 429 : status] ?? 'failed';
  return new ForgeError(
    `${name} ${summary}`,
    {
      where,
      what: redact(`HTTP ${status}${asks}${said === '' ? '' : `: ${said}`}`, secrets),
      ...(next === undefined ? {} : { next }),
    },
    { status },
  );
}

/** What the answer says, on one line: `message`, `error` and the entries of `errors`, as the forges have them. */
function saidBy(text: string): string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return '';
  }
  const words: string[] = [];
  const collect = (part: unknown, depth: number): void => {
    if (typeof part === 'string') words.push(part);
    else if (Array.isArray(part)) for (const entry of part) collect(entry, depth + 1);
    else if (part !== null && typeof part === 'object' && depth < 4)
      for (const [key, entry] of Object.entries(part))
        if (/^(message|error|error_description|errors|field|code|context)$/.test(key) || depth > 1)
          collect(entry, depth + 1);
  };
  collect(value, 0);
  return [...new Set(words)]
    .join('; ')
    .replace(/[\p{Cc}\s]+/gu, ' ')
    .trim()
    .slice(0, 400);
}
