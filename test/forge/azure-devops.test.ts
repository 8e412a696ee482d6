import { describe, expect, it } from 'vitest';
import { azureDevops } from '../../src/forge/azure-devops.ts';
import { forgeServer } from './forge-server.ts';
import { notice, proposal } from './proposals.ts';

const PULLS = '/corp/Net%20Ops/_apis/git/repositories/rules/pullrequests';
const WIT = '/corp/Net%20Ops/_apis/wit';
const NOBODY = '00000000-0000-0000-0000-000000000000';

/**
 * Answers as learn.microsoft.com/rest/api/azure/devops/git/pull-requests, …/git/pull-request-labels, …/wit/wiql and
 * …/wit/work-items (7.1) say.
 */
async function devopsServer() {
  const pulls: Record<string, unknown>[] = [];
  const items: { id: number; fields: Record<string, string> }[] = [];
  let labels: { name: string }[] = [];
  const basic = `Basic ${Buffer.from(':tok-0123456789').toString('base64')}`;
  const server = await forgeServer((seen) => {
    if (seen.query.get('api-version') !== '7.1')
      return [400, { message: 'No api-version was supplied for the request.' }];
    // A token that is not known gets the sign-in page with status 203.
    if (seen.headers.authorization !== basic) return [203, '<!DOCTYPE html><html></html>'];
    const body = seen.body as Record<string, unknown>;
    switch (`${seen.method} ${seen.path}`) {
      case `GET ${PULLS}`:
        return [
          200,
          {
            value: pulls
              .filter((one) => one.sourceRefName === seen.query.get('searchCriteria.sourceRefName'))
              .map((one) => ({ ...one, description: (one.description as string).slice(0, 400) })),
          },
        ];
      case `POST ${PULLS}`:
        labels = body.labels as typeof labels;
        pulls.push({ ...body, pullRequestId: 12, createdBy: { id: 'me' } });
        if ((body.description as string).length > 4000)
          return [400, { message: 'Invalid argument value.\r\nParameter name: description' }];
        return [201, pulls[0]];
      case `GET ${PULLS}/12`:
        return [200, pulls[0]];
      case `PATCH ${PULLS}/12`:
        Object.assign(pulls[0]!, body);
        if ((body.autoCompleteSetBy as { id?: string } | undefined)?.id === NOBODY)
          delete pulls[0]!.autoCompleteSetBy;
        return [200, pulls[0]];
      case `GET ${PULLS}/12/labels`:
        return [200, { value: labels }];
      case `POST ${PULLS}/12/labels`:
        labels.push({ name: body.name as string });
        return [200, {}];
      case `POST ${WIT}/wiql`:
        return [200, { workItems: items.map(({ id }) => ({ id })) }];
      case `GET ${WIT}/workitems/40`:
        return [200, items[0]];
      case `POST ${WIT}/workitems/$Task`:
      case `PATCH ${WIT}/workitems/40`: {
        if (seen.headers['content-type'] !== 'application/json-patch+json') return [415, {}];
        const item = items[0] ?? { id: 40, fields: {} };
        for (const { path, value } of seen.body as { path: string; value: string }[])
          item.fields[path.replace('/fields/', '')] = value;
        items[0] = item;
        return [200, item];
      }
    }
    const label = /\/labels\/([\w-]+)$/.exec(seen.path)?.[1];
    if (seen.method === 'DELETE' && label !== undefined) {
      labels = labels.filter(({ name }) => name !== label);
      return [200];
    }
    return [404, { message: 'TF401019: The Git repository does not exist.' }];
  });
  const access = server.access({ api: `${server.origin}/corp`, project: 'Net Ops/rules' });
  return { server, access, forge: azureDevops(access), pulls, items, labels: () => labels };
}

describe('Azure DevOps', () => {
  it('opens a pull request, leaves it alone when nothing changed, and updates the open one', async () => {
    const { server, forge, pulls, labels } = await devopsServer();
    // Longer than what the listing returns: it must be compared with the whole.
    const body = `# Review\n\n${'an address, '.repeat(100)}\n\n## B\n\n${'an address, '.repeat(400)}\n`;
    expect(await forge.propose({ ...proposal, body, reviewers: ['0f-id'] })).toMatchObject({
      action: 'opened',
      reference: '!12',
      url: `${server.origin}/corp/Net%20Ops/_git/rules/pullrequest/12`,
    });
    expect(pulls[0]).toMatchObject({ isDraft: false, reviewers: [{ id: '0f-id' }] });
    expect((pulls[0]!.description as string).length).toBeLessThanOrEqual(4000);
    expect(pulls[0]!.description).toContain('… and 1 more section');
    const asked = server.changes().length;
    expect((await forge.propose({ ...proposal, body })).action).toBe('unchanged');
    expect(server.changes()).toHaveLength(asked);
    labels().push({ name: 'network' });
    await forge.propose({ ...proposal, body, draft: true, labels: ['look', 'accepted-guard'] });
    expect(labels().map(({ name }) => name)).toEqual(['network', 'look', 'accepted-guard']);
    expect(pulls).toHaveLength(1);
    expect(pulls[0]).toMatchObject({ isDraft: true });
  });

  it('completes by itself, and takes that back', async () => {
    const { forge, pulls } = await devopsServer();
    await forge.propose({ ...proposal, autoMerge: true });
    expect(pulls[0]).toMatchObject({ autoCompleteSetBy: { id: 'me' } });
    await forge.propose(proposal);
    expect(pulls[0]).not.toHaveProperty('autoCompleteSetBy');
  });

  it('opens a task for a refused week and updates it the next time', async () => {
    const { forge, items } = await devopsServer();
    expect(await forge.tell({ ...notice, body: 'a <b> & c' })).toMatchObject({
      action: 'opened',
      reference: '#40',
    });
    expect(items[0]!.fields).toEqual({
      'System.Title': notice.title,
      'System.Description': '<pre>a &lt;b&gt; &amp; c</pre>',
      'System.Tags': notice.label,
    });
    expect(await forge.tell({ ...notice, body: 'a <b> & c' })).toMatchObject({ action: 'unchanged' });
    expect(await forge.tell({ ...notice, body: 'else' })).toMatchObject({ action: 'updated' });
    expect(items[0]!.fields['System.Description']).toBe('<pre>else</pre>');
  });

  it('takes the sign-in page for what it is: a token that is not known', async () => {
    const { access } = await devopsServer();
    await expect(azureDevops({ ...access, token: 'wrong' }).propose(proposal)).rejects.toThrow(
      /does not accept the token\n.*HTTP 401.*SYSTEM_ACCESSTOKEN/,
    );
  });
});
