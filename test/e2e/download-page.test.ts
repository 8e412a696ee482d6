import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { byPath, type LoopbackServer, startServer } from '../feed/loopback-server.ts';
import { readTree } from '../publish/trees.ts';
import { feedFile, feedsAvailable } from '../support/feeds.ts';
import { azureAllowlist, workplace, writeConfiguration } from './command.ts';
import { SAMPLE_WEEKS, sampleConfiguration } from './configurations.ts';

const DIRECTORY = '/download/7/1/D/';
const DETAILS = '/en-us/download/details.aspx';

let server: LoopbackServer;
beforeEach(async () => {
  server = await startServer(byPath({}));
});
afterEach(() => server.close());

/** The page as it is served today: the file's address in a data object and in an anchor. */
function page(names: readonly string[], { data = true, links = true } = {}): string {
  const url = (name: string) => `${server.origin}${DIRECTORY}${name}`;
  const object = { dlcDetailsView: { downloadFile: names.map((name) => ({ name, url: url(name) })) } };
  return `<!DOCTYPE html><html><body>
${data ? `<script>window.__DLCDetails__=${JSON.stringify(object)}</script>` : ''}
${links ? names.map((name) => `<a href="${url(name)}">Download</a>`).join('\n') : ''}
</body></html>`;
}

const weeks = [
  {
    what: 'the sample',
    skip: false,
    dates: ['20260105', '20260112'] as const,
    bytes: (index: 0 | 1) => readFileSync(SAMPLE_WEEKS[index]),
  },
  {
    what: 'two real weeks',
    skip: !feedsAvailable,
    dates: ['20250714', '20250721'] as const,
    bytes: (index: 0 | 1) => gunzipSync(readFileSync(feedFile(index === 0 ? '20250714' : '20250721'))),
  },
];

for (const { what, skip, dates, bytes } of weeks)
  describe.skipIf(skip)(`${what}, from a server that imitates the download page`, () => {
    const names = dates.map((date) => `ServiceTags_Public_${date}.json`) as [string, string];
    const latest = 'ServiceTags_Public_Latest.json';

    it('give the same rule files whichever way leads to them', async () => {
      const folder = workplace();
      writeConfiguration(
        folder,
        sampleConfiguration({
          feed: {
            source: {
              kind: 'download',
              page: `${server.origin}${DETAILS}`,
              directory: `${server.origin}${DIRECTORY}`,
            },
            http: { retries: 0 },
          },
        }),
      );
      const [one, two] = [bytes(0), bytes(1)];
      const files = { [DIRECTORY + names[0]]: one, [DIRECTORY + names[1]]: two };
      const run = async (out: string) => {
        const ended = await azureAllowlist(['run', '-o', out], { cwd: folder });
        expect(ended.status, ended.stderr).toBe(0);
        return ended.stderr;
      };

      // Week one, then week two: the newer of two links is taken.
      server.handle(byPath({ [DETAILS]: page(names.slice(0, 1)), ...files }));
      expect(await run('first')).toContain(`page data: ${server.origin}${DIRECTORY}${names[0]}`);
      server.handle(byPath({ [DETAILS]: page(names), ...files }));
      expect(await run('first')).toContain(`page data: ${server.origin}${DIRECTORY}${names[1]}`);
      const lock = JSON.parse(readFileSync(join(folder, 'first/allowlist.lock.json'), 'utf8'));
      expect(lock.feed).toMatchObject({ kind: 'download', name: names[1] });

      // One way after the other is closed; the policy and the rule files are the same.
      server.handle(byPath({ [DETAILS]: page(names, { data: false }), ...files }));
      expect(await run('links')).toContain(`page links: ${server.origin}${DIRECTORY}${names[1]}`);
      server.requests.length = 0;
      server.handle(
        byPath({
          [DETAILS]: page(names, { data: false, links: false }),
          [DIRECTORY + latest]: (_, response) =>
            response.writeHead(200, { 'last-modified': 'Mon, 12 Jan 2026 00:00:00 GMT' }).end(two),
        }),
      );
      expect(await run('latest')).toContain(`latest file: ${server.origin}${DIRECTORY}${latest}`);
      expect(server.requests).toEqual([
        `GET ${DETAILS}?id=56519`,
        'GET /en-us/download/confirmation.aspx?id=56519',
        `GET ${DIRECTORY}${latest}`,
      ]);
      for (const other of ['links', 'latest'])
        expect(ruleFiles(join(folder, other))).toEqual(ruleFiles(join(folder, 'first')));

      // None of them: exit 4, every attempt told, the tree as it was.
      const before = readTree(join(folder, 'first'));
      server.handle(byPath({ [DETAILS]: '<html>moved</html>' }));
      const { status, stdout, stderr } = await azureAllowlist(['run', '-o', 'first'], { cwd: folder });
      expect(status).toBe(4);
      expect(stdout).toBe('');
      expect(stderr).toContain(
        'azure-allowlist: cannot fetch the public feed: no strategy found a usable file',
      );
      expect(stderr).toContain('the page has no window.__DLCDetails__');
      expect(stderr).toContain('the page has no link to a ServiceTags_Public_<date>.json');
      expect(stderr).toMatch(/latest file: .*_Latest\.json: the answer is HTTP 404/);
      expect(readTree(join(folder, 'first'))).toEqual(before);
    });
  });

/** Rule files and snapshot; lock and review tell the week and its source. */
/** What an update of PAN-OS deletes depends on the weeks before. */
function ruleFiles(out: string): [string, string][] {
  return [...readTree(out)].filter(([path]) => path.includes('/') && path !== 'paloalto/azure-update.set');
}
