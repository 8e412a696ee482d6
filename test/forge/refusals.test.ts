import { describe, expect, it } from 'vitest';
import { openForge } from '../../src/forge/open.ts';
import { FORGES } from '../../src/forge/settings.ts';
import { AllowlistError, EXIT_STATUS } from '../../src/problem.ts';
import { forgeServer, type Reply } from './forge-server.ts';
import { notice, proposal } from './proposals.ts';

/**
 * The bodies of errors as published: docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api,
 * docs.gitlab.com/api/rest/troubleshooting/, Gitea's swagger (APIError), Azure DevOps' typed exceptions,
 * developer.atlassian.com/server/bitbucket/rest/v819/intro/#errors-and-validation.
 */
const REFUSALS: readonly (readonly [status: number, body: unknown, said: RegExp])[] = [
  [401, { message: 'Bad credentials' }, /does not accept the token\n.*HTTP 401: Bad credentials/],
  [
    403,
    { message: 'Resource not accessible by integration' },
    /does not allow this\n.*HTTP 403: Resource not accessible by integration — .*\w/,
  ],
  [404, { message: '404 Project Not Found' }, /does not know this repository/],
  [
    409,
    { message: ['Another open merge request already exists for this source branch: !5'] },
    /conflicts with what is there\n.*HTTP 409: Another open merge request already exists/,
  ],
  [
    422,
    { message: 'Validation Failed', errors: [{ resource: 'PullRequest', field: 'head', code: 'invalid' }] },
    /does not take these values\n.*HTTP 422: Validation Failed; .*head/,
  ],
  [
    400,
    { errors: [{ context: 'title', message: 'The title is too long.' }] },
    /does not take the request\n.*HTTP 400: .*The title is too long\./,
  ],
  [500, 'no JSON at all', /failed\n.*HTTP 500/],
];

describe.each(FORGES)('a refusal of %s', (kind) => {
  const open = async (answer: () => Reply) => {
    const server = await forgeServer(answer);
    const forge = await openForge(kind, server.access({ api: server.origin, project: 'net/rules' }));
    return { server, forge };
  };
  const refusal = async (answer: () => Reply): Promise<string> => {
    const { server, forge } = await open(answer);
    const error = await forge.propose(proposal).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(AllowlistError);
    expect((error as AllowlistError).exitStatus).toBe(EXIT_STATUS.failed);
    const { message } = error as Error;
    // The place is named, the token never is.
    expect(message).toContain(`GET ${server.origin}/`);
    expect(message).not.toContain('tok-0123456789');
    return message;
  };

  it.each(REFUSALS)('%i is told with what the forge says and what to do', async (status, body, said) => {
    expect(await refusal(() => [status, body])).toMatch(said);
  });

  it('an echoed token is not shown', async () => {
    await refusal(() => [400, { message: 'unknown token tok-0123456789' }]);
  });

  it('a rate limit is waited for as Retry-After asks', async () => {
    let asked = 0;
    const { server, forge } = await open(() => {
      asked++;
      return asked < 3
        ? [429, { message: 'Too many requests' }, { 'retry-after': '1' }]
        : [404, { message: 'nothing here' }];
    });
    const begun = Date.now();
    await expect(forge.propose(proposal)).rejects.toThrow(/HTTP 404/);
    expect(Date.now() - begun).toBeGreaterThanOrEqual(1900);
    expect(server.reports.filter((line) => /HTTP 429; trying again in 1 s/.test(line))).toHaveLength(2);
  });

  it('a rate limit that asks for an hour is told, not waited for', async () => {
    expect(await refusal(() => [429, { message: 'slow down' }, { 'retry-after': '3600' }])).toMatch(
      /too many requests\n.*HTTP 429, which asks to wait 3600 s: slow down — try again later/,
    );
    const reset = String(Math.floor(Date.now() / 1000) + 600);
    expect(
      await refusal(() => [
        403,
        { message: 'API rate limit exceeded' },
        { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': reset },
      ]),
    ).toMatch(/too many requests\n.*asks to wait (?:59\d|600) s/);
  });

  it('an answer that is no JSON, or a server that is not there, is told', async () => {
    expect(await refusal(() => [200, 'hello'])).toMatch(/cannot be read\n.*is this the address of the API\?/);
    const { server } = await open(() => [200, []]);
    const gone = await openForge(
      kind,
      server.access({ api: 'http://127.0.0.1:9/api', project: 'net/rules' }),
    );
    await expect(gone.propose(proposal)).rejects.toThrow(/cannot be reached\n.*refused/);
    if (kind !== 'bitbucket') await expect(gone.tell(notice)).rejects.toThrow(/cannot be reached/);
  });
});
