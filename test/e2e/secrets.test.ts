import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { publicUrl, withPublicUrls } from '../../src/feed/redact.ts';
import { startServer } from '../feed/loopback-server.ts';
import { azureAllowlist, workplace, writeConfiguration } from './command.ts';
import { SAMPLE_WEEKS, sampleConfiguration } from './configurations.ts';

const [ONE] = SAMPLE_WEEKS;
const NAME = 'ServiceTags_Public_20260105.json';

/** What must be nowhere: as a password, a signature, a token. */
const SECRET = 'S3CR3T-0f-the-Job';
/** Secret by itself, with no name before it. */
const TOKEN = createHash('sha256').update(SECRET).digest('hex');

/** Every byte below a folder, the inputs left out. */
function written(folder: string): string {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !['allowlist.yaml', 'credentials.txt'].includes(entry.name))
    .map((entry) => `${entry.name}\n${readFileSync(join(entry.parentPath, entry.name), 'utf8')}`)
    .join('\n');
}

async function source() {
  let posted = '';
  const server = await startServer((request, response) => {
    const url = request.url!;
    request.setEncoding('utf8').on('data', (part: string) => {
      posted += part;
    });
    if (url.startsWith('/page'))
      response.end(
        `<a href="http://job:${SECRET}@127.0.0.1:${server.port}/download/${NAME}?sig=${SECRET}">${NAME}</a>`,
      );
    else if (url.startsWith('/redirect'))
      response
        .writeHead(302, { location: `http://job:${SECRET}@127.0.0.1:${server.port}/${NAME}?sig=${SECRET}` })
        .end();
    else if (url.includes(NAME) && !url.includes('missing')) response.end(readFileSync(ONE));
    else response.writeHead(404).end(`no ${url}`);
  });
  onTestFinished(() => server.close());
  return { port: server.port, posted: () => posted };
}

type Case = readonly [
  name: string,
  make: (port: number) => {
    readonly config?: Readonly<Record<string, unknown>>;
    readonly flags?: readonly string[];
    readonly environment?: Readonly<Record<string, string>>;
    readonly command?: readonly string[];
  },
];

const CASES: readonly Case[] = [
  [
    'a URL with a password',
    (port) => ({ flags: ['--feed', `http://job:${SECRET}@127.0.0.1:${port}/${NAME}`] }),
  ],
  [
    'a signature in the query',
    (port) => ({ flags: ['--feed', `http://127.0.0.1:${port}/${NAME}?sv=1&sig=${SECRET}`] }),
  ],
  [
    'a signature in the path',
    (port) => ({ flags: ['--feed', `http://127.0.0.1:${port}/sig=${SECRET}/${NAME}`] }),
  ],
  [
    'an encoded signature in the path',
    (port) => ({ flags: ['--feed', `http://127.0.0.1:${port}/a%3Fsig%3D${SECRET}/${NAME}`] }),
  ],
  ['a token in the path', (port) => ({ flags: ['--feed', `http://127.0.0.1:${port}/s/${TOKEN}/${NAME}`] })],
  [
    'a missing file behind a token',
    (port) => ({ flags: ['--feed', `http://127.0.0.1:${port}/s/${TOKEN}/missing/${NAME}`] }),
  ],
  [
    'a webhook with a token in its path',
    (port) => ({
      flags: ['--feed', ONE],
      config: { notify: { webhooks: [{ url: `http://127.0.0.1:${port}/missing/${TOKEN}` }] } },
    }),
  ],
  [
    'a missing file',
    (port) => ({ flags: ['--feed', `http://job:${SECRET}@127.0.0.1:${port}/missing/${NAME}?sig=${SECRET}`] }),
  ],
  ['a redirect', (port) => ({ flags: ['--feed', `http://127.0.0.1:${port}/redirect/${NAME}`] })],
  ['another protocol', () => ({ flags: ['--feed', `ftp://job:${SECRET}@127.0.0.1/${NAME}`] })],
  ['no URL', () => ({ flags: ['--feed', `http://job:${SECRET}@:99999/${NAME}?sig=${SECRET}`] })],
  ['a password with an @', () => ({ flags: ['--feed', `http://job:x@${SECRET}@:99999/${NAME}`] })],
  ['nobody there', () => ({ flags: ['--feed', `http://job:${SECRET}@127.0.0.1:9/${NAME}`] })],
  [
    'a configured URL',
    (port) => ({
      config: {
        feed: {
          source: { kind: 'url', url: `http://job:${SECRET}@127.0.0.1:${port}/${NAME}?sig=${SECRET}` },
        },
      },
    }),
  ],
  [
    'a configured URL that is none',
    () => ({ config: { feed: { source: { kind: 'url', url: `http://job:${SECRET}@:99999/` } } } }),
  ],
  [
    'an unknown key',
    () => ({ config: { feed: { source: { kind: 'url', ur: `http://job:${SECRET}@127.0.0.1/` } } } }),
  ],
  [
    'a page whose links have credentials',
    (port) => ({
      config: { feed: { source: { kind: 'download', page: `http://job:${SECRET}@127.0.0.1:${port}/page` } } },
    }),
  ],
  [
    'a token in the place of its source',
    () => ({
      config: {
        feed: {
          source: {
            kind: 'api',
            subscription: '00000000-0000-0000-0000-000000000000',
            endpoint: 'http://127.0.0.1:9',
            token: SECRET,
          },
        },
      },
    }),
  ],
  [
    'a token in the place of a variable',
    () => ({
      config: {
        feed: {
          source: {
            kind: 'api',
            subscription: '00000000-0000-0000-0000-000000000000',
            endpoint: 'http://127.0.0.1:9',
            token: { environment: SECRET },
          },
        },
      },
    }),
  ],
  [
    'a token in a variable',
    (port) => ({
      config: {
        feed: {
          source: {
            kind: 'api',
            subscription: '00000000-0000-0000-0000-000000000000',
            endpoint: `http://127.0.0.1:${port}`,
            token: { environment: 'TOKEN' },
          },
        },
      },
      environment: { TOKEN: SECRET },
    }),
  ],
  [
    'a proxy',
    () => ({
      flags: ['--feed', 'http://192.0.2.1/x.json'],
      environment: { HTTP_PROXY: `http://job:${SECRET}@127.0.0.1:9` },
    }),
  ],
  [
    'a proxy that is none',
    () => ({
      flags: ['--feed', 'http://192.0.2.1/x.json'],
      environment: { HTTP_PROXY: `http://job:${SECRET}@:99999` },
    }),
  ],
  [
    'a second source',
    (port) => ({
      flags: ['--feed', ONE],
      config: {
        origins: { asns: [8075], source: `http://job:${SECRET}@127.0.0.1:${port}/missing?sig=${SECRET}` },
      },
    }),
  ],
  [
    'a mirror of Microsoft 365',
    (port) => ({
      flags: ['--feed', ONE],
      config: {
        rules: [{ name: 'mail', m365: [{ serviceArea: 'Exchange' }] }],
        feed: { m365: { service: `http://job:${SECRET}@127.0.0.1:${port}/m365` } },
      },
    }),
  ],
  [
    'a webhook',
    (port) => ({
      flags: ['--feed', ONE],
      config: {
        notify: { webhooks: [{ url: `http://job:${SECRET}@127.0.0.1:${port}/missing?sig=${SECRET}` }] },
      },
    }),
  ],
  [
    'a webhook that is told of a failure',
    (port) => ({
      flags: ['--feed', `http://job:${SECRET}@127.0.0.1:${port}/missing/${NAME}`],
      config: { notify: { webhooks: [{ url: `http://127.0.0.1:${port}/hook` }] } },
    }),
  ],
  [
    'a mail server',
    () => ({
      flags: ['--feed', ONE],
      config: {
        notify: {
          mail: { server: `smtp://job:${SECRET}@127.0.0.1:9`, from: 'a@example.com', to: ['b@example.com'] },
        },
      },
    }),
  ],
  [
    'verify',
    (port) => ({
      command: ['verify', 'allowlists', '--feed', `http://job:${SECRET}@127.0.0.1:${port}/missing/${NAME}`],
    }),
  ],
  [
    'tags',
    (port) => ({ command: ['tags', '--feed', `http://job:${SECRET}@127.0.0.1:${port}/missing/${NAME}`] }),
  ],
  [
    'endpoints check',
    (port) => ({
      command: ['endpoints', 'check', `http://job:${SECRET}@127.0.0.1:${port}/missing?sig=${SECRET}`],
    }),
  ],
  ['no protocol', () => ({ flags: ['--feed', `job:${SECRET}@127.0.0.1/x.json`] })],
  ['an unknown flag', () => ({ flags: [`--fed=http://job:${SECRET}@127.0.0.1/x.json`] })],
  ['an unknown command', () => ({ command: [`http://job:${SECRET}@127.0.0.1/x.json`] })],
  [
    'load',
    (port) => ({
      command: [
        'load',
        `http://job:${SECRET}@127.0.0.1:${port}/missing?sig=${SECRET}`,
        '--target',
        'nftables',
      ],
    }),
  ],
];

/** With these the run comes to its end: the tree, the lock and the cache are searched as well. */
const TAKEN = new Set([
  'a URL with a password',
  'a signature in the query',
  'a signature in the path',
  'an encoded signature in the path',
  'a token in the path',
  'a webhook with a token in its path',
  'a redirect',
  'a configured URL',
  'a page whose links have credentials',
  'a webhook',
  'a mail server',
]);

describe('a secret', () => {
  it.each(CASES)('is in nothing that a run writes: %s', async (name, make) => {
    const server = await source();
    const folder = workplace();
    const { config = {}, flags = [], environment = {}, command } = make(server.port);
    const { feed = {}, ...more } = config as { feed?: object };
    const configuration = sampleConfiguration({
      targets: { iptables: {} },
      ...more,
      feed: { http: { retries: 0, totalSeconds: 5 }, ...feed },
    });
    writeConfiguration(folder, configuration);
    mkdirSync(join(folder, '.cache'), { recursive: true });
    const { stdout, stderr, status } = await azureAllowlist(command ?? ['run', ...flags], {
      cwd: folder,
      environment,
    });
    expect(TAKEN.has(name) ? [0] : [0, 1, 4, 5], stderr).toContain(status);
    if (name.includes('told of a failure')) expect(server.posted()).toContain('"failure"');
    for (const text of [stdout, stderr, written(folder), server.posted()])
      for (const secret of [SECRET, TOKEN, Buffer.from(`job:${SECRET}`).toString('base64')])
        expect(text.includes(secret), text.slice(0, 3000)).toBe(false);
  });
});

const BASE64URL = 'q7Lw_Xn2VtB9sKzR4mEj-0hYcUd8GfPa5oWi3TbN6yQ';
const GUID = '71d86715-5596-4529-9b13-da13a5de5b63';

describe('a URL that is shown', () => {
  it.each([
    ['https://a.example/x.json', 'https://a.example/x.json'],
    ['https://u:p@a.example/x.json', 'https://a.example/x.json'],
    ['https://a.example/x?id=56519&sig=p', 'https://a.example/x?id=56519&sig=…'],
    ['https://a.example/sig=p/x', 'https://a.example/sig=…/x'],
    ['https://a.example/x;token=p/y', 'https://a.example/x;token=…/y'],
    ['https://a.example/design=p/x', 'https://a.example/design=p/x'],
    [`https://a.example/s/${TOKEN}/x.json`, 'https://a.example/s/…/x.json'],
    [`https://a.example/s/${TOKEN}.json`, 'https://a.example/s/….json'],
    [`https://a.example/${BASE64URL}/x`, 'https://a.example/…/x'],
    ['https://a.example/cYn0xJ4%2FgS3Vd7Qe1kPzT5uWb9Rm2HfLa6Ny8%2BXo0jE%3D/x', 'https://a.example/…/x'],
    [`not a URL/${TOKEN}`, 'not a URL/…'],
    ...[
      `https://download.microsoft.com/download/7/1/d/${GUID}/ServiceTags_Public_20250818.json`,
      `https://download.microsoft.com/download/6/4/D/${GUID.toUpperCase()}/ServiceTags_AzureGovernment_20260105.json`,
      'https://a.example/network-team-allowlists-m365-eu1-production-2026/x',
      'https://a.example/backup-20250818T101500Z-of-the-allowlists/x',
      `https://git.example/team/rules/-/blob/${TOKEN.slice(0, 40)}/allowlist.yaml`,
      `https://git.example/team/rules/commit/${TOKEN.slice(0, 40)}.patch`,
      'https://a.example/ranges-of-the-private-network-connector/x',
    ].map((url) => [url, url]),
    ['http://u:p@:99999/x', 'http://…@:99999/x'],
    ['u:p@a.example/x', '…@a.example/x'],
  ])('%s is %s', (url, shown) => {
    expect(publicUrl(url)).toBe(shown);
  });

  it.each([
    ['see (https://u:p@a.example/x?y=p).', 'see (https://a.example/x?y=…).'],
    [
      '"https://u:p@a.example/", smtp://u:p@b.example:25: no',
      '"https://a.example/", smtp://b.example:25: no',
    ],
    [
      'https://a.example/a/b, and 1:2 http://[2001:db8::1]:80/',
      'https://a.example/a/b, and 1:2 http://[2001:db8::1]:80/',
    ],
    ['no URL: a@b.example ?x=1', 'no URL: a@b.example ?x=1'],
    ['one slash: "htps:/me:pass@@x y/"', 'one slash: "htps:/…@x y/"'],
    ['turned over: https:\\\\me:pass@h/a', 'turned over: https:\\\\…@h/a'],
    ['no protocol: //me:pass@h/a', 'no protocol: //…@h/a'],
    ['nor slashes: me:pass@h/a, "me:pass@h"', 'nor slashes: …@h/a, "…@h"'],
    ['mailto:me@h.example, to:', 'mailto:me@h.example, to:'],
    ["open '/home/me/ht tp:/me:pass@x'", "open '/home/me/ht tp:/…@x'"],
    ['an escape of JSON: "one\\nto:me@h"', 'an escape of JSON: "one\\nto:me@h"'],
    ['of Git: git@h.example:a/b.git, /a:b/c@d', 'of Git: git@h.example:a/b.git, /a:b/c@d'],
  ])('%s', (text, shown) => {
    expect(withPublicUrls(text)).toBe(shown);
  });
});
