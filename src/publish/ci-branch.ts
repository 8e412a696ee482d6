/**
 * The branch that a CI system has checked out, often as a detached HEAD: of GitHub and Gitea Actions, GitLab CI and
 * Azure Pipelines, by their own variables. Undefined elsewhere, and where it runs for a tag or a pull request.
 */
export function ciBranch(environment: Readonly<Record<string, string | undefined>>): string | undefined {
  const { GITHUB_REF_NAME, GITHUB_REF_TYPE, CI_COMMIT_BRANCH, BUILD_SOURCEBRANCH } = environment;
  if (GITHUB_REF_TYPE === 'branch' && isName(GITHUB_REF_NAME)) return GITHUB_REF_NAME;
  if (isName(CI_COMMIT_BRANCH)) return CI_COMMIT_BRANCH;
  const azure = /^refs\/heads\/(.+)$/.exec(BUILD_SOURCEBRANCH ?? '')?.[1];
  return isName(azure) ? azure : undefined;
}

function isName(text: string | undefined): text is string {
  return text !== undefined && text !== '';
}
