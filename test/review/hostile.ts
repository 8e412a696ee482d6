import type { Review } from '../../src/review/review.ts';
import { sampleReview } from './sample.ts';

/** Everything that can come from outside, and what it must never become. */
export const HOSTILE = [
  '<script>alert(1)</script>',
  '</details>',
  '[click](https://evil.example)',
  '![x](https://evil.example/x.png)',
  '`code` ``double``',
  'a | b',
  '# heading',
  '@everyone #1 :boom: www.evil.example https://evil.example',
  '**bold** _it_ ~~s~~ $x$',
  'line\nbreak\r\n- item',
  '\u001b[31mred\u202Eevil',
  '&lt;b&gt;',
];

/** The sample with the text wherever something comes from outside. */
export function hostileReview(text: string): Review {
  const sample = sampleReview();
  return {
    ...sample,
    feed: { before: { ...sample.feed.before!, name: text, fileDate: undefined }, after: sample.feed.after },
    guards: [{ guard: text, outcome: 'noted', message: text }],
    acceptances: [{ guard: text, message: text }],
    coverage: sample.coverage.map((row) => ({
      ...row,
      host: text,
      targets: row.targets.map((target) => ({ ...target, target: text, detail: text })),
    })),
    targets: sample.targets.map((target) => ({
      ...target,
      id: text,
      files: target.files.map((file) => ({ ...file, path: text })),
      omissions: target.omissions.map((one) => ({ ...one, rule: text, reason: text })),
    })),
    diff: {
      ...sample.diff,
      rules: sample.diff.rules.map((rule) => ({
        ...rule,
        rule: text,
        reason: { before: text, after: text },
        tags: rule.tags.map((one) => ({ ...one, tag: text, region: text })),
        moves: rule.moves.map((move) => ({ ...move, from: text, to: text })),
        covered: rule.covered.map((one) => ({ ...one, tag: text })),
      })),
    },
  };
}
