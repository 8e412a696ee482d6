import { Admission } from '../policy/admission.ts';
import { deviceTexts } from './device-line.ts';
import type { FeedWeek, Review } from './review.ts';
import { changesDevices, sentence, summarise } from './summary.ts';
import { type Verdict, verdict } from './verdict.ts';
import { addressesOf, nameCount } from './wording.ts';

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
  readonly figures: readonly TargetFigures[];
}

/** What the files of a target come to, for those who watch it. */
export interface TargetFigures {
  readonly id: string;
  /** IPv4 addresses that they let through. */
  readonly ipv4Addresses: number;
  /** Names and patterns of names that they let through. */
  readonly names: number;
  /** Whether they let something else through than before. */
  readonly isChanged: boolean;
}

/** The figures of the targets of a review. */
export function figuresOf({ targets }: Pick<Review, 'targets'>): TargetFigures[] {
  return targets.map(({ id, after = Admission.empty, effect }) => ({
    id,
    ipv4Addresses: Number(addressesOf(after).ipv4.size),
    names: nameCount(after),
    isChanged: effect !== undefined && !(effect.gained.isEmpty && effect.lost.isEmpty),
  }));
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
    figures: figuresOf(review),
  };
}
