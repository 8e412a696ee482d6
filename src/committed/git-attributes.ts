import { SPACE_FILES } from './azure-space.ts';
import { LOCK_FILE } from './lock.ts';

/** Where git reads how it shall treat the files of the output tree. */
export const GIT_ATTRIBUTES_FILE = '.gitattributes';

/**
 * The file's text: line ends stay as they were written on every machine, and forges fold what people need not read
 * line by line.
 */
export function formatGitAttributes(): string {
  const folded = 'linguist-generated gitlab-generated';
  return [
    '# azure-allowlist: generated; the next run overwrites edits.',
    '* text eol=lf',
    `${LOCK_FILE} ${folded}`,
    ...SPACE_FILES.map((file) => `${file} ${folded} -diff`),
    `snapshot/** ${folded} -diff`,
    '',
  ].join('\n');
}
