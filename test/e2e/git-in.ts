import { execFileSync } from 'node:child_process';

/** git in a folder, as a colleague of the job would call it. */
export function gitIn(folder: string) {
  return (...args: string[]) =>
    execFileSync('git', args, {
      cwd: folder,
      encoding: 'utf8',
      timeout: 30_000,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env.PATH ?? '',
        HOME: folder,
        GIT_CONFIG_GLOBAL: '/dev/null',
        GIT_CONFIG_NOSYSTEM: '1',
        GIT_AUTHOR_NAME: 'A Colleague',
        GIT_AUTHOR_EMAIL: 'colleague@example.com',
        GIT_COMMITTER_NAME: 'A Colleague',
        GIT_COMMITTER_EMAIL: 'colleague@example.com',
      },
    }).trim();
}
