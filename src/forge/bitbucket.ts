import { cutBody } from './body.ts';
import { type Forge, ForgeError, type Notice, type Proposal, type Published } from './forge.ts';
import { createRestClient } from './rest.ts';
import type { ForgeAccess } from './settings.ts';

/** Characters of a description; the server answers 400 beyond. */
const BODY_LIMIT = 32_768;

interface Pull {
  readonly id: number;
  readonly version: number;
  readonly title: string;
  readonly description?: string;
  readonly draft?: boolean;
  readonly reviewers: readonly { readonly user: { readonly name: string } }[];
  readonly toRef: { readonly id: string };
  readonly links: { readonly self: readonly { readonly href: string }[] };
}

/**
 * Bitbucket Data Center, REST API 1.0 (https://developer.atlassian.com/server/bitbucket/rest/v819/api-group-pull-requests/).
 * Its pull requests have no labels, which stand in the first line of the description instead; drafts came with
 * 8.18, and earlier versions ignore the key; it has no issues. `project` is `PROJECT/REPOSITORY`.
 */
export function bitbucket(access: ForgeAccess): Forge {
  const client = createRestClient({
    name: 'Bitbucket',
    base: access.api,
    headers: { authorization: `Bearer ${access.token}` },
    secrets: [access.token],
    http: access.http,
    environment: access.environment,
    report: access.report,
    hints: { 409: 'somebody changed the pull request in the same moment: run again' },
  });
  const [project = '', repository = ''] = access.project.split('/').map(encodeURIComponent);
  const pulls = `/projects/${project}/repos/${repository}/pull-requests`;
  return {
    name: 'Bitbucket',
    async propose(proposal: Proposal): Promise<Published> {
      if (proposal.autoMerge)
        throw new ForgeError('Bitbucket cannot merge by itself through this API', {
          where: 'publish.git.pullRequest.autoMerge',
          what: 'is true',
          next: 'set it to false',
        });
      const labels = proposal.labels.length === 0 ? '' : `Labels: ${proposal.labels.join(', ')}\n\n`;
      const description = cutBody(`${labels}${proposal.body}`, BODY_LIMIT);
      const { title, draft } = proposal;
      const [from, to] = [`refs/heads/${proposal.source}`, `refs/heads/${proposal.target}`];
      const query = new URLSearchParams({ at: from, direction: 'OUTGOING', state: 'OPEN' });
      const { values } = await client.send<{ readonly values: readonly Pull[] }>('GET', `${pulls}?${query}`);
      const found = values.find(({ toRef }) => toRef.id === to);
      if (found === undefined) {
        const opened = await client.send<Pull>('POST', pulls, {
          title,
          description,
          draft,
          fromRef: { id: from },
          toRef: { id: to },
          reviewers: proposal.reviewers.map((name) => ({ user: { name } })),
        });
        return { action: 'opened', url: opened.links.self[0]?.href ?? '', reference: `#${opened.id}` };
      }
      const same =
        found.title === title &&
        (found.description ?? '') === description &&
        (found.draft === undefined || found.draft === draft);
      // What is left out would be removed: the reviewers are sent back as they are.
      if (!same)
        await client.send('PUT', `${pulls}/${found.id}`, {
          version: found.version,
          title,
          description,
          draft,
          reviewers: found.reviewers.map(({ user: { name } }) => ({ user: { name } })),
        });
      return {
        action: same ? 'unchanged' : 'updated',
        url: found.links.self[0]?.href ?? '',
        reference: `#${found.id}`,
      };
    },

    async tell(_notice: Notice): Promise<Published> {
      throw new ForgeError('Bitbucket has no issues', {
        where: 'publish.git.pullRequest.issues',
        what: 'is true',
        next: 'set it to false, and watch the exit status of the job',
      });
    },
  };
}
