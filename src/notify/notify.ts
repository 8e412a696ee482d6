import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readSecret } from '../feed/secret.ts';
import type { SecretSource } from '../feed/source-config.ts';
import { AllowlistError } from '../problem.ts';
import { errorCode } from '../publish/errno.ts';
import { readRegularText } from '../regular-file.ts';
import { enumerate } from '../review/wording.ts';
import { eventsOf, type NotifiedEvent, type RunBefore, type RunEnd } from './event.ts';
import type { EventKind, WebhookForm } from './kinds.ts';
import { sendMail } from './mail.ts';
import { renderEvent } from './template.ts';
import { type Outside, sendWebhook, webhookBody } from './webhook.ts';

/** Whom to tell what. */
export interface NotifyConfig {
  readonly webhooks: readonly {
    readonly url: SecretSource | string;
    readonly form: WebhookForm;
    /** A Handlebars file that makes the body instead of the form: JSON. */
    readonly template: string | undefined;
    readonly on: readonly EventKind[];
  }[];
  readonly mail:
    | {
        readonly server: SecretSource | string;
        readonly from: string;
        readonly to: readonly string[];
        /** A Handlebars file that makes the text. */
        readonly template: string | undefined;
        readonly on: readonly EventKind[];
      }
    | undefined;
}

/**
 * Sends the events of a run. A place that cannot be reached is reported and changes nothing of what came of the run.
 * @param options.output the output tree: what is remembered of the run before is kept for each
 * @param options.directory where that is kept; without it there is no recovery to send
 */
export async function notify(
  config: NotifyConfig | undefined,
  end: RunEnd,
  options: Outside & { readonly output: string; readonly directory: string | undefined },
): Promise<void> {
  if (config === undefined) return;
  for (const event of eventsOf(end, await rememberEnd(end, options))) await send(config, event, options);
}

/** How many output trees a title names. */
const NAMES_SHOWN = 3;

/** How the run of one of many output trees ended. */
export interface NamedEnd {
  readonly name: string;
  readonly output: string;
  readonly end: RunEnd;
}

/** Sends the events of many runs that tell the same people: what is the same of several is sent once, with their names. */
export async function notifyOfMany(
  config: NotifyConfig,
  ends: readonly NamedEnd[],
  options: Outside & { readonly directory: string | undefined },
): Promise<void> {
  const events = new Map<string, { readonly event: NotifiedEvent; readonly names: string[] }>();
  for (const { name, output, end } of ends)
    for (const event of eventsOf(end, await rememberEnd(end, { ...options, output }))) {
      const key = JSON.stringify(event);
      const known = events.get(key);
      if (known === undefined) events.set(key, { event, names: [name] });
      else known.names.push(name);
    }
  for (const { event, names } of events.values())
    await send(config, { ...event, title: `${event.title} (${enumerate(names, NAMES_SHOWN)})` }, options);
}

async function send({ webhooks, mail }: NotifyConfig, event: NotifiedEvent, outside: Outside): Promise<void> {
  for (const [index, { url, form, template, on }] of webhooks.entries())
    if (on.includes(event.kind))
      await attempt(`notify.webhooks[${index}]`, outside, async () =>
        sendWebhook(
          await textOf(url, outside, `notify.webhooks[${index}].url`),
          template === undefined
            ? webhookBody(form, event)
            : jsonOf(await renderEvent(template, event), template),
          outside,
        ),
      );
  if (mail?.on.includes(event.kind) === true)
    await attempt('notify.mail', outside, async () =>
      sendMail(
        { ...mail, server: await textOf(mail.server, outside, 'notify.mail.server') },
        event,
        mail.template === undefined ? undefined : await renderEvent(mail.template, event),
      ),
    );
}

/** @throws AllowlistError */
function jsonOf(text: string, file: string): object {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new AllowlistError(`${file} does not make JSON: ${(error as Error).message}`, [], { cause: error });
  }
}

async function attempt(where: string, { report }: Outside, send: () => Promise<void>): Promise<void> {
  try {
    await send();
  } catch (error) {
    report(`${where}: cannot notify: ${(error as Error).message}`);
  }
}

function textOf(source: SecretSource | string, { environment }: Outside, where: string): Promise<string> {
  return typeof source === 'string' ? Promise.resolve(source) : readSecret(source, environment, where);
}

function rememberEnd(end: RunEnd, place: Parameters<typeof remember>[0]): Promise<RunBefore> {
  return remember(place, (last) => ({
    failed: end.outcome === 'failed' || end.outcome === 'refused',
    stale: 'stale' in end ? end.stale !== undefined : last.stale,
  }));
}

/** Keeps what is known of this run, and returns what was known of the one before. */
async function remember(
  { output, directory }: { readonly output: string; readonly directory: string | undefined },
  next: (last: RunBefore) => RunBefore,
): Promise<RunBefore> {
  const nothing: RunBefore = { failed: false, stale: false };
  if (directory === undefined) return nothing;
  const name = createHash('sha256').update(output).digest('hex').slice(0, 16);
  const path = join(directory, `notified-${name}.json`);
  const words = (run: RunBefore) => `${JSON.stringify(run)}\n`;
  // A pipe or a device in its place would be waited for: nothing is remembered then.
  const text = await readRegularText(path).catch((error: unknown) =>
    errorCode(error) === 'ENOTFILE' ? undefined : '',
  );
  if (text === undefined) return nothing;
  const last = [true, false]
    .flatMap((failed) => [true, false].map((stale): RunBefore => ({ failed, stale })))
    .find((run) => words(run) === text);
  const now = next(last ?? nothing);
  if (words(now) !== text)
    await mkdir(directory, { recursive: true, mode: 0o700 })
      .then(() => writeFile(path, words(now)))
      .catch(() => undefined);
  return last ?? nothing;
}
