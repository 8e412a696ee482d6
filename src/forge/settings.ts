import type { Environment } from '../feed/proxy.ts';
import type { HttpConfig } from '../feed/source-config.ts';
import { ConfigurationError } from '../problem.ts';

/** The forges that there are clients for. */
export const FORGES = ['github', 'gitlab', 'azure-devops', 'gitea', 'bitbucket'] as const;

export type ForgeKind = (typeof FORGES)[number];

/** Everything that a client of a forge needs. */
export interface ForgeAccess {
  /** The address of the API, without a slash at the end. */
  readonly api: string;
  /** The repository as the forge names it: `owner/name`, `group/subgroup/name`. */
  readonly project: string;
  readonly token: string;
  readonly http: HttpConfig;
  readonly environment: Environment;
  readonly report: (line: string) => void;
}

/** Where a repository lives. */
export interface ForgePlace {
  readonly kind: ForgeKind;
  readonly api: string;
  readonly project: string;
}

/** What the configuration says of it; what is missing is taken from the remote's address. */
export interface ForgePlaceConfig {
  readonly forge?: ForgeKind | undefined;
  readonly api?: string | undefined;
  readonly project?: string | undefined;
}

/** The API below an address of the forge's own pages. */
const API_PATHS = {
  // github.com itself has a host of its own for the API.
  github: '/api/v3',
  gitlab: '/api/v4',
  'azure-devops': '',
  gitea: '/api/v1',
  bitbucket: '/rest/api/1.0',
} as const satisfies Record<ForgeKind, string>;

/** The forges that are known by their host. */
const HOSTS: Readonly<Record<string, ForgeKind>> = {
  'github.com': 'github',
  'ssh.github.com': 'github',
  'gitlab.com': 'gitlab',
  'dev.azure.com': 'azure-devops',
  'ssh.dev.azure.com': 'azure-devops',
  'codeberg.org': 'gitea',
  'gitea.com': 'gitea',
};

/**
 * The forge of a repository, from the configuration and the address of its remote.
 * @throws ConfigurationError naming the key that is missing
 */
export function forgePlace(config: ForgePlaceConfig, remote: string): ForgePlace {
  const where = (key: string) => `publish.git.pullRequest.${key}`;
  const address = addressOf(remote);
  const kind = config.forge ?? (address === undefined ? undefined : kindOf(address.host));
  const problems = [];
  if (kind === undefined)
    problems.push({
      where: where('forge'),
      what: 'is needed: the address of the remote does not tell',
      next: `one of ${FORGES.join(', ')}`,
    });
  const api = config.api ?? (address === undefined || kind === undefined ? undefined : apiOf(kind, address));
  if (kind !== undefined && api === undefined)
    problems.push({
      where: where('api'),
      what: 'is needed: the remote has no address that tells',
      next: 'the address of the API, e.g. https://git.example/api/v4',
    });
  const project =
    config.project ?? (address === undefined || kind === undefined ? undefined : projectOf(kind, address));
  if (kind !== undefined && project === undefined)
    problems.push({
      where: where('project'),
      what: 'is needed: the remote has no address that tells',
      next: 'the repository, e.g. owner/name',
    });
  if (kind === undefined || api === undefined || project === undefined)
    throw new ConfigurationError('the forge of the repository is not known', problems);
  return { kind, api: api.replace(/\/+$/, ''), project };
}

interface Address {
  readonly host: string;
  /** With the scheme; for SSH the one of its pages, https. */
  readonly origin: string;
  /** Without slashes at the ends and without `.git`. */
  readonly path: string;
}

/** Undefined for a path of this machine. */
function addressOf(remote: string): Address | undefined {
  // The short form of SSH: user@host:path.
  const short = /^(?:[^@/:]+@)?([^/:]+):(?!\/)(.+)$/.exec(remote);
  const text = short === null || remote.includes('://') ? remote : `ssh://${short[1]}/${short[2]}`;
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  if (url.hostname === '') return undefined;
  const web = url.protocol === 'http:' || url.protocol === 'https:';
  if (!web && url.protocol !== 'ssh:') return undefined;
  return {
    host: url.hostname.toLowerCase(),
    origin: web ? url.origin : `https://${url.hostname}`,
    path: url.pathname.replace(/^\/+|\/+$|\.git\/*$/g, ''),
  };
}

function kindOf(host: string): ForgeKind | undefined {
  if (host.endsWith('.visualstudio.com')) return 'azure-devops';
  return HOSTS[host];
}

function apiOf(kind: ForgeKind, { host, origin, path }: Address): string | undefined {
  if (kind === 'github' && (host === 'github.com' || host === 'ssh.github.com'))
    return 'https://api.github.com';
  if (kind === 'azure-devops') {
    const [first, second] = path.split('/');
    if (host === 'ssh.dev.azure.com') return `https://dev.azure.com/${second}`;
    // The organisation, or the collection of a server, is the first part of the path.
    return host.endsWith('.visualstudio.com') ? origin : `${origin}/${first}`;
  }
  return `${origin}${API_PATHS[kind]}`;
}

function projectOf(kind: ForgeKind, { host, path }: Address): string | undefined {
  const parts = path.split('/').map(decodeURIComponent);
  if (kind === 'azure-devops') {
    // v3/ORG/PROJECT/REPO by SSH; ORG/PROJECT/_git/REPO by HTTP, where PROJECT is left out if REPO is named alike.
    if (parts[0] === 'v3' && parts.length === 4) return `${parts[2]}/${parts[3]}`;
    const git = parts.indexOf('_git');
    const repository = git < 0 ? undefined : parts[git + 1];
    if (repository === undefined) return undefined;
    // The older host names the organisation itself, the others in the first part of the path.
    const first = host.endsWith('.visualstudio.com') ? 0 : 1;
    return `${git > first ? parts[git - 1] : repository}/${repository}`;
  }
  // scm/PROJECT/REPO by HTTP, PROJECT/REPO by SSH.
  const own = kind === 'bitbucket' && parts[0] === 'scm' ? parts.slice(1) : parts;
  return own.length >= 2 && own.every((part) => part !== '') ? own.join('/') : undefined;
}
