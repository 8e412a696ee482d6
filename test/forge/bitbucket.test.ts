import { describe, expect, it } from 'vitest';
import { bitbucket } from '../../src/forge/bitbucket.ts';
import { forgeServer } from './forge-server.ts';
import { notice, proposal } from './proposals.ts';

const PULLS = '/rest/api/1.0/projects/NET/repos/rules/pull-requests';

/** Answers as developer.atlassian.com/server/bitbucket/rest/v819/api-group-pull-requests/ says. */
describe('Bitbucket Data Center', () => {
  it('opens a pull request, leaves it alone when nothing changed, and updates the open one', async () => {
    const pulls: Record<string, unknown>[] = [];
    const server = await forgeServer((seen) => {
      const body = seen.body as Record<string, unknown>;
      switch (`${seen.method} ${seen.path}`) {
        case `GET ${PULLS}`:
          return [200, { values: seen.query.get('direction') === 'OUTGOING' ? pulls : [], isLastPage: true }];
        case `POST ${PULLS}`:
          pulls.push({ ...body, id: 8, version: 0, links: { self: [{ href: 'https://bb.example/8' }] } });
          return [201, pulls[0]];
        case `PUT ${PULLS}/8`:
          if (body.version !== pulls[0]!.version)
            return [409, { errors: [{ context: null, message: 'out of date', exceptionName: 'x' }] }];
          Object.assign(pulls[0]!, body, { version: (body.version as number) + 1 });
          return [200, pulls[0]];
      }
      return [404, { errors: [{ context: null, message: 'does not exist' }] }];
    });
    const access = server.access({ api: `${server.origin}/rest/api/1.0`, project: 'NET/rules' });
    const forge = bitbucket(access);
    expect(await forge.propose({ ...proposal, reviewers: ['ada'] })).toEqual({
      action: 'opened',
      url: 'https://bb.example/8',
      reference: '#8',
    });
    expect(pulls[0]!.description).toBe(`Labels: routine\n\n${proposal.body}`);
    expect((await forge.propose(proposal)).action).toBe('unchanged');
    expect((await forge.propose({ ...proposal, draft: true })).action).toBe('updated');
    expect(pulls[0]).toMatchObject({ draft: true, version: 1, reviewers: [{ user: { name: 'ada' } }] });
    await expect(forge.tell(notice)).rejects.toThrow('Bitbucket has no issues');
    await expect(forge.propose({ ...proposal, autoMerge: true })).rejects.toThrow('autoMerge');
  });
});
