import { mkdir, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** How many files are flushed to the disk at once. */
const AT_ONCE = 16;

/** Flushes a folder's entries to the disk; a no-operation on Windows, which cannot. */
export async function syncFolder(directory: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Creates a new file and flushes it to the disk. `mode`: permission bits; by the process's umask if not given. */
export async function writeDurably(path: string, text: string, mode?: number): Promise<void> {
  const handle = await open(path, 'wx');
  try {
    await handle.writeFile(text);
    if (mode !== undefined) await handle.chmod(mode);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** A file to be staged; `mode` as in `writeDurably`. */
export interface StagedFile {
  readonly path: string;
  readonly text: string;
  readonly mode: number | undefined;
}

/** Writes files under `directory` with the folders they need, all flushed to the disk when it returns. */
export async function stageFiles(directory: string, files: readonly StagedFile[]): Promise<void> {
  const folders = new Set([directory]);
  for (const { path } of files) {
    for (let folder = dirname(path); folder !== '.'; folder = dirname(folder)) {
      folders.add(join(directory, folder));
    }
  }
  for (const folder of folders) await mkdir(folder, { recursive: true });
  for (let start = 0; start < files.length; start += AT_ONCE) {
    const batch = files.slice(start, start + AT_ONCE);
    await Promise.all(batch.map(({ path, text, mode }) => writeDurably(join(directory, path), text, mode)));
  }
  for (const folder of folders) await syncFolder(folder);
}
