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

/** Characters of a body; the API answers 422 beyond ("body is too long (maximum is 65536 characters)"). */
const BODY_LIMIT = 65_536;

interface Pull {
  readonly number: number;
  readonly node_id: string;
  readonly html_url: string;
  readonly title: string;
  readonly body: string | null;
  readonly draft?: boolean;
  readonly auto_merge?: unknown;
  readonly labels: readonly { readonly name: string }[];
}

interface Issue {
  readonly number: number;
  readonly html_url: string;
  readonly title: string;
  readonly body: string | null;
  readonly pull_request?: unknown;
}

/**
 * GitHub and GitHub Enterprise Server, REST API version 2022-11-28
 * (https://docs.github.com/en/rest/pulls/pulls, https://docs.github.com/en/rest/issues/issues). Whether a pull
 * request is a draft and merges by itself can be changed through the GraphQL API only
 * (https://docs.github.com/en/graphql/reference/mutations).
 */
export function github(access: ForgeAccess): Forge {
  const client = createRestClient({
    name: 'GitHub',
    base: access.api,
    headers: {
      accept: 'application/vnd.github+json',
      'x-github-api-version': '2022-11-28',
      authorization: `Bearer ${access.token}`,
    },
    secrets: [access.token],
    http: access.http,
    environment: access.environment,
    report: access.report,
    hints: {
      403: 'the token needs `contents: write`, `pull-requests: write` and `issues: write`; for GITHUB_TOKEN allow “GitHub Actions to create and approve pull requests” in the settings of the repository',
    },
  });
  const repository = `/repos/${access.project}`;
  const owner = access.project.split('/')[0]!;
  // github.com serves GraphQL beside the REST paths, an Enterprise Server at /api/graphql beside /api/v3.
  const graphql = `${access.api.replace(/\/v3$/, '')}/graphql`;

  /** @throws ForgeError also where the answer is 200 with errors, as GraphQL has it */
  const mutate = async (mutation: string, fields: string, id: string): Promise<void> => {
    const query = `mutation($id: ID!) { ${mutation}(input: { pullRequestId: $id${fields} }) { clientMutationId } }`;
    const answer = await client.send<{ readonly errors?: readonly { readonly message: string }[] }>(
      'POST',
      graphql,
      { query, variables: { id } },
    );
    const said = answer.errors?.map(({ message }) => message).join('; ');
    if (said !== undefined && said !== '')
      throw new ForgeError('GitHub does not allow this', { where: mutation, what: said });
  };

  const open = async (proposal: Proposal, body: string): Promise<Pull> => {
    const post = (draft: boolean) =>
      client.send<Pull>('POST', `${repository}/pulls`, {
        title: proposal.title,
        head: proposal.source,
        base: proposal.target,
        body,
        draft,
      });
    const pull = await post(proposal.draft).catch((error: unknown) => {
      // Private repositories of free plans have none; a pull request that is no draft is better than none.
      if (!(error instanceof ForgeError) || !proposal.draft || !/draft pull requests/i.test(error.message))
        throw error;
      access.report('GitHub has no draft pull requests for this repository; it is opened as an ordinary one');
      return post(false);
    });
    if (proposal.reviewers.length > 0) {
      // `team/NAME` asks a team of the organisation.
      const teams = proposal.reviewers.filter((name) => name.startsWith('team/'));
      await client.send('POST', `${repository}/pulls/${pull.number}/requested_reviewers`, {
        reviewers: proposal.reviewers.filter((name) => !teams.includes(name)),
        team_reviewers: teams.map((name) => name.slice('team/'.length)),
      });
    }
    return pull;
  };

  return {
    name: 'GitHub',
    async propose(proposal: Proposal): Promise<Published> {
      const body = cutBody(proposal.body, BODY_LIMIT);
      const query = new URLSearchParams({
        state: 'open',
        head: `${owner}:${proposal.source}`,
        base: proposal.target,
      });
      const [found] = await client.send<readonly Pull[]>('GET', `${repository}/pulls?${query}`);
      const pull = found ?? (await open(proposal, body));
      let changed = false;
      if (found !== undefined && (found.title !== proposal.title || (found.body ?? '') !== body)) {
        changed = true;
        await client.send('PATCH', `${repository}/pulls/${pull.number}`, { title: proposal.title, body });
      }
      const present = pull.labels.map(({ name }) => name);
      const labels = labelsAfter(present, proposal.labels);
      if (!sameLabels(labels, present)) {
        changed = true;
        await client.send('PUT', `${repository}/issues/${pull.number}/labels`, { labels });
      }
      if (found?.draft !== undefined && found.draft !== proposal.draft) {
        changed = true;
        await mutate(
          proposal.draft ? 'convertPullRequestToDraft' : 'markPullRequestReadyForReview',
          '',
          pull.node_id,
        );
      }
      if (proposal.autoMerge && (pull.auto_merge ?? null) === null)
        await mutate('enablePullRequestAutoMerge', '', pull.node_id);
      if (!proposal.autoMerge && (pull.auto_merge ?? null) !== null)
        await mutate('disablePullRequestAutoMerge', '', pull.node_id);
      return {
        action: found === undefined ? 'opened' : changed ? 'updated' : 'unchanged',
        url: pull.html_url,
        reference: `#${pull.number}`,
      };
    },

    async tell({ title, body: text, label }: Notice): Promise<Published> {
      const body = cutBody(text, BODY_LIMIT);
      const query = new URLSearchParams({ state: 'open', labels: label });
      const issues = await client.send<readonly Issue[]>('GET', `${repository}/issues?${query}`);
      const found = issues.find((issue) => issue.pull_request === undefined);
      if (found === undefined) {
        const opened = await client.send<Issue>('POST', `${repository}/issues`, {
          title,
          body,
          labels: [label],
        });
        return { action: 'opened', url: opened.html_url, reference: `#${opened.number}` };
      }
      const same = found.title === title && found.body === body;
      if (!same) await client.send('PATCH', `${repository}/issues/${found.number}`, { title, body });
      return {
        action: same ? 'unchanged' : 'updated',
        url: found.html_url,
        reference: `#${found.number}`,
      };
    },
  };
}
