import { cutBody } from './body.ts';
import { type Forge, type Notice, type Proposal, type Published, VERDICT_LABELS } from './forge.ts';
import { createRestClient } from './rest.ts';
import type { ForgeAccess } from './settings.ts';

/** Characters of a pull request's description and title; the server answers 400 beyond. */
const BODY_LIMIT = 4_000;
const TITLE_LIMIT = 400;
/** Characters of a work item's title. */
const WORK_ITEM_TITLE_LIMIT = 255;

const VERSION = 'api-version=7.1';

interface Pull {
  readonly pullRequestId: number;
  readonly title: string;
  readonly description?: string;
  readonly isDraft?: boolean;
  readonly createdBy: { readonly id: string };
  readonly autoCompleteSetBy?: { readonly id: string };
}

interface WorkItem {
  readonly id: number;
  readonly fields: Readonly<Record<string, string | undefined>>;
}

/**
 * Azure DevOps Services and Server, REST API 7.1
 * (https://learn.microsoft.com/rest/api/azure/devops/git/pull-requests, …/wit/work-items, …/wit/wiql). What other
 * forges call an issue is a work item of the type Task, the one type that all processes of Microsoft have.
 * `project` is `PROJECT/REPOSITORY`, reviewers are ids of identities.
 */
export function azureDevops(access: ForgeAccess): Forge {
  const client = createRestClient({
    name: 'Azure DevOps',
    base: access.api,
    headers: { authorization: authorization(access.token) },
    secrets: [access.token, Buffer.from(`:${access.token}`).toString('base64')],
    http: access.http,
    environment: access.environment,
    report: access.report,
    hints: {
      401: 'the token is missing, wrong or expired; in a pipeline map SYSTEM_ACCESSTOKEN: $(System.AccessToken)',
      403: 'the build service needs “Contribute to pull requests” and “Contribute” on this repository',
    },
  });
  const [project = '', repository = ''] = access.project.split('/').map(encodeURIComponent);
  const pulls = `/${project}/_apis/git/repositories/${repository}/pullrequests`;
  const place = (id: number) => `${access.api}/${project}/_git/${repository}/pullrequest/${id}`;

  const relabel = async (id: number, wanted: readonly string[]): Promise<boolean> => {
    const { value } = await client.send<{ readonly value: readonly { readonly name: string }[] }>(
      'GET',
      `${pulls}/${id}/labels?${VERSION}`,
    );
    const present = value.map(({ name }) => name);
    const gone = VERDICT_LABELS.filter((name) => present.includes(name) && !wanted.includes(name));
    const fresh = wanted.filter((name) => !present.includes(name));
    for (const name of gone)
      await client.send('DELETE', `${pulls}/${id}/labels/${encodeURIComponent(name)}?${VERSION}`);
    for (const name of fresh) await client.send('POST', `${pulls}/${id}/labels?${VERSION}`, { name });
    return gone.length + fresh.length > 0;
  };

  return {
    name: 'Azure DevOps',
    async propose(proposal: Proposal): Promise<Published> {
      const description = cutBody(proposal.body, BODY_LIMIT);
      const title = proposal.title.slice(0, TITLE_LIMIT);
      const [sourceRefName, targetRefName] = [
        `refs/heads/${proposal.source}`,
        `refs/heads/${proposal.target}`,
      ];
      const query = new URLSearchParams({
        'searchCriteria.status': 'active',
        'searchCriteria.sourceRefName': sourceRefName,
        'searchCriteria.targetRefName': targetRefName,
      });
      const { value } = await client.send<{ readonly value: readonly Pull[] }>(
        'GET',
        `${pulls}?${query}&${VERSION}`,
      );
      const found = value[0];
      let changed = false;
      let pull: Pull;
      if (found === undefined)
        pull = await client.send<Pull>('POST', `${pulls}?${VERSION}`, {
          sourceRefName,
          targetRefName,
          title,
          description,
          isDraft: proposal.draft,
          reviewers: proposal.reviewers.map((id) => ({ id })),
          labels: proposal.labels.map((name) => ({ name })),
        });
      else {
        // A listing cuts descriptions to 400 characters.
        pull = await client.send<Pull>('GET', `${pulls}/${found.pullRequestId}?${VERSION}`);
        const draft = pull.isDraft ?? false;
        if (pull.title !== title || (pull.description ?? '') !== description || draft !== proposal.draft) {
          changed = true;
          await client.send('PATCH', `${pulls}/${pull.pullRequestId}?${VERSION}`, {
            title,
            description,
            isDraft: proposal.draft,
          });
        }
        changed = (await relabel(pull.pullRequestId, proposal.labels)) || changed;
      }
      const waits = pull.autoCompleteSetBy !== undefined;
      if (proposal.autoMerge !== waits)
        await client.send('PATCH', `${pulls}/${pull.pullRequestId}?${VERSION}`, {
          // The id of nobody takes it back.
          autoCompleteSetBy: {
            id: proposal.autoMerge ? pull.createdBy.id : '00000000-0000-0000-0000-000000000000',
          },
          ...(proposal.autoMerge ? { completionOptions: { deleteSourceBranch: true } } : {}),
        });
      return {
        action: found === undefined ? 'opened' : changed ? 'updated' : 'unchanged',
        url: place(pull.pullRequestId),
        reference: `!${pull.pullRequestId}`,
      };
    },

    async tell({ title: text, body, label }: Notice): Promise<Published> {
      const title = text.slice(0, WORK_ITEM_TITLE_LIMIT);
      // The field is HTML.
      const description = `<pre>${escapeHtml(body)}</pre>`;
      const items = `/${project}/_apis/wit`;
      const tag = label.replaceAll("'", "''");
      const query = `SELECT [System.Id] FROM WorkItems WHERE [System.TeamProject] = @project AND [System.Tags] CONTAINS '${tag}' AND [System.State] NOT IN ('Done', 'Closed', 'Removed') ORDER BY [System.Id]`;
      const { workItems } = await client.send<{ readonly workItems: readonly { readonly id: number }[] }>(
        'POST',
        `${items}/wiql?${VERSION}`,
        { query },
      );
      const fields = { 'System.Title': title, 'System.Description': description, 'System.Tags': label };
      const patch = (of: Readonly<Record<string, string>>) =>
        Object.entries(of).map(([field, value]) => ({ op: 'add', path: `/fields/${field}`, value }));
      const type = { 'content-type': 'application/json-patch+json' };
      const url = (id: number) => `${access.api}/${project}/_workitems/edit/${id}`;
      const first = workItems[0];
      if (first === undefined) {
        const opened = await client.send<WorkItem>(
          'POST',
          `${items}/workitems/$Task?${VERSION}`,
          patch(fields),
          type,
        );
        return { action: 'opened', url: url(opened.id), reference: `#${opened.id}` };
      }
      const { fields: present } = await client.send<WorkItem>(
        'GET',
        `${items}/workitems/${first.id}?${VERSION}`,
      );
      const same = present['System.Title'] === title && present['System.Description'] === description;
      // Tags that people added stay.
      if (!same)
        await client.send(
          'PATCH',
          `${items}/workitems/${first.id}?${VERSION}`,
          patch({ 'System.Title': title, 'System.Description': description }),
          type,
        );
      return { action: same ? 'unchanged' : 'updated', url: url(first.id), reference: `#${first.id}` };
    },
  };
}

/** An access token of Microsoft Entra or of a pipeline is a JWT, a personal access token a password. */
function authorization(token: string): string {
  return token.startsWith('eyJ') ? `Bearer ${token}` : `Basic ${Buffer.from(`:${token}`).toString('base64')}`;
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
