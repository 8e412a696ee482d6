import { type Block, type Line, outside, paragraph, type Tone, toned } from '../outline.ts';
import type { FeedWeek, Review } from '../review.ts';
import { sentence } from '../summary.ts';
import { type VerdictLevel, verdict } from '../verdict.ts';
import { deviceSection } from './devices.ts';

const VERDICT_TONE: Readonly<Record<VerdictLevel, Tone>> = {
  nothing: 'good',
  routine: 'good',
  look: 'attention',
  refused: 'loss',
};

/** The weeks, the change in one sentence, the verdict, a line a target, and the feeds. */
export function head(review: Review): Block[] {
  const { before, after } = review.feed;
  return [
    ...headline(review),
    ...deviceSection(review),
    {
      kind: 'list',
      of: ['week', 'weeks'],
      items: [...(before === undefined ? [] : [weekLine('before', before)]), weekLine('after', after)],
    },
  ];
}

/** The weeks, the change in one sentence and the verdict. */
export function headline(review: Review): Block[] {
  const { level, text } = verdict(review);
  return [
    { kind: 'heading', level: 1, line: titleLine(review) },
    paragraph(sentence(review)),
    {
      kind: 'paragraph',
      line: [
        toned('Verdict', 'faint'),
        ': ',
        level === 'routine' && allowsMore(review) ? text : toned(text, VERDICT_TONE[level]),
      ],
    },
  ];
}

/** Whether a device, or a feed, allows something more: then no colour says that all is well. */
function allowsMore({ scope, diff, targets }: Review): boolean {
  return scope === 'feeds'
    ? !diff.admission.gained.isEmpty
    : targets.some(({ effect }) => effect?.gained.isEmpty === false);
}

/** `Azure allowlist, 2025-08-11 → 2025-08-18`; one week where both are the same. */
export function titleOf(review: Review): string {
  return titleLine(review)
    .map((span) => (typeof span === 'string' ? span : span.text))
    .join('');
}

function titleLine({ scope, feed: { before, after } }: Review): Line {
  const [from, to] = [before === undefined ? undefined : weekName(before), weekName(after)];
  return [
    scope === 'feeds' ? 'Azure service tags, ' : 'Azure allowlist, ',
    ...(from === undefined || from === to ? [] : [outside(from), ' → ']),
    outside(to),
  ];
}

/** A week by its date, or by its name where it has none. */
export function weekName({ fileDate, name }: FeedWeek): string {
  return fileDate ?? name;
}

function weekLine(when: string, { cloud, name, changeNumber }: FeedWeek): Line {
  return [`${when}: `, outside(name), `, ${cloud} cloud, change number ${changeNumber}`];
}
