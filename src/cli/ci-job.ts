import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AllowlistError } from '../problem.ts';

/** What a job tells the steps after it, by name; every value is one line. */
export type JobOutputs = Readonly<Record<string, string>>;

/** GitHub takes a step's summary of up to 1 MiB. */
const SUMMARY_LIMIT = 1024 * 1024 - 1024;

/** The dotenv file that `artifacts: reports: dotenv:` of GitLab picks up, in the directory of the project. */
export const DOTENV_FILE = 'azure-allowlist.env';

/**
 * Writes the summary and the outputs of a job where the CI that runs it reads them, found by its own variables; does
 * nothing elsewhere.
 *
 * - GitHub Actions, Gitea and Forgejo Actions: `GITHUB_STEP_SUMMARY` and `GITHUB_OUTPUT`
 *   (https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands).
 * - GitLab CI: a dotenv file (https://docs.gitlab.com/ci/yaml/artifacts_reports/#artifactsreportsdotenv).
 * - Azure Pipelines: `##vso[task.uploadsummary]` and `##vso[task.setvariable …;isOutput=true]`
 *   (https://learn.microsoft.com/azure/devops/pipelines/scripts/logging-commands), on standard output.
 * @throws AllowlistError where one of these files cannot be written
 */
export function tellCi(
  markdown: string,
  outputs: JobOutputs,
  environment: Readonly<Record<string, string | undefined>>,
  out: (line: string) => void,
): void {
  const entries = Object.entries(outputs).map(([name, value]) => [name, value.replace(/[\r\n]+/g, ' ')]);
  try {
    if ((environment.GITHUB_STEP_SUMMARY ?? '') !== '')
      appendFileSync(environment.GITHUB_STEP_SUMMARY!, `${markdown.slice(0, SUMMARY_LIMIT)}\n`);
    if ((environment.GITHUB_OUTPUT ?? '') !== '')
      appendFileSync(
        environment.GITHUB_OUTPUT!,
        entries.map(([name, value]) => `${name}=${value}\n`).join(''),
      );
    if (environment.GITLAB_CI !== undefined && (environment.CI_PROJECT_DIR ?? '') !== '')
      writeFileSync(
        join(environment.CI_PROJECT_DIR!, DOTENV_FILE),
        entries.map(([name, value]) => `AZURE_ALLOWLIST_${name!.toUpperCase()}=${value}\n`).join(''),
      );
    if (environment.TF_BUILD !== undefined) {
      const folder = environment.AGENT_TEMPDIRECTORY;
      if (folder !== undefined && folder !== '') {
        const file = join(folder, 'azure-allowlist.md');
        writeFileSync(file, markdown);
        out(`##vso[task.uploadsummary]${file}`);
      }
      for (const [name, value] of entries)
        out(`##vso[task.setvariable variable=${name};isOutput=true]${escapeCommand(value!)}`);
    }
  } catch (cause) {
    throw new AllowlistError(`cannot write the summary of the job: ${(cause as Error).message}`, [], {
      cause,
    });
  }
}

/** The value of a logging command (https://learn.microsoft.com/azure/devops/pipelines/scripts/logging-commands#formatting-commands). */
function escapeCommand(text: string): string {
  return text.replaceAll('%', '%AZP25');
}
