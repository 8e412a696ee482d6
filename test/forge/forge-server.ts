import { onTestFinished } from 'vitest';
import type { ForgeAccess } from '../../src/forge/settings.ts';
import { startServer } from '../feed/loopback-server.ts';

/** One request as the server saw it. */
export interface Seen {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: unknown;
}

/** What is answered: a status, the JSON (a string is sent as it is), and headers. */
export type Reply = readonly [status: number, body?: unknown, headers?: Readonly<Record<string, string>>];

/** A server on loopback that answers as a forge's API does, and keeps what it was asked. */
export async function forgeServer(answer: (seen: Seen) => Reply) {
  const requests: Seen[] = [];
  const lines: string[] = [];
  const server = await startServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const url = new URL(request.url ?? '/', 'http://127.0.0.1');
      const text = Buffer.concat(chunks).toString('utf8');
      const seen: Seen = {
        method: request.method ?? '',
        path: url.pathname,
        query: url.searchParams,
        headers: request.headers,
        body: text === '' ? undefined : JSON.parse(text),
      };
      requests.push(seen);
      const [status, body, headers = {}] = answer(seen);
      const sent = typeof body === 'string' || body === undefined ? (body ?? '') : JSON.stringify(body);
      response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(sent);
    });
  });
  onTestFinished(() => server.close());
  return {
    origin: server.origin,
    requests,
    /** `METHOD path`, of the requests that change something. */
    changes: () =>
      requests.filter(({ method }) => method !== 'GET').map(({ method, path }) => `${method} ${path}`),
    reports: lines,
    access: (over: Partial<ForgeAccess> & Pick<ForgeAccess, 'api' | 'project'>): ForgeAccess => ({
      token: 'tok-0123456789',
      http: { longestWaitSeconds: 2, connectSeconds: 2, responseSeconds: 5, totalSeconds: 10 },
      environment: {},
      report: (line) => lines.push(line),
      ...over,
    }),
  };
}
