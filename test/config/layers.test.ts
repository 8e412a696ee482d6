import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { loadTables } from '../../src/products.ts';

const BASE = `version: 1
feed: { cloud: public, source: { kind: file, path: week.json } }
rules:
  - { name: web, hosts: [a.example.com], ports: [443] }
  - { name: net, prefixes: [192.0.2.0/24], ports: [443] }
targets:
  squid: { directory: /etc/squid/a }
  iptables: { chain: AZURE }
guards: { tag-growth: { percent: 40 } }
`;
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'layers-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
});

function write(files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), text);
  }
}

const load = (name: string) => loadConfig(join(directory, name));
const site = (text: string) =>
  write({ 'base.yaml': BASE, 'sites/a/allowlist.yaml': `extends: ../../base.yaml\n${text}` });
const loadSite = () => load('sites/a/allowlist.yaml');

describe('a configuration that extends another', () => {
  it('is the base where it says nothing, with paths relative to itself', async () => {
    site('');
    const { rules, targets, output, feed, file } = await loadSite();
    expect(rules.map(({ name }) => name)).toEqual(['web', 'net']);
    expect(targets.map(({ id }) => id)).toEqual(['squid', 'iptables']);
    expect(output).toBe(join(directory, 'sites/a/allowlists'));
    expect(feed.source).toMatchObject({ path: join(directory, 'sites/a/week.json') });
    expect(file).toBe(join(directory, 'sites/a/allowlist.yaml'));
  });

  it('merges mappings by key and rules by name, and replaces everything else', async () => {
    site(`rules:
  - { name: net, prefixes: [198.51.100.0/24, 203.0.113.0/24], ports: [8443] }
  - { name: own, hosts: [b.example.com], ports: [443] }
targets:
  squid: { directory: /etc/squid/b }
  iptables:
  nftables: {}
`);
    const { rules, targets, guards } = await loadSite();
    expect(rules.map(({ name, prefixes }) => [name, prefixes.length])).toEqual([
      ['web', 0],
      ['net', 2],
      ['own', 0],
    ]);
    expect(targets.map(({ id, options }) => [id, options])).toEqual([
      ['squid', { directory: '/etc/squid/b' }],
      ['iptables', { chain: 'AZURE' }],
      ['nftables', {}],
    ]);
    expect(JSON.stringify(guards)).toContain('40');
  });

  it('takes a target out, and refuses to take out what is not there', async () => {
    site('targets: { squid: false }\n');
    expect((await loadSite()).targets.map(({ id }) => id)).toEqual(['iptables']);
    site('targets: { nginx: false }\n');
    await expect(loadSite()).rejects.toThrow(
      /line 2, targets\.nginx: is false, and no file that this one extends/,
    );
  });

  it('takes products by their names', async () => {
    write({
      'base.yaml': `version: 1\nproducts: [connector, { aks: { region: westeurope } }]\ntargets: { squid: {} }\n`,
      'site.yaml': 'extends: base.yaml\nproducts: [{ aks: { region: northeurope } }, avd]\n',
    });
    const { products } = await load('site.yaml');
    expect(products.map(({ product }) => product)).toEqual(['connector', 'aks', 'avd']);
    expect(products[1]!.parameters).toEqual({ region: ['northeurope'] });
  });

  it('goes through several bases, the later before the earlier, and bases of bases', async () => {
    write({
      'root.yaml': 'version: 1\nfamilies: [4, 6]\noutput: root\n',
      'one.yaml':
        'extends: root.yaml\nrules: [{ name: web, hosts: [a.example.com], ports: [443] }]\noutput: one\n',
      'two.yaml': 'families: [4]\ntargets: { squid: {} }\n',
      'site.yaml': 'extends: [one.yaml, two.yaml]\n',
    });
    const { families, output, rules } = await load('site.yaml');
    expect(families).toEqual([4]);
    expect(output).toBe(join(directory, 'one'));
    expect(rules).toHaveLength(1);
  });

  it.each([
    ['rules: [{ name: own, hosts: [b.example.com], ports: [70000] }]\n', /line 2, rules\[0\]\.ports\[0\]/],
    ['outptu: x\n', /line 2, outptu: unknown key — did you mean output\?/],
    ['targets: { squid: 3 }\n', /line 2, targets\.squid/],
  ])('says of its own mistakes their line: %j', async (text, message) => {
    site(text);
    await expect(loadSite()).rejects.toThrow(message);
  });

  it('says of mistakes in the base its file and line, also of those found later', async () => {
    site('rules: [{ name: own, hosts: [b.example.com], ports: [443] }]\n');
    write({ 'base.yaml': BASE.replace('[192.0.2.0/24]', '[192.0.2.1/24]') });
    await expect(loadSite()).rejects.toThrow(/base\.yaml, line 5, rules\[1\]\.prefixes\[0\]/);
    write({
      'base.yaml': BASE.replace(
        'hosts: [a.example.com], ports: [443]',
        'endpoints: [private-network-conector]',
      ),
    });
    await expect(loadSite().then(loadTables)).rejects.toThrow(
      /base\.yaml, line 4, rules\[0\]\.endpoints\[0\]/,
    );
  });

  it.each([
    ['extends: nowhere.yaml\n', /cannot read the configuration .*nowhere\.yaml: .*site\.yaml extends it/s],
    ['extends: site.yaml\n', /line 1, extends: site\.yaml extends this file again/],
    ['extends: [3]\n', /line 1, extends: must be the path of a file/],
    ['extends: list.yaml\n', /list\.yaml is not a mapping/],
    ['extends: broken.yaml\n', /broken\.yaml is not a valid configuration/],
  ])('refuses %j', async (text, message) => {
    write({ 'site.yaml': text, 'list.yaml': '- 1\n', 'broken.yaml': 'a: [\n' });
    await expect(load('site.yaml')).rejects.toThrow(message);
  });
});
