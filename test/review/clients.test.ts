import { describe, expect, it } from 'vitest';
import { noteworthy } from '../../src/policy/diff/notes.ts';
import { riskOfRule } from '../../src/policy/diff/risk.ts';
import { diffPolicies } from '../../src/policy/diff.ts';
import type { Policy } from '../../src/policy/policy.ts';
import { deviceLine, plain } from '../../src/review/device-line.ts';
import { reviewDocument } from '../../src/review/json.ts';
import { reviewShape } from '../../src/review/json-shape.ts';
import { writeMarkdown } from '../../src/review/markdown.ts';
import type { Review } from '../../src/review/review.ts';
import { sentence, summarise } from '../../src/review/summary.ts';
import { reviewTarget, sideOfOutput } from '../../src/review/targets.ts';
import { verdict } from '../../src/review/verdict.ts';
import { buildTarget } from '../../src/targets/build.ts';
import { loadTarget } from '../../src/targets/catalog.ts';
import { exampleOptions } from '../support/manifests.ts';
import { makePolicy } from '../support/policy.ts';
import { sampleReview } from './sample.ts';

const policyFor = (clients: readonly string[] | undefined, ...more: string[]): Policy =>
  makePolicy({
    name: 'connector',
    names: { '443': ['*.example.com', 'a.example.net', ...more] },
    ...(clients === undefined ? {} : { clients }),
  });

async function reviewOf(
  before: Policy,
  after: Policy,
  ids: readonly string[] = ['squid', 'pac'],
): Promise<Review> {
  const targets = await Promise.all(
    ids.map(async (id) => {
      const target = await loadTarget(id);
      const request = { id, target, options: exampleOptions(target.manifest) };
      const side = (policy: Policy) => sideOfOutput(buildTarget(policy, request), request);
      return reviewTarget(id, side(before), side(after));
    }),
  );
  return sampleReview({ targets, diff: diffPolicies(before, after), drift: [], guards: [], unused: [] });
}

const lineOf = ({ targets }: Review, id: string) => plain(deviceLine(targets.find((one) => one.id === id)!));

describe('a change of clients', () => {
  it('is a widening where there are more, told of the devices that can tell them apart', async () => {
    const review = await reviewOf(policyFor(['192.0.2.10']), policyFor(['192.0.2.10', '192.0.2.11']));
    expect(lineOf(review, 'squid')).toBe('+2 names, newly for 192.0.2.11 (connector)');
    expect(lineOf(review, 'pac')).toMatch(/^allows the same/);
    expect(sentence(review)).toMatch(/^Newly allowed: 2 names for 192\.0\.2\.11; /);
    expect(summarise(review)).toContain('+2 names');
    expect(verdict(review)).toMatchObject({ level: 'look' });
    expect(verdict(review).text).toContain('squid lets 192.0.2.11 through to what others reach');
    expect(verdict(review).text).toContain('rule connector changes its clients');
    expect(riskOfRule(review.diff.rules[0]!)).toBe('widening');
    const text = writeMarkdown(review);
    expect(text).toContain('Clients: `192.0.2.10` before, now `192.0.2.10/31`.');
    const document = reviewShape.parse(reviewDocument(review));
    expect(document.effect.gained).toMatchObject([{ clients: ['192.0.2.11'], ports: ['443'] }]);
    expect(document.rules[0]!.clients).toEqual({ before: ['192.0.2.10'], after: ['192.0.2.10/31'] });
    expect(document.risk).toBe('widening');
  });

  it('is a narrowing where there are fewer', async () => {
    const review = await reviewOf(policyFor(['192.0.2.10', '192.0.2.11']), policyFor(['192.0.2.10']));
    expect(lineOf(review, 'squid')).toBe('−2 names, no longer for 192.0.2.11 (connector)');
    expect(sentence(review)).toMatch(/^No longer allowed: 2 names for 192\.0\.2\.11; /);
    expect(riskOfRule(review.diff.rules[0]!)).toBe('narrowing');
  });

  it('is told of every other client where the rule names none any more, with a note', async () => {
    const review = await reviewOf(policyFor(['192.0.2.10']), policyFor(undefined));
    expect(lineOf(review, 'squid')).toBe('+2 names, newly for every client but 192.0.2.10 (connector)');
    expect(noteworthy(review.diff).map(({ kind }) => kind)).toEqual(['every-client']);
    const document = reviewShape.parse(reviewDocument(review));
    expect(document.rules[0]!.clients).toEqual({ before: ['192.0.2.10'], after: null });
    expect(document.effect.gained[0]!.clients).toEqual(['!192.0.2.10']);
  });

  it('is none where a week brings names to the clients there are', async () => {
    const clients = ['192.0.2.10'];
    const review = await reviewOf(policyFor(clients), policyFor(clients, 'new.example.net'));
    expect(lineOf(review, 'squid')).toBe('+1 name (connector)');
    expect(sentence(review)).toMatch(/^Newly allowed: 1 name; /);
    expect(verdict(review).text).not.toMatch(/clients|others reach/);
    // Squid names the clients, a PAC file is for everybody: the sentence is about both.
    const alone = await reviewOf(policyFor(clients), policyFor(clients, 'new.example.net'), ['squid']);
    expect(sentence(alone)).toMatch(/^Newly allowed: 1 name for 192\.0\.2\.10; /);
  });
});

describe('a rule for connectors that names no clients', () => {
  const rows = (policy: Policy, table: string): Policy => ({
    ...policy,
    rules: policy.rules.map((rule) => ({ ...rule, rows: rule.rows.map((row) => ({ ...row, table })) })),
  });
  const notes = (before: Policy, after: Policy) =>
    noteworthy(diffPolicies(before, after)).filter(({ kind }) => kind === 'every-client');
  const none = makePolicy();

  it('says so when it is new, and not every week', () => {
    const week = rows(policyFor(undefined), 'private-network-connector');
    expect(notes(none, week)).toMatchObject([
      { rule: 'connector', text: expect.stringMatching(/every client/) },
    ]);
    expect(notes(week, rows(policyFor(undefined, 'new.example.net'), 'private-network-connector'))).toEqual(
      [],
    );
  });

  it('has nothing to say with clients, or of hosts that are for everybody', () => {
    expect(notes(none, rows(policyFor(['192.0.2.10']), 'private-network-connector'))).toEqual([]);
    expect(notes(none, policyFor(undefined))).toEqual([]);
  });
});
