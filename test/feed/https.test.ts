import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { loadFeed } from '../../src/feed/load.ts';
import type { HttpConfig } from '../../src/feed/source-config.ts';
import { lacks } from '../support/programs.ts';
import { startTlsOrigin, type TlsOrigin } from './tls-origin.ts';
import { weeklyFile } from './weekly-file.ts';

const TEXT = JSON.stringify(weeklyFile());

describe.skipIf(lacks('openssl'))('https with a CA of its own', () => {
  let origin: TlsOrigin;
  const lines: string[] = [];
  beforeAll(async () => {
    origin = await startTlsOrigin();
  });
  afterAll(() => origin.close());
  beforeEach(() => {
    origin.handle((_, response) => response.end(TEXT));
    lines.length = 0;
  });

  const load = (
    http: HttpConfig = {},
    environment: Record<string, string> = {},
    url = `${origin.origin}/f.json`,
  ) =>
    loadFeed({
      cloud: 'public',
      override: url,
      http: { retries: 0, ...http },
      environment,
      today: '2025-07-18',
      report: (line) => lines.push(line),
    });

  it('is not trusted, and the message says what to do', async () => {
    await expect(load()).rejects.toThrow(
      /the certificate is not trusted \(UNABLE_TO_VERIFY_LEAF_SIGNATURE\) — .*feed\.http\.certificateAuthority or NODE_EXTRA_CA_CERTS/,
    );
    expect(origin.requests).toEqual([]);
  });

  it('is trusted by configuration', async () => {
    expect((await load({ certificateAuthority: origin.authority })).snapshot.tags.size).toBe(5);
  });

  it('is trusted by NODE_EXTRA_CA_CERTS', async () => {
    expect((await load({}, { NODE_EXTRA_CA_CERTS: origin.authority })).snapshot.tags.size).toBe(5);
  });

  it('is trusted for the names of its certificate alone', async () => {
    const url = `https://localhost:${origin.port}/f.json`;
    await expect(load({ certificateAuthority: origin.authority }, {}, url)).rejects.toThrow(
      'ERR_TLS_CERT_ALTNAME_INVALID',
    );
  });

  it('that cannot be read is a wrong configuration', async () => {
    const empty = `${origin.authority}.empty`;
    writeFileSync(empty, '');
    for (const certificateAuthority of ['/absent.pem', empty])
      await expect(load({ certificateAuthority })).rejects.toMatchObject({ exitStatus: 5 });
  });

  it('that NODE_EXTRA_CA_CERTS names in vain is told, as Node does', async () => {
    await expect(load({}, { NODE_EXTRA_CA_CERTS: '/absent.pem' })).rejects.toThrow('not trusted');
    expect(lines[0]).toContain('/absent.pem is not a readable PEM file');
  });

  it('is never left for http', async () => {
    origin.handle((_, response) => response.writeHead(302, { location: 'http://127.0.0.1:1/f.json' }).end());
    await expect(load({ certificateAuthority: origin.authority })).rejects.toThrow(
      'a redirect leads from https to http://127.0.0.1:1; it is not followed',
    );
  });

  it('does not let a page lead down to http', async () => {
    origin.handle((request, response) =>
      request.url?.startsWith('/p')
        ? response.end(`<a href="http://127.0.0.1:1/ServiceTags_Public_20250721.json">`)
        : request.url?.endsWith('Latest.json')
          ? response.end(TEXT)
          : response.writeHead(404).end(),
    );
    const { source } = await loadFeed({
      cloud: 'public',
      source: { kind: 'download', page: `${origin.origin}/p`, directory: `${origin.origin}/d` },
      http: { retries: 0, certificateAuthority: origin.authority },
      environment: {},
      today: '2025-07-18',
      report: (line) => lines.push(line),
    });
    expect(source.strategy).toBe('latest file');
    expect(lines.join('\n')).toContain('the link is not https; it is not followed');
  });
});
