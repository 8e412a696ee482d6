import { readFileSync } from 'node:fs';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { policyOfTags } from '../../src/policy/diff/snapshots.ts';
import { feedWeek, reviewFeeds } from '../../src/review/feeds.ts';
import { HistoryRecorder } from '../../src/review/history/history.ts';
import { writeHistoryJson } from '../../src/review/history/json.ts';
import { writeJson } from '../../src/review/json.ts';
import { feedsAvailable } from '../support/feeds.ts';
import { HOSTILE, hostileReview } from './hostile.ts';
import { sampleAfter, sampleBefore, sampleReview } from './sample.ts';
import { realWeek, week } from './weeks.ts';

/** A published schema, compiled by a validator that knows nothing of how it was made. */
function published(name: string): ValidateFunction {
  const text = readFileSync(new URL(`../../schema/${name}.schema.json`, import.meta.url), 'utf8');
  return new Ajv2020({ strict: true, allErrors: true }).compile(JSON.parse(text));
}

function problems(validate: ValidateFunction, json: string): unknown[] {
  validate(JSON.parse(json));
  return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}

describe('the JSON form of a review', () => {
  const validate = published('review');

  it('is valid by its published schema', () => {
    for (const review of [
      sampleReview(),
      ...HOSTILE.map(hostileReview),
      sampleReview({ feed: { before: undefined, after: week('2025-07-14') } }),
    ])
      expect(problems(validate, writeJson(review))).toEqual([]);
  });

  it.skipIf(!feedsAvailable)('is valid for the largest week', () => {
    const names = { before: 'a.json', after: 'b.json' };
    const review = reviewFeeds(realWeek('20200824'), realWeek('20220502'), names);
    expect(problems(validate, writeJson(review))).toEqual([]);
  });

  it('is not valid with a part missing, of another type, or unknown', () => {
    const spoilt = (change: (document: Record<string, unknown>) => void) => {
      const document = JSON.parse(writeJson(sampleReview()));
      change(document);
      return problems(validate, JSON.stringify(document));
    };
    expect(spoilt((document) => delete document.admission)).not.toEqual([]);
    expect(spoilt((document) => Object.assign(document, { rules: {} }))).not.toEqual([]);
    expect(spoilt((document) => Object.assign(document, { version: 1 }))).not.toEqual([]);
    expect(spoilt((document) => Object.assign(document, { more: 1 }))).not.toEqual([]);
  });
});

describe('the JSON form of a history', () => {
  const validate = published('history');

  it('is valid by its published schema', () => {
    const recorder = new HistoryRecorder();
    for (const [index, policy] of [sampleBefore, sampleAfter, sampleBefore].entries())
      recorder.add({
        id: `${index}`.repeat(40),
        date: `2025-07-2${index}`,
        week: week(`2025-07-1${index}`),
        policy,
        acceptances: index === 1 ? [{ guard: 'tag-shrink', message: 'ticket 4711' }] : [],
      });
    expect(problems(validate, writeHistoryJson(recorder.history()))).toEqual([]);
  });

  it.skipIf(!feedsAvailable)('is valid for real weeks', () => {
    const recorder = new HistoryRecorder();
    for (const date of ['20220502', '20220509', '20220516']) {
      const snapshot = realWeek(date);
      const name = `ServiceTags_Public_${date}.json`;
      const of = feedWeek(snapshot, name);
      recorder.add({
        id: name,
        date: of.fileDate!,
        week: of,
        policy: policyOfTags(snapshot),
        acceptances: [],
      });
    }
    expect(problems(validate, writeHistoryJson(recorder.history()))).toEqual([]);
  });
});
