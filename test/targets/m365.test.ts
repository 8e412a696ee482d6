import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { DualStackSet } from '../../src/net/dual-stack-set.ts';
import { parseHostPattern } from '../../src/net/host-pattern.ts';
import { HostSet } from '../../src/net/host-set.ts';
import { PortSet } from '../../src/net/ports.ts';
import { parsePrefix } from '../../src/net/prefix.ts';
import { Admission } from '../../src/policy/admission.ts';
import { resolvePolicy } from '../../src/policy/resolve.ts';
import { readFiles } from '../../src/targets/build.ts';
import { bundledTargets, loadTarget } from '../../src/targets/catalog.ts';
import { M365_SETS, m365Sets, type PublishedSet, publishedSet } from '../support/m365.ts';
import { below, seededRandom } from '../support/random.ts';
import { buildBundled } from '../support/rule-files.ts';

/** Those that decide what gets through; settings of a program owe the sets nothing. */
const TARGETS = (await Promise.all((await bundledTargets()).map(loadTarget)))
  .filter(({ manifest }) => manifest.capabilities.traffic)
  .map(({ manifest }) => manifest.id);
const SEED = 365;
const DRAWS = 12;

/** What the sets ask for, straight from the published text; a partial name as the pattern around it. */
function asked(sets: readonly PublishedSet[], part: 'urls' | 'ips' | 'partial'): Admission {
  return Admission.union(
    sets.flatMap(({ urls = [], ips = [], tcpPorts = '', udpPorts = '' }) => {
      const ports = PortSet.parseList(tcpPorts.replaceAll(' ', '')).union(
        PortSet.parseList(udpPorts.replaceAll(' ', '')).as('udp'),
      );
      const partial = urls.filter((url) => url.includes('-files.'));
      const whole = urls.filter((url) => !partial.includes(url));
      const hosts = (texts: readonly string[]) =>
        Admission.hosts(HostSet.fromPatterns(texts.map(parseHostPattern)), ports);
      if (part === 'ips')
        return [Admission.addresses(DualStackSet.fromPrefixes(ips.map(parsePrefix)), ports)];
      return [hosts(part === 'urls' ? whole : partial.map((url) => url.replace('-files', '')))];
    }),
  );
}

const PORTS = ['25', '443', '80,443', ' 587,  993', '143,993', '8080-8090', '80,443,3000-3100,8443'];

function drawSets(random: () => number): PublishedSet[] {
  return Array.from({ length: 2 + below(random, 6) }, (_, index) => {
    const label = `s${below(random, 4)}`;
    const urls = [`*.${label}.example.com`, `${label}.example.com`, `*-files.${label}.example.net`].filter(
      () => random() < 0.5,
    );
    const ips = Array.from(
      { length: below(random, 4) },
      () => `198.18.${below(random, 4)}.${16 * below(random, 16)}/${28 + below(random, 5)}`,
    );
    if (random() < 0.4) ips.push(`2001:db8:${below(random, 4)}::/${48 + below(random, 17)}`);
    return publishedSet(index + 1, {
      ...(urls.length === 0 ? {} : { urls }),
      ...(ips.length === 0 ? {} : { ips }),
      ...(random() < 0.9 ? { tcpPorts: PORTS[below(random, PORTS.length)]! } : {}),
      ...(random() < 0.3 ? { udpPorts: '3478-3481' } : {}),
    });
  });
}

async function build(id: string, sets: readonly PublishedSet[], addresses: string) {
  const config = parseConfig(
    `version: 1\nrules:\n  - { name: office, m365: [{}], addresses: ${addresses} }\ntargets: { squid: {} }\n`,
    'allowlist.yaml',
  );
  const policy = resolvePolicy(config.rules, new Map(), new Map(), m365Sets(sets));
  const target = await loadTarget(id);
  const examples = Object.entries(target.manifest.options).flatMap(([key, option]) =>
    option.default === undefined && option.example !== undefined ? [[key, option.example] as const] : [],
  );
  const output = await buildBundled(id, policy, Object.fromEntries(examples));
  const { files, plan } = output;
  const found = readFiles(target, files).admission;
  return {
    found,
    omitted: Admission.union(plan.omissions.map((omission) => omission.omitted)),
    widened: Admission.union(plan.widenings.map((widening) => widening.admitted)),
    plan,
    files,
    capabilities: target.manifest.capabilities,
  };
}

describe.each(TARGETS)('endpoint sets of Microsoft 365 on %s', (id) => {
  it(`read back as what some set asks for, and nothing else undeclared (seed ${SEED})`, async () => {
    const random = seededRandom(SEED);
    let admitted = 0;
    for (let draw = 0; draw < DRAWS; draw++) {
      const sets = [
        ...drawSets(random),
        ...(draw === 0 ? M365_SETS.map((set) => ({ ...set, id: set.id + 100 })) : []),
      ];
      const exact = asked(sets, 'urls').union(asked(sets, 'ips'));
      const everything = exact.union(asked(sets, 'partial'));
      const { found, omitted, widened, capabilities } = await build(id, sets, 'always');
      expect(found.difference(exact).difference(widened).describe()).toEqual([]);
      expect(everything.difference(found).difference(omitted).describe()).toEqual([]);
      if (capabilities.ipv4 && capabilities.ports) {
        const byAddress = found.grants.map((grant) => Admission.addresses(grant.addresses, grant.ports));
        const udp = omitted.grants.map(({ addresses, ports }) => Admission.addresses(addresses, ports));
        expect(Admission.union([...byAddress, ...udp]).equals(asked(sets, 'ips'))).toBe(true);
      }
      admitted += found.grants.length;
    }
    expect(admitted).toBeGreaterThanOrEqual(DRAWS);
  });

  it('use the addresses of sets without names where those of named sets are a fallback only', async () => {
    const { found, capabilities } = await build(id, M365_SETS, 'fallback');
    const nameless = asked([M365_SETS[2]!], 'ips');
    expect(nameless.isEmpty).toBe(false);
    expect(nameless.difference(found).isEmpty).toBe(capabilities.ipv4);
    const media = asked([M365_SETS[3]!], 'ips');
    expect(media.describe()).toEqual(['port 3478-3481/udp: 203.0.113.0/26']);
    expect(media.difference(found).isEmpty).toBe(capabilities.ipv4 && capabilities.protocols.includes('udp'));
    const named = asked([M365_SETS[1]!], 'ips');
    // Mail: where names match web traffic only, its addresses make up for them.
    const { namePorts } = capabilities;
    const isClosed =
      namePorts !== undefined &&
      named.grants.every(({ ports }) => ports.intersection(PortSet.parseList(namePorts)).isEmpty);
    expect(named.difference(found).isEmpty).toBe(capabilities.names === 'none' || isClosed);
  });

  it('declare UDP and partial names in plan and header', async () => {
    const { plan, files, capabilities } = await build(id, M365_SETS, 'fallback');
    const hasWildcards = capabilities.names === 'suffix';
    const text = files.map((file) => file.text).join('\n');
    const udp = plan.omissions.filter(({ kind }) => kind === 'udp').map(({ rule }) => rule);
    if (capabilities.protocols.includes('udp')) expect(udp).toEqual([]);
    else {
      expect([...new Set(udp)]).toEqual(['office-443u', 'office-ap28dbb3']);
      expect(text).toContain(
        'NOT IN THESE FILES (rule office-443u; this target writes TCP only, not port 443/udp)',
      );
      expect(text.replace(/\n(?:#|\/\/)? {2,}/g, ' ')).toMatch(/\(port 443\/udp\)/);
    }
    const wildcard = plan.widenings.filter(({ kind }) => kind === 'wildcard');
    // A target without such names has nothing to widen.
    expect(wildcard).toHaveLength(hasWildcards ? 1 : 0);
    for (const { admitted } of wildcard)
      expect(admitted.grants.map(({ hosts }) => hosts.toStrings())).toEqual([['*.share.example.net']]);
    if (hasWildcards) expect(text).toContain('only *-files.share.example.net is asked for');
  });
});
