import { expect, it } from 'vitest';
import type { Drift } from '../../src/committed/drift.ts';
import { DualStackSet } from '../../src/net/dual-stack-set.ts';
import { PortSet } from '../../src/net/ports.ts';
import { parsePrefix } from '../../src/net/prefix.ts';
import { Admission } from '../../src/policy/admission.ts';
import { driftInWords } from '../../src/review/sections/drift.ts';

const on = (...prefixes: string[]) =>
  Admission.addresses(DualStackSet.fromPrefixes(prefixes.map(parsePrefix)), PortSet.of(443));

const drift = (part: Partial<Drift>): string =>
  driftInWords({
    ...{ where: 'committed', target: 'squid', files: ['squid/a.txt'], problem: undefined },
    ...{ lets: Admission.empty, lacks: Admission.empty },
    ...part,
  }).replace(/^.*: squid /, '');

it.each<[string, Partial<Drift>, string]>([
  ['takes away', { planned: on('192.0.2.0/24') }, 'the run takes it away'],
  ['cannot tell', {}, 'the run takes it away'],
  ['brings by itself', { planned: on('198.51.100.0/23') }, 'this week brings the same'],
  ['brings in part', { planned: on('198.51.100.0/25') }, 'the run takes away what this week does not bring'],
])('says of what edited files let through and a week %s', (_, part, ends) => {
  expect(drift({ lets: on('198.51.100.0/24'), ...part })).toBe(
    `lets 198.51.100.0/24 (port 443) through; ${ends}`,
  );
});

it.each<[string, Partial<Drift>, string]>([
  ['has', { planned: on('198.51.100.0/23') }, 'the run puts it back'],
  ['has lost', { planned: on('192.0.2.0/24') }, 'this week does not have it any more'],
  ['has in part', { planned: on('198.51.100.0/25') }, 'the run puts back what this week still has'],
])('says of what edited files lack and a week %s', (_, part, ends) => {
  expect(drift({ lacks: on('198.51.100.0/24'), ...part })).toBe(`lacks 198.51.100.0/24 (port 443); ${ends}`);
});
