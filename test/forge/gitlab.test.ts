import { describe, expect, it } from 'vitest';
import { gitlab } from '../../src/forge/gitlab.ts';
import { forgeServer } from './forge-server.ts';
import { notice, proposal } from './proposals.ts';

const P = '/api/v4/projects/net%2Fteam%2Frules';

/** Answers as docs.gitlab.com/api/merge_requests/, /api/issues/ and /api/users/ say. */
async function gitlabServer() {
  const requests: Record<string, unknown>[] = [];
  const issues: Record<string, unknown>[] = [];
  const server = await forgeServer((seen) => {
    if (seen.headers['private-token'] !== 'tok-0123456789') return [401, { message: '401 Unauthorized' }];
    const body = { ...(seen.body as Record<string, unknown>) };
    if (typeof body.labels === 'string') body.labels = body.labels.split(',');
    switch (`${seen.method} ${seen.path}`) {
      case 'GET /api/v4/users':
        return [200, seen.query.get('username') === 'ada' ? [{ id: 31, username: 'ada' }] : []];
      case `GET ${P}/merge_requests`:
        return [
          200,
          requests.filter(
            (one) =>
              one.source_branch === seen.query.get('source_branch') &&
              one.target_branch === seen.query.get('target_branch') &&
              seen.query.get('state') === 'opened',
          ),
        ];
      case `POST ${P}/merge_requests`: {
        const made = { ...body, iid: 5, web_url: 'https://gitlab.example/net/team/rules/-/merge_requests/5' };
        requests.push(made);
        return [201, made];
      }
      case `PUT ${P}/merge_requests/5`:
        Object.assign(requests[0]!, body);
        return [200, requests[0]];
      case `PUT ${P}/merge_requests/5/merge`:
        requests[0]!.merge_when_pipeline_succeeds = body.auto_merge;
        return [200, requests[0]];
      case `POST ${P}/merge_requests/5/cancel_merge_when_pipeline_succeeds`:
        requests[0]!.merge_when_pipeline_succeeds = false;
        return [201, requests[0]];
      case `GET ${P}/issues`:
        return [
          200,
          issues.filter(({ labels }) => (labels as string[]).includes(seen.query.get('labels') ?? '')),
        ];
      case `POST ${P}/issues`:
        issues.push({ ...body, iid: 3, web_url: 'https://gitlab.example/net/team/rules/-/issues/3' });
        return [201, issues[0]];
      case `PUT ${P}/issues/3`:
        Object.assign(issues[0]!, body);
        return [200, issues[0]];
    }
    return [404, { message: '404 Project Not Found' }];
  });
  const forge = gitlab(server.access({ api: `${server.origin}/api/v4`, project: 'net/team/rules' }));
  return { server, forge, requests, issues };
}

describe('GitLab', () => {
  it('opens a merge request, leaves it alone when nothing changed, and updates the open one', async () => {
    const { server, forge, requests } = await gitlabServer();
    expect(await forge.propose({ ...proposal, reviewers: ['ada'] })).toEqual({
      action: 'opened',
      url: 'https://gitlab.example/net/team/rules/-/merge_requests/5',
      reference: '!5',
    });
    expect(requests[0]).toMatchObject({
      source_branch: proposal.source,
      target_branch: 'main',
      title: proposal.title,
      description: proposal.body,
      labels: ['routine'],
      reviewer_ids: [31],
    });
    const asked = server.changes().length;
    expect((await forge.propose(proposal)).action).toBe('unchanged');
    expect(server.changes()).toHaveLength(asked);
    (requests[0]!.labels as string[]).unshift('network');
    expect((await forge.propose({ ...proposal, draft: true, labels: ['look'] })).action).toBe('updated');
    expect(requests[0]).toMatchObject({ title: `Draft: ${proposal.title}`, labels: ['network', 'look'] });
    expect(requests).toHaveLength(1);
  });

  it('merges when the pipeline succeeds, and takes that back', async () => {
    const { forge, requests } = await gitlabServer();
    await forge.propose({ ...proposal, autoMerge: true });
    expect(requests[0]).toMatchObject({ merge_when_pipeline_succeeds: true });
    await forge.propose(proposal);
    expect(requests[0]).toMatchObject({ merge_when_pipeline_succeeds: false });
  });

  it('names a reviewer that does not exist', async () => {
    const { forge, requests } = await gitlabServer();
    await expect(forge.propose({ ...proposal, reviewers: ['nobody'] })).rejects.toThrow(
      'publish.git.pullRequest.reviewers: there is no user "nobody"',
    );
    expect(requests).toEqual([]);
  });

  it('opens an issue for a refused week and updates it the next time', async () => {
    const { forge, issues } = await gitlabServer();
    expect(await forge.tell(notice)).toMatchObject({ action: 'opened', reference: '#3' });
    expect(await forge.tell(notice)).toMatchObject({ action: 'unchanged' });
    expect(await forge.tell({ ...notice, title: 'Refused again' })).toMatchObject({ action: 'updated' });
    expect(issues).toHaveLength(1);
    expect(issues[0]).toMatchObject({ title: 'Refused again' });
  });
});
