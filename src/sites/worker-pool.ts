import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { JobSources, OpenedJob } from '../job.ts';
import { AllowlistError } from '../problem.ts';
import type { WholeChange } from './alike.ts';
import type { Answer, Order, SentSource, SourceNumbers } from './messages.ts';
import { OwnThread, type Planned, type SitePlanner } from './planner.ts';
import type { SitesOptions } from './request.ts';
import type { Site } from './select.ts';
import { receiveError, sendFeed, sendM365, sendOrigins } from './transfer.ts';

/** The most threads of one run. */
export const MOST_WORKERS = 64;

/** The most that are started unasked: each has the feed in memory. */
const DEFAULT_WORKERS = 4;

/** Of fewer sites than this a thread does not win what its start costs. */
const SITES_A_WORKER = 8;

/** How many orders a thread has at a time: it need not wait for the next. */
const DEPTH = 2;

const FILE = new URL('./site-worker.js', import.meta.url);

/**
 * Opens what plans the sites of a run: this thread where one is enough, else threads of their own.
 * @param wanted how many threads, where that was asked for; else by the cores and the sites that there are
 */
export function openPlanner(wanted: number | undefined, sites: number, options: SitesOptions): SitePlanner {
  const count = Math.min(
    wanted ?? Math.min(availableParallelism(), DEFAULT_WORKERS, Math.floor(sites / SITES_A_WORKER)),
    sites,
    MOST_WORKERS,
  );
  // Beside the sources there is none: threads load what was built.
  return count < 2 || !existsSync(fileURLToPath(FILE))
    ? new OwnThread(options)
    : new WorkerPool(count, options, FILE);
}

interface Task {
  readonly order: Extract<Order, { readonly kind: 'plan' | 'tell' }>;
  readonly done: (answer: Answer) => void;
  readonly fail: (error: Error) => void;
}

/** A thread, with what it was asked and has not answered. */
interface Thread {
  readonly worker: Worker;
  /** The first of them is under way. */
  readonly tasks: Task[];
  /** The sources that it has. */
  readonly sources: Set<number>;
}

/**
 * Plans sites in a bounded number of threads. Each parses a feed once; a thread that ends over a site takes this site with
 * it, and no other.
 */
export class WorkerPool implements SitePlanner {
  readonly ahead: number;
  readonly #count: number;
  readonly #options: SitesOptions;
  readonly #file: URL;
  readonly #threads = new Set<Thread>();
  readonly #waiting: Task[] = [];
  readonly #sources: SentSource[] = [];
  readonly #numbers = new Map<object, number>();
  readonly #sites = new Map<Site, SourceNumbers>();
  /** Who planned a site last, compared with which directory. */
  readonly #planned = new Map<Site, { readonly thread: Thread; readonly directory: string }>();
  #next = 0;
  #isClosed = false;

  constructor(count: number, options: SitesOptions, file: URL) {
    this.#count = count;
    this.ahead = count * DEPTH;
    this.#options = options;
    this.#file = file;
  }

  add(site: Site, _job: OpenedJob, { feed, m365, origins }: JobSources): void {
    this.#sites.set(site, {
      feed: this.#number(feed, () => ({ kind: 'feed', value: sendFeed(feed) })),
      m365:
        m365 === undefined ? undefined : this.#number(m365, () => ({ kind: 'm365', value: sendM365(m365) })),
      origins:
        origins === undefined
          ? undefined
          : this.#number(origins, () => ({ kind: 'origins', value: sendOrigins(origins) })),
    });
  }

  async plan(site: Site, directory: string): Promise<Planned> {
    const sources = this.#sites.get(site)!;
    const order = { kind: 'plan', id: this.#next++, site, directory, sources, fresh: [] } as const;
    try {
      const { notes, result } = await this.#ask(order);
      if (result.kind === 'plan') return { notes, result: result.plan };
      if (result.kind === 'error') return { notes, result: receiveError(result.error) };
      throw new Error(`a thread has failed: ${JSON.stringify(result)}`);
    } catch (error) {
      if (!(error instanceof AllowlistError)) throw error;
      return { notes: [], result: error };
    }
  }

  async tell(site: Site): Promise<WholeChange> {
    const directory = this.#planned.get(site)?.directory;
    const order = { kind: 'tell', site } as const;
    const answer = await this.#ask({ ...order, id: this.#next++ }).catch(async (error: unknown) => {
      // The thread has ended over another site since: what it knew of this one is found out again.
      if (!(error instanceof AllowlistError) || directory === undefined) throw error;
      const { result } = await this.plan(site, directory);
      if (result instanceof AllowlistError) throw result;
      return this.#ask({ ...order, id: this.#next++ });
    });
    const { result } = answer;
    if (result.kind === 'whole') return result.whole;
    if (result.kind === 'error') throw receiveError(result.error);
    throw new Error(`a thread has failed: ${JSON.stringify(result)}`);
  }

  forget(site: Site): void {
    this.#planned.get(site)?.thread.worker.postMessage({ kind: 'forget', site } satisfies Order);
    this.#planned.delete(site);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#threads].map(({ worker }) => worker.terminate()));
    this.#threads.clear();
  }

  #number(source: object, send: () => SentSource): number {
    const known = this.#numbers.get(source);
    if (known !== undefined) return known;
    this.#numbers.set(source, this.#sources.length);
    return this.#sources.push(send()) - 1;
  }

  async #ask(order: Task['order']): Promise<Answer> {
    return new Promise((done, fail) => {
      const task = { order, done, fail };
      if (order.kind === 'plan') {
        this.#waiting.push(task);
        this.#deal();
        return;
      }
      const thread = this.#planned.get(order.site)?.thread;
      if (thread === undefined || !this.#threads.has(thread))
        fail(hasEnded(order.site, 'before it was told'));
      else this.#send(thread, task);
    });
  }

  /** Gives waiting sites to the threads that have the least to do. */
  #deal(): void {
    while (this.#waiting.length > 0) {
      const [least] = [...this.#threads].sort((one, other) => one.tasks.length - other.tasks.length);
      const isFree = least !== undefined && least.tasks.length === 0;
      const thread = isFree || this.#threads.size >= this.#count ? least : this.#start();
      if (thread === undefined || thread.tasks.length >= DEPTH) return;
      this.#send(thread, this.#waiting.shift()!);
    }
  }

  #start(): Thread {
    const worker = new Worker(this.#file, { workerData: this.#options });
    const thread: Thread = { worker, tasks: [], sources: new Set() };
    this.#threads.add(thread);
    let why: Error | undefined;
    worker.on('message', (answer: Answer) => {
      const at = thread.tasks.findIndex(({ order }) => order.id === answer.id);
      if (at >= 0) thread.tasks.splice(at, 1)[0]!.done(answer);
      this.#deal();
    });
    worker.on('error', (error: Error) => {
      why = error;
    });
    worker.on('exit', (status) => this.#lose(thread, why?.message ?? `exit ${status}`));
    return thread;
  }

  #send(thread: Thread, task: Task): void {
    thread.tasks.push(task);
    const { order } = task;
    if (order.kind === 'tell') {
      thread.worker.postMessage(order);
      return;
    }
    this.#planned.set(order.site, { thread, directory: order.directory });
    const { feed, m365, origins } = order.sources;
    const fresh = [feed, m365, origins].flatMap((number) =>
      number === undefined || thread.sources.has(number) ? [] : [[number, this.#sources[number]!] as const],
    );
    for (const [number] of fresh) thread.sources.add(number);
    thread.worker.postMessage({ ...order, fresh } satisfies Order);
  }

  /** A thread has ended: what it was at has failed, and what it had not begun goes to another. */
  #lose(thread: Thread, why: string): void {
    this.#threads.delete(thread);
    if (this.#isClosed) return;
    const [first, ...others] = thread.tasks.splice(0);
    first?.fail(hasEnded(first.order.site, why));
    for (const task of others)
      if (task.order.kind === 'plan') this.#waiting.unshift(task);
      else task.fail(hasEnded(task.order.site, why));
    this.#deal();
  }
}

function hasEnded({ name }: Site, why: string): AllowlistError {
  return new AllowlistError('the thread that planned this site has ended', [
    {
      where: name,
      what: why,
      next: 'run this site alone (--only), or all of them with --workers 1; if that fails as well, it is a defect: report it',
    },
  ]);
}
