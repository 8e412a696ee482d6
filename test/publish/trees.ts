import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';

/** A new folder that goes when the test ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'allowlist-publish-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Every file below a folder: text by relative path; links as `-> target`, empty folders as `(folder)`. */
export function readTree(folder: string): Map<string, string> {
  const files = new Map<string, string>();
  const visit = (relative: string): void => {
    const entries = readdirSync(join(folder, relative), { withFileTypes: true });
    if (entries.length === 0 && relative !== '') files.set(relative, '(folder)');
    for (const entry of entries) {
      const path = relative === '' ? entry.name : `${relative}/${entry.name}`;
      if (entry.isDirectory()) visit(path);
      else files.set(path, entry.isSymbolicLink() ? '-> link' : readFileSync(join(folder, path), 'utf8'));
    }
  };
  visit('');
  return new Map([...files].sort(([a], [b]) => (a < b ? -1 : 1)));
}

export function writeTree(folder: string, files: Iterable<readonly [string, string]>): void {
  for (const [path, text] of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
}

export function sorted(files: Iterable<readonly [string, string]>): Map<string, string> {
  return new Map([...files].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Inode and times of every entry, to show that nothing was touched. */
export function stamps(folder: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const path of ['', ...readdirSync(folder, { recursive: true, encoding: 'utf8' })]) {
    const { ino, mtimeMs, ctimeMs, mode } = lstatSync(join(folder, path));
    found[path] = [ino, mtimeMs, ctimeMs, mode].join(' ');
  }
  return found;
}
