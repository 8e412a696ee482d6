import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { programRunner, type RunProgram } from '../load/run-program.ts';
import { AllowlistError } from '../problem.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** How long one program may take in a rehearsal. */
const PROGRAM_SECONDS = 300;

/** The most of a listing that is kept, in characters: a million connections. */
const KEPT = 256 * 1024 * 1024;

/** Runs a program in the background until its standard input ends, which it does with the process that has started it. */
const UNTIL_LEFT = ['sh', '-c', '"$@" & child=$!; cat >/dev/null; kill -TERM "$child"; wait "$child"', 'sh'];

/** How long a program may take to end before it is killed. */
const STOP_MILLISECONDS = 5000;

/** A program that goes on beside the rehearsal. */
export interface Daemon {
  readonly isRunning: () => boolean;
  readonly stop: () => Promise<void>;
}

/** A network namespace that ends with this process, however that ends. */
export class Namespace {
  readonly run: RunProgram;
  readonly #holder: ChildProcessWithoutNullStreams;
  readonly #environment: Environment;

  private constructor(holder: ChildProcessWithoutNullStreams, environment: Environment) {
    this.#holder = holder;
    this.#environment = environment;
    const run = programRunner(environment, { seconds: PROGRAM_SECONDS, kept: KEPT });
    this.run = (argv, options) => run([...this.#entering, ...argv], options);
  }

  /** @throws AllowlistError where namespaces cannot be made */
  static async open(environment: Environment): Promise<Namespace> {
    // `cat` ends when the pipe from this process does.
    const holder = spawn('unshare', [
      '--net',
      'sh',
      '-c',
      'ip link set lo up && echo up && exec cat >/dev/null',
    ]);
    let said = '';
    holder.stderr.on('data', (data: Buffer) => {
      said += data.toString();
    });
    const up = await Promise.race([
      once(holder.stdout, 'data').then(() => true),
      once(holder, 'close').then(() => false),
      once(holder, 'error').then((what: unknown[]) => {
        said += String(what[0]);
        return false;
      }),
    ]);
    if (!up)
      throw new AllowlistError(`cannot make a network namespace: ${said.trim()}`, [
        { where: 'rehearse', what: 'it needs root on Linux, with unshare, nsenter, ip and nft' },
      ]);
    return new Namespace(holder, environment);
  }

  get pid(): number {
    return this.#holder.pid!;
  }

  /** Starts a program that ends with this process, however that ends. */
  start(argv: readonly string[]): Daemon {
    const child = spawn(this.#entering[0]!, [...this.#entering.slice(1), ...UNTIL_LEFT, ...argv], {
      env: { ...this.#environment },
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    child.stdin.on('error', () => undefined);
    child.on('error', () => undefined); // no nsenter: it is not running
    const isRunning = () => child.pid !== undefined && child.exitCode === null && child.signalCode === null;
    return {
      isRunning,
      stop: async () => {
        if (!isRunning()) return;
        const ended = once(child, 'exit');
        child.stdin.end();
        const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MILLISECONDS);
        await ended;
        clearTimeout(timer);
      },
    };
  }

  close(): void {
    this.#holder.kill('SIGKILL');
  }

  get #entering(): readonly string[] {
    return ['nsenter', `--net=/proc/${this.pid}/ns/net`];
  }
}
