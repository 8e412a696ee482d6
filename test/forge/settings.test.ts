import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { forgePlace } from '../../src/forge/settings.ts';
import { readToken } from '../../src/forge/token.ts';
import { temporaryFolder } from '../publish/trees.ts';

describe('the place of a forge', () => {
  it.each([
    ['https://github.com/net/rules.git', 'github', 'https://api.github.com', 'net/rules'],
    ['git@github.com:net/rules.git', 'github', 'https://api.github.com', 'net/rules'],
    ['ssh://git@ssh.github.com:443/net/rules', 'github', 'https://api.github.com', 'net/rules'],
    ['https://x:secret@gitlab.com/a/b/c.git', 'gitlab', 'https://gitlab.com/api/v4', 'a/b/c'],
    ['https://codeberg.org/a/b/', 'gitea', 'https://codeberg.org/api/v1', 'a/b'],
    [
      'https://corp@dev.azure.com/corp/Net%20Ops/_git/rules',
      'azure-devops',
      'https://dev.azure.com/corp',
      'Net Ops/rules',
    ],
    ['https://dev.azure.com/corp/_git/rules', 'azure-devops', 'https://dev.azure.com/corp', 'rules/rules'],
    ['git@ssh.dev.azure.com:v3/corp/net/rules', 'azure-devops', 'https://dev.azure.com/corp', 'net/rules'],
    [
      'https://corp.visualstudio.com/net/_git/rules',
      'azure-devops',
      'https://corp.visualstudio.com',
      'net/rules',
    ],
  ])('%s', (remote, kind, api, project) => {
    expect(forgePlace({}, remote)).toEqual({ kind, api, project });
  });

  it.each([
    ['github', 'https://ghe.example:8443/net/rules.git', 'https://ghe.example:8443/api/v3', 'net/rules'],
    ['gitlab', 'git@git.example:a/b.git', 'https://git.example/api/v4', 'a/b'],
    ['gitea', 'http://git.example:3000/a/b.git', 'http://git.example:3000/api/v1', 'a/b'],
    ['bitbucket', 'https://bb.example/scm/net/rules.git', 'https://bb.example/rest/api/1.0', 'net/rules'],
  ] as const)('%s at a host of its own', (forge, remote, api, project) => {
    expect(forgePlace({ forge }, remote)).toEqual({ kind: forge, api, project });
  });

  it('is asked for where the remote does not tell', () => {
    expect(() => forgePlace({}, 'https://git.example/a/b.git')).toThrow(
      'publish.git.pullRequest.forge: is needed: the address of the remote does not tell',
    );
    expect(() => forgePlace({ forge: 'gitlab' }, '/srv/git/rules.git')).toThrow(
      /pullRequest\.api: is needed.*\n.*pullRequest\.project: is needed/,
    );
    expect(
      forgePlace({ forge: 'gitlab', api: 'https://git.example/api/v4/', project: 'a/b' }, '/srv/x.git'),
    ).toEqual({ kind: 'gitlab', api: 'https://git.example/api/v4', project: 'a/b' });
  });
});

describe('the token of a forge', () => {
  it('comes from the usual variable, a named one, or a file', async () => {
    expect(await readToken('github', undefined, { GH_TOKEN: 'b' })).toBe('b');
    expect(await readToken('github', undefined, { GITHUB_TOKEN: 'a', GH_TOKEN: 'b' })).toBe('a');
    expect(await readToken('gitlab', { environment: 'MINE' }, { MINE: 'c' })).toBe('c');
    const file = join(temporaryFolder(), 'token');
    writeFileSync(file, 'd\n');
    expect(await readToken('gitea', { file }, {})).toBe('d');
    await expect(readToken('gitlab', undefined, {})).rejects.toThrow('none of GITLAB_TOKEN is set');
    await expect(readToken('gitlab', { file: `${file}-not` }, {})).rejects.toThrow(/cannot be read/);
    writeFileSync(file, 'two\nlines\n');
    const error = await readToken('gitlab', { file }, {}).catch((thrown: Error) => thrown);
    expect((error as Error).message).toContain('does not hold a token');
    expect((error as Error).message).not.toContain('two');
    const pipe = join(temporaryFolder(), 'pipe');
    execFileSync('mkfifo', [pipe]);
    await expect(readToken('gitlab', { file: pipe }, {})).rejects.toThrow(/cannot be read: .* is a pipe/);
  });
});
