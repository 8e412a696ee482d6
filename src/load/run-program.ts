import { spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { AllowlistError } from '../problem.ts';

export interface RunProgramOptions {
  /** Added to the environment of this process. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly input?: string;
}

/**
 * Runs a program to its end and gives what it said on both outputs.
 * @throws AllowlistError if it cannot be started, exits with another status than 0, or takes too long
 */
export type RunProgram = (argv: readonly string[], options?: RunProgramOptions) => Promise<string>;

/** The most of a program's output that is kept, in characters, unless more is asked for. */
const KEPT = 64 * 1024;

export interface RunnerOptions {
  /** How long each program may take. */
  readonly seconds: number;
  /** Characters of its output that are kept. */
  readonly kept?: number;
  /** Told each program before it begins, which it does only if this one still lives then. */
  readonly note?: (pid: number) => void;
}

/** Waits for a line from the process that starts it, and becomes the program; ends if that one dies before. */
const ONCE_NOTED = ['sh', '-c', 'read -r _ <&3 && exec "$@" 3<&-', 'sh'];

/** How the programs of a device are run. */
export function programRunner(
  base: Readonly<Record<string, string | undefined>>,
  { seconds, kept = KEPT, note }: RunnerOptions,
): RunProgram {
  return async (argv, { environment = {}, input = '' } = {}) => {
    const [program = '', ...rest] = note === undefined ? argv : [...ONCE_NOTED, ...argv];
    const { status, said } = await new Promise<{ status: number | string; said: string }>((done) => {
      const child = spawn(program, rest, {
        env: { ...base, ...environment },
        stdio: ['pipe', 'pipe', 'pipe', note === undefined ? 'ignore' : 'pipe'],
      });
      const [stdin, stdout, stderr, begin] = child.stdio as unknown as [
        Writable,
        Readable,
        Readable,
        Writable,
      ];
      let said = '';
      const keep = (data: Buffer) => {
        if (said.length < kept) said += data.toString();
      };
      stdout.on('data', keep);
      stderr.on('data', keep);
      stdin.on('error', () => undefined); // a program may end without reading
      stdin.end(input);
      const timer = setTimeout(() => child.kill('SIGKILL'), seconds * 1000);
      const end = (status: number | string) => {
        clearTimeout(timer);
        done({ status, said });
      };
      child.on('error', (error) => end(error.message));
      // A daemon that the program has started may hold the outputs for ever: its own exit is the end.
      child.on('exit', (code, signal) => setTimeout(end, 50, code ?? signal ?? 'no status'));
      if (note === undefined || child.pid === undefined) return;
      begin.on('error', () => undefined);
      try {
        note(child.pid);
        begin.end('\n');
      } catch (error) {
        begin.destroy();
        end(`cannot be noted: ${(error as Error).message}`);
      }
    });
    if (status === 0) return said;
    const why =
      typeof status === 'number'
        ? `exit ${status}`
        : status === 'SIGKILL'
          ? `no end within ${seconds} s`
          : status;
    throw new AllowlistError(`${argv.join(' ')}: ${why}${said.trim() === '' ? '' : `\n${said.trim()}`}`);
  };
}
