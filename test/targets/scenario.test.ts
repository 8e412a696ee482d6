import { describe, expect, it } from 'vitest';
import { DualStackSet } from '../../src/net/dual-stack-set.ts';
import { parsePrefix } from '../../src/net/prefix.ts';
import { noteworthy } from '../../src/policy/diff/notes.ts';
import { riskOfRule } from '../../src/policy/diff/risk.ts';
import { diffPolicies } from '../../src/policy/diff.ts';
import type { Policy, PolicyRule } from '../../src/policy/policy.ts';
import { ConfigurationError } from '../../src/problem.ts';
import { coverage } from '../../src/review/coverage.ts';
import { reviewDocument } from '../../src/review/json.ts';
import { reviewShape } from '../../src/review/json-shape.ts';
import { writeMarkdown } from '../../src/review/markdown.ts';
import { verdict } from '../../src/review/verdict.ts';
import { sampleReview } from '../review/sample.ts';
import { makePolicy } from '../support/policy.ts';
import { buildBundled } from '../support/rule-files.ts';

const CONNECTOR = '192.0.2.10';
const PROXY = '192.0.2.20';
const set = (...prefixes: string[]) => DualStackSet.fromPrefixes(prefixes.map(parsePrefix));

function policyOf(way: Pick<PolicyRule, 'scenario' | 'proxies'>): Policy {
  const policy = makePolicy({
    name: 'connector',
    names: { '80,443': ['*.msappproxy.example'] },
    prefixes: ['198.51.100.0/24'],
    ports: '80,443',
    clients: [CONNECTOR],
  });
  return { ...policy, rules: policy.rules.map((rule) => ({ ...rule, ...way })) };
}

/** The clients of the lines of a packet filter. */
const sourcesOf = (text: string) => [
  ...new Set([...text.matchAll(/ip saddr (?:\{ )?([\d./]+)/g)].map(([, one]) => one)),
];

describe('scenario: bypass-proxy', () => {
  const policy = policyOf({ scenario: 'bypass-proxy' });

  it('leaves the rule out of a proxy, declared, and lets the connector through the firewall', async () => {
    const { plan, files } = await buildBundled('squid', policy);
    expect(files.find(({ path }) => path === 'azure-allow.conf')!.text).not.toMatch(/^http_access/m);
    expect(plan.omissions).toMatchObject([{ rule: 'connector', kind: 'scenario' }]);
    expect(plan.omissions[0]!.omitted.describe()).toEqual([
      `port 80,443: *.msappproxy.example from ${CONNECTOR}`,
    ]);
    expect(plan.admission.isEmpty).toBe(true);
    const filter = await buildBundled('nftables', policy);
    expect(sourcesOf(filter.files.map(({ text }) => text).join('\n'))).toEqual([`${CONNECTOR}/32`]);
    expect(filter.plan.omissions.filter(({ kind }) => kind === 'scenario')).toEqual([]);
  });

  it('is what the PAC file and the settings of the connector must say', async () => {
    await buildBundled('pac', policy, { otherwise: 'PROXY p.example:8080' });
    await buildBundled('connector', policy, { proxy: 'none' });
    await expect(
      buildBundled('pac', policy, { allowed: 'PROXY p.example:8080', otherwise: 'DIRECT' }),
    ).rejects.toMatchObject({
      problems: [
        {
          where: 'targets.pac.allowed',
          what: 'is "PROXY p.example:8080", and rule connector has the scenario bypass-proxy',
          next: 'give "DIRECT"',
        },
      ],
    });
    await expect(buildBundled('connector', policy, { proxy: 'http://p.example:8080' })).rejects.toThrow(
      ConfigurationError,
    );
  });

  it('asks nothing of the proxy: neither of its coverage nor of what must stay reachable', async () => {
    const [squid, filter] = await Promise.all([
      buildBundled('squid', policy),
      buildBundled('nftables', policy),
    ]);
    const rows = coverage(policy, [
      { id: 'squid', plan: squid.plan, addressMatch: 'literal' },
      { id: 'nftables', plan: filter.plan, addressMatch: 'destination' },
    ]);
    expect(rows[0]!.targets).toMatchObject([
      {
        target: 'squid',
        how: 'elsewhere',
        detail: 'its traffic goes around the proxy (scenario: bypass-proxy)',
      },
      { target: 'nftables', how: 'uncovered' },
    ]);
  });
});

describe('a change of the proxies alone', () => {
  const through = (proxies?: string) =>
    policyOf({
      scenario: 'through-proxy',
      ...(proxies === undefined ? {} : { proxies: set(proxies) }),
    });

  it('is told as such, with what it opens and closes', () => {
    const diff = diffPolicies(through('192.0.2.20/32'), through('192.0.2.21/32'));
    const review = sampleReview({ diff, targets: [], drift: [], guards: [], unused: [] });
    expect(verdict(review).text).toContain('rule connector changes its proxies');
    expect(verdict(review).text).not.toContain('scenario');
    expect(writeMarkdown(review)).toContain('Proxies: `192.0.2.20` before, now `192.0.2.21`.');
    expect(reviewShape.parse(reviewDocument(review)).rules).toMatchObject([
      { proxies: { before: ['192.0.2.20'], after: ['192.0.2.21'] }, risk: 'exchange' },
    ]);
    expect(riskOfRule(diffPolicies(through('192.0.2.20/31'), through('192.0.2.20/32')).rules[0]!)).toBe(
      'narrowing',
    );
  });

  it('asks for a look where none is named any more', () => {
    const noted = (before: Policy, after: Policy) =>
      noteworthy(diffPolicies(before, after), { accepted: [] } as never).filter(
        ({ kind }) => kind === 'every-client',
      );
    expect(noted(through('192.0.2.20/32'), through())).toMatchObject([
      { text: expect.stringContaining('on firewalls') },
    ]);
    expect(noted(through(), through('192.0.2.20/32'))).toEqual([]);
    expect(noted(through('192.0.2.20/32'), policyOf({ scenario: 'bypass-proxy' }))).toEqual([]);
    expect(noted(policyOf({}), through())).toHaveLength(1);
  });
});

describe('scenario: through-proxy', () => {
  it('binds the proxy to the connector and the firewall to the proxy', async () => {
    const policy = policyOf({ scenario: 'through-proxy', proxies: set(`${PROXY}/32`) });
    const { files } = await buildBundled('squid', policy);
    expect(files.find(({ path }) => path === 'azure-allow.conf')!.text).toContain(
      `acl azure-connector-clients src ${CONNECTOR}\n`,
    );
    const filter = await buildBundled('nftables', policy);
    expect(sourcesOf(filter.files.map(({ text }) => text).join('\n'))).toEqual([`${PROXY}/32`]);
  });

  it('lets every client through a firewall where the proxies are not named', async () => {
    const policy = policyOf({ scenario: 'through-proxy' });
    const filter = await buildBundled('nftables', policy);
    expect(filter.plan.rules[0]).not.toHaveProperty('clients');
    expect(filter.plan.admission.from(set('203.0.113.9/32')).isEmpty).toBe(false);
  });

  it('is what the PAC file and the settings of the connector must say', async () => {
    const policy = policyOf({ scenario: 'through-proxy' });
    await buildBundled('pac', policy, { allowed: 'PROXY p.example:8080', otherwise: 'DIRECT' });
    await buildBundled('connector', policy, { proxy: 'http://p.example:8080' });
    await expect(buildBundled('pac', policy, { otherwise: 'PROXY p.example:8080' })).rejects.toMatchObject({
      problems: [{ where: 'targets.pac.allowed', next: expect.stringContaining('name the proxy') }],
    });
    await expect(buildBundled('connector', policy, { proxy: 'none' })).rejects.toMatchObject({
      problems: [{ where: 'targets.connector.proxy', next: expect.stringContaining('http://') }],
    });
  });
});
