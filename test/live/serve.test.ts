import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BuiltProduct, buildProduct } from '../support/built-product.ts';
import { selfSigned } from '../support/certificate.ts';
import type { Namespace } from '../support/gateway.ts';
import { lacks, lacksNamespaces } from '../support/programs.ts';
import { everyAddressLocal } from '../support/squid.ts';

const SAMPLE = fileURLToPath(new URL('../../data/sample/', import.meta.url));

describe.skipIf(lacks('chromium', 'openssl') || lacksNamespaces())('a headless Chromium', () => {
  let product: BuiltProduct;
  let namespace: Namespace;
  let work: string;

  beforeAll(async () => {
    product = await buildProduct();
    work = mkdtempSync(join(realpathSync(tmpdir()), 'serve-live-'));
    chmodSync(work, 0o755);
    namespace = await everyAddressLocal();
  });
  afterAll(async () => {
    await namespace.close();
    product.remove();
    rmSync(work, { recursive: true, force: true, maxRetries: 5 });
  });

  it('takes its proxy settings from wpad.dat of a served tree', async () => {
    const cli = join(product.folder, 'dist/program/main.js');
    const out = join(work, 'allowlists');
    execFileSync(process.execPath, [
      ...[cli, 'run', '-c', join(SAMPLE, 'allowlist.yaml'), '-o', out],
      ...['--feed', join(SAMPLE, 'ServiceTags_Public_20260105.json')],
    ]);
    const pac = execFileSync('sed', ['-n', 's/.*PROXY \\([^";]*\\).*/\\1/p', join(out, 'pac/wpad.dat')], {
      encoding: 'utf8',
    });
    const [proxy] = pac.trim().split('\n');
    const proxyPort = Number(/:(\d+)$/.exec(proxy!)?.[1]);
    const server = namespace.start(process.execPath, cli, 'serve', out, '--listen', '127.0.0.1:8081');
    const log: string[] = [];
    server.stdout.setEncoding('utf8').on('data', (text: string) => log.push(text));
    await new Promise((done) => server.stderr.once('data', done));
    try {
      const urls: readonly (readonly [string, 'direct' | 'neither'])[] = [
        ['https://tenant.msappproxy.net/', 'direct'],
        ['https://login.microsoftonline.com/', 'direct'],
        ['http://crl3.digicert.com/x', 'direct'],
        // The proxy of the settings does not exist here: what is not let through gets nowhere.
        ['https://evil.example/', 'neither'],
        ['https://msappproxy.net/', 'neither'],
        ['http://login.microsoftonline.com:8080/', 'neither'],
      ];
      const job = {
        ...{ pac: '', pacPort: 8098, pacUrl: 'http://127.0.0.1:8081/wpad.dat' },
        ...{ urls: urls.map(([url]) => url), profile: await mkdtemp(join(work, 'chromium-')) },
        ...selfSigned('origin.example.test'),
        ...{ proxyPort: proxyPort === 3129 ? 3130 : 3129, ports: { http: [80], https: [443] } },
      };
      const driver = fileURLToPath(new URL('../support/chromium-pac.mjs', import.meta.url));
      const report = JSON.parse(await namespace.must([process.execPath, driver], JSON.stringify(job))) as {
        readonly ways: readonly string[];
        readonly scriptErrors: number;
      };
      expect(report.scriptErrors).toBe(0);
      expect(urls.map(([url], index) => [url, report.ways[index]])).toEqual(urls);
      expect(log.join('')).toMatch(/"path":"\/wpad\.dat","status":200/);
    } finally {
      server.kill('SIGTERM');
    }
  });
});
