import { fileAtRevision } from '../committed/git-read.ts';
import { readPublicKey } from '../committed/key-file.ts';
import {
  directoryReader,
  type OutputTree,
  readOutputTree,
  type TreeReader,
} from '../committed/output-tree.ts';
import { verifyTree } from '../committed/verify.ts';
import { createHttpClient } from '../feed/http-client.ts';
import { HttpFailure } from '../feed/http-failure.ts';
import { AllowlistError, ConfigurationError } from '../problem.ts';
import type { RuleFile } from '../targets/render.ts';
import type { OptionValues } from '../targets/view.ts';

/** The files of one target as they were published, proven. */
export interface Candidate {
  readonly files: readonly RuleFile[];
  readonly options: OptionValues;
  /** The week that they are of. */
  readonly week: string | undefined;
}

export interface SourceOptions {
  /** An output tree: a directory, `REVISION:PATH` of the git repository here, or the URL that it is served at. */
  readonly source: string;
  readonly target: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly report: (line: string) => void;
  /** A PEM file with the key that the tree must be signed by; undefined: it need not be signed. */
  readonly publicKey?: string | undefined;
}

/**
 * Fetches the files of one target and proves them before anything is done with them: each is what the lock names, and
 * what they say is what the lock's policy says. A script among them is this version's own.
 * @throws AllowlistError with every file that is not as it was generated
 */
export async function fetchCandidate(options: SourceOptions): Promise<Candidate> {
  return candidateOf(await fetchTree(options), options.target);
}

/**
 * Fetches a published tree and proves it; see `fetchCandidate`.
 * @throws AllowlistError with every file that is not as it was generated
 */
export async function fetchTree(options: Omit<SourceOptions, 'target'>): Promise<OutputTree> {
  const { source } = options;
  const publicKey = options.publicKey === undefined ? undefined : await readPublicKey(options.publicKey);
  let tree = await readOutputTree(readerOf(options));
  if (tree === undefined)
    throw new ConfigurationError(`${source} is not an output tree: there is no allowlist.lock.json in it`);
  let { problems } = await verifyTree(tree, publicKey);
  if (problems.length > 0 && isUrl(source)) {
    // A run may have published between two requests.
    options.report('the files do not belong together; fetching them once more');
    tree = (await readOutputTree(readerOf(options))) ?? tree;
    ({ problems } = await verifyTree(tree, publicKey));
  }
  if (problems.length > 0)
    throw new AllowlistError(`${source} is not what its lock says; nothing was loaded`, problems);
  return tree;
}

/** The files of one target of a proven tree. @throws ConfigurationError if it has none that can be loaded */
export function candidateOf({ lock, files, where }: OutputTree, target: string): Candidate {
  const locked = lock.targets[target];
  if (locked === undefined)
    throw new ConfigurationError(
      `${where} has no files of target ${target}; it has ${Object.keys(lock.targets).join(', ')}`,
    );
  if (locked.template !== undefined)
    throw new ConfigurationError(
      `target ${target} of ${where} is from a template of its own (${locked.template}); only files of the bundled target are loaded`,
    );
  const own = [...files]
    .filter(([path]) => path.startsWith(`${target}/`))
    .map(([path, text]): RuleFile => ({ path: path.slice(target.length + 1), text }));
  for (const { path } of own)
    if (path.split('/').some((part) => ['', '.', '..'].includes(part)))
      throw new AllowlistError(`${where}: the lock names a file outside its folder: ${target}/${path}`);
  if (own.length === 0)
    throw new AllowlistError(`${where}: nothing is left of target ${target}; there is nothing to load`);
  return { files: own, options: locked.options, week: lock.feed.fileDate };
}

function isUrl(source: string): boolean {
  return /^https?:\/\//i.test(source);
}

function readerOf({ source, environment, report }: Omit<SourceOptions, 'target'>): TreeReader {
  if (isUrl(source)) return urlReader(source, environment, report);
  const revision = /^([^:]+):(.*)$/.exec(source);
  if (revision === null) return directoryReader(source);
  const [, commit = '', path = ''] = revision;
  return {
    where: source,
    read: (file) => fileAtRevision('.', commit, path === '' ? file : `${path.replace(/\/$/, '')}/${file}`),
  };
}

function urlReader(
  source: string,
  environment: SourceOptions['environment'],
  report: SourceOptions['report'],
): TreeReader {
  const base = new URL(source.endsWith('/') ? source : `${source}/`);
  const client = createHttpClient({
    config: {},
    allowedHosts: [base.hostname],
    environment,
    report,
  });
  const token = environment.AZURE_ALLOWLIST_TOKEN;
  return {
    where: source,
    read: async (path) => {
      const url = new URL(path.split('/').map(encodeURIComponent).join('/'), base).href;
      try {
        const { body } = await client.get(url, token === undefined ? {} : { bearerToken: token });
        return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body);
      } catch (error) {
        if (error instanceof HttpFailure && error.status === 404) return undefined;
        throw new AllowlistError(
          `cannot fetch ${path} from ${base.host}: ${(error as Error).message}`,
          error instanceof HttpFailure && error.next !== undefined
            ? [{ where: source, what: 'nothing was loaded', next: error.next }]
            : [],
          { cause: error },
        );
      }
    },
  };
}
