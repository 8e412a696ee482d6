/**
 * The address of a file by link: `http(s)://…`, the weekly JSON, plain or gzipped.
 * Credentials belong into the environment (`token`), not into the URL.
 */
export interface UrlSource {
  readonly kind: 'url';
  readonly url: string;
}

/** The newest file of the cloud, found from Microsoft's download page or a mirror of it. The default. */
export interface DownloadSource {
  readonly kind: 'download';
  /**
   * The details page of a mirror. Default:
   * `https://www.microsoft.com/en-us/download/details.aspx?id=<the cloud's page>`. Without a query the
   * cloud's `?id=` is added; `details.aspx` in it gives `confirmation.aspx` too.
   */
  readonly page?: string;
  /**
   * The directory that holds the dated files and `…_Latest.json`. Default: the cloud's directory under
   * `https://download.microsoft.com/download/`.
   */
  readonly directory?: string;
}

/** A local file, JSON or the older XML, plain or gzipped. Relative paths are relative to the configuration. */
export interface FileSource {
  readonly kind: 'file';
  readonly path: string;
}

/** Where a secret comes from; never the secret itself. */
export type SecretSource =
  /** The name of an environment variable. */
  | { readonly environment: string }
  /** A program and its arguments, whose standard output is the secret (`az account get-access-token …`). */
  | { readonly command: readonly string[] };

/**
 * The Service Tag Discovery API of Azure Resource Manager. It is often behind the weekly file and a
 * subset of it: prefer `download` for firewalls on premises.
 */
export interface ApiSource {
  readonly kind: 'api';
  readonly subscription: string;
  /** Any Azure location of the subscription; it filters nothing. Default `westeurope`. */
  readonly location?: string;
  /** Default: the cloud's Resource Manager, `https://management.azure.com` for public. */
  readonly endpoint?: string;
  /** Default `2025-05-01`. */
  readonly apiVersion?: string;
  /** A bearer token. Default `{ environment: 'AZURE_ACCESS_TOKEN' }`. */
  readonly token?: SecretSource;
}

/** The older PublicIPs form (ended 2020, IPv4 only): regions become tags `AzureCloud.<region>`. */
export interface XmlSource {
  readonly kind: 'xml';
  /** A path or an http(s) URL. */
  readonly location: string;
}

/** `feed.source` of the configuration. Default: `{ kind: 'download' }`. */
export type FeedSourceConfig = UrlSource | DownloadSource | FileSource | ApiSource | XmlSource;

/** `feed.http` of the configuration; every field has a default. */
export interface HttpConfig {
  /** Hosts that redirects and links may lead to, beside `*.microsoft.com` and the configured ones. */
  readonly allowedHosts?: readonly string[];
  /** A PEM file of certificate authorities to trust beside the usual ones (and NODE_EXTRA_CA_CERTS). */
  readonly certificateAuthority?: string;
  /** Seconds to connect, TLS included. Default 15. */
  readonly connectSeconds?: number;
  /** Seconds from the request to the first byte of the answer, and between two pieces of it. Default 30. */
  readonly responseSeconds?: number;
  /** Seconds for one document, retries and waiting included. Default 180. */
  readonly totalSeconds?: number;
  /** How often a failed request is tried again; twice at most where this machine has no network. Default 4. */
  readonly retries?: number;
  /** Seconds before the first retry, doubled for each further one. Default 1. */
  readonly firstWaitSeconds?: number;
  /** Longest wait before a retry. A Retry-After that asks for more ends the attempts at once. Default 60. */
  readonly longestWaitSeconds?: number;
  /** Largest document, uncompressed. Default 64. */
  readonly maximumMegabytes?: number;
}

/** The values of `ApiSource` where the configuration has none. */
export const API_DEFAULTS = {
  location: 'westeurope',
  apiVersion: '2025-05-01',
  token: { environment: 'AZURE_ACCESS_TOKEN' },
} as const satisfies Partial<ApiSource>;

/** How many weekly files of a cloud are kept where the configuration does not say. */
export const CACHED_FILES = 12;

/** The values of `HttpConfig` where the configuration has none. */
export const HTTP_DEFAULTS = {
  allowedHosts: [],
  connectSeconds: 15,
  responseSeconds: 30,
  totalSeconds: 180,
  retries: 4,
  firstWaitSeconds: 1,
  longestWaitSeconds: 60,
  maximumMegabytes: 64,
} as const satisfies HttpConfig;
