import { createServer, type Server } from 'node:http';
import { Counter, Gauge, Registry } from 'prom-client';
import { AllowlistError, EXIT_STATUS } from '../problem.ts';
import type { Review } from '../review/review.ts';
import { figuresOf, type ToldReview } from '../review/told.ts';

/** What came of one run of the schedule. */
export type RunReport =
  | {
      readonly outcome: 'published' | 'proposed' | 'unchanged' | 'would-publish' | 'held';
      readonly review: Review;
      readonly seconds: number;
    }
  | { readonly outcome: 'failed'; readonly exitStatus: number; readonly seconds: number };

/** What came of one site in a run of many. */
export type SiteReport =
  | {
      readonly site: string;
      readonly outcome: Exclude<RunReport['outcome'], 'failed'>;
      readonly told: Pick<ToldReview, 'week' | 'figures'>;
    }
  | { readonly site: string; readonly outcome: 'failed'; readonly exitStatus: number };

/**
 * What a schedule tells those who watch it: metrics in the form of Prometheus, and whether it lives and is well. Names and
 * units follow https://prometheus.io/docs/practices/naming/.
 */
export class Monitor {
  readonly #registry = new Registry();
  readonly #runs = new Counter({
    name: 'azure_allowlist_runs_total',
    help: 'Runs by what came of them.',
    labelNames: ['outcome', 'site'],
    registers: [this.#registry],
  });
  readonly #lastRun = this.#gauge('azure_allowlist_last_run_timestamp_seconds', 'When the last run ended.');
  readonly #lastSuccess = this.#gauge(
    'azure_allowlist_last_success_timestamp_seconds',
    'When the last run ended that did not fail.',
  );
  readonly #duration = this.#gauge(
    'azure_allowlist_last_run_duration_seconds',
    'How long the last run took.',
  );
  readonly #status = this.#gauge(
    'azure_allowlist_last_exit_status',
    'The exit status that the last run stands for: 0 done, 2 held, 3 refused by a guard, 4 feed, 5 configuration.',
  );
  readonly #feedDate = this.#gauge(
    'azure_allowlist_feed_date_timestamp_seconds',
    'The date of the weekly file that is in force.',
  );
  readonly #addresses = new Gauge({
    name: 'azure_allowlist_ipv4_addresses',
    help: 'IPv4 addresses that the files of a target let through.',
    labelNames: ['target', 'site'],
    registers: [this.#registry],
  });
  readonly #names = new Gauge({
    name: 'azure_allowlist_names',
    help: 'Names and patterns of names that the files of a target let through.',
    labelNames: ['target', 'site'],
    registers: [this.#registry],
  });
  readonly #changes = new Counter({
    name: 'azure_allowlist_changes_total',
    help: 'Runs that changed what a target lets through.',
    labelNames: ['target', 'site'],
    registers: [this.#registry],
  });
  #failing = false;
  #server: Server | undefined;

  #gauge(name: string, help: string): Gauge {
    return new Gauge({ name, help, registers: [this.#registry] });
  }

  /** Takes in what came of a run. */
  record(report: RunReport, now: number = Date.now()): void {
    const { outcome, seconds } = report;
    this.#failing = outcome === 'failed';
    this.#runs.inc({ outcome: outcome === 'failed' ? failureName(report) : outcome });
    this.#lastRun.set(now / 1000);
    this.#duration.set(seconds);
    if (outcome === 'failed') {
      this.#status.set(report.exitStatus);
      return;
    }
    this.#status.set(outcome === 'held' ? EXIT_STATUS.differs : 0);
    this.#lastSuccess.set(now / 1000);
    if (outcome === 'published' || outcome === 'unchanged') {
      this.#addresses.reset();
      this.#names.reset();
    }
    this.#take(outcome, { week: report.review.feed.after, figures: figuresOf(report.review) });
  }

  /** Takes in what came of a run of many sites. @param status the exit status that the run stands for */
  recordSites(
    sites: readonly SiteReport[],
    { status, seconds }: { readonly status: number; readonly seconds: number },
    now: number = Date.now(),
  ): void {
    this.#failing = sites.some(({ outcome }) => outcome === 'failed');
    this.#lastRun.set(now / 1000);
    this.#duration.set(seconds);
    this.#status.set(status);
    if (!this.#failing) this.#lastSuccess.set(now / 1000);
    for (const report of sites) {
      const { site, outcome } = report;
      this.#runs.inc({ outcome: outcome === 'failed' ? failureName(report) : outcome, site });
      if (outcome !== 'failed') this.#take(outcome, report.told, { site });
    }
  }

  #take(
    outcome: Exclude<RunReport['outcome'], 'failed'>,
    { week, figures }: Pick<ToldReview, 'week' | 'figures'>,
    labels: { readonly site?: string } = {},
  ): void {
    if (outcome === 'published' || outcome === 'unchanged') {
      if (week.fileDate !== undefined) this.#feedDate.set(Date.parse(week.fileDate) / 1000);
      for (const { id, ipv4Addresses, names } of figures) {
        this.#addresses.set({ target: id, ...labels }, ipv4Addresses);
        this.#names.set({ target: id, ...labels }, names);
      }
    }
    if (outcome === 'published')
      for (const { id, isChanged } of figures) if (isChanged) this.#changes.inc({ target: id, ...labels });
  }

  /** The metrics in the text form. */
  metrics(): Promise<string> {
    return this.#registry.metrics();
  }

  /** Whether the last run went well; a schedule that has not run yet is ready. */
  get ready(): boolean {
    return !this.#failing;
  }

  /**
   * Answers `/healthz`, `/readyz` and `/metrics`.
   * @returns the address that it listens on
   * @throws AllowlistError where it cannot listen
   */
  async listen(host: string, port: number): Promise<string> {
    const server = createServer((request, response) => {
      const send = (status: number, text: string, type = 'text/plain; charset=utf-8') =>
        response.writeHead(status, { 'content-type': type }).end(text);
      const path = (request.url ?? '').replace(/[?#].*$/, '');
      if (request.method !== 'GET' && request.method !== 'HEAD') send(405, 'GET or HEAD\n');
      else if (path === '/healthz') send(200, 'ok\n');
      else if (path === '/readyz')
        send(this.ready ? 200 : 503, this.ready ? 'ok\n' : 'the last run failed\n');
      else if (path === '/metrics')
        this.metrics().then(
          (text) => send(200, text, this.#registry.contentType),
          () => send(500, 'no metrics\n'),
        );
      else send(404, 'not found\n');
    });
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen({ host, port }, resolve);
    }).catch((cause: Error) => {
      throw new AllowlistError(`cannot listen on ${host} port ${port}: ${cause.message}`, [], { cause });
    });
    const address = server.address();
    const found = typeof address === 'object' && address !== null ? address.port : port;
    return `http://${host.includes(':') ? `[${host}]` : host}:${found}`;
  }

  async close(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

function failureName({ exitStatus }: { readonly exitStatus: number }): string {
  const names: Readonly<Record<number, string>> = {
    [EXIT_STATUS.refused]: 'refused',
    [EXIT_STATUS.feed]: 'feed',
    [EXIT_STATUS.configuration]: 'configuration',
  };
  return names[exitStatus] ?? 'failed';
}
