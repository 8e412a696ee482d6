import { spawn } from 'node:child_process';
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

/** How the programs of a device are run. `seconds`: how long each may take; `kept`: characters of its output. */
export function programRunner(
  base: Readonly<Record<string, string | undefined>>,
  seconds: number,
  kept = KEPT,
): RunProgram {
  return async (argv, { environment = {}, input = '' } = {}) => {
    const [program = '', ...rest] = argv;
    const { status, said } = await new Promise<{ status: number | string; said: string }>((done) => {
      const child = spawn(program, rest, {
        env: { ...base, ...environment },
        stdio: ['pipe', 'pipe', 'pipe'],
      });
      let said = '';
      const keep = (data: Buffer) => {
        if (said.length < kept) said += data.toString();
      };
      child.stdout.on('data', keep);
      child.stderr.on('data', keep);
      child.stdin.on('error', () => undefined); // a program may end without reading
      child.stdin.end(input);
      const timer = setTimeout(() => child.kill('SIGKILL'), seconds * 1000);
      const end = (status: number | string) => {
        clearTimeout(timer);
        done({ status, said });
      };
      child.on('error', (error) => end(error.message));
      // A daemon that the program has started may hold the outputs for ever: its own exit is the end.
      child.on('exit', (code, signal) => setTimeout(end, 50, code ?? signal ?? 'no status'));
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
