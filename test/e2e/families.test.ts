import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { azureAllowlist, workplace } from './command.ts';
import { SAMPLE_RANGES, SAMPLE_WEEKS } from './configurations.ts';

/** The table of service tags keeps its column, with nothing in it. */
function withoutColumn(text: string): string {
  return text.replaceAll(/^.*Prefixes as published.*$/gm, '');
}

it('with families: [4] nothing that is written or said is of IPv6', async () => {
  const cwd = workplace();
  const configure = (families: string, prefixes: readonly string[] = []) =>
    writeFileSync(
      join(cwd, 'allowlist.yaml'),
      `version: 1
families: ${families}
rules:
  - name: connector
    endpoints: [private-network-connector]
    serviceTags: [AzureCloud, AzureActiveDirectory]
  - { name: storage, serviceTags: [Storage.WestEurope], prefixes: ${JSON.stringify(prefixes)}, ports: [443] }
targets: { pac: { otherwise: "PROXY proxy.example.com:8080" }, squid: {}, nftables: {}, iptables: {}, paloalto: {} }
guards: { special-use: { allow: ${JSON.stringify(SAMPLE_RANGES)} } }
`,
    );
  const run = (...args: string[]) => azureAllowlist(args, { cwd });
  configure('[4]');
  for (const week of SAMPLE_WEEKS) {
    const { status, stdout } = await run('run', '--details', '--feed', week);
    expect(status).toBe(0);
    expect(withoutColumn(stdout)).not.toMatch(/IPv6|2001:db8/);
  }
  expect(await run('verify')).toMatchObject({ status: 0 });
  const output = join(cwd, 'allowlists');
  const texts = readdirSync(output, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => [entry.name, readFileSync(join(entry.parentPath, entry.name), 'utf8')] as const);
  expect(texts.length).toBeGreaterThan(10);
  for (const [name, text] of texts) expect(text, name).not.toMatch(/2001:db8/);
  expect(withoutColumn(readFileSync(join(output, 'REVIEW.md'), 'utf8'))).not.toContain('IPv6');

  configure('[4]', ['2001:db8::/48']);
  const refused = await run('run', '--dry-run', '--feed', SAMPLE_WEEKS[1]);
  expect(refused.status).toBe(5);
  expect(refused.stderr).toContain('2001:db8::/48 is IPv6, which families leaves out');
  for (const wrong of ['[]', '[5]', '[4, 4, 6]', 'four']) {
    configure(wrong);
    expect(await run('run', '--dry-run', '--feed', SAMPLE_WEEKS[1])).toMatchObject({ status: 5 });
  }
  // The other family comes back like any other change.
  configure('[4, 6]');
  const both = await run('run', '--dry-run', '--feed', SAMPLE_WEEKS[1]);
  expect(`${both.stdout}${both.stderr}`).toContain('IPv6');
});
