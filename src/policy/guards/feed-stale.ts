import type { Guard } from './guard.ts';

/**
 * Days after its date from which a feed is noted as stale. A public file appears two to five days after its
 * date, at most nine, and weeks are skipped; the sovereign clouds stall for up to six weeks.
 */
const NOTED_AFTER: Readonly<Record<string, number>> = { public: 30, usgov: 60, china: 60 };

/** A feed that should have been followed by another long ago; refused only where a limit is configured. */
export const feedStale: Guard = {
  name: 'feed-stale',
  check: 'Check the download page for a newer file and that the mirror is updated.',
  cannot: ({ snapshot }) => (snapshot.fileDate === undefined ? 'the file has no date' : undefined),
  judge: ({ snapshot, limits, today }) => {
    const limit = limits.staleDays ?? NOTED_AFTER[snapshot.cloud];
    if (limit === undefined || snapshot.fileDate === undefined) return [];
    const age = dayNumber(today) - dayNumber(snapshot.fileDate);
    if (age < -1)
      return [{ refuse: false, message: `the feed is of ${snapshot.fileDate}, ${-age} days in the future` }];
    if (age <= limit) return [];
    const key = 'check that the source is still updated (guards.feed-stale.days)';
    // What is accepted is committed, and must not say another number each day.
    return [
      limits.staleDays === undefined
        ? {
            refuse: false,
            message: `the feed is of ${snapshot.fileDate}, ${age} days old; over ${limit} days ${key}`,
          }
        : {
            refuse: true,
            message: `the feed is of ${snapshot.fileDate}, more than ${limit} days old; ${key}`,
          },
    ];
  },
};

/** Days of a YYYY-MM-DD since a fixed day of the proleptic Gregorian calendar. */
function dayNumber(date: string): number {
  const [year = 0, month = 1, day = 1] = date.split('-').map(Number);
  // Months counted from March, so that the leap day is the last of its year.
  const shifted = month <= 2 ? year - 1 : year;
  const fromMarch = (month + 9) % 12;
  const leapDays = Math.floor(shifted / 4) - Math.floor(shifted / 100) + Math.floor(shifted / 400);
  return 365 * shifted + leapDays + Math.floor((153 * fromMarch + 2) / 5) + day - 1;
}
