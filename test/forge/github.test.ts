import { describe, expect, it } from 'vitest';
import { github } from '../../src/forge/github.ts';
import type { Reply, Seen } from './forge-server.ts';
import { githubServer } from './github-server.ts';
import { notice, proposal } from './proposals.ts';

describe('GitHub', () => {
  const open = async (refuse?: (seen: Seen) => Reply | undefined) => {
    const { server, ...state } = githubServer(refuse);
    const at = await server;
    return { ...state, at, forge: github(at.access({ api: at.origin, project: 'net/rules' })) };
  };

  it('opens a pull request, leaves it alone when nothing changed, and updates the open one', async () => {
    const { at, forge, pulls } = await open();
    expect(await forge.propose({ ...proposal, reviewers: ['ada', 'team/net'] })).toEqual({
      action: 'opened',
      url: 'https://github.example/net/rules/pull/7',
      reference: '#7',
    });
    expect(pulls[0]).toMatchObject({
      head: proposal.source,
      base: 'main',
      draft: false,
      body: proposal.body,
    });
    expect(at.requests.find(({ path }) => path.endsWith('requested_reviewers'))?.body).toEqual({
      reviewers: ['ada'],
      team_reviewers: ['net'],
    });
    const asked = at.changes().length;
    expect((await forge.propose({ ...proposal, reviewers: ['ada'] })).action).toBe('unchanged');
    expect(at.changes()).toHaveLength(asked);

    // A label of people stays, one of ours goes.
    (pulls[0]!.labels as { name: string }[]).push({ name: 'network' });
    const update = await forge.propose({ ...proposal, title: 'Another week', labels: ['look'] });
    expect(update.action).toBe('updated');
    expect(pulls).toHaveLength(1);
    expect(pulls[0]).toMatchObject({
      title: 'Another week',
      labels: [{ name: 'network' }, { name: 'look' }],
    });
  });

  it('makes a draft of it and takes that back, and merges by itself when it is told', async () => {
    const { forge, pulls } = await open();
    await forge.propose({ ...proposal, draft: true, labels: ['look', 'accepted-guard'] });
    expect(pulls[0]).toMatchObject({ draft: true, auto_merge: null });
    await forge.propose({ ...proposal, autoMerge: true });
    expect(pulls[0]).toMatchObject({ draft: false, auto_merge: { merge_method: 'merge' } });
    expect(pulls[0]!.labels).toEqual([{ name: 'routine' }]);
  });

  it('opens an ordinary one where the repository has no drafts', async () => {
    const { at, forge, pulls } = await open(({ method, body }) =>
      method === 'POST' && (body as { draft?: boolean }).draft === true
        ? [422, { message: 'Draft pull requests are not supported in this repository.' }]
        : undefined,
    );
    await forge.propose({ ...proposal, draft: true });
    expect(pulls[0]).toMatchObject({ draft: false });
    expect(at.reports.join()).toContain('no draft pull requests');
  });

  it('cuts a body at a section’s end below 65,536 characters', async () => {
    const { forge, pulls } = await open();
    const section = (name: string) => `## ${name}\n\n${'an address, '.repeat(2_000)}\n\n`;
    await forge.propose({ ...proposal, body: `# Review\n\n${section('A')}${section('B')}${section('C')}` });
    const body = pulls[0]!.body as string;
    expect(body.length).toBeLessThan(65_536);
    expect(body).toContain('## B');
    expect(body).not.toContain('## C');
    expect(body).toMatch(/… and 1 more section: REVIEW\.md in this change has everything\.\n$/);
  });

  it('opens an issue for a refused week and updates it the next time', async () => {
    const { at, forge, issues } = await open();
    expect(await forge.tell(notice)).toMatchObject({ action: 'opened', reference: '#9' });
    expect(await forge.tell(notice)).toMatchObject({ action: 'unchanged' });
    expect(await forge.tell({ ...notice, body: 'more' })).toMatchObject({ action: 'updated' });
    expect(issues).toHaveLength(1);
    expect(issues[0]).toMatchObject({ body: 'more', labels: ['azure-allowlist-refused'] });
    expect(at.changes()).toEqual(['POST /repos/net/rules/issues', 'PATCH /repos/net/rules/issues/9']);
  });

  it('tells an error of GraphQL, which comes with status 200', async () => {
    const { forge } = await open(({ path }) =>
      path === '/graphql'
        ? [200, { data: null, errors: [{ message: 'Auto merge is not allowed for this repository' }] }]
        : undefined,
    );
    await expect(forge.propose({ ...proposal, autoMerge: true })).rejects.toThrow(
      'enablePullRequestAutoMerge: Auto merge is not allowed for this repository',
    );
  });
});
