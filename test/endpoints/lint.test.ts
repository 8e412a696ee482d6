import { describe, expect, test } from 'vitest';
import { lintEndpointTable, lintHost, lintSpelling } from '../../src/endpoints/lint.ts';
import { parseEndpointTable } from '../../src/endpoints/load.ts';
import { parseHostPattern } from '../../src/net/host-pattern.ts';

describe('the spelling of an endpoint', () => {
  test.each([
    ['www.example.com', []],
    ['*.example.com', []],
    ['.example.com', []],
    ['https://www.example.com', ['scheme']],
    ['www.example.com:80', ['port']],
    ['www.example.com/pki', ['path']],
    ['HTTPS://*.example.com:443/x/y', ['scheme', 'port', 'path']],
    ['http://', ['scheme']],
    ['*example.com', ['wildcard']],
    ['a.*.example.com', ['wildcard']],
    ['*.*.example.com', ['wildcard']],
    ['*', ['wildcard']],
  ])('%s: %j', (text, rules) => {
    expect(lintSpelling(text, 'here').map(({ rule }) => rule)).toEqual(rules);
  });
});

describe('a host', () => {
  test.each([
    ['ctdl.windowsupdate.com', ['misprint']],
    ['.ctdl.windowsupdate.com', ['misprint']],
    ['ctldl.windowsupdate.com', []],
    ['*.crl3.digicert.com', ['wildcard']],
    ['.crl3.digicert.com', ['wildcard']],
    ['crl3.digicert.com', []],
    ['*.digicert.com', []],
    ['*.own.example.com', ['wildcard']],
    ['own.example.com', []],
    ['*.com', ['wildcard']],
  ])('%s: %j', (text, rules) => {
    const found = lintHost(parseHostPattern(text), 'here', new Set(['own.example.com']));
    expect(found.map(({ rule }) => rule)).toEqual(rules);
  });
});

test('a table is judged row by row; a misprint that it declares is no finding', async () => {
  const row = (hosts: string, ports: string, more = '') =>
    `  - { hosts: [${hosts}], ports: [${ports}], purpose: x, sources: [s], notCovered: x${more} }\n`;
  const table = await parseEndpointTable(
    'id: t\ntitle: t\ncloud: public\nconfidence: low\n' +
      "sources: [{ id: s, title: s, url: 'https://example.com/', date: 2026-01-01 }]\nrows:\n" +
      row('ctdl.windowsupdate.com', '80') +
      row('ctdl.windowsupdate.com', '443', ', misprintOf: ctldl.windowsupdate.com') +
      row('www.example.com', '80, 443') +
      row('www.example.com', '443-444') +
      row('www.example.com', '443', ', path: /x') +
      row("'*.www.example.com'", '443'),
    't.yaml',
  );
  expect(lintEndpointTable(table)).toEqual([
    {
      rule: 'misprint',
      where: 't: ctdl.windowsupdate.com',
      what: '"ctdl.windowsupdate.com" is a known misprint',
      next: 'ctldl.windowsupdate.com was meant',
    },
    {
      rule: 'duplicate',
      where: 't: www.example.com',
      what: 'is there twice for port 443',
      next: 'keep one of the two',
    },
    {
      rule: 'wildcard',
      where: 't: *.www.example.com',
      what: '"*.www.example.com" is a wildcard over a single host',
      next: 'write www.example.com',
    },
  ]);
});
