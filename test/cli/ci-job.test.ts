import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tellCi } from '../../src/cli/ci-job.ts';
import { temporaryFolder } from '../publish/trees.ts';

const outputs = { outcome: 'published', commit: '0123abc', subject: 'two\nlines, 5 %' };

describe('the summary of a CI job', () => {
  const tell = (environment: Record<string, string>) => {
    const lines: string[] = [];
    tellCi('# Review\n', outputs, environment, (line) => lines.push(line));
    return lines;
  };

  it('is appended to the files of GitHub Actions, one line a value', () => {
    const folder = temporaryFolder();
    const [summary, output] = [join(folder, 'summary'), join(folder, 'output')];
    const environment = { GITHUB_STEP_SUMMARY: summary, GITHUB_OUTPUT: output };
    expect(tell(environment)).toEqual([]);
    tell(environment);
    expect(readFileSync(summary, 'utf8')).toBe('# Review\n\n# Review\n\n');
    expect(readFileSync(output, 'utf8')).toBe(
      'outcome=published\ncommit=0123abc\nsubject=two lines, 5 %\n'.repeat(2),
    );
  });

  it('is a dotenv file for GitLab CI', () => {
    const folder = temporaryFolder();
    tell({ GITLAB_CI: 'true', CI_PROJECT_DIR: folder });
    expect(readFileSync(join(folder, 'azure-allowlist.env'), 'utf8')).toBe(
      'AZURE_ALLOWLIST_OUTCOME=published\nAZURE_ALLOWLIST_COMMIT=0123abc\nAZURE_ALLOWLIST_SUBJECT=two lines, 5 %\n',
    );
  });

  it('is said to Azure Pipelines in logging commands', () => {
    const folder = temporaryFolder();
    const file = join(folder, 'azure-allowlist.md');
    expect(tell({ TF_BUILD: 'True', AGENT_TEMPDIRECTORY: folder })).toEqual([
      `##vso[task.uploadsummary]${file}`,
      '##vso[task.setvariable variable=outcome;isOutput=true]published',
      '##vso[task.setvariable variable=commit;isOutput=true]0123abc',
      '##vso[task.setvariable variable=subject;isOutput=true]two lines, 5 %AZP25',
    ]);
    expect(readFileSync(file, 'utf8')).toBe('# Review\n');
  });

  it('is written nowhere else, and a file that cannot be written is told', () => {
    const folder = temporaryFolder();
    expect(tell({ CI_PROJECT_DIR: folder })).toEqual([]);
    expect(existsSync(join(folder, 'azure-allowlist.env'))).toBe(false);
    expect(() => tell({ GITHUB_OUTPUT: join(folder, 'no', 'where') })).toThrow(
      'cannot write the summary of the job',
    );
  });
});
