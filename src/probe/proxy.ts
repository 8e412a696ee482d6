import { isIPv6, type Socket } from 'node:net';
import { AttemptFailure, dial } from './dial.ts';
import { askHead, type HttpHead, NoHttpAnswer } from './http-head.ts';

/** A proxy that speaks HTTP, without credentials: the connector has none to give. */
export interface HttpProxy {
  readonly host: string;
  readonly port: number;
}

const USER_AGENT = 'azure-allowlist-probe';

/** `host:port` as it stands in requests. */
export function authority(host: string, port: number): string {
  return `${isIPv6(host) ? `[${host}]` : host}:${port}`;
}

/**
 * Opens a tunnel with CONNECT.
 * @throws AttemptFailure `proxy-…`
 */
export async function tunnel(
  proxy: HttpProxy,
  host: string,
  port: number,
  milliseconds: number,
): Promise<{ readonly socket: Socket; readonly head: HttpHead }> {
  const socket = await dialProxy(proxy, milliseconds);
  try {
    const to = authority(host, port);
    const head = await askHead(
      socket,
      `CONNECT ${to} HTTP/1.1\r\nHost: ${to}\r\nUser-Agent: ${USER_AGENT}\r\n\r\n`,
      milliseconds * 2,
    );
    refuseStatus(head, 'CONNECT');
    if (head.status < 200 || head.status > 299)
      throw new AttemptFailure('proxy-refuses', `${described(head)} to CONNECT ${to}`);
    return { socket, head };
  } catch (error) {
    socket.destroy();
    throw asFailure(error);
  }
}

/**
 * Asks for a page by plain HTTP through the proxy.
 * @throws AttemptFailure `proxy-…`
 */
export async function getThrough(
  proxy: HttpProxy,
  host: string,
  port: number,
  path: string,
  milliseconds: number,
): Promise<HttpHead> {
  const socket = await dialProxy(proxy, milliseconds);
  try {
    const to = port === 80 ? host : authority(host, port);
    const head = await askHead(
      socket,
      `GET http://${to}${path} HTTP/1.1\r\nHost: ${to}\r\nUser-Agent: ${USER_AGENT}\r\nConnection: close\r\n\r\n`,
      milliseconds * 2,
    );
    refuseStatus(head, 'GET');
    // Squid signs its own answers; of others, only the status tells.
    if (head.headers.has('x-squid-error') || [502, 503, 504].includes(head.status))
      throw new AttemptFailure('proxy-refuses', `${described(head)} to GET http://${to}${path}`);
    if (head.status === 403)
      throw new AttemptFailure(
        'proxy-unclear',
        `${described(head)} to GET http://${to}${path}, which the proxy or the server may have said`,
      );
    return head;
  } catch (error) {
    throw asFailure(error);
  } finally {
    socket.destroy();
  }
}

async function dialProxy({ host, port }: HttpProxy, milliseconds: number): Promise<Socket> {
  try {
    return await dial(host, port, milliseconds);
  } catch (error) {
    if (!(error instanceof AttemptFailure)) throw error;
    const code = error.message;
    if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
      throw new AttemptFailure('proxy-name', code, { cause: error });
    throw new AttemptFailure(error.kind === 'reset' ? 'proxy-reset' : 'proxy-unanswered', code, {
      cause: error,
    });
  }
}

function refuseStatus(head: HttpHead, method: string): void {
  if (head.status !== 407) return;
  const schemes = head.headers.get('proxy-authenticate');
  throw new AttemptFailure(
    'proxy-authentication',
    `${described(head)} to ${method}${schemes === undefined ? '' : `; it offers ${schemes.split(' ')[0]}`}`,
  );
}

function asFailure(error: unknown): unknown {
  return error instanceof NoHttpAnswer
    ? new AttemptFailure('proxy-refuses', error.message, { cause: error })
    : error;
}

const described = ({ status, reason }: HttpHead) => `${status} ${reason}`.trim();
