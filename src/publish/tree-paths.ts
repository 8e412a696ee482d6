import { AllowlistError, type Problem } from '../problem.ts';
import { INNER_LOCK_NAME, STAGING_NAME } from './tree-location.ts';

const RESERVED = [STAGING_NAME, INNER_LOCK_NAME];

/**
 * Checks the paths of a tree: relative, POSIX, no `..`, none that belongs to git or to this program, none that
 * is both a file and a folder. `managed` is checked too: it comes from a lock file that anybody may have edited,
 * and what it names is removed. Throws one `AllowlistError` with every wrong path.
 */
export function checkTreePaths(files: ReadonlyMap<string, string>, managed: readonly string[]): void {
  const problems: Problem[] = [];
  const check = (path: string, next: string): void => {
    const what = wrongIn(path);
    if (what !== undefined) problems.push({ where: JSON.stringify(path), what, next });
  };
  for (const path of files.keys()) {
    check(path, 'no file can be written there');
    for (let end = path.indexOf('/'); end !== -1; end = path.indexOf('/', end + 1)) {
      const folder = path.slice(0, end);
      if (files.has(folder)) {
        problems.push({ where: JSON.stringify(path), what: `${JSON.stringify(folder)} is a file as well` });
      }
    }
  }
  for (const path of managed) check(path, 'the previous lock names it; was the lock edited by hand?');
  if (problems.length > 0)
    throw new AllowlistError('the output tree has paths that cannot be used', problems);
}

function wrongIn(path: string): string | undefined {
  if (path === '') return 'the path is empty';
  if (path.startsWith('/') || /^[A-Za-z]:/.test(path)) return 'the path must be relative';
  if (path.includes('\\')) return 'the path must use / between its parts';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(path)) return 'the path has a control character';
  for (const part of path.split('/')) {
    if (part === '') return 'the path has an empty part';
    if (part === '.' || part === '..') return `the path must not have ${part}`;
    if (part.toLowerCase() === '.git') return 'the path is inside .git';
  }
  const first = path.split('/', 1)[0] ?? '';
  return RESERVED.includes(first) ? `${first} belongs to the publish itself` : undefined;
}
