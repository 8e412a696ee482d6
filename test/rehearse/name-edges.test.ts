import { describe, expect, it } from 'vitest';
import { nameEdgesOf } from '../../src/rehearse/name-edges.ts';
import { admitsRequest, proxyEdgesOf } from '../../src/rehearse/proxy-edges.ts';
import { makePolicy } from '../support/policy.ts';
import { buildBundled } from '../support/rule-files.ts';

const planOf = async (names: Record<string, string[]>) =>
  (await buildBundled('squid', makePolicy({ name: 'a', names }, { name: 'b', prefixes: ['192.0.2.0/24'] })))
    .plan;

describe('the edges of names', () => {
  it('are each name, one below it, one beside it and the name above, on the edges of its ports', async () => {
    const edges = nameEdgesOf([await planOf({ '443': ['*.x.example.com', 'login.example.net'] })], 'a');
    expect([...new Set(edges.map(({ host }) => host))].sort()).toEqual([
      'below.login.example.net',
      'below.x.example.com',
      'example.com',
      'example.net',
      'login.example.net',
      'notlogin.example.net',
      'notx.example.com',
      'x.example.com',
    ]);
    expect([...new Set(edges.map(({ port, protocol }) => `${port}/${protocol}`))]).toEqual([
      '442/tcp',
      '443/tcp',
      '444/tcp',
    ]);
  });

  it('of all plans together: a name that has left is tried as well', async () => {
    const plans = [
      await planOf({ '443': ['old.example.com'] }),
      await planOf({ '8443': ['new.example.com'] }),
    ];
    const tried = proxyEdgesOf(plans).filter(({ kind }) => kind === 'names')[0]!.attempts;
    const of = (host: string) =>
      tried.filter((attempt) => attempt.host === host && attempt.method === 'CONNECT');
    expect(of('old.example.com').map(({ port }) => port)).toEqual([442, 443, 444]);
    expect(of('old.example.com').map((attempt) => admitsRequest(plans[0]!, attempt))).toEqual([
      false,
      true,
      false,
    ]);
    expect(of('old.example.com').some((attempt) => admitsRequest(plans[1]!, attempt))).toBe(false);
  });

  it('of addresses are asked for as literals, in both methods', async () => {
    const [edges] = proxyEdgesOf([await planOf({ '443': ['x.example.com'] })]).filter(
      ({ kind }) => kind === 'IPv4',
    );
    expect(edges).toMatchObject({ rule: 'b' });
    expect(new Set(edges!.attempts.map(({ host, method }) => `${method} ${host}`))).toEqual(
      new Set(
        ['192.0.1.255', '192.0.2.0', '192.0.2.255', '192.0.3.0'].flatMap((host) => [
          `CONNECT ${host}`,
          `GET ${host}`,
        ]),
      ),
    );
  });
});
