import type { WholeChange } from './alike.ts';
import type { SitePlan } from './plan-site.ts';
import type { Site } from './select.ts';
import type { SentError, SentFeed, SentM365, SentOrigins } from './transfer.ts';

/** The sources of a site, by the numbers that they are sent under. */
export interface SourceNumbers {
  readonly feed: number;
  readonly m365: number | undefined;
  readonly origins: number | undefined;
}

/** A source that a thread has not got yet. */
export type SentSource =
  | { readonly kind: 'feed'; readonly value: SentFeed }
  | { readonly kind: 'm365'; readonly value: SentM365 }
  | { readonly kind: 'origins'; readonly value: SentOrigins };

/** What a thread is asked; all but `forget` is answered, one after the other. */
export type Order =
  | {
      readonly kind: 'plan';
      readonly id: number;
      readonly site: Site;
      readonly directory: string;
      readonly sources: SourceNumbers;
      readonly fresh: readonly (readonly [number, SentSource])[];
    }
  | { readonly kind: 'tell'; readonly id: number; readonly site: Site }
  | { readonly kind: 'forget'; readonly site: Site };

/** What a thread says. */
export interface Answer {
  readonly id: number;
  readonly notes: readonly string[];
  readonly result:
    | { readonly kind: 'plan'; readonly plan: SitePlan }
    | { readonly kind: 'whole'; readonly whole: WholeChange }
    | { readonly kind: 'error'; readonly error: SentError }
    /** What no run should meet, with its trace. */
    | { readonly kind: 'defect'; readonly trace: string };
}
