import { forgeServer, type Reply, type Seen } from './forge-server.ts';

/**
 * Answers as docs.github.com/en/rest/pulls/pulls, /rest/issues/issues, /rest/issues/labels,
 * /rest/pulls/review-requests (2022-11-28) and docs.github.com/en/graphql/reference/mutations say.
 */
export function githubServer(refuse: (seen: Seen) => Reply | undefined = () => undefined) {
  const pulls: Record<string, unknown>[] = [];
  const issues: Record<string, unknown>[] = [];
  const R = '/repos/net/rules';
  return {
    pulls,
    issues,
    server: forgeServer((seen) => {
      const refused = refuse(seen);
      if (refused !== undefined) return refused;
      if (seen.headers.authorization !== 'Bearer tok-0123456789')
        return [401, { message: 'Bad credentials', documentation_url: 'https://docs.github.com/rest' }];
      const body = seen.body as Record<string, unknown>;
      const number = Number(/\/(?:pulls|issues)\/(\d+)/.exec(seen.path)?.[1]);
      const pull = pulls.find((one) => one.number === number);
      switch (`${seen.method} ${seen.path.replace(/\/\d+/, '/N')}`) {
        case `GET ${R}/pulls`:
          if (!(seen.query.get('head') ?? '').startsWith('net:')) return [200, pulls];
          return [
            200,
            pulls.filter(
              (one) =>
                `net:${one.head}` === seen.query.get('head') &&
                one.base === seen.query.get('base') &&
                seen.query.get('state') === 'open',
            ),
          ];
        case `POST ${R}/pulls`: {
          const made = {
            ...body,
            number: 7,
            node_id: 'PR_kw7',
            html_url: 'https://github.example/net/rules/pull/7',
            labels: [],
            auto_merge: null,
          };
          pulls.push(made);
          return [201, made];
        }
        case `PATCH ${R}/pulls/N`:
          Object.assign(pull!, body);
          return [200, pull];
        case `PUT ${R}/issues/N/labels`: {
          const labels = (body.labels as string[]).map((name) => ({ name })).sort();
          Object.assign(pull!, { labels });
          return [200, labels];
        }
        case `POST ${R}/pulls/N/requested_reviewers`:
          return [201, { ...pull, requested_reviewers: body.reviewers }];
        case 'POST /graphql': {
          const { query, variables } = body as { query: string; variables: { id: string } };
          const target = pulls.find((one) => one.node_id === variables.id)!;
          if (query.includes('convertPullRequestToDraft')) target.draft = true;
          if (query.includes('markPullRequestReadyForReview')) target.draft = false;
          if (query.includes('enablePullRequestAutoMerge')) target.auto_merge = { merge_method: 'merge' };
          return [200, { data: {} }];
        }
        case `GET ${R}/issues`:
          return [200, issues.filter(({ label }) => label === seen.query.get('labels'))];
        case `POST ${R}/issues`: {
          const made = {
            ...body,
            number: 9,
            html_url: 'https://github.example/net/rules/issues/9',
            label: (body.labels as string[])[0],
          };
          issues.push(made);
          return [201, made];
        }
        case `PATCH ${R}/issues/N`:
          Object.assign(issues.find((one) => one.number === number)!, body);
          return [200, {}];
      }
      return [404, { message: 'Not Found' }];
    }),
  };
}
