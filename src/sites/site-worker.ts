// A thread that plans sites. It fetches and writes nothing: that is done by the thread that started it.
import { parentPort, workerData } from 'node:worker_threads';
import { loadConstraints } from '../config/range-files.ts';
import { loadKnownFigures } from '../feed/known-space.ts';
import { type JobSources, openJob, prepareJob, requireUsable } from '../job.ts';
import { tagsInUse } from '../policy/regional-tags.ts';
import { AllowlistError } from '../problem.ts';
import type { Review } from '../review/review.ts';
import { SharedWork } from '../shared-work.ts';
import type { Answer, Order, SentSource } from './messages.ts';
import { planSite, tellChange } from './plan-site.ts';
import { requestOf, type SitesOptions } from './request.ts';
import { receiveFeed, receiveM365, receiveOrigins, sendError } from './transfer.ts';

const port = parentPort!;
const options = workerData as SitesOptions;
const shared = new SharedWork();
/** By the numbers that they came under. */
const received = new Map<number, unknown>();
/** What was planned last, by the configurations of sites. */
const reviews = new Map<string, Review>();
const figures = new Map<string, ReturnType<typeof loadKnownFigures>>();

function receive({ kind, value }: SentSource): unknown {
  switch (kind) {
    case 'feed':
      return receiveFeed(value);
    case 'm365':
      return receiveM365(value);
    case 'origins':
      return receiveOrigins(value);
  }
}

async function plan(
  { site, directory, sources, fresh }: Extract<Order, { readonly kind: 'plan' }>,
  report: (line: string) => void,
): Promise<Answer['result']> {
  for (const [number, source] of fresh) received.set(number, receive(source));
  // What opening a job reports was told where it was opened first.
  let isOpen = false;
  const request = await requestOf(site, options, (line) => (isOpen ? report(line) : undefined));
  const job = await openJob(request);
  isOpen = true;
  const { config } = job.request;
  const feed = received.get(sources.feed) as JobSources['feed'];
  requireUsable(feed, tagsInUse(config.rules));
  const origins =
    sources.origins === undefined ? undefined : (received.get(sources.origins) as JobSources['origins']);
  const { cloud } = config.feed;
  const knownFigures = figures.get(cloud) ?? loadKnownFigures(cloud);
  figures.set(cloud, knownFigures);
  const prepared = await prepareJob(
    job,
    {
      feed,
      m365: sources.m365 === undefined ? undefined : (received.get(sources.m365) as JobSources['m365']),
      origins,
      constraints: await loadConstraints(config.constraints, config.rules, origins),
      knownFigures: await knownFigures,
    },
    shared,
  );
  const planned = await planSite(prepared, directory, options);
  reviews.set(site.file, planned.review);
  return { kind: 'plan', plan: planned.plan };
}

async function answer(order: Exclude<Order, { readonly kind: 'forget' }>): Promise<Answer> {
  const notes: string[] = [];
  const done = (result: Answer['result']): Answer => ({ id: order.id, notes, result });
  try {
    if (order.kind === 'plan') return done(await plan(order, (line) => notes.push(line)));
    const request = await requestOf(order.site, options, () => undefined);
    return done({ kind: 'whole', whole: tellChange(reviews.get(order.site.file)!, request, options) });
  } catch (error) {
    if (error instanceof AllowlistError) return done({ kind: 'error', error: sendError(error) });
    const trace = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return done({ kind: 'defect', trace });
  }
}

let last: Promise<void> = Promise.resolve();
port.on('message', (order: Order) => {
  last = last.then(async () => {
    if (order.kind === 'forget') reviews.delete(order.site.file);
    else port.postMessage(await answer(order));
  });
});
