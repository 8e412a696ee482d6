import { cutBody } from './body.ts';
import {
  type Forge,
  ForgeError,
  labelsAfter,
  type Notice,
  type Proposal,
  type Published,
  sameLabels,
} from './forge.ts';
import { createRestClient } from './rest.ts';
import type { ForgeAccess } from './settings.ts';

/** Characters of a description (https://docs.gitlab.com/api/merge_requests/#create-mr). */
const BODY_LIMIT = 1_048_576;

/** The mark of a draft in the title (https://docs.gitlab.com/user/project/merge_requests/drafts/). */
const DRAFT = 'Draft: ';

interface MergeRequest {
  readonly iid: number;
  readonly web_url: string;
  readonly title: string;
  readonly description: string | null;
  readonly labels: readonly string[];
  readonly merge_when_pipeline_succeeds?: boolean;
}

interface Issue {
  readonly iid: number;
  readonly web_url: string;
  readonly title: string;
  readonly description: string | null;
}

/**
 * GitLab, REST API v4 (https://docs.gitlab.com/api/merge_requests/, https://docs.gitlab.com/api/issues/). The job
 * token of a pipeline cannot open merge requests; a project access token with the scope `api` can.
 */
export function gitlab(access: ForgeAccess): Forge {
  const client = createRestClient({
    name: 'GitLab',
    base: access.api,
    headers: { 'private-token': access.token },
    secrets: [access.token],
    http: access.http,
    environment: access.environment,
    report: access.report,
    hints: {
      401: 'the token is missing, wrong or expired; CI_JOB_TOKEN cannot open merge requests, use a project access token with the scope `api`',
      403: 'the token needs the scope `api` and the role Developer',
    },
  });
  const project = `/projects/${encodeURIComponent(access.project)}`;

  const reviewerIds = async (names: readonly string[]): Promise<number[]> => {
    const ids: number[] = [];
    for (const username of names) {
      const query = new URLSearchParams({ username });
      const [user] = await client.send<readonly { readonly id: number }[]>('GET', `/users?${query}`);
      if (user === undefined)
        throw new ForgeError('GitLab does not know a reviewer', {
          where: 'publish.git.pullRequest.reviewers',
          what: `there is no user ${JSON.stringify(username)}`,
        });
      ids.push(user.id);
    }
    return ids;
  };

  return {
    name: 'GitLab',
    async propose(proposal: Proposal): Promise<Published> {
      const title = `${proposal.draft ? DRAFT : ''}${proposal.title}`;
      const description = cutBody(proposal.body, BODY_LIMIT);
      const query = new URLSearchParams({
        state: 'opened',
        source_branch: proposal.source,
        target_branch: proposal.target,
      });
      const requests = `${project}/merge_requests`;
      const [found] = await client.send<readonly MergeRequest[]>('GET', `${requests}?${query}`);
      let changed = false;
      let request: MergeRequest;
      if (found === undefined)
        request = await client.send<MergeRequest>('POST', requests, {
          source_branch: proposal.source,
          target_branch: proposal.target,
          title,
          description,
          labels: proposal.labels.join(','),
          reviewer_ids: await reviewerIds(proposal.reviewers),
          remove_source_branch: true,
        });
      else {
        request = found;
        const labels = labelsAfter(found.labels, proposal.labels);
        changed =
          found.title !== title || found.description !== description || !sameLabels(labels, found.labels);
        if (changed)
          await client.send('PUT', `${requests}/${found.iid}`, {
            title,
            description,
            labels: labels.join(','),
          });
      }
      const one = `${requests}/${request.iid}`;
      const waits = request.merge_when_pipeline_succeeds === true;
      // `auto_merge` since 17.11; earlier versions know the second name only.
      if (proposal.autoMerge && !waits)
        await client.send('PUT', `${one}/merge`, { auto_merge: true, merge_when_pipeline_succeeds: true });
      if (!proposal.autoMerge && waits)
        await client.send('POST', `${one}/cancel_merge_when_pipeline_succeeds`);
      return {
        action: found === undefined ? 'opened' : changed ? 'updated' : 'unchanged',
        url: request.web_url,
        reference: `!${request.iid}`,
      };
    },

    async tell({ title, body, label }: Notice): Promise<Published> {
      const description = cutBody(body, BODY_LIMIT);
      const query = new URLSearchParams({ state: 'opened', labels: label });
      const [found] = await client.send<readonly Issue[]>('GET', `${project}/issues?${query}`);
      if (found === undefined) {
        const opened = await client.send<Issue>('POST', `${project}/issues`, {
          title,
          description,
          labels: label,
        });
        return { action: 'opened', url: opened.web_url, reference: `#${opened.iid}` };
      }
      const same = found.title === title && found.description === description;
      if (!same) await client.send('PUT', `${project}/issues/${found.iid}`, { title, description });
      return { action: same ? 'unchanged' : 'updated', url: found.web_url, reference: `#${found.iid}` };
    },
  };
}
