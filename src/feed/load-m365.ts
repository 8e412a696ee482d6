import { randomUUID } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FeedError } from '../problem.ts';
import { readRegularText } from '../regular-file.ts';
import { sha256 } from '../sha256.ts';
import type { HttpClient } from './http-client.ts';
import { HttpFailure } from './http-failure.ts';
import type { M365Change, M365Endpoints, M365Instance } from './m365.ts';
import { parseM365Changes, parseM365Endpoints, parseM365Version } from './parse-m365.ts';
import type { Environment } from './proxy.ts';
import type { HttpConfig } from './source-config.ts';
import { writeWhole } from './whole-file.ts';

/** `feed.m365` of the configuration. */
export interface M365Config {
  /** Default `Worldwide`. */
  readonly instance?: M365Instance;
  /** Default `https://endpoints.office.com`. */
  readonly service?: string;
  /** Stands for `<tenant>` in published names (`autodiscover.<tenant>.onmicrosoft.com`). */
  readonly tenant?: string;
  /** A UUID that the service tells installations apart by; made once and kept in the cache by default. */
  readonly clientRequestId?: string;
}

export interface M365Request {
  readonly config: M365Config;
  readonly http?: HttpConfig;
  /** Keeps the installation's request id, the last version and its document. */
  readonly cacheDirectory?: string;
  readonly offline?: boolean;
  readonly environment: Environment;
  /** Milliseconds since 1970: the service asks not to be polled more than once an hour. */
  readonly now: number;
  readonly report: (line: string) => void;
}

const SERVICE = 'https://endpoints.office.com';
const HOUR = 3_600_000;

/** After 429 the service wants an hour of silence; asking again would prolong it. */
const FINAL_STATUSES: readonly number[] = [429];

/** What is kept of one instance. */
interface Kept {
  readonly version: string;
  /** Milliseconds since 1970. */
  readonly polledAt: number;
  readonly sha256: string;
  readonly text: string;
}

/**
 * Gets the endpoint sets of an instance: `/version` at most once an hour, `/endpoints` only for a new version.
 * @throws FeedError
 */
export async function loadM365Endpoints(request: M365Request): Promise<M365Endpoints> {
  const service = new M365Service(request);
  const kept = await service.kept();
  if (request.offline === true) return service.parsed(kept ?? service.notKept());
  if (kept !== undefined && request.now >= kept.polledAt && request.now - kept.polledAt < HOUR) {
    request.report(`Microsoft 365 endpoints: version ${kept.version}, asked for less than an hour ago`);
    return service.parsed(kept);
  }
  try {
    const version = await service.latestVersion();
    const text = version === kept?.version ? kept.text : await service.endpoints();
    const fresh = { version, polledAt: request.now, sha256: sha256(text), text };
    const endpoints = service.parsed(fresh);
    await service.keep(fresh);
    return endpoints;
  } catch (error) {
    if (!(error instanceof HttpFailure)) throw error;
    if (error.status !== 429 || kept === undefined) throw service.unavailable(error);
    request.report(
      `Microsoft 365 endpoints: asked too often (HTTP 429), next time in an hour; version ${kept.version} is used`,
    );
    await service.keep({ ...kept, polledAt: request.now });
    return service.parsed(kept);
  }
}

/** What has changed since a version. @throws FeedError */
export async function loadM365Changes(request: M365Request, since: string): Promise<readonly M365Change[]> {
  const service = new M365Service(request);
  try {
    return await service.changes(since);
  } catch (error) {
    throw error instanceof HttpFailure ? service.unavailable(error) : error;
  }
}

class M365Service {
  readonly #request: M365Request;
  readonly #instance: M365Instance;
  readonly #service: string;

  constructor(request: M365Request) {
    this.#request = request;
    this.#instance = request.config.instance ?? 'Worldwide';
    this.#service = (request.config.service ?? SERVICE).replace(/\/$/, '');
  }

  async latestVersion(): Promise<string> {
    const where = `${this.#service}/version/${this.#instance}`;
    return parseM365Version(await this.#get(where), where);
  }

  async endpoints(): Promise<string> {
    return new TextDecoder().decode(await this.#get(this.#endpointsUrl()));
  }

  async changes(since: string): Promise<readonly M365Change[]> {
    if (!/^\d{10}$/.test(since))
      throw new FeedError('cannot fetch the Microsoft 365 changes', [
        { where: 'version', what: `${JSON.stringify(since.slice(0, 40))} is not a version (YYYYMMDDNN)` },
      ]);
    const where = `${this.#service}/changes/${this.#instance}/${since}`;
    return parseM365Changes(await this.#get(where), where);
  }

  parsed({ text, version, sha256 }: Kept): M365Endpoints {
    const rows = parseM365Endpoints(text, this.#endpointsUrl(), this.#request.config.tenant);
    return { instance: this.#instance, version, sha256, ...rows };
  }

  /** Undefined if nothing is kept, or if it is damaged. */
  async kept(): Promise<Kept | undefined> {
    const path = this.#keptPath();
    if (path === undefined) return undefined;
    let content: string;
    try {
      content = await readRegularText(path);
    } catch {
      return undefined;
    }
    try {
      const value = JSON.parse(content) as Partial<Kept>;
      if (
        typeof value.version === 'string' &&
        typeof value.polledAt === 'number' &&
        typeof value.text === 'string' &&
        value.sha256 === sha256(value.text)
      )
        return value as Kept;
    } catch {
      // Damaged like any other mismatch.
    }
    this.#request.report(`${path}: the kept document is damaged; it is fetched again`);
    return undefined;
  }

  async keep(kept: Kept): Promise<void> {
    const path = this.#keptPath();
    if (path === undefined) return;
    try {
      await writeWhole(path, JSON.stringify(kept), this.#directory()!);
    } catch {
      this.#request.report(`${path}: the document is not kept: the file cannot be written`);
    }
  }

  notKept(): never {
    throw new FeedError('the Microsoft 365 endpoints are not available offline', [
      {
        where: this.#keptPath() ?? 'the cache',
        what: `nothing is kept of the instance ${this.#instance}`,
        next: 'run once without --offline',
      },
    ]);
  }

  unavailable(failure: HttpFailure): FeedError {
    const next = failure.status === 429 ? 'wait an hour before the next run' : failure.next;
    return new FeedError(
      'cannot fetch the Microsoft 365 endpoints',
      [{ where: this.#service, what: failure.message, ...(next === undefined ? {} : { next }) }],
      { cause: failure },
    );
  }

  #endpointsUrl(): string {
    return `${this.#service}/endpoints/${this.#instance}`;
  }

  async #get(url: string): Promise<Uint8Array> {
    const client = await this.#client();
    const id = await this.#requestId();
    const { body } = await client.get(`${url}?ClientRequestId=${id}&format=JSON`, {
      accept: 'application/json',
      finalStatuses: FINAL_STATUSES,
    });
    return body;
  }

  async #client(): Promise<HttpClient> {
    const { createHttpClient } = await import('./http-client.ts');
    const { http, environment, report } = this.#request;
    const host = URL.canParse(this.#service) ? [new URL(this.#service).hostname] : [];
    return createHttpClient({
      config: http ?? {},
      allowedHosts: [...host, ...(http?.allowedHosts ?? [])],
      environment,
      report,
    });
  }

  /** One id per installation, made once and kept: what the service asks for. Runs at the same time agree on it. */
  async #requestId(): Promise<string> {
    const { clientRequestId } = this.#request.config;
    if (clientRequestId !== undefined) return clientRequestId;
    const directory = this.#directory();
    if (directory === undefined) return randomUUID();
    const path = join(directory, 'client-request-id');
    const read = async () => (await readRegularText(path).catch(() => '')).trim();
    const known = await read();
    if (/^[0-9a-f-]{36}$/.test(known)) return known;
    const made = randomUUID();
    try {
      await mkdir(directory, { recursive: true });
      if (known === '') await writeFile(path, `${made}\n`, { flag: 'wx' });
      else await writeWhole(path, `${made}\n`, directory);
      return made;
    } catch {
      const other = await read();
      return /^[0-9a-f-]{36}$/.test(other) ? other : made;
    }
  }

  #directory(): string | undefined {
    const { cacheDirectory } = this.#request;
    return cacheDirectory === undefined ? undefined : join(cacheDirectory, 'm365');
  }

  /** The service's address is part of the name: a mirror's document never stands in for another's. */
  #keptPath(): string | undefined {
    const directory = this.#directory();
    const key = sha256(this.#service).slice(0, 8);
    return directory === undefined ? undefined : join(directory, `${this.#instance}-${key}.json`);
  }
}
