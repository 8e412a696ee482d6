import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { loadFeed } from '../../src/feed/load.ts';
import type { ApiSource } from '../../src/feed/source-config.ts';
import { EXIT_STATUS } from '../../src/problem.ts';
import { type Handler, type LoopbackServer, startServer } from './loopback-server.ts';
import { weeklyFile } from './weekly-file.ts';

const SUBSCRIPTION = '00000000-0000-4000-8000-000000000001';
const TOKEN = 't0ken.of-the_api';

/** The API's spelling: change numbers as text, no platform, no regionId, a state. */
function apiValues(): unknown[] {
  return weeklyFile().values.map(({ name, id, properties }) => {
    const { platform: _, regionId: __, changeNumber, ...rest } = properties;
    return { name, id, properties: { ...rest, changeNumber: String(changeNumber), state: 'GA' } };
  });
}
const document = (values: unknown, rest: object = {}) =>
  JSON.stringify({
    name: 'Public',
    id: `/subscriptions/${SUBSCRIPTION}/providers/Microsoft.Network/serviceTags/Public`,
    type: 'Microsoft.Network/serviceTags',
    changeNumber: '362',
    cloud: 'Public',
    values,
    ...rest,
  });

let server: LoopbackServer;
let authorizations: (string | undefined)[];
const lines: string[] = [];
beforeAll(async () => {
  server = await startServer(() => {});
});
afterAll(() => server.close());
beforeEach(() => {
  authorizations = [];
  lines.length = 0;
});

const load = (
  source: Partial<ApiSource> = {},
  environment: Record<string, string> = { AZURE_ACCESS_TOKEN: TOKEN },
) =>
  loadFeed({
    cloud: 'public',
    source: { kind: 'api', subscription: SUBSCRIPTION, endpoint: server.origin, ...source },
    environment: { PATH: process.env.PATH, ...environment },
    http: { retries: 0 },
    today: '2025-07-18',
    report: (line) => lines.push(line),
  });
const serve = (handler: Handler) =>
  server.handle((request, response) => {
    authorizations.push(request.headers.authorization);
    handler(request, response);
  });

describe('the Service Tag Discovery API', () => {
  it('is read over its pages, with the token', async () => {
    const values = apiValues();
    serve((request, response) => {
      const page = Number(new URL(request.url!, server.origin).searchParams.get('page') ?? 0);
      const nextLink = page < 2 ? `${server.origin}/next?page=${page + 1}&$skiptoken=s3cret` : undefined;
      response.end(document(values.slice(page * 2, page * 2 + 2), { nextLink }));
    });
    const { snapshot, source } = await load();
    expect(snapshot).toMatchObject({ cloud: 'public', changeNumber: 362, unknownFields: 0 });
    expect([...snapshot.tags.keys()]).toEqual(weeklyFile().values.map(({ name }) => name));
    expect(snapshot.tags.get('Storage')).toMatchObject({ changeNumber: 7, platform: '' });
    expect(source).toMatchObject({
      kind: 'api',
      fileDate: undefined,
      url: `${server.origin}/subscriptions/${SUBSCRIPTION}/providers/Microsoft.Network/locations/westeurope/serviceTags?api-version=2025-05-01`,
    });
    expect(authorizations).toEqual([`Bearer ${TOKEN}`, `Bearer ${TOKEN}`, `Bearer ${TOKEN}`]);
    expect(lines[0]).toContain('often behind the weekly file and a subset of it');
  });

  it.each<[string, Partial<ApiSource>, Record<string, string>]>([
    ['a variable of another name', { token: { environment: 'MINE' } }, { MINE: `${TOKEN}\n` }],
    ['a command', { token: { command: ['sh', '-c', 'echo "$T"'] } }, { T: TOKEN }],
    [
      'a command that prints what the Azure CLI prints',
      { token: { command: ['sh', '-c', `echo '{"accessToken":"${TOKEN}","tokenType":"Bearer"}'`] } },
      {},
    ],
  ])('takes the token from %s', async (_, source, environment) => {
    serve((_, response) => response.end(document(apiValues())));
    await load(source, environment);
    expect(authorizations).toEqual([`Bearer ${TOKEN}`]);
  });

  const failures: readonly (readonly [string, Handler, RegExp])[] = [
    [
      '401',
      (_, response) => response.writeHead(401).end(TOKEN),
      /HTTP 401 — the token is missing, wrong or expired/,
    ],
    ['no list of values', (_, response) => response.end(document(null)), /page 1: values is not a list/],
    [
      'a next page on another host',
      (_, response) => response.end(document([], { nextLink: 'https://example.org/' })),
      /nextLink leads to another host, example\.org; the token is not sent there/,
    ],
    [
      'a next page that is the same',
      (request, response) => response.end(document([], { nextLink: request.url })),
      /page 2: nextLink leads back to an earlier page/,
    ],
    [
      'pages without end',
      (request, response) => response.end(document([], { nextLink: `${request.url}1` })),
      /more than 200 pages/,
    ],
    [
      'a change between two pages',
      (request, response) =>
        response.end(
          document(
            apiValues(),
            request.url === '/2' ? { changeNumber: '363' } : { nextLink: `${server.origin}/2` },
          ),
        ),
      /page 2: changeNumber differs/,
    ],
    [
      'the same tag on two pages',
      (request, response) =>
        response.end(document(apiValues(), request.url === '/2' ? {} : { nextLink: `${server.origin}/2` })),
      /"Storage" occurs twice/,
    ],
    [
      'a fractional change number',
      (_, r) => r.end(document(apiValues(), { changeNumber: '1.5' })),
      /the text "1.5"/,
    ],
    [
      'a redirect away',
      (request, response) =>
        request.headers.host?.startsWith('localhost')
          ? response.end(document(apiValues()))
          : response.writeHead(302, { location: `http://localhost:${server.port}/` }).end(),
      /the host localhost is not allowed/,
    ],
  ];
  it.each(failures)('that fails gives exit status 4 and no token: %s', async (_, handler, message) => {
    serve(handler);
    const error = await load().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ exitStatus: EXIT_STATUS.feed, message: expect.stringMatching(message) });
    expect(JSON.stringify([error, lines, String((error as Error).stack)])).not.toContain(TOKEN);
  });

  it('never sends the token along a redirect to another origin', async () => {
    serve((request, response) =>
      request.headers.host?.startsWith('localhost')
        ? response.end(document(apiValues()))
        : response.writeHead(302, { location: `http://localhost:${server.port}/` }).end(),
    );
    await loadFeed({
      cloud: 'public',
      source: { kind: 'api', subscription: SUBSCRIPTION, endpoint: server.origin },
      environment: { AZURE_ACCESS_TOKEN: TOKEN },
      http: { retries: 0, allowedHosts: ['localhost'] },
      today: '2025-07-18',
      report: () => {},
    });
    expect(authorizations).toEqual([`Bearer ${TOKEN}`, undefined]);
  });

  const misconfigured: readonly (readonly [string, Partial<ApiSource>, Record<string, string>, RegExp])[] = [
    ['no token', {}, {}, /feed\.source\.token: the environment variable AZURE_ACCESS_TOKEN gives nothing/],
    [
      'a token with a line break',
      {},
      { AZURE_ACCESS_TOKEN: 'a\nb: c' },
      /gives something that is not a token/,
    ],
    [
      'a command that fails',
      { token: { command: ['sh', '-c', 'echo s3cret >&2; exit 3'] } },
      {},
      /sh fails \(3\)/,
    ],
    ['a missing command', { token: { command: ['/absent/program'] } }, {}, /fails \(ENOENT\)/],
    ['no command', { token: { command: [] } }, {}, /the command is empty/],
    [
      'no GUID',
      { subscription: '../x' },
      { AZURE_ACCESS_TOKEN: TOKEN },
      /"\.\.\/x" is not a subscription id/,
    ],
    ['a location with a slash', { location: 'a/b' }, { AZURE_ACCESS_TOKEN: TOKEN }, /not an Azure location/],
    ['a token in the clear', { endpoint: 'http://192.0.2.1' }, { AZURE_ACCESS_TOKEN: TOKEN }, /in the clear/],
    ['a strange version', { apiVersion: 'x' }, { AZURE_ACCESS_TOKEN: TOKEN }, /not a version/],
  ];
  it.each(misconfigured)('is refused with exit status 5: %s', async (_, source, environment, message) => {
    serve((_, response) => response.end(document(apiValues())));
    const error = await load(source, environment).catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      exitStatus: EXIT_STATUS.configuration,
      message: expect.stringMatching(message),
    });
    expect(String(error)).not.toContain('s3cret');
    expect(authorizations).toEqual([]);
  });
});
