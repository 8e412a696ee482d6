import { describe, expect, it } from 'vitest';
import { gitea } from '../../src/forge/gitea.ts';
import { forgeServer } from './forge-server.ts';
import { notice, proposal } from './proposals.ts';

const R = '/api/v1/repos/net/rules';

/** Answers as the swagger document of Gitea 1.2x says (docs.gitea.com/api; Forgejo has the same paths). */
async function giteaServer() {
  let pull: Record<string, unknown> | undefined;
  let issue: Record<string, unknown> | undefined;
  let merges = 0;
  const labels: { id: number; name: string }[] = [{ id: 1, name: 'network' }];
  const named = (ids: unknown) => labels.filter(({ id }) => (ids as number[]).includes(id));
  const server = await forgeServer((seen) => {
    if (seen.headers.authorization !== 'token tok-0123456789') return [401, { message: 'token is required' }];
    const body = seen.body as Record<string, unknown>;
    switch (`${seen.method} ${decodeURIComponent(seen.path)}`) {
      case `GET ${R}`:
        return [200, { full_name: 'net/rules' }];
      case `GET ${R}/pulls/main/azure-allowlist/update`:
        return pull === undefined ? [404, { message: 'not found' }] : [200, pull];
      case `POST ${R}/pulls`:
        if (pull !== undefined) return [409, { message: 'pull request already exists for these targets' }];
        pull = {
          ...body,
          labels: named(body.labels),
          number: 4,
          html_url: 'https://git.example/net/rules/pulls/4',
        };
        return [201, pull];
      case `PATCH ${R}/pulls/4`:
        pull = { ...pull, ...body, labels: named(body.labels) };
        return [201, pull];
      case `POST ${R}/pulls/4/requested_reviewers`:
        return [201, []];
      case `POST ${R}/pulls/4/merge`:
        merges++;
        return merges > 1 ? [409, { message: 'The scheduled auto merge already exists' }] : [200];
      case `GET ${R}/labels`:
        return [200, labels];
      case `POST ${R}/labels`: {
        if (!/^#?[0-9a-f]{6}$/.test(body.color as string)) return [422, { message: 'color' }];
        const made = { id: labels.length + 1, name: body.name as string };
        labels.push(made);
        return [201, made];
      }
      case `GET ${R}/issues`:
        return [200, issue === undefined || seen.query.get('type') !== 'issues' ? [] : [issue]];
      case `POST ${R}/issues`:
        issue = {
          ...body,
          labels: named(body.labels),
          number: 6,
          html_url: 'https://git.example/net/rules/issues/6',
        };
        return [201, issue];
      case `PATCH ${R}/issues/6`:
        issue = { ...issue, ...body };
        return [201, issue];
    }
    return [404, { message: 'not found' }];
  });
  const access = server.access({ api: `${server.origin}/api/v1`, project: 'net/rules' });
  return { server, access, forge: gitea(access), pull: () => pull, issue: () => issue, labels };
}

describe('Gitea and Forgejo', () => {
  it('opens a pull request with labels that it makes, leaves it alone, and updates the open one', async () => {
    const { server, forge, pull, labels } = await giteaServer();
    expect(await forge.propose({ ...proposal, reviewers: ['ada'] })).toEqual({
      action: 'opened',
      url: 'https://git.example/net/rules/pulls/4',
      reference: '#4',
    });
    expect(pull()).toMatchObject({ head: proposal.source, base: 'main', labels: [{ name: 'routine' }] });
    const asked = server.changes().length;
    expect((await forge.propose(proposal)).action).toBe('unchanged');
    expect(server.changes()).toHaveLength(asked);
    (pull()!.labels as unknown[]).unshift(labels[0]);
    expect((await forge.propose({ ...proposal, draft: true, labels: ['look'] })).action).toBe('updated');
    expect(pull()).toMatchObject({
      title: `WIP: ${proposal.title}`,
      labels: [{ name: 'network' }, { name: 'look' }],
    });
  });

  it('merges when checks succeed, and asks for it twice without harm', async () => {
    const { server, forge } = await giteaServer();
    await forge.propose({ ...proposal, autoMerge: true });
    await forge.propose({ ...proposal, autoMerge: true });
    const merge = server.requests.filter(({ path }) => path.endsWith('/merge'));
    expect(merge).toHaveLength(2);
    expect(merge[0]!.body).toMatchObject({ Do: 'merge', merge_when_checks_succeed: true });
  });

  it('tells a missing repository from a missing pull request', async () => {
    const { access } = await giteaServer();
    await expect(gitea({ ...access, project: 'net/other' }).propose(proposal)).rejects.toThrow(
      /does not know this repository/,
    );
  });

  it('opens an issue for a refused week and updates it the next time', async () => {
    const { forge, issue } = await giteaServer();
    expect(await forge.tell(notice)).toMatchObject({ action: 'opened', reference: '#6' });
    expect(issue()).toMatchObject({ labels: [{ name: 'azure-allowlist-refused' }] });
    expect(await forge.tell(notice)).toMatchObject({ action: 'unchanged' });
    expect(await forge.tell({ ...notice, body: 'else' })).toMatchObject({ action: 'updated' });
  });
});
