import type { Guard, Remark } from './guard.ts';

/**
 * A feed that is older than the one in force: a mirror, a cache or `…_Latest.json` gone back in time, or the
 * file of another cloud in this one's place.
 *
 * The file's date decides. changeNumber is a hint only between dated files: it fell in lawful weeks (102→88,
 * 105→97) and stood still over a change. Where the date cannot decide it is all there is, and decides: a
 * poller has seen N and half an hour later N−1, and `_Latest.json` was once three months old.
 */
export const feedRollback: Guard = {
  name: 'feed-rollback',
  check:
    'Check the download page for a newer file, and the cache or mirror that the run reads; accept only to return to an older week on purpose.',
  cannot: ({ baseline }) => (baseline === undefined ? 'nothing is in force yet' : undefined),
  judge: ({ snapshot, baseline }) => {
    if (baseline === undefined) return [];
    if (baseline.cloud !== snapshot.cloud)
      return refuse(`the output tree holds the cloud ${baseline.cloud}, the feed is of ${snapshot.cloud}`);
    const { fileDate: was, changeNumber: old } = baseline;
    const { fileDate: is, changeNumber: now } = snapshot;
    if (was !== undefined && is !== undefined && is < was)
      return refuse(`the feed is of ${is}, older than the ${was} in force`);
    if (snapshot.contentSha256 === baseline.contentSha256) return [];
    const numbered = old !== 0 && now !== 0;
    if (was !== undefined && is !== undefined && is > was) {
      if (numbered && now < old)
        return note(`changeNumber fell from ${old} to ${now} although the file is newer (${was} → ${is})`);
      if (numbered && now === old) return note(`the content changed under an unchanged changeNumber ${now}`);
      return [];
    }
    if (numbered && now < old)
      return refuse(
        is === undefined || was === undefined
          ? `changeNumber fell from ${old} to ${now}, and no date says that the feed is newer than the one in force`
          : `changeNumber fell from ${old} to ${now} under the same date ${is}: an earlier edition of the file in force`,
      );
    if (numbered && now - old > MOST_AHEAD && (is === undefined || was === undefined))
      return refuse(
        `changeNumber rose from ${old} to ${now}, and no date says when: published once, every real file would be refused as older; ${MOST_AHEAD} at most`,
      );
    if (is !== undefined && is === was) {
      const numbers = numbered ? ` (changeNumber ${old === now ? `still ${now}` : `${old} → ${now}`})` : '';
      return note(`the file of ${is} was published again with other content${numbers}`);
    }
    return numbered && now === old ? note(`the content changed under an unchanged changeNumber ${now}`) : [];
  },
};

/** How far changeNumber may rise where it is all there is: a lawful week raises it by one, and five years by 287. */
const MOST_AHEAD = 1000;

const refuse = (message: string): Remark[] => [{ refuse: true, message }];
const note = (message: string): Remark[] => [{ refuse: false, message }];
