import { constants, open } from 'node:fs/promises';

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
      throw Object.assign(new Error(`${path} is ${kind}, not a file`), { code: 'ENOTFILE', kind });
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
