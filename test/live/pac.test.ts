import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addressAttempts, nameAttempts, spellUrl } from '../support/attempts.ts';
import { selfSigned } from '../support/certificate.ts';
import type { Namespace } from '../support/gateway.ts';
import { makePolicy } from '../support/policy.ts';
import { lacks, lacksNamespaces } from '../support/programs.ts';
import { seededRandom } from '../support/random.ts';
import { buildBundled } from '../support/rule-files.ts';
import { everyAddressLocal } from '../support/squid.ts';

const unable = lacks('chromium', 'openssl') || lacksNamespaces();
const PROXY_PORT = 3129;
const PROXY = `PROXY 127.0.0.1:${PROXY_PORT}`;

interface Report {
  readonly ways: readonly string[];
  readonly fetches: number;
  readonly scriptErrors: number;
}

const policy = makePolicy({
  name: 'both',
  names: { '443': ['*.msappproxy.example', 'login.example.net', '.example.org'], '80': ['crl.example.net'] },
  prefixes: ['192.0.2.0/28', '198.51.100.7/32', '203.0.113.0/24', '2001:db8::/33', '2001:db8:ffff::10/126'],
  ports: '80,443',
  addressUse: 'always',
});

describe.skipIf(unable)('a headless Chromium', () => {
  let namespace: Namespace;
  beforeAll(async () => {
    namespace = await everyAddressLocal();
  });
  afterAll(() => namespace.close());

  async function drive(pac: string, urls: readonly string[]): Promise<Report> {
    const profile = await mkdtemp(join(tmpdir(), 'chromium-'));
    try {
      const job = {
        ...{ pac, urls, profile, ...selfSigned('origin.example.test') },
        ...{ proxyPort: PROXY_PORT, pacPort: 8099, ports: { http: [80, 8080], https: [443, 8443] } },
      };
      const driver = fileURLToPath(new URL('../support/chromium-pac.mjs', import.meta.url));
      return JSON.parse(await namespace.must([process.execPath, driver], JSON.stringify(job))) as Report;
    } finally {
      await rm(profile, { recursive: true, force: true, maxRetries: 5 }).catch(() => {});
    }
  }

  /** The scheme must be the one that the server on the port speaks. */
  function urls() {
    const random = seededRandom(7);
    const attempts = [
      ...nameAttempts(policy, [80, 443, 8080, 8443], random),
      ...addressAttempts(policy, [80, 443, 443, 8443], 24, random),
    ];
    return attempts
      .map((attempt) => ({ ...spellUrl(attempt, random), ...attempt }))
      .map(({ url, port, allowed }) => ({
        url: url.replace(/^https?/, port === 80 || port === 8080 ? 'http' : 'https'),
        allowed,
      }))
      .filter(({ url }) => URL.canParse(url));
  }

  it.each([
    ['DIRECT', PROXY, 'direct', 'proxy'],
    [PROXY, 'DIRECT', 'proxy', 'direct'],
  ] as const)('sends what is allowed to %s and the rest to %s', async (allowed, otherwise, yes, no) => {
    const { files } = await buildBundled('pac', policy, { allowed, otherwise });
    const asked = urls();
    const report = await drive(
      files[0]!.text,
      asked.map(({ url }) => url),
    );
    expect(report.scriptErrors).toBe(0);
    expect(report.fetches).toBeGreaterThan(0);
    const wrong = asked
      .map((each, index) => ({ ...each, way: report.ways[index] }))
      .filter((each) => each.way !== (each.allowed ? yes : no));
    expect(wrong).toEqual([]);
    expect(asked.filter((each) => each.allowed).length).toBeGreaterThan(20);
    expect(asked.filter((each) => !each.allowed).length).toBeGreaterThan(20);
  });

  it.each([
    [1_048_576, 'proxy'],
    [1_048_577, 'direct'],
  ] as const)('given a file of %i bytes, goes %s', async (bytes, way) => {
    const script = `function FindProxyForURL(url, host) { return '${PROXY}'; }\n`;
    const report = await drive(script.padEnd(bytes, ' '), ['http://other.example/']);
    expect(report.ways).toEqual([way]);
  });

  it('would tell a script that fails, and that Chromium then goes direct', async () => {
    const report = await drive('function FindProxyForURL(url, host) { return nothing.at; }', [
      'http://other.example/',
    ]);
    expect(report.scriptErrors).toBeGreaterThan(0);
    expect(report.ways).toEqual(['direct']);
  });
});
