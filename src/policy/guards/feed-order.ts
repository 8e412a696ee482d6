import type { Guard } from './guard.ts';

/** A feed that is older than the one in force: a mirror, a cache or `_Latest.json` gone back in time. */
export const feedRollback: Guard = {
  name: 'feed-rollback',
  judge: ({ snapshot, baseline }) => {
    if (baseline === undefined) return [];
    if (baseline.cloud !== snapshot.cloud)
      return [
        {
          refuse: true,
          message: `the output tree holds the cloud ${baseline.cloud}, the feed is of ${snapshot.cloud} (feed.cloud)`,
        },
      ];
    if (baseline.fileDate === undefined || snapshot.fileDate === undefined) return [];
    if (snapshot.fileDate < baseline.fileDate)
      return [
        {
          refuse: true,
          message: `the feed is of ${snapshot.fileDate}, older than the ${baseline.fileDate} in force`,
        },
      ];
    // changeNumber fell in lawful weeks (102→88, 105→97) and stood still over a change: a hint only.
    if (snapshot.changeNumber < baseline.changeNumber)
      return [
        {
          refuse: false,
          message: `changeNumber fell from ${baseline.changeNumber} to ${snapshot.changeNumber} although the file is newer`,
        },
      ];
    if (snapshot.changeNumber === baseline.changeNumber && snapshot.contentSha256 !== baseline.contentSha256)
      return [
        {
          refuse: false,
          message: `the content changed under an unchanged changeNumber ${snapshot.changeNumber}`,
        },
      ];
    return [];
  },
};

/**
 * Days after its date at which a feed is stale. A public file appears two to five days after its date, at
 * most nine, and weeks are skipped; the sovereign clouds stall for up to six weeks.
 */
const STALE_DAYS: Readonly<Record<string, number>> = { public: 30, usgov: 60, china: 60 };

/** A feed that should have been followed by another long ago. */
export const feedStale: Guard = {
  name: 'feed-stale',
  judge: ({ snapshot, limits, today }) => {
    const limit = limits.staleDays ?? STALE_DAYS[snapshot.cloud];
    if (limit === undefined || snapshot.fileDate === undefined) return [];
    const age = dayNumber(today) - dayNumber(snapshot.fileDate);
    if (age < -1)
      return [{ refuse: false, message: `the feed is of ${snapshot.fileDate}, ${-age} days in the future` }];
    if (age <= limit) return [];
    return [
      {
        refuse: false,
        message: `the feed is of ${snapshot.fileDate}, ${age} days old; over ${limit} days look whether the source still moves (guards.feed-stale.days)`,
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
