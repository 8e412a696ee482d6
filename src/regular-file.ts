import { constants, lstat, open } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Reads a file, and nothing else that may stand at its path: a pipe or a device would be waited for, or never end.
 * @throws the system's error, or one with the code `ENOTFILE` that says what is there
 */
export async function readRegularFile(path: string): Promise<Buffer> {
  // Without waiting for somebody to open the other end of a pipe.
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const status = await handle.stat();
    if (!status.isFile()) {
      const kind = status.isFIFO()
        ? 'a pipe'
        : status.isDirectory()
          ? 'a directory'
          : status.isSocket()
            ? 'a socket'
            : 'a device';
      // `<(…)` of a shell is one as well.
      const wayOut = status.isFIFO() ? '; write what it gives to a file first, and name that' : '';
      throw Object.assign(new Error(`${path} is ${kind}, not a file${wayOut}`), { code: 'ENOTFILE', kind });
    }
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}

/** The same as UTF-8 text. */
export async function readRegularText(path: string): Promise<string> {
  return (await readRegularFile(path)).toString('utf8');
}

/**
 * Reads a file that is a folder's own, as bytes: a symbolic link on the way from the folder to it would lead to what somebody
 * else keeps, whose content has no place in a message. The folder itself may be one.
 * @param path relative to the folder
 * @throws as `readRegularFile` does, and with the code `ENOTFILE` for a link and for a path that leaves the folder
 */
export async function readOwnFile(folder: string, path: string): Promise<Buffer> {
  let where = folder;
  for (const part of path.split('/').filter((name) => name !== '')) {
    if (part === '..')
      throw Object.assign(new Error(`${path} is a path with .., which is not followed`), {
        code: 'ENOTFILE',
      });
    where = join(where, part);
    if (!(await lstat(where)).isSymbolicLink()) continue;
    throw Object.assign(
      new Error(
        `${where} is a symbolic link, which is not followed; remove it, and restore what a run wrote in its place from the repository`,
      ),
      { code: 'ENOTFILE', kind: 'a symbolic link' },
    );
  }
  return readRegularFile(where);
}

/** The same as UTF-8 text. */
export async function readOwnText(folder: string, path: string): Promise<string> {
  return (await readOwnFile(folder, path)).toString('utf8');
}
