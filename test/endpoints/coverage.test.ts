import { describe, expect, test } from 'vitest';
import { addressCoverage, describeCoverage } from '../../src/endpoints/coverage.ts';
import { formatEndpoint, selectRows } from '../../src/endpoints/endpoint-table.ts';
import { loadEndpointTable } from '../../src/endpoints/load.ts';

const rows = selectRows(await loadEndpointTable('private-network-connector'));

test.each([
  ['*.microsoftonline.com', 'by address: AzureActiveDirectory'],
  ['login.windows.net', 'by address: AzureActiveDirectory'],
  ['management.azure.com', 'by address: AzureResourceManager'],
  ['*.msappproxy.net', 'by address: AzureCloud'],
  ['*.servicebus.windows.net', 'by address: AzureCloud'],
  ['*.msauth.net', 'not covered: fronted by CDNs; no addresses published'],
  ['crl3.digicert.com', 'not covered: revocation hosts stand on CDNs and at certificate authorities'],
])('%s is %s', (endpoint, expected) => {
  const found = rows.filter((row) => formatEndpoint(row) === endpoint);
  expect(found.map(describeCoverage)).toEqual([expected]);
});

describe('what addresses cover, given the tags let through', () => {
  const judge = (tags: readonly string[]) =>
    addressCoverage(rows, tags).map(({ row, by, gap }) => `${formatEndpoint(row)}: ${gap ?? by.join(', ')}`);

  test('says nothing twice and nothing less than once', () => {
    expect(addressCoverage(rows, ['AzureCloud']).map(({ row }) => row)).toEqual(rows);
  });

  test('counts only the tags let through; a regional one is not the tag', () => {
    const judged = judge(['AzureCloud.westeurope', 'AzureActiveDirectory']);
    expect(judged).toContain('login.windows.net: AzureActiveDirectory');
    expect(judged).toContain('*.msappproxy.net: its tag AzureCloud is not let through');
    expect(judged).toContain(
      'ocsp.digicert.com: revocation hosts stand on CDNs and at certificate authorities',
    );
  });

  test('cannot cover the whole table, whatever the tags', () => {
    const covered = addressCoverage(rows, [
      'AzureCloud',
      'AzureActiveDirectory',
      'AzureResourceManager',
    ]).filter(({ gap }) => gap === undefined);
    expect([covered.length, rows.length]).toEqual([5, 25]);
  });
});
