import { describe, expect, it } from 'vitest';
import { buildTarget, proveReadBack, proveSettings } from '../../src/targets/build.ts';
import { bundledTargets, loadTarget } from '../../src/targets/catalog.ts';
import type { Manifest } from '../../src/targets/manifest.ts';
import type { RuleFile } from '../../src/targets/render.ts';
import type { OptionValues } from '../../src/targets/view.ts';
import { exampleOptions } from '../support/manifests.ts';
import { samplePolicy } from '../support/policy.ts';

/** Another value for an option where none follows from its manifest, and what else it needs. */
const OTHERS: Readonly<Record<string, Readonly<Record<string, OptionValues>>>> = {
  checkpoint: {
    form: { form: 'network-feeds', baseUrl: 'https://lists.example.com/a' },
    baseUrl: { form: 'network-feeds', baseUrl: 'https://lists.example.com/b' },
  },
  connector: {
    proxy: { proxy: 'http://other.corp.example:3128' },
    product: { product: 'aad' },
    backendThroughProxy: { backendThroughProxy: true, proxy: 'http://other.corp.example:3128' },
  },
  dnsmasq: {
    sets: { sets: 'ipset' },
    table: { table: 'other' },
    hook: { hook: 'output' },
    mark: { mark: '0x00002000' },
    chain: { chain: 'OTHER', sets: 'ipset' },
    timeoutHours: { timeoutHours: 48 },
  },
  edl: { combined: { combined: true } },
  fortigate: {
    srcintf: { srcintf: 'dmz lan' },
    dstintf: { dstintf: 'wan2' },
    srcaddr: { srcaddr: 'connectors servers' },
    srcaddr6: { srcaddr6: 'connectors6' },
    nat: { nat: false },
    log: { log: 'utm' },
    position: { position: 'before 27' },
    firstPolicyId: { firstPolicyId: 2_000_000_000 },
    prefix: { prefix: 'xy' },
  },
  iptables: { chain: { chain: 'OTHER' } },
  kubernetes: {
    namespace: { namespace: 'other' },
    podLabel: { podLabel: 'example.com/azure' },
    podLabelValue: { podLabelValue: 'yes' },
  },
  nftables: { table: { table: 'other' }, hook: { hook: 'output' }, mark: { mark: '0x00002000' } },
  pac: {
    allowed: { allowed: 'PROXY other.corp.example:3128' },
    otherwise: { otherwise: 'PROXY other.corp.example:3128' },
    decideBy: { decideBy: 'host' },
  },
  paloalto: {
    lists: { lists: 'external', externalBaseUrl: 'https://lists.example.com/a' },
    externalBaseUrl: { lists: 'external', externalBaseUrl: 'https://lists.example.com/b' },
    recurring: {
      lists: 'external',
      externalBaseUrl: 'https://lists.example.com/a',
      recurring: 'five-minute',
    },
    certificateProfile: {
      lists: 'external',
      externalBaseUrl: 'https://lists.example.com/a',
      certificateProfile: 'lists-ca',
    },
    panorama: { panorama: 'shared' },
    from: { from: 'dmz' },
    to: { to: 'dmz other' },
    source: { source: 'connectors' },
    position: { position: 'before deny-all' },
    noDecrypt: { noDecrypt: false },
    prefix: { prefix: 'xy' },
    tag: { tag: 'other' },
  },
  raw: { formats: { formats: 'json' } },
  squid: { directory: { directory: '/etc/other' } },
};

/** Another value than the default, as the manifest has one. */
function otherValue(option: Manifest['options'][string]): string | number | boolean | undefined {
  const { type, example, values, default: usual } = option;
  if (example !== undefined && usual !== undefined) return example;
  if (type === 'boolean') return !usual;
  if (type === 'integer') return Number(usual) + 1;
  return values?.find((value) => value !== usual);
}

describe.each(await bundledTargets())('the options of %s', (id) => {
  it('are read back out of the files, each of them', async () => {
    const target = await loadTarget(id);
    const options = exampleOptions(target.manifest);
    const build = (own: OptionValues) =>
      buildTarget(samplePolicy(), { id, target, options: { ...options, ...own } }).files;
    expect(proveSettings(target, options, build({}))).toEqual([]);
    for (const [name, option] of Object.entries(target.manifest.options)) {
      // How much the device may hold is no part of the files.
      if (option.capacity) continue;
      const other = otherValue(option);
      const own = OTHERS[id]?.[name] ?? (other === undefined ? {} : { [name]: other });
      expect(own, `${id}.${name} needs an example that is not its default`).toHaveProperty(name);
      const files = build(own);
      expect(proveSettings(target, { ...options, ...own }, files), name).toEqual([]);
      const asked = { ...options, ...own, [name]: options[name]! };
      const found = proveSettings(target, asked, files).map(({ what }) => what.split(' ')[0]);
      expect(found, name).toContain(name);
    }
  });
});

describe('a hand in the options, with every hash put right', () => {
  const edited = async (id: string, own: OptionValues, edit: (file: RuleFile) => string) => {
    const target = await loadTarget(id);
    const options = { ...exampleOptions(target.manifest), ...own };
    const { files, plan } = buildTarget(samplePolicy(), { id, target, options });
    const changed = files.map((file) => ({ ...file, text: edit(file) }));
    expect(changed).not.toEqual(files);
    // What is let through is the same as ever.
    expect(proveReadBack(target, plan, changed)).toEqual([]);
    return proveSettings(target, options, changed).map(({ what }) => what);
  };
  const everywhere = (from: string, to: string) => (file: RuleFile) => file.text.replaceAll(from, to);

  it.each([
    ['paloalto', 'rules az-(.*) from trust', / from trust\n/g, ' from any\n', 'from is "any" in the files'],
    ['paloalto', 'source', / source any\n/g, ' source all-clients\n', 'source is "all-clients" in the files'],
  ])('%s: %s', async (id, _, from, to, what) => {
    const found = await edited(id, {}, (file) =>
      file.path === 'azure.set' ? file.text.replaceAll(from, to) : file.text,
    );
    expect(found).toEqual([expect.stringContaining(what)]);
  });

  it('paloalto: rules that exempt from decryption, taken away', async () => {
    const without = (file: RuleFile) =>
      file.path.startsWith('azure') ? file.text.replaceAll(/^.*rulebase decryption .*\n/gm, '') : file.text;
    expect(await edited('paloalto', {}, without)).toEqual([
      'noDecrypt is false in the files, true was asked for',
    ]);
    const one = (file: RuleFile) =>
      file.path.startsWith('azure')
        ? file.text.replaceAll(/^.*rulebase decryption rules az-connector_443( .*)?\n/gm, '')
        : file.text;
    await expect(edited('paloalto', {}, one)).rejects.toThrow(
      'az-connector_443 is not exempt from decryption, as other names are',
    );
  });

  it.each([
    ['srcintf', / srcintf "internal"\n/g, ' srcintf "any"\n', 'srcintf is "any" in the files'],
    ['srcaddr6', / srcaddr6 "all"\n/g, ' srcaddr6 "none"\n', 'srcaddr6 is "none" in the files'],
    ['log', / logtraffic all\n/g, ' logtraffic disable\n', 'log is "disable" in the files'],
    ['nat', / nat enable\n/g, ' nat disable\n', 'nat is false in the files'],
  ])('fortigate: %s', async (_, from, to, what) => {
    expect(await edited('fortigate', {}, (file) => file.text.replaceAll(from, to))).toEqual([
      expect.stringContaining(what),
    ]);
  });

  it('nftables: another mark, which others accept', async () => {
    expect(await edited('nftables', {}, everywhere('0x00001000', '0x00000001'))).toEqual([
      'mark is "0x00000001" in the files, "0x00001000" was asked for',
    ]);
  });

  it('pac: another proxy', async () => {
    expect(await edited('pac', {}, everywhere('proxy.corp.example:8080', 'evil.example:8080'))).toEqual([
      'otherwise is "PROXY evil.example:8080" in the files, "PROXY proxy.corp.example:8080" was asked for',
    ]);
  });
});
