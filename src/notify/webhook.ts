import { agentFor, trustedCertificates } from '../feed/http-client.ts';
import type { Environment } from '../feed/proxy.ts';
import { redact, secretsOf } from '../feed/redact.ts';
import { HTTP_DEFAULTS, type HttpConfig } from '../feed/source-config.ts';
import { AllowlistError } from '../problem.ts';
import type { NotifiedEvent } from './event.ts';
import type { WebhookForm } from './kinds.ts';

/** How a notification gets out. */
export interface Outside {
  readonly http: HttpConfig;
  readonly environment: Environment;
  readonly report: (line: string) => void;
}

/** Milliseconds that a webhook may take: a run does not wait for it longer. */
const TIMEOUT = 10_000;

/**
 * The JSON of an event: for Slack's incoming webhooks (https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks), for
 * the workflows of Teams that post an Adaptive Card (https://learn.microsoft.com/connectors/teams), or for programs.
 */
export function webhookBody(form: WebhookForm, event: NotifiedEvent): object {
  const { kind, title, text, lines, link } = event;
  if (form === 'generic') return { version: 1, event: kind, title, text, lines, link: link?.url ?? null };
  if (form === 'slack') {
    const escaped = (line: string) =>
      line.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
    return {
      text: [
        `*${escaped(title)}*`,
        escaped(text),
        ...lines.map((line) => `• ${escaped(line)}`),
        ...(link === undefined ? [] : [`<${link.url}|${escaped(link.text)}>`]),
      ].join('\n'),
    };
  }
  const block = (words: string, more: object = {}) => ({
    type: 'TextBlock',
    text: words,
    wrap: true,
    ...more,
  });
  return {
    type: 'message',
    attachments: [
      {
        contentType: 'application/vnd.microsoft.card.adaptive',
        content: {
          $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
          type: 'AdaptiveCard',
          version: '1.4',
          body: [
            block(title, { size: 'Medium', weight: 'Bolder' }),
            block(text),
            ...lines.map((line) => block(line, { spacing: 'None' })),
          ],
          actions: link === undefined ? [] : [{ type: 'Action.OpenUrl', title: link.text, url: link.url }],
        },
      },
    ],
  };
}

/**
 * Sends an event. The address is a secret: no message repeats it.
 * @throws AllowlistError where it was not taken
 */
export async function sendWebhook(
  url: string,
  body: object,
  { http, environment, report }: Outside,
): Promise<void> {
  const { got } = await import('got');
  const address = new URL(url);
  const certificates = trustedCertificates(http, { environment, report });
  try {
    await got.post(address, {
      json: body,
      agent: await agentFor(address, environment, { ...HTTP_DEFAULTS, ...http }, certificates),
      ...(certificates === undefined ? {} : { https: { certificateAuthority: [...certificates] } }),
      timeout: { request: TIMEOUT },
      retry: {
        limit: 1,
        methods: ['POST'],
        statusCodes: [429, 502, 503, 504],
        calculateDelay: ({ computedValue }) => (computedValue === 0 ? 0 : 1000),
      },
      followRedirect: false,
    });
  } catch (error) {
    const secrets = [url, `${address.pathname}${address.search}`, ...secretsOf(address)];
    throw new AllowlistError(redact((error as Error).message, secrets));
  }
}
