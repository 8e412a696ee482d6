import { daysBetween } from '../../feed/file-date.ts';
import type { Guard } from './guard.ts';

/** Days that a file, or a version of another source, may lie in the future without a look: one that is further ahead keeps a real one out. */
export const QUIET_DAYS = 7;

/** A file of a day to come: published once, it would keep every real week out by `feed-rollback`. */
export const dateAhead: Guard = {
  name: 'date-ahead',
  check: 'Check the date on the download page: a file of a later date keeps every earlier week out.',
  cannot: ({ snapshot }) => (snapshot.fileDate === undefined ? 'the file has no date' : undefined),
  judge: ({ snapshot, today, limits }) => {
    if (snapshot.fileDate === undefined) return [];
    const days = daysBetween(today, snapshot.fileDate);
    return days > limits.dateAheadDays
      ? [
          {
            refuse: true,
            message: `the feed is of ${snapshot.fileDate}, more than ${limits.dateAheadDays} days in the future (guards.date-ahead.days)`,
          },
        ]
      : days > QUIET_DAYS
        ? [
            {
              refuse: false,
              look: true,
              message: `the feed is of ${snapshot.fileDate}, ${days} days in the future; it keeps out the weeks before it`,
            },
          ]
        : [];
  },
};
