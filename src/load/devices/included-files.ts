import { existsSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { AllowlistError, type Problem } from '../../problem.ts';
import type { Device, DeviceContext } from '../device.ts';

/** A program whose own configuration includes the files below `current`. */
interface Including {
  /** The command that reads the whole configuration and changes nothing. */
  readonly checker: (context: DeviceContext) => readonly string[];
  /** The usual command that makes the program take the files. */
  readonly reload: (context: DeviceContext) => readonly string[];
  /** Lines of the checker that are failures although its exit status is 0. */
  readonly complaint?: RegExp;
}

/**
 * Checks the candidate in a mount namespace of its own, where it stands in the place of the files in force: the
 * program reads its very own configuration, and a program that restarts meanwhile still finds the files in force.
 */
export function includedFiles({ checker, reload, complaint }: Including): Device {
  const check = async (context: DeviceContext, candidate?: string): Promise<string[]> => {
    const command = checker(context);
    const said = await context.run(
      candidate === undefined
        ? command
        : ['unshare', '--mount', 'sh', '-c', 'mount --bind "$1" "$2" && shift 2 && exec "$@"', 'sh']
            .concat([candidate, await realpath(context.current)])
            .concat(command),
    );
    return complaint === undefined
      ? []
      : said
          .split('\n')
          .filter((line) => complaint.test(line))
          .map(undated);
  };
  return {
    async check(context, candidate) {
      // Before the first load nothing is included; then it is checked in place, and loaded only if it is right.
      if (!existsSync(context.current)) return;
      const before = new Set(await check(context));
      const added = (await check(context, candidate)).filter((line) => !before.has(line));
      if (added.length > 0)
        throw new AllowlistError(`${checker(context).join(' ')} complains`, added.map(problem));
    },
    async apply(context) {
      await check(context);
      await context.run(context.reload === undefined ? reload(context) : ['sh', '-c', context.reload]);
    },
    // The program's configuration includes the files: without them it would not start again, so they stay.
    async withdraw() {},
  };
}

/** A line of a log without the moment it was written. */
function undated(line: string): string {
  return line.replace(/^[\d/.: -]+(kid\d+)?\|? ?/, '');
}

function problem(line: string): Problem {
  return { where: 'its output', what: line };
}
