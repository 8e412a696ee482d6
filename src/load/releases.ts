import { createHash, randomUUID } from 'node:crypto';
import { renameSync, writeFileSync } from 'node:fs';
import { mkdir, readdir, readlink, rename, rm, stat, symlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AllowlistError } from '../problem.ts';
import { stageFiles, syncFolder, writeDurably } from '../publish/durable.ts';
import { unless } from '../publish/errno.ts';
import { isRunning, markOf, parseMark, parseWhole } from '../publish/process-mark.ts';
import { readRegularText } from '../regular-file.ts';
import type { RuleFile } from '../targets/render.ts';
import type { OptionValues } from '../targets/view.ts';
import type { DeviceContext } from './device.ts';

/** A change that is under way, or waits to be confirmed. */
export interface Change {
  /** The files that were in force before; undefined if there were none. */
  readonly from?: string | undefined;
  readonly to: string;
  readonly settings: ChangeSettings;
}

/** How the change was loaded: it is taken back in the same way. */
export interface ChangeSettings extends Pick<DeviceContext, 'configuration' | 'reload' | 'xtables'> {
  /** The options of the target, to take away what a first load has made. */
  readonly options: OptionValues;
}

/** How many sets of files are kept beside the one in force. */
const KEPT = 3;
const POLL_MILLISECONDS = 50;
const RELEASES = 'releases';
const CURRENT = 'current';
/** While this file is there, the change is not final. Whoever renames it first decides. */
const CHANGE = 'change.json';
/** While this file is there, the change is being taken back. */
const UNDO = 'undo.json';
/** The last program that was started for a load, as a mark of its process. */
const PROGRAM = 'program.json';

/**
 * The files of one target on this device. `current` is a link to the files in force; it is moved in one step, so that
 * a loss of power leaves the old or the new.
 */
export class Releases {
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
  }

  /** The link that programs name. */
  get current(): string {
    return join(this.directory, CURRENT);
  }

  /** The release in force, by name; undefined before the first load. */
  async inForce(): Promise<string | undefined> {
    const link = await unless(['ENOENT'], readlink(this.current));
    return link === undefined ? undefined : basename(link);
  }

  path(release: string): string {
    return join(this.directory, RELEASES, release);
  }

  /** Keeps a set of files, flushed to the disk, and gives its name: the same files have the same name. */
  async keep(files: readonly RuleFile[]): Promise<string> {
    const hash = createHash('sha256');
    for (const { path, text } of files) hash.update(`${path}\0${text}\0`);
    const release = hash.digest('hex').slice(0, 16);
    await mkdir(join(this.directory, RELEASES), { recursive: true, mode: 0o755 });
    const staged = this.path(`.${randomUUID()}`);
    await stageFiles(
      staged,
      files.map(({ path, text }) => ({ path, text, mode: 0o644 })),
    );
    // What stands under that name may have been edited since: it is not in force, or it is put right.
    const aside = this.path(`.${randomUUID()}`);
    await unless(['ENOENT'], rename(this.path(release), aside));
    await rename(staged, this.path(release));
    await syncFolder(join(this.directory, RELEASES));
    await rm(aside, { recursive: true, force: true });
    return release;
  }

  /** Makes `current` lead to a release, or to none. */
  async putInForce(release: string | undefined): Promise<void> {
    if (release === undefined) await rm(this.current, { force: true });
    else {
      const link = join(this.directory, `.${randomUUID()}`);
      await symlink(join(RELEASES, release), link);
      await rename(link, this.current);
    }
    await syncFolder(this.directory);
  }

  async begin(change: Change): Promise<void> {
    const path = join(this.directory, `.${randomUUID()}`);
    await writeDurably(path, `${JSON.stringify(change)}\n`);
    await rename(path, join(this.directory, CHANGE));
    await syncFolder(this.directory);
  }

  /** The change that is not final. */
  async pending(): Promise<Change | undefined> {
    return this.#read(CHANGE);
  }

  /** Makes the change final; false if it was decided already. */
  async confirm(): Promise<boolean> {
    const path = join(this.directory, `.${randomUUID()}`);
    const taken = await unless(
      ['ENOENT'],
      rename(join(this.directory, CHANGE), path).then(() => true),
    );
    await rm(path, { force: true });
    if (taken === true) await syncFolder(this.directory);
    return taken === true;
  }

  /** Takes hold of a change to take it back, or of one whose taking back was cut off; undefined if there is none. */
  async beginUndo(): Promise<Change | undefined> {
    const unfinished = await this.#read(UNDO);
    if (unfinished !== undefined) return unfinished;
    await unless(['ENOENT'], rename(join(this.directory, CHANGE), join(this.directory, UNDO)));
    return this.#read(UNDO);
  }

  async endUndo(): Promise<void> {
    await rm(join(this.directory, UNDO), { force: true });
    await syncFolder(this.directory);
  }

  /** Keeps which program is started, so that whoever comes after a kill knows what may still be at work. */
  noteProgram(pid: number): void {
    const path = join(this.directory, `.${randomUUID()}`);
    writeFileSync(path, `${JSON.stringify(markOf(pid))}\n`);
    renameSync(path, join(this.directory, PROGRAM));
  }

  /**
   * Waits until the program of a load that was killed has ended: what it does would come after the taking back.
   * @param seconds how long it may take
   * @throws AllowlistError if it is still at work then
   */
  async awaitProgram(seconds: number): Promise<void> {
    const path = join(this.directory, PROGRAM);
    const text = await unless(['ENOENT'], readRegularText(path));
    const mark = parseMark(parseWhole(text ?? ''));
    if (mark === undefined) return;
    for (let waited = 0; isRunning(mark) === true; waited += POLL_MILLISECONDS) {
      if (waited >= seconds * 1000)
        throw new AllowlistError('a program of the load that was cut off is still at work', [
          { where: path, what: `process ${mark.pid}`, next: 'wait for it to end, or end it, and try again' },
        ]);
      await sleep(POLL_MILLISECONDS);
    }
  }

  /** Removes all but the newest releases; never the one in force, nor `spare`. */
  async prune(spare: string | undefined): Promise<void> {
    const folder = join(this.directory, RELEASES);
    const inForce = await this.inForce();
    const entries = (await readdir(folder)).filter((name) => name !== inForce && name !== spare);
    const dated = await Promise.all(
      entries.map(async (name) => ({ name, time: (await stat(join(folder, name))).mtimeMs })),
    );
    const old = dated.sort((a, b) => b.time - a.time).slice(KEPT);
    for (const { name } of old) await rm(join(folder, name), { recursive: true, force: true });
  }

  async #read(name: string): Promise<Change | undefined> {
    const path = join(this.directory, name);
    const text = await unless(['ENOENT'], readRegularText(path));
    if (text === undefined) return undefined;
    try {
      return JSON.parse(text) as Change;
    } catch (error) {
      throw new AllowlistError(`cannot read ${path}: ${(error as Error).message}`, [], { cause: error });
    }
  }
}
