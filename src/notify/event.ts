import { withPublicUrls } from '../feed/redact.ts';
import type { Finding } from '../policy/guards/guard.ts';
import type { ToldReview } from '../review/told.ts';
import type { EventKind } from './kinds.ts';

/** Something that happened in a run, in the words of every form of notification. */
export interface NotifiedEvent {
  readonly kind: EventKind;
  /** One line. */
  readonly title: string;
  /** One or two sentences. */
  readonly text: string;
  /** A line each: targets, guards. */
  readonly lines: readonly string[];
  readonly link: { readonly text: string; readonly url: string } | undefined;
}

/** How a run ended. */
export type RunEnd =
  | {
      readonly outcome: 'published' | 'proposed' | 'unchanged' | 'would-publish' | 'held';
      readonly review: ToldReview;
      readonly pullRequest: { readonly url: string; readonly reference: string } | undefined;
      /** What the guard `feed-stale` found. */
      readonly stale: string | undefined;
    }
  | { readonly outcome: 'refused'; readonly message: string; readonly findings: readonly Finding[] }
  | { readonly outcome: 'failed'; readonly message: string };

/** What is remembered of the run before. */
export interface RunBefore {
  /** It was refused or failed. */
  readonly failed: boolean;
  /** Its feed was stale. */
  readonly stale: boolean;
}

/**
 * The events of a run: a change of a device, a week to review, a refusal, a failure, the first success after a failure, and
 * a feed that has become stale since the run before.
 */
export function eventsOf(end: RunEnd, before: RunBefore): NotifiedEvent[] {
  if (end.outcome === 'failed')
    return [
      {
        kind: 'failure',
        title: 'Azure allowlist: the run failed',
        text: withPublicUrls(end.message),
        lines: [],
        link: undefined,
      },
    ];
  if (end.outcome === 'refused') {
    const refused = end.findings.filter(({ outcome }) => outcome === 'refused');
    return [
      {
        kind: 'refusal',
        title: `Azure allowlist: refused by ${[...new Set(refused.map(({ guard }) => guard))].join(', ')}`,
        text: 'Nothing was written: the files in force stay. Check the figures, then fix the cause or accept the week once.',
        lines: refused.map(({ guard, message }) => `${guard}: ${message}`),
        link: undefined,
      },
    ];
  }
  const { review, pullRequest, stale } = end;
  const recovered: NotifiedEvent[] = [
    ...(before.failed
      ? [
          {
            kind: 'recovery',
            title: 'Azure allowlist: the run succeeds again',
            text: review.sentence,
            lines: [],
            link: undefined,
          } satisfies NotifiedEvent,
        ]
      : []),
    ...(stale === undefined || before.stale
      ? []
      : [
          {
            kind: 'stale',
            title: 'Azure allowlist: the weekly file is out of date',
            text: `The ${stale}.`.replace('The the ', 'The '),
            lines: [],
            link: undefined,
          } satisfies NotifiedEvent,
        ]),
  ];
  if (end.outcome === 'unchanged' || !review.changesDevices) return recovered;
  const { level, text } = review.verdict;
  return [
    ...recovered,
    {
      kind: level === 'look' ? 'look' : 'change',
      title: review.headline,
      text: `${review.sentence} ${text}`,
      lines: review.devices,
      link:
        pullRequest === undefined
          ? undefined
          : { text: `Pull request ${pullRequest.reference}`, url: pullRequest.url },
    },
  ];
}
