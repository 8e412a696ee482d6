import pc from 'picocolors';
import { noteworthy } from '../policy/diff/notes.ts';
import type { Block } from './outline.ts';
import type { FeedWeek, Review } from './review.ts';
import { deviceSection } from './sections/devices.ts';
import { driftSection } from './sections/drift.ts';
import { noteLines } from './sections/notes.ts';
import { sentence, summarise } from './summary.ts';
import { blocksText } from './text.ts';
import { isLoud, verdict } from './verdict.ts';

/** A commit's first line, and the rest. */
export interface CommitMessage {
  readonly subject: string;
  /** Under 58 lines of 72 characters; trailers last. */
  readonly body: string;
}

export const WIDTH = 72;

/** Lines that the text before the trailers may take, so that the message stays under 60. */
export const LINES = 52;

/** How many entries a list may have, the most that fit first. */
const LENGTHS = [12, 8, 5, 3, 2, 1, 0] as const;

/**
 * The change as a commit says it: the headline, a line a target, the notes that ask for a look, drift and acceptances,
 * and trailers that programs read. The whole review is committed beside it.
 * @param digest of the policy
 */
export function commitMessage(review: Review, digest: string): CommitMessage {
  const text = messageText(messageBlocks(review));
  return {
    subject: summarise(review),
    body: `${text}\n\n${trailersOf(review.feed.after, digest).join('\n')}\n`,
  };
}

/** What programs read at the end of a commit's message. */
export function trailersOf({ fileDate, changeNumber }: FeedWeek, digest: string): string[] {
  return [
    ...(fileDate === undefined ? [] : [`Azure-File-Date: ${fileDate}`]),
    `Azure-Change-Number: ${changeNumber}`,
    `Policy-Digest: ${digest}`,
  ];
}

/** What the text of a commit's message is made of, plain data: what always stands there, and lists that may be cut. */
export interface MessageBlocks {
  readonly head: readonly Block[];
  readonly more: readonly Block[];
}

/** The blocks of the text of a commit's message. */
export function messageBlocks(review: Review): MessageBlocks {
  return { head: headOf(review), more: blocksOf(review) };
}

/** The text of a commit's message between subject and trailers. @param lines how many it may take */
export function messageText({ head: first, more }: MessageBlocks, lines = LINES): string {
  const options = { width: WIDTH, colors: pc.createColors(false) };
  const head = blocksText(first, { ...options, shown: Number.POSITIVE_INFINITY });
  let text = head.trim();
  for (const shown of more.length === 0 ? [] : LENGTHS) {
    text = `${head}${blocksText(more, { ...options, shown })}`.trim();
    if (text.split('\n').length <= lines) break;
  }
  // The verdict and the targets come first: what is cut is the end of a very long list.
  return text.split('\n').slice(0, lines).join('\n').trimEnd();
}

function headOf(review: Review): Block[] {
  return [
    { kind: 'paragraph', line: [sentence(review)] },
    { kind: 'paragraph', line: [`Verdict: ${verdict(review).text}`] },
    { kind: 'heading', level: 2, line: ['Targets'] },
    ...deviceSection(review),
  ];
}

function blocksOf(review: Review): Block[] {
  const loud = noteworthy(review.diff, review.context).filter(isLoud);
  return [
    ...driftSection(review.drift),
    ...(loud.length === 0
      ? []
      : [
          { kind: 'heading', level: 2, line: ['Look at'] } satisfies Block,
          { kind: 'list', of: ['note', 'notes'], items: noteLines(review, loud) } satisfies Block,
        ]),
    ...(review.acceptances.length === 0
      ? []
      : [
          { kind: 'heading', level: 2, line: ['Accepted'] } satisfies Block,
          {
            kind: 'list',
            of: ['acceptance', 'acceptances'],
            items: review.acceptances.map(({ guard, message }) => [`${guard}: ${message}`]),
          } satisfies Block,
        ]),
  ];
}
