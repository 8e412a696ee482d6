import { describe, expect, it } from 'vitest';
import { DualStackSet } from '../../src/net/dual-stack-set.ts';
import { parseHostPattern } from '../../src/net/host-pattern.ts';
import { HostSet } from '../../src/net/host-set.ts';
import { PortSet } from '../../src/net/ports.ts';
import { parsePrefix } from '../../src/net/prefix.ts';
import { Admission } from '../../src/policy/admission.ts';
import { judgeMustHaves, type MustHave } from '../../src/policy/guards/must-have.ts';

const set = (...prefixes: string[]) => DualStackSet.fromPrefixes(prefixes.map(parsePrefix));
const byAddress = (ports: string, ...prefixes: string[]) =>
  Admission.addresses(set(...prefixes), PortSet.parseList(ports));
const byName = (ports: string, ...hosts: string[]) =>
  Admission.hosts(HostSet.fromPatterns(hosts.map(parseHostPattern)), PortSet.parseList(ports));

const SIGN_IN: MustHave = {
  where: 'endpoint table connector',
  host: 'login.example.com',
  addresses: set('192.0.2.0/26'),
  ports: PortSet.parseList('443'),
  strength: 'kept',
};

const judge = (mustHave: MustHave, planned: Admission, inForce: Admission | undefined) =>
  judgeMustHaves([mustHave], [{ target: 'iptables', planned, inForce }]).map(({ message }) => message);

describe('a must-have of a table', () => {
  const whole = byAddress('80,443', '192.0.2.0/24');

  it.each([
    ['the addresses on more ports', whole],
    ['a pattern of the name', byName('443', '*.example.com')],
    ['the name itself', byName('443', 'login.example.com')],
  ])('is reachable by %s', (_, planned) => {
    expect(judge(SIGN_IN, planned, whole)).toEqual([]);
  });

  it.each([
    ['a part of the addresses', byAddress('443', '192.0.2.0/27'), '192.0.2.32/27'],
    ['the addresses on another port', byAddress('80', '192.0.2.0/24'), '192.0.2.0/26'],
    ['the name on another port', byName('80', 'login.example.com'), '192.0.2.0/26'],
    ['the domain of the subdomains', byName('443', 'example.com'), '192.0.2.0/26'],
    ['nothing', Admission.empty, '192.0.2.0/26'],
  ])('is lost with %s', (_, planned, missing) => {
    expect(judge(SIGN_IN, planned, whole)).toEqual([
      `iptables allows login.example.com neither by name nor by address: it does not allow ${missing} on port 443 (endpoint table connector)`,
    ]);
  });

  it('is no business of a target that never let it through, or is new', () => {
    expect(judge(SIGN_IN, Admission.empty, byAddress('443', '198.51.100.0/24'))).toEqual([]);
    expect(judge(SIGN_IN, Admission.empty, undefined)).toEqual([]);
  });

  it('is one of every target where the configuration asks for it', () => {
    const always = { ...SIGN_IN, strength: 'always', where: 'require[0]' } as const;
    expect(judge(always, Admission.empty, undefined)).toHaveLength(1);
    expect(judge({ ...always, addresses: DualStackSet.empty }, whole, whole)).toEqual([
      'iptables does not allow the host login.example.com on port 443 (require[0])',
    ]);
  });
});

describe('a host that a proxy is asked for', () => {
  const by = (method: 'tunnel' | 'plain', ports = '443') => byName(ports, 'login.example.com').only(method);
  const everyWay = byName('443', 'login.example.com');

  it('is reachable over TLS by CONNECT alone, whatever was allowed before', () => {
    expect(judge(SIGN_IN, by('tunnel'), everyWay)).toEqual([]);
    expect(judge(SIGN_IN, by('plain'), everyWay)).toHaveLength(1);
    expect(judge({ ...SIGN_IN, strength: 'always' }, by('tunnel'), undefined)).toEqual([]);
  });

  it('is reachable on other ports by either method', () => {
    const lists: MustHave = { ...SIGN_IN, ports: PortSet.parseList('80'), strength: 'always' };
    for (const method of ['tunnel', 'plain'] as const)
      expect(judge(lists, by(method, '80'), undefined)).toEqual([]);
    expect(judge(lists, by('tunnel'), undefined)).toHaveLength(1);
  });

  it('stays reachable where a rule is bound to its clients', () => {
    for (const planned of [everyWay, byAddress('443', '192.0.2.0/26')]) {
      expect(judge(SIGN_IN, planned.from(set('192.0.2.200/32')), planned)).toEqual([]);
      expect(judge(SIGN_IN, planned, planned.from(set('192.0.2.200/32')))).toEqual([]);
    }
  });
});
