import { redact, secretsOf } from '../feed/redact.ts';
import { AllowlistError } from '../problem.ts';
import type { NotifiedEvent } from './event.ts';

/** Milliseconds that the mail server may take to answer. */
const TIMEOUT = 10_000;

/** Where mail goes. */
export interface MailPlace {
  /** `smtp://user:password@mail.example.com:587`, `smtps://…` for TLS from the beginning. */
  readonly server: string;
  readonly from: string;
  readonly to: readonly string[];
}

/**
 * Sends an event as mail in plain text.
 * @param body the text; made of the event by default
 * @throws AllowlistError where the server did not take it
 */
export async function sendMail(
  { server, from, to }: MailPlace,
  event: NotifiedEvent,
  body?: string,
): Promise<void> {
  const { createTransport } = await import('nodemailer');
  const address = new URL(server);
  const transport = createTransport({
    host: address.hostname,
    port: Number(address.port || (address.protocol === 'smtps:' ? 465 : 587)),
    secure: address.protocol === 'smtps:',
    ...(address.username === ''
      ? {}
      : {
          auth: { user: decodeURIComponent(address.username), pass: decodeURIComponent(address.password) },
        }),
    connectionTimeout: TIMEOUT,
    greetingTimeout: TIMEOUT,
    socketTimeout: TIMEOUT,
  });
  const { title, text, lines, link } = event;
  try {
    await transport.sendMail({
      from,
      to: [...to],
      subject: title,
      text:
        body ??
        `${text}\n${lines.map((line) => `\n- ${line}`).join('')}${link === undefined ? '' : `\n\n${link.text}: ${link.url}`}\n`,
    });
  } catch (error) {
    throw new AllowlistError(redact((error as Error).message, secretsOf(address)));
  } finally {
    transport.close();
  }
}
