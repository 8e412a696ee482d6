import type { Environment } from '../feed/proxy.ts';
import { readSecret } from '../feed/secret.ts';
import type { SecretSource } from '../feed/source-config.ts';
import { ConfigurationError } from '../problem.ts';
import { readRegularText } from '../regular-file.ts';
import type { ForgeKind } from './settings.ts';

/** Where a forge's token comes from; never the token itself. */
export type TokenSource = SecretSource | { readonly file: string };

/** The variables that hold a token where the configuration names none, first one first. */
export const TOKEN_VARIABLES = {
  github: ['GITHUB_TOKEN', 'GH_TOKEN'],
  gitlab: ['GITLAB_TOKEN'],
  'azure-devops': ['SYSTEM_ACCESSTOKEN', 'AZURE_DEVOPS_EXT_PAT'],
  gitea: ['GITEA_TOKEN', 'FORGEJO_TOKEN', 'GITHUB_TOKEN'],
  bitbucket: ['BITBUCKET_TOKEN'],
} as const satisfies Record<ForgeKind, readonly string[]>;

/**
 * Reads the token of a forge: from the configured variable, command or file, else from the forge's usual
 * variables.
 * @throws ConfigurationError, which does not tell the token
 */
export async function readToken(
  kind: ForgeKind,
  source: TokenSource | undefined,
  environment: Environment,
  where = 'publish.git.pullRequest.token',
): Promise<string> {
  if (source === undefined) {
    const names: readonly string[] = TOKEN_VARIABLES[kind];
    const name = names.find((variable) => (environment[variable] ?? '').trim() !== '');
    if (name === undefined)
      throw new ConfigurationError('cannot read the token', [
        {
          where,
          what: `none of ${names.join(', ')} is set`,
          next: 'set one, or name a variable, command or file',
        },
      ]);
    return readSecret({ environment: name }, environment, where);
  }
  if (!('file' in source)) return readSecret(source, environment, where);
  const text = await readRegularText(source.file).catch((cause: Error) => {
    throw new ConfigurationError(
      'cannot read the token',
      [{ where, what: `${source.file} cannot be read: ${cause.message}` }],
      { cause },
    );
  });
  const token = text.trim();
  // A header value: anything else would be a broken, or an injected, request.
  if (!/^[\x21-\x7e]+$/.test(token))
    throw new ConfigurationError('cannot read the token', [
      { where, what: `${source.file} does not hold a token: one line of printable characters` },
    ]);
  return token;
}
