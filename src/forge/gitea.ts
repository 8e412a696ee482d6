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

/** Characters of a body: the field has no limit of its own, MySQL's text type would cut it here. */
const BODY_LIMIT = 65_535;

/** The mark of a draft in the title; `WIP:` and `[WIP]` are the defaults of WORK_IN_PROGRESS_PREFIXES. */
const DRAFT = 'WIP: ';

/** The colours of labels that have to be made first. */
const COLOURS: Readonly<Record<string, string>> = {
  routine: '#2da44e',
  look: '#bf8700',
  'accepted-guard': '#cf222e',
};

interface Label {
  readonly id: number;
  readonly name: string;
}

interface Item {
  readonly number: number;
  readonly html_url: string;
  readonly title: string;
  readonly body: string;
  readonly labels: readonly Label[] | null;
}

/**
 * Gitea and Forgejo, API v1 (https://docs.gitea.com/api, the same paths in https://codeberg.org/api/swagger): labels
 * are given by number and have to exist, a draft is a prefix of the title.
 */
export function gitea(access: ForgeAccess): Forge {
  const client = createRestClient({
    name: 'Gitea',
    base: access.api,
    headers: { authorization: `token ${access.token}` },
    secrets: [access.token],
    http: access.http,
    environment: access.environment,
    report: access.report,
    hints: { 403: 'the token needs the scopes write:repository and write:issue' },
  });
  const repository = `/repos/${access.project}`;

  /** The numbers of labels, made where they do not exist. */
  const labelIds = async (names: readonly string[], present: readonly Label[]): Promise<number[]> => {
    const known = new Map(present.map(({ id, name }) => [name, id]));
    if (names.some((name) => !known.has(name)))
      for (const { id, name } of await client.send<readonly Label[]>('GET', `${repository}/labels?limit=50`))
        known.set(name, id);
    const ids: number[] = [];
    for (const name of names) {
      const id =
        known.get(name) ??
        (
          await client.send<Label>('POST', `${repository}/labels`, {
            name,
            color: COLOURS[name] ?? '#57606a',
          })
        ).id;
      ids.push(id);
    }
    return ids;
  };

  /** The open pull request of the two branches; an answer of 404 says that there is none. */
  const openOne = async (base: string, head: string): Promise<Item | undefined> =>
    client
      .send<Item>('GET', `${repository}/pulls/${encodeURIComponent(base)}/${encodeURIComponent(head)}`)
      .catch(async (error: unknown) => {
        if (!(error instanceof ForgeError) || error.status !== 404) throw error;
        // The same answer stands for a repository that the token does not see.
        await client.send('GET', repository);
        return undefined;
      });

  return {
    name: 'Gitea',
    async propose(proposal: Proposal): Promise<Published> {
      const title = `${proposal.draft ? DRAFT : ''}${proposal.title}`;
      const body = cutBody(proposal.body, BODY_LIMIT);
      const found = await openOne(proposal.target, proposal.source);
      const present = found?.labels ?? [];
      const names = present.map(({ name }) => name);
      const wanted = labelsAfter(names, proposal.labels);
      const labels = await labelIds(wanted, present);
      const pull =
        found ??
        (await client.send<Item>('POST', `${repository}/pulls`, {
          title,
          body,
          head: proposal.source,
          base: proposal.target,
          labels,
        }));
      const changed =
        found !== undefined && (found.title !== title || found.body !== body || !sameLabels(names, wanted));
      if (changed) await client.send('PATCH', `${repository}/pulls/${pull.number}`, { title, body, labels });
      if (found === undefined && proposal.reviewers.length > 0)
        await client.send('POST', `${repository}/pulls/${pull.number}/requested_reviewers`, {
          reviewers: proposal.reviewers,
        });
      if (proposal.autoMerge)
        await client
          .send('POST', `${repository}/pulls/${pull.number}/merge`, {
            Do: 'merge',
            merge_when_checks_succeed: true,
            delete_branch_after_merge: true,
          })
          .catch((error: unknown) => {
            // Waits for the checks already.
            if (!(error instanceof ForgeError) || error.status !== 409) throw error;
          });
      return {
        action: found === undefined ? 'opened' : changed ? 'updated' : 'unchanged',
        url: pull.html_url,
        reference: `#${pull.number}`,
      };
    },

    async tell({ title, body: text, label }: Notice): Promise<Published> {
      const body = cutBody(text, BODY_LIMIT);
      const query = new URLSearchParams({ state: 'open', type: 'issues', labels: label });
      const [found] = await client.send<readonly Item[]>('GET', `${repository}/issues?${query}`);
      if (found === undefined) {
        const labels = await labelIds([label], []);
        const opened = await client.send<Item>('POST', `${repository}/issues`, { title, body, labels });
        return { action: 'opened', url: opened.html_url, reference: `#${opened.number}` };
      }
      const same = found.title === title && found.body === body;
      if (!same) await client.send('PATCH', `${repository}/issues/${found.number}`, { title, body });
      return { action: same ? 'unchanged' : 'updated', url: found.html_url, reference: `#${found.number}` };
    },
  };
}
