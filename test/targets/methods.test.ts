import { describe, expect, it } from 'vitest';
import { readDeclared } from '../../src/committed/declared.ts';
import { targetOfLock } from '../../src/committed/lock.ts';
import { DualStackSet } from '../../src/net/dual-stack-set.ts';
import { PortSet } from '../../src/net/ports.ts';
import { parsePrefix } from '../../src/net/prefix.ts';
import { Admission } from '../../src/policy/admission.ts';
import { noteworthy } from '../../src/policy/diff/notes.ts';
import { diffPolicies } from '../../src/policy/diff.ts';
import { coverage } from '../../src/review/coverage.ts';
import { writeHtml } from '../../src/review/html/write-html.ts';
import { reviewDocument } from '../../src/review/json.ts';
import { reviewShape } from '../../src/review/json-shape.ts';
import { writeMarkdown } from '../../src/review/markdown.ts';
import { sentence } from '../../src/review/summary.ts';
import { reviewTarget, sideOfOutput } from '../../src/review/targets.ts';
import { verdict } from '../../src/review/verdict.ts';
import { namesInWords } from '../../src/review/wording.ts';
import { buildTarget } from '../../src/targets/build.ts';
import { loadTarget } from '../../src/targets/catalog.ts';
import { sampleReview } from '../review/sample.ts';
import { exampleOptions } from '../support/manifests.ts';
import { makePolicy } from '../support/policy.ts';

const squid = await loadTarget('squid');
const request = { id: 'squid', target: squid, options: exampleOptions(squid.manifest) };

const addresses = (...prefixes: string[]) => DualStackSet.fromPrefixes(prefixes.map(parsePrefix));

const policyBy = (methods: readonly ('tunnel' | 'plain')[] | undefined) =>
  makePolicy({
    name: 'connector',
    names: { '80': ['crl.example.net'], '80,443': ['*.example.com'] },
    paths: { '80,443': ['www.example.net/pki'] },
    ...(methods === undefined
      ? {}
      : { methods: { '*.example.com': methods, 'www.example.net/pki': methods } }),
  });

describe('the method', () => {
  it('of what is declared is in the lock, and read back as it was', () => {
    const output = buildTarget(policyBy(['tunnel']), request);
    const { widenings } = output.plan;
    expect(widenings[0]!.admitted.describe()).toEqual(['port 80,443: www.example.net by CONNECT only']);
    const locked = targetOfLock(request, output, undefined);
    expect(locked.widenings.map(readDeclared).map((one) => one.describe())).toEqual(
      widenings.map(({ admitted }) => admitted.describe()),
    );
  });

  it('is said once of what changes, and not of what both methods allow', () => {
    const [before, after] = [policyBy(undefined), policyBy(['tunnel'])];
    const side = (policy: typeof before) => sideOfOutput(buildTarget(policy, request), request);
    const review = sampleReview({
      targets: [reviewTarget('squid', side(before), side(after))],
      diff: diffPolicies(before, after),
      drift: [],
      guards: [],
      unused: [],
    });
    expect(sentence(review)).toMatch(/^No longer on port 80,443 by plain requests: 2 names; /);
    expect(verdict(review).text).toContain('rule connector changes its methods');
    expect(noteworthy(review.diff, review.context).map(({ text }) => text)).toContain(
      'asks proxies for its names by fewer methods',
    );
    const text = writeMarkdown(review);
    expect(text).toContain('`*.example.com:80,443 by plain requests`');
    expect(text).not.toContain('crl.example.net:80 by');
    expect(writeHtml(review, { script: '', style: '' })).toContain(
      '<dt>No longer on ports</dt><dd>2 names <small>port 80,443 by plain requests</small></dd>',
    );
    expect(reviewShape.parse(reviewDocument(review)).rules[0]!.names).toEqual({
      gained: [],
      lost: ['*.example.com', 'www.example.net'].map((host) => ({
        host,
        ports: ['80', '443'],
        method: 'plain',
      })),
    });
  });

  it('that a rule leaves out, and the table asks for, is not covered', () => {
    const policy = policyBy(['plain']);
    const rows = [
      {
        table: 'connector',
        index: 0,
        host: { name: 'example.com', apex: false, subdomains: true },
        ports: policy.rules[0]!.names.find(({ by }) => by !== undefined)!.ports,
        methods: ['tunnel'] as const,
        purpose: '',
        sources: [],
        coveredBy: [],
      },
    ];
    const asked = { ...policy, rules: policy.rules.map((rule) => ({ ...rule, rows })) };
    const { plan } = buildTarget(asked, request);
    expect(coverage(asked, [{ id: 'squid', plan, addressMatch: 'literal' }])[0]!.targets).toEqual([
      {
        target: 'squid',
        how: 'partly',
        detail:
          'not on port 80,443 by CONNECT: `methods` of rule connector leaves out what the table asks for',
      },
    ]);
  });

  it('and the clients of a host list it no second time', () => {
    const { admission } = buildTarget(policyBy(['tunnel']), request).plan;
    const beside = Admission.addresses(addresses('198.51.100.0/24'), PortSet.of(80)).from(
      addresses('192.0.2.20/32'),
    );
    const names = namesInWords(admission.from(addresses('192.0.2.0/24')).union(beside));
    expect(names).toEqual(namesInWords(admission));
    expect(new Set(names).size).toBe(names.length);
    expect(names).toHaveLength(3);
  });
});
