import { execFile } from 'node:child_process';
import { ConfigurationError } from '../problem.ts';
import type { Environment } from './proxy.ts';
import type { SecretSource } from './source-config.ts';

/** A command that asks a human never ends. */
const COMMAND_MILLISECONDS = 60_000;

/**
 * Reads a secret from the environment or from a command's standard output: the text itself, or the
 * `accessToken` of a JSON object, as `az account get-access-token` prints it.
 * @throws ConfigurationError, which tells neither the secret nor the command's output
 */
export async function readSecret(
  source: SecretSource,
  environment: Environment,
  where: string,
): Promise<string> {
  const refuse = (what: string, next?: string): never => {
    throw new ConfigurationError('cannot read the token', [
      { where, what, ...(next === undefined ? {} : { next }) },
    ]);
  };
  const text =
    'environment' in source
      ? environment[source.environment]
      : await output(source.command, environment, refuse);
  const told =
    'environment' in source ? variableInWords(source.environment) : `the command ${source.command[0]}`;
  if (text === undefined || text.trim() === '') return refuse(`${told} gives nothing`);
  const token = accessTokenOf(text.trim());
  // A header value: anything else would be a broken, or an injected, request.
  return /^[\x21-\x7e]+$/.test(token) ? token : refuse(`${told} gives something that is not a token`);
}

/** A token that somebody wrote where the name of its variable belongs is not repeated. */
function variableInWords(name: string): string {
  return /^[A-Z_][A-Z0-9_]{0,63}$/.test(name)
    ? `the environment variable ${name}`
    : 'the environment variable named there (not in capitals: a token in the place of its name?)';
}

function accessTokenOf(text: string): string {
  if (!text.startsWith('{')) return text;
  try {
    const value = (JSON.parse(text) as { readonly accessToken?: unknown }).accessToken;
    return typeof value === 'string' ? value : '';
  } catch {
    return '';
  }
}

async function output(
  command: readonly string[],
  environment: Environment,
  refuse: (what: string, next?: string) => never,
): Promise<string> {
  const [program, ...parameters] = command;
  if (program === undefined) return refuse('the command is empty');
  return await new Promise((resolve, reject) => {
    const options = { env: { ...environment }, timeout: COMMAND_MILLISECONDS, maxBuffer: 1 << 20 };
    execFile(program, parameters, options, (error, stdout) => {
      if (error === null) return resolve(stdout);
      try {
        refuse(
          `the command ${program} fails (${String(error.code ?? error.signal)})`,
          'run it by hand to see its message',
        );
      } catch (refusal) {
        reject(refusal);
      }
    });
  });
}
