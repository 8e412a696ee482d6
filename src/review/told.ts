import { deviceTexts } from './device-line.ts';
import type { FeedWeek, Review } from './review.ts';
import { changesDevices, sentence, summarise } from './summary.ts';
import { type Verdict, verdict } from './verdict.ts';

/**
 * What a review comes to, in words: for pull requests, notifications and summaries. Plain data, without the sets that the
 * review was made from, so that those of a thousand sites can be kept, and go from one thread to another.
 */
export interface ToldReview {
  /** The week that it is about. */
  readonly week: FeedWeek;
  readonly verdict: Verdict;
  readonly changesDevices: boolean;
  /** Whether a guard was overruled. */
  readonly isAccepted: boolean;
  /** One line, as the subject of a commit. */
  readonly headline: string;
  /** The change in numbers, in one sentence. */
  readonly sentence: string;
  /** A line a target. */
  readonly devices: readonly string[];
}

/** Puts a review into words. */
export function tellReview(review: Review): ToldReview {
  return {
    week: review.feed.after,
    verdict: verdict(review),
    changesDevices: changesDevices(review),
    isAccepted: review.acceptances.length > 0,
    headline: summarise(review),
    sentence: sentence(review),
    devices: deviceTexts(review.targets),
  };
}
